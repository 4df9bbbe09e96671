"""What a site decides: pages whose headers tell nothing, burnt-in identifiers, and numbers that nobody told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from ocr_service.dose.identity import IdentityRule
from ocr_service.screen.readers import Readers
from ocr_service.templates.library import Library
from ocr_service.work import archive, lines
from ocr_service.work.archive import AS_SHIPPED, SiteRules
from tests.screen.typed import WITH_ID, TypedReader, blank, dose_object, dose_page, library, typed


def saved_to(folder: Path, ds: Dataset, name: str = "one.dcm") -> Path:
    folder.mkdir(exist_ok=True)
    ds.save_as(folder / name, enforce_file_format=True)
    return folder


def converted(source: Path, stock: Library, out: Path, rules: SiteRules = AS_SHIPPED) -> list[dict[str, Any]]:
    readers = Readers(TypedReader(), TypedReader(), (("none",), ("stretch",)))
    emit = frozenset({"verified", "review"})
    _, endings = archive.convert([source], stock, readers, out, emit, rules=rules)
    return [json.loads(lines.line(ending)) for ending in endings]


def anonymous(page: np.ndarray[Any, np.dtype[np.uint8]]) -> Dataset:
    ds = dose_object(page)
    del ds.Manufacturer, ds.SeriesDescription
    return ds


def test_a_page_whose_header_names_neither_maker_nor_series_is_known_by_its_words(tmp_path: Path) -> None:
    source = saved_to(tmp_path / "in", anonymous(dose_page()))
    (said,) = converted(source, library(tmp_path), tmp_path / "out")

    assert (said["outcome"], said["template"]) == ("verified", "acme/dose r1")


def test_a_picture_whose_header_tells_nothing_and_that_shows_no_dose_makes_no_unit(tmp_path: Path) -> None:
    page = blank()
    typed(page, 40, 40, "Lung nodules")
    source = saved_to(tmp_path / "in", anonymous(page))

    assert converted(source, library(tmp_path), tmp_path / "out") == []


def test_a_picture_of_another_series_is_not_taken_for_a_page_by_its_words(tmp_path: Path) -> None:
    source = saved_to(tmp_path / "in", dose_object(dose_page(), SeriesDescription="Key Images"))

    assert converted(source, library(tmp_path), tmp_path / "out") == []


@pytest.mark.parametrize(
    ("rule", "burnt_in", "outcome"),
    [
        (IdentityRule.COMPARE, "ID:4711", "verified"),
        (IdentityRule.COMPARE, "ID:4712", "needs_review"),
        (IdentityRule.COMPARE, "", "verified"),
        (IdentityRule.REQUIRED, "ID:4711", "verified"),
        (IdentityRule.REQUIRED, "ID:4712", "needs_review"),
        (IdentityRule.REQUIRED, "", "needs_review"),
        (IdentityRule.OFF, "ID:4712", "verified"),
    ],
)
def test_the_site_says_what_is_asked_of_burnt_in_identifiers(
    tmp_path: Path, rule: IdentityRule, burnt_in: str, outcome: str
) -> None:
    page = dose_page()
    typed(page, 320, 10, burnt_in)
    source = saved_to(tmp_path / "in", dose_object(page, PatientID="4711"))
    (said,) = converted(source, library(tmp_path, WITH_ID), tmp_path / "out", SiteRules(identity=rule))

    assert said["outcome"] == outcome
    assert "471" not in json.dumps(said["findings"])


@pytest.mark.parametrize("state_unknown", [True, False])
def test_a_site_may_leave_out_the_numbers_that_nobody_told(tmp_path: Path, state_unknown: bool) -> None:
    source = saved_to(tmp_path / "in", dose_object(dose_page()))
    rules = SiteRules(state_unknown=state_unknown)
    (said,) = converted(source, library(tmp_path), tmp_path / "out", rules)
    assert said["rdsr"]
    items = list(dcmread(tmp_path / "out" / said["rdsr"]).iterall())
    empty = [item for item in items if item.keyword == "MeasuredValueSequence" and not item.value]

    assert bool(empty) is state_unknown


def test_a_page_without_any_date_is_read_and_waits_for_a_person_since_no_rdsr_can_be_dated(tmp_path: Path) -> None:
    ds = dose_object(dose_page())
    del ds.StudyDate
    (said,) = converted(saved_to(tmp_path / "in", ds), library(tmp_path), tmp_path / "out")

    assert (said["outcome"], said["rdsr"], said["dlp_total"]) == ("needs_review", None, "618.5")
    assert "states no date" in said["findings"][-1]["sentence"]


def test_a_screen_save_of_anatomy_leaves_the_dose_page_verified_and_has_a_line_of_its_own(tmp_path: Path) -> None:
    source = saved_to(tmp_path / "in", dose_object(dose_page()))
    picture = blank()
    typed(picture, 40, 40, "Lung nodules")
    other = dose_object(picture, SeriesDescription="Key Images", SOPInstanceUID="1.2.9")
    other.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    saved_to(source, other, "two.dcm")
    said = converted(source, library(tmp_path), tmp_path / "out")

    assert sorted(one["outcome"] for one in said) == ["unreadable", "verified"]
    verified = next(one for one in said if one["outcome"] == "verified")
    assert verified["sop_instance_uids"] == ["1.2.826.0.1.3680043.8.498.1"]


def test_a_film_that_fits_no_template_is_not_looked_at_to_its_end(tmp_path: Path) -> None:
    frame = blank()
    typed(frame, 40, 40, "Lung nodules")
    film = dose_object(np.stack([frame] * 12))
    source = saved_to(tmp_path / "in", film)
    (said,) = converted(source, library(tmp_path), tmp_path / "out")

    assert said["outcome"] == "unreadable"
    assert "the first 4 of 12 frames fit no template" in json.dumps(said["findings"])
