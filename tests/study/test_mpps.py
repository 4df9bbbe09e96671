"""A procedure step is the console's own word, and one witness with its text."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ocr_service.dose.report import Source
from ocr_service.study.console_text import console_text
from ocr_service.study.mpps import merged, merged_steps, performed_step, step_texts, steps_of
from tests.study.headers import (
    BODY,
    CONSOLE,
    SPIRAL,
    P,
    page,
    read,
    report,
    row,
    told_by,
    uid,
    whole_spiral,
)
from tests.study.steps import (
    COMMENT,
    DOUBT,
    NOTE,
    SEQUENCE,
    STEP,
    heard,
    item,
    made,
    n_create,
    n_set,
    printed,
    spiral_of,
    step_of_two,
)
from tests.study.test_hostile_headers import broken

# The requests of one step


def test_an_attribute_of_n_set_takes_the_place_of_that_of_n_create():
    step = merged([n_create(), n_set(spiral_of(10.0)), n_set(spiral_of(14.0), spiral_of(9.0))])

    assert step.PerformedProcedureStepStatus == "COMPLETED"
    assert [one.CTDIvol for one in step.ExposureDoseSequence] == [14.0, 9.0]
    assert step.PerformedStationAETitle == "CT1"
    assert step.SOPInstanceUID == STEP


def test_each_request_is_read_in_its_own_character_set():
    begun = n_create(SpecificCharacterSet="ISO_IR 100", PerformedStationName="Röntgen")
    begun["PerformedStationName"]
    step = merged([begun, n_set(SpecificCharacterSet="ISO_IR 192")])

    assert performed_step(step).station_name == "Röntgen"


def test_a_broken_attribute_takes_no_place():
    ended = broken(n_set(spiral_of(10.0)), [("KVP", "DS", b"x"), ("PerformedStationAETitle", "FD", b"abc")])

    assert merged([n_create(), ended]).PerformedStationAETitle == "CT1"


def test_requests_of_several_steps_are_put_together_by_their_instances():
    other = uid("other step")
    requests = [n_create(), n_create(other), n_set(spiral_of(9.0), step=other), n_set(spiral_of(10.0))]
    first, second = merged_steps(requests)

    assert (first.SOPInstanceUID, first.ExposureDoseSequence[0].CTDIvol) == (STEP, 10.0)
    assert (second.SOPInstanceUID, second.ExposureDoseSequence[0].CTDIvol) == (other, 9.0)


def test_requests_that_name_no_instance_are_not_mixed():
    nameless = [item(PerformedProcedureStepStatus="COMPLETED"), item(PerformedProcedureStepStatus="IN PROGRESS")]

    assert [one.PerformedProcedureStepStatus for one in merged_steps(nameless)] == ["COMPLETED", "IN PROGRESS"]


def test_merging_leaves_the_requests_as_they_were():
    begun, ended = n_create(), n_set(spiral_of(10.0))
    merged([begun, ended])

    assert begun.PerformedProcedureStepStatus == "IN PROGRESS"
    assert "SOPInstanceUID" not in begun


def test_nothing_is_merged_of_no_request():
    assert len(merged([])) == 0


# Whose step


@pytest.mark.parametrize(
    ("step", "header", "of_unit"),
    [
        ({}, {}, True),
        ({"study": uid("another study")}, {}, False),
        ({"PerformedStationName": "CT EAST"}, {"StationName": "ct east"}, True),
        ({"PerformedStationName": "CT EAST"}, {"StationName": "CT WEST"}, False),
        ({"PerformedSeriesSequence": made(uid("pages"))}, {"SeriesInstanceUID": uid("pages")}, True),
        ({"PerformedSeriesSequence": made(uid("others"))}, {"SeriesInstanceUID": uid("pages")}, False),
        (
            {"PerformedSeriesSequence": made(uid("pages")), "PerformedStationName": "CT EAST"},
            {"SeriesInstanceUID": uid("pages"), "StationName": "CT WEST"},
            True,
        ),
        (
            {"PerformedSeriesSequence": made(uid("others")), "PerformedStationName": "CT EAST"},
            {"SeriesInstanceUID": uid("pages"), "StationName": "CT EAST"},
            True,
        ),
        (
            {"PerformedStationName": "CT EAST"},
            {
                "StationName": "CT WEST",
                "ReferencedPerformedProcedureStepSequence": Sequence([item(ReferencedSOPInstanceUID=STEP)]),
            },
            True,
        ),
        (
            {},
            {"ReferencedPerformedProcedureStepSequence": Sequence([item(ReferencedSOPInstanceUID=uid("other"))])},
            False,
        ),
        ({"Modality": "PT"}, {}, True),
        ({"Modality": "DX"}, {}, False),
    ],
    ids=[
        "the study's", "another study's", "its station", "another station", "its series", "other series",
        "its series under another name", "its station with the page's series left out", "referred to",
        "another one referred to", "a hybrid scanner's", "another modality's",
    ],
)  # fmt: skip
def test_a_step_tells_of_a_unit_where_nothing_says_otherwise(step, header, of_unit):
    rep, _ = heard(printed(), [step_of_two(**step)], [page(**header)])

    assert rep.events[0].dlp.proven is of_unit


def test_a_step_of_another_scanner_of_the_study_is_said_to_be_unused():
    _, findings = heard(printed(), [step_of_two(PerformedStationName="CT EAST")], [page(StationName="CT WEST")])

    assert findings == [(NOTE, "procedure step")]


def test_a_step_without_exposures_says_nothing():
    reconstruction = merged([n_create(), n_set(PerformedSeriesSequence=made(uid("others")))])

    assert steps_of([reconstruction], [page()]) == ([], [])
    assert step_texts([reconstruction], [page(SeriesInstanceUID=uid("pages"))]) == ()


def test_a_step_of_several_studies_is_one_of_each():
    several = Sequence([item(StudyInstanceUID=uid("linked")), item(StudyInstanceUID=uid("study"))])
    rep, _ = heard(printed(), [step_of_two(ScheduledStepAttributesSequence=several)])

    assert rep.events[0].dlp.proven


# The witness


def test_a_step_proves_what_one_engine_read():
    rep, findings = heard(printed(), [step_of_two()])

    assert [(event.mean_ctdivol.proven, event.dlp.proven) for event in rep.events] == [(True, True), (True, True)]
    assert told_by(rep.events[1].dlp) == {P, CONSOLE}
    assert findings == []


def test_a_step_and_a_comment_are_one_witness():
    nobody = read("274.9", (CONSOLE, "274.9"))
    objects = [page("Series #2 CTDIvol=10 DLP=104.5 Series #3 CTDIvol=14 DLP=274.9")]
    rep, _ = heard(report(row("10.00", "104.5"), row("14.00", nobody)), [step_of_two()], objects, SEQUENCE | COMMENT)

    assert [witness.kind for witness in rep.events[1].dlp.evidence.witnesses] == [CONSOLE]
    assert not rep.events[1].dlp.proven


def test_a_step_vouches_for_nothing_where_the_template_names_other_sources():
    rep, findings = heard(printed(), [step_of_two()], sources=frozenset({"private_text", "images"}))

    assert told_by(rep.events[0].dlp) == {P}
    assert findings == []


def test_a_steps_comment_vouches_as_a_pages_does():
    told = merged([n_create(), n_set(CommentsOnRadiationDose="Event=1 DLP=104.5 Event=2 DLP=274.9 TotalDLP=379.4")])
    rep, _ = heard(report(*printed().events, total="379.4"), [told], sources=COMMENT)

    assert [event.dlp.proven for event in rep.events] == [True, True]
    assert rep.dlp_total.proven
    assert not heard(printed(), [told], sources=SEQUENCE)[0].events[0].dlp.proven


def test_a_step_that_says_a_little_else_than_the_pages_own_text_is_a_note():
    objects = [page(exposures=[spiral_of(10.0, "104.5"), spiral_of(14.0, "274.9")])]
    step = merged([n_create(), n_set(spiral_of(10.0, "104.52"), spiral_of(14.0, "275.3"))])
    rep, findings = heard(printed(), [step], objects)

    assert [event.dlp.proven for event in rep.events] == [True, True]
    assert findings == [(NOTE, "row 2, dlp")]


def test_a_completed_step_that_is_far_from_the_page_is_a_doubt():
    _, findings = heard(report(row("10.00", "104.5"), row("14.00", "374.9")), [step_of_two()])

    assert findings == [(DOUBT, "row 2, dlp")]


@pytest.mark.parametrize("status", ["IN PROGRESS", "DISCONTINUED", ""])
def test_a_step_that_is_not_completed_is_never_a_doubt_and_yet_vouches(status):
    told = step_of_two(status, CommentsOnRadiationDose="Total DLP=104.5")
    rep = report(row("10.00", "104.5"), row("14.00", "374.9"), row("8.00", "80.0"), total="559.4")
    vouched, findings = heard(rep, [told], sources=SEQUENCE | COMMENT, must_agree=True)

    assert vouched.events[0].dlp.proven
    assert {kind for kind, _ in findings} == {NOTE}


def test_a_completed_step_that_lacks_rows_of_the_page_is_no_doubt():
    rep = report(row("10.00", "104.5"), row("14.00", "274.9"), row("8.00", "80.0"))
    vouched, findings = heard(rep, [step_of_two()], must_agree=True)

    assert [event.dlp.proven for event in vouched.events] == [True, True, False]
    assert findings == []


def resumed() -> list[Dataset]:
    """The steps of an examination that was resumed, the later one first."""
    first = merged([n_create(), n_set(spiral_of(10.0, "104.5"), CommentsOnRadiationDose="Total DLP=104.5")])
    begun = n_create(uid("second"), PerformedProcedureStepStartTime="113000")
    ended = n_set(spiral_of(14.0, "274.9"), step=uid("second"), CommentsOnRadiationDose="Total DLP=274.9")
    return [merged([begun, ended]), first]


def test_the_steps_of_an_examination_that_was_resumed_are_one_text_without_a_total():
    rep, findings = heard(report(*printed().events, total="379.4"), resumed(), sources=SEQUENCE | COMMENT)

    assert [event.dlp.proven for event in rep.events] == [True, True]
    assert findings == []


def test_an_exposure_of_an_unfinished_step_that_is_no_row_of_the_page_is_a_note():
    rep = report(row("10.00", "104.5"))

    assert heard(rep, [step_of_two("IN PROGRESS")], must_agree=True)[1] == [(NOTE, "rows")]
    assert heard(rep, [step_of_two()], must_agree=True)[1] == [(DOUBT, "rows")]


def test_a_step_lends_a_row_what_the_page_does_not_print():
    step = merged([n_create(), n_set(spiral_of(10.0, "104.5", IrradiationEventUID=uid("event"), ProtocolName="Chest"))])
    rep, _ = heard(report(row("10.00", "104.5", None)), [step], sources=frozenset())
    (event,) = rep.events

    assert (event.irradiation_event_uid, event.parameters.protocol) == (uid("event"), "Chest")
    assert (event.phantom.value, event.phantom.source) == (BODY, Source.MPPS_CONTENT)
    assert (event.acquisition_type.value, event.acquisition_type.source) == (SPIRAL, Source.MPPS_CONTENT)


def test_a_phantom_that_the_images_name_too_is_copied_from_them():
    step = merged([n_create(), n_set(spiral_of(10.0, "104.5"))])
    rep, _ = heard(report(row("10.00", "104.5")), [step], images=whole_spiral())

    assert rep.events[0].phantom.source is Source.COPIED_FROM_IMAGE


def test_what_cannot_be_used_of_a_step_is_a_note_though_it_is_a_doubt_of_a_page():
    wrong = spiral_of(10.0, "104.5", ExposureTime="5000000", Exposure="1000", XRayTubeCurrent="200")

    assert DOUBT in {found.kind for found in console_text(page(exposures=[wrong])).notes}
    assert heard(report(row("10.00", "104.5")), [merged([n_create(), n_set(wrong)])])[1] == [(NOTE, "procedure step")]
