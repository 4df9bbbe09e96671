"""What is done to the running service while consoles send, and what has to be true in the end. For tests and for soak.

Each trial has a folder, a service and a PACS of its own, and returns what it counted; AssertionError where something
was lost, doubled or left undone.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.service.living import (
    ONE_PAGE,
    TWO_PAGES,
    Console,
    Orthanc,
    Service,
    Study,
    orthanc,
    postgresql,
    settings,
    study,
    until,
)

Counted = dict[str, int]
DYING = Path(__file__).with_name("dying")
WORK = "ocr_service.work"
STEPS = {
    "an object's file is renamed, its row is not committed": f"{WORK}.spool:Spool.settle:after",
    "its row is committed, the sender has no answer": f"{WORK}.inbox:DurableInbox.keep:after",
    "it is sorted, and no row says so": f"{WORK}.studies:sort_out:before",
    "its row says what it is": f"{WORK}.studies:sort_out:after",
    "the reading is enqueued, the study's row does not say so": f"{WORK}.workflow:start_study:after",
    "the study is being read": f"{WORK}.unit:read:after",
    "the drafts are written": f"{WORK}.reading:_told:before",
    "the study is read, and nothing of it recorded": f"{WORK}.records:record:before",
    "the report is in the outbox, and no row says so": f"{WORK}.outbox:Outbox.take_in:after",
    "the reading is recorded, and not its step": f"{WORK}.records:record:after",
    "the delivery is enqueued, its row does not say so": f"{WORK}.workflow:start_delivery:after",
    "the report is to be sent": "ocr_service.network.sender:StoreLane.send:before",
    "the PACS has the report, and no row says so": "ocr_service.network.sender:StoreLane.send:after",
    "the delivery has ended, and its step has not": f"{WORK}.deliveries:ended:after",
}


def light(folder: Path, pacs: Orthanc, **told: Any) -> dict[str, Any]:
    """One process that receives: it starts sooner. Attempts: a process that we kill is no object's fault."""
    return settings(
        folder, [pacs.destination()], receiver={"processes": 1}, reading={"quiet": "1s", "attempts": 20}, **told
    )


def all_is_there(service: Service, pacs: Orthanc, console: Console, which: Sequence[Study], seconds: float) -> None:
    """Every study has ended as it should, its report is at the PACS once, and nothing was lost."""
    service.ended([one.uid for one in which], seconds)
    reports = pacs.reports()

    assert set(console.acknowledged) == {uid for one in which for uid in one.uids}
    assert service.lost(console.acknowledged) == []
    assert {uid: len(found) for uid, found in reports.items()} == {one.uid: 1 for one in which}
    assert {row.study: row.outcome for row in service.units()} == {one.uid: "verified" for one in which}
    assert {row.state for row in service.deliveries()} == {"acknowledged"}
    assert len(service.deliveries()) == len(which)


def dies_at(folder: Path, steps: Mapping[str, str]) -> Counted:
    """The service dies once at each of these steps, and is started again; each time a new study is sent."""
    marks = folder / "marks"
    marks.mkdir()
    with orthanc(folder / "pacs") as pacs:
        service = Service(folder / "service", light(folder / "service", pacs))
        console, sent = Console(service.port), list[Study]()
        try:
            for number, (told, place) in enumerate(steps.items(), start=1):
                sent.append(study(number, (ONE_PAGE[0], TWO_PAGES[1])[number % 2]))
                _dies_at(service, console, sent[-1], marks / place, told)
            service.start()
            for one in sent:
                console.send_all(*(page for page in one.pages if page.SOPInstanceUID not in console.acknowledged))
            all_is_there(service, pacs, console, sent, 90)
        finally:
            service.close()
    return {"kills": len(steps), "studies": len(sent), "objects": len(console.acknowledged)}


def _dies_at(service: Service, console: Console, one: Study, mark: Path, told: str) -> None:
    stopped = threading.Event()
    patience = {"stopped": stopped, "seconds": 120}
    sending = threading.Thread(target=console.send_all, args=one.pages, kwargs=patience)
    place = {"OCR_TEST_DEATHS": mark.name, "OCR_TEST_MARKS": str(mark.parent)}
    service.start(wait=False, environment={"PYTHONPATH": str(DYING), **place})
    sending.start()
    try:
        until(mark.exists, f"the death where {told}", pause=0.05)
    finally:
        stopped.set()
        sending.join()
        service.kill()


