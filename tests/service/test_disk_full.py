"""A disk that fills up: a small file system of its own holds the data folder."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ocr_service.work.store import workflow_url
from ocr_service.work.tables import objects
from tests.service.living import ONE_PAGE, Console, Service, Study, installed, living, orthanc, settings, study, until
from tests.service.trials import fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.dicom_tools,
    pytest.mark.skipif(not installed("Orthanc"), reason="Orthanc is not installed"),
]
LIMIT = 6  # MiB that are to stay free


@pytest.fixture
def small(tmp_path) -> Iterator[Path]:
    """A file system of 40 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def halves(service: Service) -> list[Path]:
    """What is no whole file of the spool."""
    return [path for path in service.spool.rglob("*") if path.is_file() and path.suffix != ".dcm"]


def test_a_full_disk_is_answered_and_waited_for(tmp_path, small):
    with orthanc(tmp_path / "pacs") as pacs:
        told = settings(
            tmp_path / "service", [pacs.destination()], data=small / "data",
            receiver={"processes": 1}, reading={"quiet": "1s"}, keeping={"minimum_free": f"{LIMIT} MiB"},
        )  # fmt: skip
        with living(tmp_path / "service", told) as service:
            first, second, third, fourth = (study(number, ONE_PAGE[0]) for number in range(1, 5))
            console = Console(service.port)
            assert console.send(*first.pages) == [0x0000]
            service.ended([first.uid])

            # Below the limit nobody new is let in, and the service says why; who is in may go on.
            with console.association(second.pages) as assoc:
                filler = fill(small, (LIMIT - 1) * 2**20)
                with console.association(second.pages) as refused:
                    assert refused.is_rejected
                    reject = refused.acceptor.primitive
                    assert (reject.result, reject.result_source, reject.diagnostic) == (2, 3, 1)  # transient
                assert "keeping.minimum_free" in str(service.health().get("wrong"))
                assert console.store(assoc, second.pages[0]) == 0x0000
                service.ended([second.uid])

                # Nothing is left at all: an object is answered 0xA700 and not half kept, and the work waits.
                filler.unlink()
                assert console.store(assoc, third.pages[0]) == 0x0000
                filler = fill(small, 0)
                assert console.store(assoc, fourth.pages[0]) == 0xA700
                assert halves(service) == []
                assert len(list(service.spool.rglob("*.dcm"))) == 3
                time.sleep(5)
                assert service.runs
                assert console.store(assoc, fourth.pages[0]) == 0xA700
                assert service.objects(objects.c.sop_instance_uid == fourth.uids[0]) == []

                # There is space again.
                filler.unlink()
                until(lambda: console.store(assoc, fourth.pages[0]) == 0x0000, "the first object taken again")
            until(service.is_ready, "a healthy service")
            service.ended([one.uid for one in (first, second, third, fourth)])

            assert service.lost(console.acknowledged) == []
            assert {uid: len(found) for uid, found in pacs.reports().items()} == {
                one.uid: 1 for one in (first, second, third, fourth)
            }


# What DBOS writes of a workflow: that a step was carried out, and how it ended.
STEP = "INSERT ON operation_outputs"
ENDED = "UPDATE ON workflow_status WHEN NEW.status IN ('ERROR', 'SUCCESS')"


@contextmanager
def refused(service: Service, writes: Sequence[str]) -> Iterator[None]:
    """The database of the workflows refuses such writes, as it does when a disk is full at just that moment."""
    with closing(sqlite3.connect(workflow_url(service.config).removeprefix("sqlite:///"), timeout=20)) as database:
        for number, write in enumerate(writes):
            before, _, condition = write.partition(" WHEN ")
            when = f"WHEN {condition}" if condition else ""
            database.execute(
                f"CREATE TRIGGER full_{number} BEFORE {before} {when} BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        yield
        for number in range(len(writes)):
            database.execute(f"DROP TRIGGER full_{number}")


def breaks(service: Service, console: Console, one: Study, writes: Sequence[str], threads: int) -> None:
    """Send a study of which so many threads of its workflows end by a fault."""
    with refused(service, writes):
        faults = service.said().count("library_fault")
        assert console.send(*one.pages) == [0x0000]
        until(lambda: service.said().count("library_fault") == faults + threads, "the threads' ends")


def test_a_workflow_whose_own_record_cannot_be_written_goes_on_when_it_can(tmp_path):
    with orthanc(tmp_path / "pacs") as pacs:
        told = settings(tmp_path / "service", [pacs.destination()], receiver={"processes": 1}, reading={"quiet": "1s"})
        with living(tmp_path / "service", told) as service:
            console = Console(service.port)
            # With the end refused, its reading and its delivery are left as if somebody worked on them.
            for number, (writes, threads) in enumerate([([STEP], 1), ([STEP, ENDED], 1), ([ENDED], 2)], start=1):
                one, next_one = study(2 * number, ONE_PAGE[0]), study(2 * number + 1, ONE_PAGE[0])
                breaks(service, console, one, writes, threads)
                service.ended([one.uid])
                assert console.send(*next_one.pages) == [0x0000]  # its lane is free again
                service.ended([next_one.uid])
                assert [len(pacs.instances(each.uid)) for each in (one, next_one)] == [1, 1]
            assert service.lost(console.acknowledged) == []
