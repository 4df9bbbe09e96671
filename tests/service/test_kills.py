"""The service killed with SIGKILL: at every step of the durable path, and at random moments under load.

What was acknowledged is never lost, and each study's report is at the PACS exactly once.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.service.living import (
    ONE_PAGE,
    TWO_PAGES,
    Console,
    Orthanc,
    Service,
    Study,
    installed,
    orthanc,
    settings,
    study,
    until,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.dicom_tools,
    pytest.mark.skipif(not installed("Orthanc"), reason="Orthanc is not installed"),
]
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


def light(folder: Path, pacs: Orthanc) -> dict:
    """One process that receives: it starts sooner."""
    return settings(folder, [pacs.destination()], receiver={"processes": 1}, reading={"quiet": "1s"})


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


@pytest.mark.parametrize("half", [0, 1], ids=["from C-STORE to reading", "from reading to the PACS"])
def test_the_service_dies_once_at_every_step_of_the_durable_path(half, tmp_path):
    steps = list(STEPS.items())[7 * half :][:7]
    marks = tmp_path / "marks"
    marks.mkdir()
    with orthanc(tmp_path / "pacs") as pacs:
        service = Service(tmp_path / "service", light(tmp_path / "service", pacs))
        console = Console(service.port)
        sent = []
        try:
            for number, (told, place) in enumerate(steps, start=1):
                sent.append(study(number, (ONE_PAGE[0], TWO_PAGES[1])[number % 2]))
                stopped = threading.Event()
                sending = threading.Thread(
                    target=console.send_all, args=sent[-1].pages, kwargs={"stopped": stopped, "seconds": 120}
                )
                service.start(
                    wait=False,
                    environment={"PYTHONPATH": str(DYING), "OCR_TEST_DEATHS": place, "OCR_TEST_MARKS": str(marks)},
                )
                sending.start()
                try:
                    until(lambda place=place: (marks / place).exists(), f"the death where {told}", pause=0.05)
                finally:
                    stopped.set()
                    sending.join()
                    service.kill()
            service.start()
            for one in sent:
                console.send_all(*(page for page in one.pages if page.SOPInstanceUID not in console.acknowledged))
            all_is_there(service, pacs, console, sent, 90)
        finally:
            service.close()


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


def killed_at_random(folder: Path, kills: int, seed: int, studies: int) -> dict[str, int]:
    """The service is killed so many times under load: whole, or one of its processes. How often each, in the end."""
    drawn, done = random.Random(seed), {"whole": 0, "receiver": 0, "worker": 0, "below": 0}
    with orthanc(folder / "pacs") as pacs:
        service = Service(folder / "service", light(folder / "service", pacs))
        load = Load(Console(service.port), seed, studies)
        try:
            service.start()
            for _ in range(kills):
                time.sleep(drawn.uniform(0.2, 5))
                kind = drawn.choice(("whole", "whole", "receiver", "worker", "below"))
                which = service.children().get(kind, [])
                if kind == "whole":
                    service.kill()
                    service.start(wait=False)
                elif not which:  # it has just been killed, and has not begun again
                    continue
                else:
                    with suppress(ProcessLookupError):
                        os.kill(drawn.choice(which), signal.SIGKILL)
                done[kind] += 1
            load.end()
            if not service.runs:
                service.kill()
                service.start()
            until(service.is_ready, "the service's start", 90)
            load.rest()
            all_is_there(service, pacs, load.console, load.sent, 120 + len(load.sent))
        finally:
            load.stopped.set()
            service.close()
    return {**done, "studies": len(load.sent), "objects": len(load.console.acknowledged)}


def test_the_service_and_its_processes_are_killed_at_random_moments_under_load(tmp_path):
    done = killed_at_random(tmp_path, kills=10, seed=20261126, studies=30)

    assert done["whole"] >= 3
    assert done["studies"] >= 10
