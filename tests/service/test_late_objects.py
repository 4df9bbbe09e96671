"""What comes after a report was made: a page, a better object, the scanner's own report."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest

from ocr_service.dose.report import Origin
from tests.service.hospital import Hospital, hospital, plain, study_of

pytestmark = pytest.mark.dicom_tools


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with hospital(tmp_path_factory.mktemp("late"), reading={"header_after": "2s"}) as told:
        yield told


def test_a_page_that_comes_late_makes_a_corrected_report_that_names_the_first(here: Hospital) -> None:
    early, late = study_of("siemens/saved_twice", "late page")
    study = here.takes([early])
    here.unit(study, "verified")
    here.takes([late])
    here.unit(study, "verified")
    first, second = here.reports(study)

    assert second.predecessors == (first.sop_instance_uid,)
    assert len(second.report.events) == len(first.report.events) + 1
    assert second.event_uids[: len(first.event_uids)] == first.event_uids
    one, other = here.held(study)
    assert (one.ContentDate, one.ContentTime) < (other.ContentDate, other.ContentTime)
    assert (other.SeriesDate, other.SeriesTime) > (one.ContentDate, one.ContentTime)
    assert [row.state for row in here.deliveries(study)] == ["acknowledged", "acknowledged"]


def test_a_screen_that_comes_after_a_report_of_images_takes_its_place_with_the_same_events(here: Hospital) -> None:
    told = study_of("ge/with_images", "late screen")
    page, images = told[:1], told[1:]
    study = here.takes(images)
    here.unit(study, "header")
    here.takes(page)
    here.unit(study, "verified")
    first, second = here.reports(study)

    assert (first.report.origin, second.report.origin) == (Origin.HEADER, Origin.SCREEN)
    assert second.predecessors == (first.sop_instance_uid,)
    assert set(first.event_uids) <= set(second.event_uids)


def test_the_same_page_plain_from_the_modality_and_compressed_from_a_gateway_is_one_page(here: Hospital) -> None:
    (page,) = plain(study_of("ge/double_size", "twice"))
    again = deepcopy(page)
    again.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    study = here.takes([page])
    here.takes([again])
    here.unit(study, "verified")

    assert len(here.reports(study)) == 1
    assert len([row for row in here.service.objects() if row.study == study and row.state == "in_use"]) == 2


def test_the_scanners_own_report_that_comes_late_ends_the_unit_as_skipped(here: Hospital) -> None:
    page, native = study_of("ge/native_report", "late native")
    study = here.takes([page])
    here.unit(study, "verified")
    here.takes([native])
    here.unit(study, "skipped")

    (ours,) = here.reports(study)
    (sent, manual) = here.deliveries(study)
    assert sent.sop_instance_uid == ours.sop_instance_uid
    assert (sent.state, manual.kind, manual.state) == ("recalled", "manual", "waiting")