class Load:
    """Two consoles that send studies, one after the other, whatever happens to the service; until they are stopped."""

    def __init__(self, console: Console, seed: int, most: int) -> None:
        self.console, self.sent = console, list[Study]()
        self.stopped = threading.Event()
        self._seed, self._most, self._lock = seed, most, threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(2)]
        for thread in self._threads:
            thread.start()

    def _send(self, number: int) -> None:
        drawn = random.Random(self._seed + number)
        while not self.stopped.is_set():
            with self._lock:
                if len(self.sent) >= self._most:
                    return
                one = study(len(self.sent) + 1, drawn.choice((*ONE_PAGE, *TWO_PAGES)))
                self.sent.append(one)
            pages = list(one.pages)
            drawn.shuffle(pages)
            self.console.send_all(*pages, seconds=3600, stopped=self.stopped)
            self.stopped.wait(drawn.uniform(0, 1))

    def end(self) -> None:
        """Let no more be begun, and send again, once the service runs, what was not taken."""
        self.stopped.set()
        for thread in self._threads:
            thread.join()

    def rest(self) -> None:
        """What was begun is sent to its end, as consoles do."""
        for one in self.sent:
            left = [page for page in one.pages if page.SOPInstanceUID not in self.console.acknowledged]
            if left:
                self.console.send_all(*left)


@contextmanager
def under_load(service: Service, pacs: Orthanc, seed: int, most: int) -> Iterator[Load]:
    """Consoles send while the block lasts, and what they began to its end; then everything is there."""
    load = Load(Console(service.port), seed, most)
    try:
        yield load
        load.end()
        if not service.runs:
            service.kill()
            service.start()
        until(service.is_ready, "a healthy service", 120)
        load.rest()
        all_is_there(service, pacs, load.console, load.sent, 120 + len(load.sent))
    finally:
        load.end()
        service.close()


def killed_at_random(folder: Path, kills: int, seed: int, most: int) -> Counted:
    """The service is killed so many times: whole, or one of its processes. most: studies.

    below: of a worker's own processes, which sort and read.
    """
    drawn = random.Random(seed)
    some = ("whole", "supervisor", "whole", "receiver", "worker", "below")
    kinds = [some[number % len(some)] for number in range(kills)]
    drawn.shuffle(kinds)
    with orthanc(folder / "pacs") as pacs:
        service = Service(folder / "service", light(folder / "service", pacs)).start()
        with under_load(service, pacs, seed, most) as load:
            for kind in kinds:
                time.sleep(drawn.uniform(0.2, 5 if kind == "whole" else 1))
                if kind == "supervisor":
                    service.kill_supervisor()
                    service.start(wait=False)
                elif kind == "whole":
                    service.kill()
                    service.start(wait=False)
                else:  # where it was just killed, it has to begin again first
                    which = until(partial(_some, service, kind), f"a living {kind}", 120)
                    with suppress(ProcessLookupError):
                        os.kill(drawn.choice(which), signal.SIGKILL)
    return {**Counter(kinds), **counted(load)}


def _some(service: Service, kind: str) -> list[int]:
    return service.children()[kind]


def counted(load: Load) -> Counted:
    """How much there was."""
    return {"studies": len(load.sent), "objects": len(load.console.acknowledged), "answers": len(load.console.answers)}


def database_restarts(folder: Path, times: int, seed: int, most: int) -> Counted:
    """PostgreSQL is stopped without a clean end, as after a loss of power, and started again."""
    with orthanc(folder / "pacs") as pacs, postgresql(folder / "postgresql") as database:
        told = light(folder / "service", pacs, database=database.database("ocr"))
        service = Service(folder / "service", told).start()
        return {"restarts": times, **_troubled(service, pacs, seed, most, times, database.restart)}


def disk_fills(folder: Path, small: Path, times: int, seed: int, most: int) -> Counted:
    """The file system `small`, where the data are, is filled to its last byte for some seconds."""

    def fill_and_free() -> None:
        filler = fill(small, 0)
        time.sleep(3)
        filler.unlink()

    with orthanc(folder / "pacs") as pacs:
        told = light(folder / "service", pacs, data=small / "data", keeping={"minimum_free": "6 MiB"})
        service = Service(folder / "service", told).start()
        return {"fills": times, **_troubled(service, pacs, seed, most, times, fill_and_free)}


def pacs_restarts(folder: Path, times: int, seed: int, most: int) -> Counted:
    """The PACS is killed, stays away for some seconds, and is started again."""
    with orthanc(folder / "pacs") as pacs:

        def restart() -> None:
            pacs.kill()
            time.sleep(2)
            pacs.start()

        service = Service(folder / "service", light(folder / "service", pacs)).start()
        return {"restarts": times, **_troubled(service, pacs, seed, most, times, restart)}


def _troubled(
    service: Service, pacs: Orthanc, seed: int, most: int, times: int, trouble: Callable[[], None]
) -> Counted:
    """Trouble comes so many times under load; the service is never started again."""
    drawn, process = random.Random(seed), service.process
    with under_load(service, pacs, seed, most) as load:
        for _ in range(times):
            time.sleep(drawn.uniform(1, 3))
            trouble()
        assert service.process is process
        assert service.runs
    return counted(load)


def fill(folder: Path, leave: int) -> Path:
    """A file that leaves so many bytes of the file system."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        while (size := _free(folder) - leave) > 0:  # others write meanwhile
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), path.stat().st_size, size)
    return path


def _free(folder: Path) -> int:
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize
