"""What a row is lent by images and texts: only by those that are certainly of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ocr_service.dose.report import AcquisitionParameters, CTAcquisitionType, IrradiationEvent, Phantom, Reading
from ocr_service.study.filling import images_belong, same_irradiation
from ocr_service.study.images import ImageEvent
from ocr_service.study.stated import COMMENTS, StatedDose

ROW = IrradiationEvent(
    mean_ctdivol=Reading(Decimal("15.32"), "15.32", proven=True), dlp=Reading(Decimal("418"), "418", proven=True)
)
SLICES = ImageEvent(
    images=5,
    complete=False,
    localizer=False,
    series_instance_uids=("1.2",),
    sop_instance_uids=("1.2.3",),
    acquisition_number="3",
    irradiation_event_uid=None,
    mean_ctdivol=None,
    ctdivol_range=(Decimal("14.1"), Decimal("16.2")),
    constant=False,
    modulated=True,
    phantom=Phantom.BODY,
    acquisition_type=CTAcquisitionType.SPIRAL,
    dlp=None,
    parameters=AcquisitionParameters(),
    notes=(),
    ambiguous="",
)


def stated(ctdivol: str | None, dlp: str | None, uid: str | None = None) -> StatedDose:
    return StatedDose(
        source=COMMENTS,
        order=1,
        ctdivol=Decimal(ctdivol) if ctdivol else None,
        dlp=Decimal(dlp) if dlp else None,
        irradiation_event_uid=uid,
    )


def test_a_few_slices_in_whose_range_a_row_lies_lend_it_nothing() -> None:
    assert not images_belong(ROW, SLICES, [])


@pytest.mark.parametrize(("mean", "belongs"), [("15.32", True), ("15.3214", True), ("15.4", False)])
def test_images_whose_dose_is_the_printed_one_as_rounded_belong_to_the_row(mean: str, belongs: bool) -> None:
    assert images_belong(ROW, replace(SLICES, mean_ctdivol=Decimal(mean)), []) is belongs


def test_an_irradiation_event_uid_that_text_and_images_share_links_them() -> None:
    linked = replace(SLICES, irradiation_event_uid="1.2.9")

    assert images_belong(ROW, linked, [stated("15.32", "418", "1.2.9")])
    assert not images_belong(ROW, replace(linked, ambiguous="holes"), [stated("15.32", "418", "1.2.9")])


@pytest.mark.parametrize(
    ("ctdivol", "dlp", "same"),
    [
        ("15.32", "418", True),
        ("15.32", None, True),
        ("15.9", "418", True),
        ("15.9", "430", False),
        ("30.6", "418", False),
    ],
)
def test_a_text_of_nearly_the_same_dose_may_be_of_another_row(ctdivol: str, dlp: str | None, same: bool) -> None:
    assert same_irradiation(ROW, stated(ctdivol, dlp)) is same
