"""Whatever a procedure step holds, this room answers, and soon."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ocr_service.study.header import HeaderReport
from ocr_service.study.mpps import merged, merged_steps, performed_step, step_texts
from ocr_service.study.step_report import study_report
from tests.study.headers import (
    image,
    page,
    spiral,
    whole_spiral,
)
from tests.study.steps import (
    NOTE,
    heard,
    n_create,
    n_set,
    printed,
    reported,
    request,
    scout,
    spiral_of,
    step_of_two,
    values,
)
from tests.study.test_hostile_headers import BYTES, VRS, broken

KEYWORDS = (
    "PerformedProcedureStepStatus", "PerformedStationName", "PerformedSeriesSequence", "ExposureDoseSequence",
    "ScheduledStepAttributesSequence", "CommentsOnRadiationDose", "TotalNumberOfExposures", "SpecificCharacterSet",
    "Modality", "PerformedProcedureStepStartDate", "SOPInstanceUID", "CTDIvol",
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYWORDS), st.sampled_from(VRS), BYTES), min_size=1, max_size=5))
def test_a_broken_attribute_of_a_step_stops_nothing(damage):
    step = merged([n_create(), broken(n_set(scout(), spiral_of(10.0, "104.5")), damage)])
    rep, _ = heard(printed(), [step, broken(n_set(spiral_of(14.0)), damage)])

    assert [event.mean_ctdivol.text for event in rep.events] == ["10.00", "14.00"]
    assert values(reported(whole_spiral(), step))[-1][0] == "10"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CTDIvol", "KVP", "AcquisitionType", "IrradiationEventUID", "ExposureTime"]),
            st.sampled_from(VRS),
            BYTES,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_broken_exposure_costs_itself_and_no_other(damage):
    step = merged([n_create(), n_set(broken(spiral_of(9.0, "80.0"), damage), spiral_of(10.0, "104.5"))])

    assert ("10", "104.5") in values(reported(spiral(CTDIvol=None), step))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
@pytest.mark.filterwarnings("ignore")
def test_a_request_with_flipped_bytes_is_read_or_refused_by_pydicom_alone(flips):
    ds = n_set(scout(), spiral_of(10.0, "104.5"), CommentsOnRadiationDose="Event=1 Event=2 DLP=104.5")
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    content = bytearray(buffer.getvalue())
    for place, byte in flips:
        content[132 + int(place * (len(content) - 133))] = byte
    try:
        request = dcmread(io.BytesIO(bytes(content)), force=True)
    except Exception:  # noqa: BLE001 (what pydicom refuses is not this room's)
        return
    heard(printed(), merged_steps([n_create(), request]))
    assert isinstance(study_report(whole_spiral(), [merged([n_create(), request])]), HeaderReport)


def test_a_step_of_thousands_of_exposures_is_not_used_and_takes_no_time():
    step = merged([n_create(), n_set(*(spiral_of(10.0, "104.5") for _ in range(3000)))])
    start = time.perf_counter()
    rep, findings = heard(printed(), [step])

    assert not rep.events[0].dlp.proven
    assert findings == [] or {kind for kind, _ in findings} == {NOTE}
    assert values(reported(whole_spiral(), step)) == [("10", "10")]
    assert time.perf_counter() - start < 5


def test_thousands_of_steps_are_not_used():
    steps = [step_of_two()] * 1000

    assert heard(printed(), steps)[1] == [(NOTE, "procedure step")]


def test_an_empty_step_says_nothing():
    assert step_texts([Dataset(), request()], [page()]) == ()
    assert performed_step(Dataset()).finished is False


def test_findings_of_steps_name_no_patient():
    told = step_of_two(PatientName="Doe^Jane", PatientID="4711", PerformedStationName="DOE4711", status="DISCONTINUED")
    sentences = [found.sentence for found in reported([image(StationName="X", CTDIvol=10.0)], told).findings]
    sentences += [found.sentence for found in reported(spiral(CTDIvol=None), told).findings]

    assert sentences
    assert not any("Doe" in sentence or "4711" in sentence for sentence in sentences)
