"""What cannot be written ends a run with one sentence, and what was done is kept."""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocr_service.errors import OutputError, UsageError
from ocr_service.work import archive, lines, output
from ocr_service.work.output import ReportFile, TakenBack
from tests.work import consoles

EVERYTHING = frozenset({"verified", "review"})


@contextmanager
def no_file_larger_than(size: int):
    """A full disk, for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def run(folder: Path, out: Path, report: Path | None) -> list[str]:
    library = consoles.library(folder / "templates")
    _, endings = archive.convert([folder / "in"], library, consoles.readers(), out, EVERYTHING)
    with ReportFile(report) as kept:
        for ending in endings:
            kept.add(lines.line(ending))
    return [path.name for path in sorted(out.rglob("*.dcm"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    consoles.saved(consoles.screen(study=1), tmp_path / "in" / "1.dcm")
    consoles.saved(consoles.screen(study=2), tmp_path / "in" / "2.dcm")
    (tmp_path / "in" / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\1" * 99)
    return tmp_path


def test_a_full_disk_ends_the_run_keeps_its_lines_and_the_next_run_does_the_rest(folder):
    report, out = folder / "reports" / "all.jsonl", folder / "out"
    with no_file_larger_than(4000), pytest.raises(OutputError, match="could not be written below"):
        run(folder, out, report)
    part = folder / "reports" / "all.jsonl.part"
    kept = [json.loads(line) for line in part.read_text().splitlines()]

    assert [one["outcome"] for one in kept] == ["unreadable"]
    assert not report.exists()
    assert list(out.rglob("*.*")) == []
    assert len(run(folder, out, report)) == 2
    assert len(report.read_text().splitlines()) == 3
    assert not part.exists()


def test_a_half_written_rdsr_is_written_again(folder):
    names = run(folder, folder / "out", None)
    (first, _) = sorted((folder / "out").rglob("*.dcm"))
    whole = first.read_bytes()
    first.write_bytes(whole[:1000])

    assert run(folder, folder / "out", None) == names
    assert first.read_bytes() == whole


def test_the_output_is_a_folder_or_a_mistake_of_the_command(folder):
    (folder / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        run(folder, folder / "file", None)
    with pytest.raises(OutputError, match="Not a directory"):
        run(folder, folder / "file" / "out", None)


@pytest.mark.parametrize("place", ["file/report.jsonl", "folder"])
def test_a_report_that_cannot_be_written_is_one_sentence(place, folder):
    (folder / "file").touch()
    (folder / "folder").mkdir()
    with pytest.raises(OutputError, match=r"the report .* could not be written"):
        run(folder, folder / "out", folder / place)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_report_to_a_full_device_is_one_sentence():
    with pytest.raises(OutputError, match="No space left"), ReportFile(Path("/dev/full")) as kept:
        kept.add("{}")


def test_a_report_to_a_pipe_is_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with ReportFile(pipe) as kept:
        kept.add("{}")

    assert os.read(reading, 99) == b"{}\n"
    os.close(reading)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_study_is_a_folder_by_its_digest_whatever_its_uid():
    assert output.folder_of("../../x") == output.folder_of("../../x")
    assert set(output.folder_of("../../x")) <= set("0123456789abcdef")


def test_a_line_that_takes_the_place_of_another_leaves_the_other_out_in_the_end(tmp_path):
    report = tmp_path / "report.jsonl"
    with ReportFile(report) as kept:
        kept.add("first", "1.2")
        kept.add("other", "3.4")
        kept.add("second", "1.2", again=True)
        assert (tmp_path / "report.jsonl.part").read_text() == "first\nother\nsecond\n"

    assert report.read_text() == "other\nsecond\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.jsonl"]


def test_rdsrs_that_were_set_aside_are_there_again_where_their_units_were_not_read(tmp_path):
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_text(name)
    taken = TakenBack(tmp_path)
    taken.set_aside(1, ("a.dcm",))
    taken.set_aside(2, ("b.dcm",))
    assert not list(tmp_path.glob("*.dcm"))

    taken.drop(1)
    taken.restore()
    assert [path.name for path in tmp_path.iterdir()] == ["b.dcm"]
