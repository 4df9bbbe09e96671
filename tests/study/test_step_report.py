"""Without a dose screen a procedure step is a source of dose, and images lend it what it leaves out."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ocr_service.dose.report import CTAcquisitionType, Origin, Source
from ocr_service.study.header import NoHeaderDose
from ocr_service.study.mpps import merged
from ocr_service.study.step_report import NOT_COMPLETED, study_report
from tests.study.headers import (
    BODY,
    HEAD,
    exposure,
    spiral,
    uid,
    whole_spiral,
)
from tests.study.steps import (
    NOTE,
    STEP,
    doubts,
    item,
    n_create,
    n_set,
    reported,
    scout,
    spiral_of,
    step_of_two,
    values,
)


def test_a_study_whose_images_state_no_dose_is_reported_from_its_step():
    told = reported(spiral(CTDIvol=None), step_of_two())
    localizer, first, second = told.report.events

    assert values(told) == [(None, None), ("10", "104.5"), ("14", "274.9")]
    assert {first.mean_ctdivol.source, first.dlp.source, first.phantom.source} == {Source.MPPS_CONTENT}
    assert (first.phantom.value, second.phantom.value) == (BODY, HEAD)
    assert localizer.acquisition_type.value is CTAcquisitionType.CONSTANT_ANGLE
    assert (told.report.origin, told.report.scanner.model_name, told.report.missing) == (Origin.HEADER, "Ring 64", ())
    assert not told.needs_review
    assert not any(event.dlp.proven for event in (first, second))


def test_the_consoles_dlp_goes_before_the_one_computed_from_images():
    step = merged([n_create(), n_set(spiral_of(10.0, "12.5"))])
    alone, told = reported(whole_spiral()), reported(whole_spiral(BodyPartExamined="CHEST"), step)

    assert (values(alone), values(told)) == ([("10", "10")], [("10", "12.5")])
    assert told.report.events[0].target_region is not None


def test_images_lend_the_dlp_that_a_step_does_not_state():
    told = reported(whole_spiral(), merged([n_create(), n_set(spiral_of(10.0))]))
    (event,) = told.report.events

    assert (event.dlp.text, event.dlp.source) == ("10", Source.COMPUTED_FROM_IMAGE)
    assert event.mean_ctdivol.source is Source.MPPS_CONTENT


def test_images_of_another_ctdivol_lend_no_dlp():
    told = reported(whole_spiral(CTDIvol=20.0), merged([n_create(), n_set(spiral_of(10.0))]))

    assert values(told) == [("10", None)]


def test_images_of_the_same_irradiation_lend_the_ctdivol_that_a_step_does_not_state():
    step = merged([n_create(), n_set(exposure("SPIRAL", "12.5", IrradiationEventUID=uid("event")))])
    told = reported(whole_spiral(IrradiationEventUID=uid("event")), step)
    (event,) = told.report.events

    assert values(told) == [("10", "12.5")]
    assert (event.mean_ctdivol.source, event.dlp.source) == (Source.COPIED_FROM_IMAGE, Source.MPPS_CONTENT)
    assert not told.needs_review


def test_a_comment_alone_is_a_step_that_states_dose():
    comment = "Series #1 CTDIvol=10 DLP=104.5 Series #2 CTDIvol=14 DLP=274.9 Total DLP=379.4"
    told = reported(spiral(CTDIvol=None), merged([n_create(), n_set(CommentsOnRadiationDose=comment)]))

    assert values(told) == [("10", "104.5"), ("14", "274.9")]
    assert told.report.dlp_total.text == "379.4"


def test_a_comment_adds_the_dlp_to_a_sequence_of_as_many_exposures():
    comment = "TotalDLP=1748.68\r\nEvent=1\r\nEvent=2 DLP=769.67\r\nEvent=3 DLP=979.01"
    step = merged([n_create(), n_set(scout(), spiral_of(15.43), spiral_of(19.53), CommentsOnRadiationDose=comment)])
    told = reported(spiral(CTDIvol=None), step)

    assert values(told) == [(None, None), ("15.43", "769.67"), ("19.53", "979.01")]
    assert (told.report.dlp_total.text, told.report.dlp_total.source) == ("1748.68", Source.MPPS_CONTENT)
    assert not told.needs_review


def test_a_comment_of_other_exposures_adds_nothing():
    comment = "Event=1 DLP=769.67 Event=2 Event=3 DLP=979.01"
    step = merged([n_create(), n_set(scout(), spiral_of(15.43), spiral_of(19.53), CommentsOnRadiationDose=comment)])

    assert values(reported(spiral(CTDIvol=None), step)) == [(None, None), ("15.43", None), ("19.53", None)]


def test_a_total_that_is_not_that_of_the_exposures_needs_a_person():
    told = reported(spiral(CTDIvol=None), step_of_two(CommentsOnRadiationDose="Total DLP=500.0"))

    assert doubts(told) == ["dlp_total"]
    assert told.report.dlp_total is None


def test_an_unknown_ctdivol_needs_a_person():
    step = merged([n_create(), n_set(exposure("SPIRAL", "104.5"))])

    assert doubts(reported(spiral(CTDIvol=None), step)) == ["event 1, mean_ctdivol"]


def test_a_step_that_is_not_completed_stands_only_where_the_images_state_nothing():
    step = step_of_two("DISCONTINUED")
    alone, beside = reported(spiral(CTDIvol=None), step), reported(whole_spiral(), step)

    assert alone.report.missing == (NOT_COMPLETED,)
    assert values(alone) == [(None, None), ("10", "104.5"), ("14", "274.9")]
    assert values(beside) == [("10", "10")]
    assert any(found.where == "procedure step" and found.kind is NOTE for found in beside.findings)
    assert not beside.needs_review


def test_a_step_that_counts_more_exposures_than_it_describes_says_so():
    told = reported(spiral(CTDIvol=None), step_of_two(TotalNumberOfExposures=5))

    assert told.report.missing == ("the procedure step counts 5 exposures and describes 3",)


def test_images_of_an_irradiation_that_no_step_states_need_a_person():
    late = whole_spiral("late", AcquisitionTime="113000", AcquisitionNumber=5, CTDIvol=22.0)
    step = merged([n_create(), n_set(spiral_of(10.0, "104.5"))])

    assert doubts(reported([*whole_spiral(), *late], step)) == ["procedure step"]


def test_images_of_another_ctdivol_are_a_note():
    step = merged([n_create(), n_set(spiral_of(12.0, "104.5"))])
    told = reported(whole_spiral(), step)

    assert "event 1, mean_ctdivol" in [found.where for found in told.findings if found.kind is NOTE]
    assert not told.needs_review


def test_a_step_of_several_studies_is_no_source():
    several = Sequence([item(StudyInstanceUID=uid("linked")), item(StudyInstanceUID=uid("study"))])

    assert isinstance(
        study_report(spiral(CTDIvol=None), [step_of_two(ScheduledStepAttributesSequence=several)]), NoHeaderDose
    )


def numbered(*exposures: Dataset) -> list[Dataset]:
    """The exposures with Irradiation Event UIDs, by their place."""
    for number, one in enumerate(exposures):
        one.IrradiationEventUID = uid("event", number)
    return list(exposures)


def test_an_exposure_that_two_steps_tell_counts_once():
    first = merged([n_create(), n_set(*numbered(scout(), spiral_of(10.0, "104.5")))])
    again = n_set(*numbered(scout(), spiral_of(10.0, "104.5"), spiral_of(14.0, "274.9")), step=uid("again"))
    second = merged([n_create(uid("again"), PerformedProcedureStepStartTime="113000"), again])
    told = reported(spiral(CTDIvol=None), second, first)

    assert values(told) == [(None, None), ("10", "104.5"), ("14", "274.9")]
    assert (told.report.missing, told.needs_review) == ((), False)


def test_equal_exposures_of_two_steps_that_nothing_tells_apart_need_a_person():
    told = reported(spiral(CTDIvol=None), step_of_two(), step_of_two(step=uid("again")))

    assert doubts(told) == ["procedure step"]


@pytest.mark.parametrize(("first", "second", "doubted"), [(1, 2, False), (1, None, True), (None, 2, True)])
def test_equal_exposures_of_two_steps_are_two_where_their_uids_differ(first, second, doubted):
    uids = [{} if number is None else {"IrradiationEventUID": uid("event", number)} for number in (first, second)]
    steps = [
        merged([n_create(step), n_set(spiral_of(10.0, "104.5", **told), step=step)])
        for step, told in zip((STEP, uid("again")), uids, strict=True)
    ]
    told = reported(spiral(CTDIvol=None), *steps)

    assert (len(told.report.events), told.needs_review) == (2, doubted)


def test_the_comment_of_a_step_that_repeats_another_is_not_counted_again():
    comment = "Event=1 Event=2 DLP=104.5"
    exposures = numbered(scout(), spiral_of(10.0, "104.5"))
    first = merged([n_create(), n_set(exposures[1])])
    again = merged([n_create(uid("again")), n_set(*exposures, step=uid("again"), CommentsOnRadiationDose=comment)])
    again.PerformedProcedureStepStartTime = "113000"

    assert values(reported(spiral(CTDIvol=None), first, again)) == [("10", "104.5"), (None, None)]


def test_without_steps_the_report_is_that_of_the_images():
    assert reported(whole_spiral()) == reported(whole_spiral(), step_of_two(study=uid("another study")))
    assert study_report([], [step_of_two()]) == study_report([])


def test_images_of_a_second_scanner_do_not_slip_in_unseen():
    other = whole_spiral("b", DeviceSerialNumber="8", CTDIvol=None)

    assert "study" in doubts(reported([*spiral(CTDIvol=None), *other], step_of_two()))
