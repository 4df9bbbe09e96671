"""What else lies in the study: images that stand in for a screen, and the scanner's own report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ocr_service.screen.readers import Crop, Readers
from ocr_service.templates.library import Library
from ocr_service.work import archive, lines

SAMPLES = Path(__file__).parent.parent / "sample_sc"
EVERYTHING = frozenset({"verified", "header", "review"})


class Silent:
    """A reader that is never asked: images need none."""

    def read(self, crops: Sequence[Crop], preparations: Sequence[Sequence[str]] | None = None) -> list[str]:
        raise AssertionError("a study without screens asks no engine")


@pytest.fixture
def readers() -> Readers:
    return Readers(Silent(), Silent(), (("none",),))


def converted(source: Path, out: Path, readers: Readers, emit: frozenset[str] = EVERYTHING) -> list[dict[str, Any]]:
    _, endings = archive.convert([source], Library(()), readers, out, emit)
    return [json.loads(lines.line(ending)) for ending in endings]


def test_a_study_of_images_alone_is_reported_from_its_headers_and_reformats_count_nothing(
    tmp_path: Path, readers: Readers
) -> None:
    (said,) = converted(SAMPLES / "ge/header_only", tmp_path, readers)
    truth = next(one for one in json.loads((SAMPLES / "truth.json").read_text()) if one["folder"] == "ge/header_only")

    assert said["outcome"] == "header"
    assert [event["mean_ctdivol"] for event in said["events"]] == [e["mean_ctdivol"] for e in truth["events"]]
    assert [event["phantom"] for event in said["events"]] == [e["phantom"] for e in truth["events"]]
    assert (tmp_path / said["rdsr"]).is_file()


def test_a_header_report_is_written_once_and_stands_at_the_second_run(tmp_path: Path, readers: Readers) -> None:
    first = converted(SAMPLES / "ge/header_only", tmp_path, readers)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    second = converted(SAMPLES / "ge/header_only", tmp_path, readers)

    assert [one["rdsr"] for one in first] == [one["rdsr"] for one in second]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_not_to_be_emitted_is_not_written(tmp_path: Path, readers: Readers) -> None:
    (said,) = converted(SAMPLES / "ge/header_only", tmp_path, readers, frozenset({"verified"}))

    assert (said["outcome"], said["rdsr"], list(tmp_path.rglob("*.dcm"))) == ("header", None, [])
