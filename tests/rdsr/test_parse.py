"""What is written is read back; what a scanner wrote is understood; what is broken is refused in one way."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from ocr_service.dose.report import CTAcquisitionType, Phantom, Source
from ocr_service.errors import BrokenObject, InputError
from ocr_service.rdsr.document import rdsr
from ocr_service.rdsr.parse import ParsedReport, decode, parse, states_ct_dose
from ocr_service.rdsr.sop import encode
from tests.rdsr.generated import reports, stated
from tests.rdsr.golden import document
from tests.rdsr.reports import KINDS, header, source

REAL = Path(__file__).resolve().parents[3] / "shared" / "real" / "rdsr"
PATIENT = source(SpecificCharacterSet="ISO_IR 192")


def of_file(ds: Dataset) -> ParsedReport:
    return parse(pydicom.dcmread(BytesIO(encode(ds))))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report=reports, verified=st.booleans())
def test_a_report_read_back_is_what_the_document_states_of_it(report, verified):
    parsed = of_file(rdsr(report, PATIENT, verified=verified))

    assert parsed.report == stated(report, verified)
    assert parsed.ours
    assert not parsed.converter


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report=reports, verified=st.booleans())
def test_a_report_read_back_and_written_again_is_the_same_document(report, verified):
    """All but a total of one phantom that could not be read: of two totals, one left is no sum of them."""
    assume(len(stated(report, verified).phantom_totals) == len(report.phantom_totals))
    first = rdsr(report, PATIENT, verified=verified)
    again = rdsr(of_file(first).report, PATIENT, verified=verified)

    assert encode(again) == encode(first)


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_numbers_that_are_left_out_are_read_as_those_that_are_stated(kind):
    report, verified = KINDS[kind]

    left_out = parse(rdsr(report, source(), verified=verified, state_unknown=False))
    assert left_out.report == parse(rdsr(report, source(), verified=verified)).report


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report=reports, verified=st.booleans())
def test_whatever_a_report_tells_both_forms_of_its_document_read_back_alike(report, verified):
    left_out = of_file(rdsr(report, PATIENT, verified=verified, state_unknown=False))

    assert left_out.report == stated(report, verified)


def test_a_parsed_report_says_who_wrote_it_and_what_came_before():
    first = parse(document("review"))
    second = parse(rdsr(KINDS["spiral"][0], source(), verified=True, predecessor=first.prior))

    assert (first.complete, first.verified, first.instance_number) == (False, False, 1)
    assert first.in_doubt == ("row 2, mean_ctdivol",)
    assert first.sources == (Source.READ_FROM_SCREEN,)
    assert second.predecessors == (first.sop_instance_uid,)
    assert second.instance_number == 2
    assert second.event_uids == first.event_uids[:2]
    assert [event.uid for event in second.known_events] == list(second.event_uids)


# file -> events, total, their types as counts, (CTDIvol, DLP, phantom) of the last one, converter
KNOWN = {
    "CT-ESR-GE_VCT.dcm": (27, "2002.39", None, False),
    "CT-RDSR-GEPixelMed.dcm": (2, "586.34", ("222.59", "111.30", Phantom.HEAD), True),
    "CT-RDSR-Philips_BigBore4DCT.dcm": (1, "541.1", ("23.7", "541.1", Phantom.BODY), False),
    "CT-RDSR-Siemens_Flash-TAP-SS.dcm": (4, "724.52", ("9.91", "708.2", Phantom.BODY), False),
    "CT-RDSR-ToshibaPixelMed.dcm": (3, "349.70", ("24.70", "141.20", Phantom.BODY), True),
    "CT-RDSR-Toshiba_DoseCheck.dcm": (2, "502.40", ("5.30", "251.20", Phantom.BODY), False),
}


def real(name: str) -> ParsedReport:
    if not (REAL / name).is_file():
        pytest.skip("real RDSRs are not at hand")
    return parse(pydicom.dcmread(REAL / name))


@pytest.mark.parametrize("name", KNOWN)
def test_a_real_rdsr_is_read_with_its_known_values(name):
    parsed = real(name)
    count, total, last, converter = KNOWN[name]

    assert len(parsed.report.events) == len(parsed.event_uids) == count
    assert parsed.report.dlp_total is not None
    assert parsed.report.dlp_total.text == total
    assert (parsed.ours, parsed.converter) == (False, converter)
    if last is not None:
        event = parsed.report.events[-1]
        assert event.mean_ctdivol is not None
        assert event.dlp is not None
        assert event.phantom is not None
        assert (event.mean_ctdivol.text, event.dlp.text, event.phantom.value) == last


def test_real_acquisition_types_are_read_in_either_scheme():
    flash = real("CT-RDSR-Siemens_Flash-TAP-SS.dcm")

    assert [event.acquisition_type and event.acquisition_type.value for event in flash.report.events] == [
        CTAcquisitionType.CONSTANT_ANGLE,
        CTAcquisitionType.STATIONARY,
        CTAcquisitionType.STATIONARY,
        CTAcquisitionType.SPIRAL,
    ]
    assert flash.report.events[3].parameters.tube_current == 176
    assert flash.report.scanner.identity == ("SIEMENS", "SOMATOM Definition Flash", "73491")
    assert flash.sources == (Source.AUTOMATED,)


def test_a_region_that_real_reports_call_unknown_is_unknown():
    assert {event.target_region for event in real("CT-ESR-GE_VCT.dcm").report.events} == {None}
    assert real("CT-RDSR-Philips_BigBore4DCT.dcm").report.events[0].target_region is None


def test_what_is_no_ct_dose_report_is_told_apart_and_refused():
    assert not states_ct_dose(header())
    with pytest.raises(BrokenObject, match="no CT radiation dose report"):
        parse(header())


def broken_number(ds: Dataset, text: str) -> Dataset:
    """The document with another text in the last event's DLP."""
    event = [item for item in ds.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "113819"][-1]
    ct_dose = [i for i in event.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == "113829"][-1]
    dlp = [i for i in ct_dose.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == "113838"][-1]
    dlp.MeasuredValueSequence[0]._dict.clear()
    dlp.MeasuredValueSequence[0].add_new("NumericValue", "LO", text)
    return ds


@pytest.mark.parametrize("text", ["NaN", "Infinity", "12,5", "12 mGy", "-3", "1\\2", "1e999999999999999999999"])
def test_a_dose_that_is_no_single_positive_number_is_refused(text):
    with pytest.raises(BrokenObject):
        parse(broken_number(decode(encode(document("axial"))), text))


def test_a_dose_in_another_unit_is_refused():
    """A tenth or a thousandth of a dose would look right."""
    ds = decode(encode(document("axial")))
    broken_number(ds, "660.0")
    for item in ds.iterall():
        if item.keyword == "MeasuredValueSequence" and item.value and "MeasurementUnitsCodeSequence" in item.value[0]:
            item.value[0].MeasurementUnitsCodeSequence[0].CodeValue = "Gy"
    with pytest.raises(BrokenObject):
        parse(ds)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The file cut short, with bytes changed, a piece lost or a piece twice."""
    at, size = chance.randrange(132, len(content)), chance.randrange(1, 60)
    match chance.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + chance.randbytes(size) + content[at + size :]
        case 2:
            return content[:at] + content[at + size :]
        case _:
            return content[: at + size] + content[at:]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["review", "two_phantoms"])
def test_a_mutated_document_is_read_or_refused_as_bad_input(kind):
    content, chance = encode(document(kind)), random.Random(kind)
    refused = 0
    for _ in range(120):
        try:
            parse(decode(mutated(content, chance)))
        except InputError:
            refused += 1

    assert 0 < refused < 120


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KNOWN)
def test_a_mutated_real_rdsr_is_read_or_refused_as_bad_input(name):
    if not (REAL / name).is_file():
        pytest.skip("real RDSRs are not at hand")
    content, chance = (REAL / name).read_bytes(), random.Random(name)
    for _ in range(25):
        try:
            parse(decode(mutated(content, chance)))
        except InputError:
            continue


def every_item(ds: Dataset) -> list[tuple[Dataset, str]]:
    """Every element of every item, by its item and keyword."""
    found = [(ds, element.keyword) for element in ds if element.keyword]
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                found += every_item(item)
    return found


def test_a_document_that_lacks_any_one_element_is_read_or_refused_as_bad_input():
    written = encode(document("axial"))
    count = len(every_item(decode(written)))
    for index in range(0, count, 5):
        ds = decode(written)
        item, keyword = every_item(ds)[index]
        del item[keyword]
        try:
            parse(ds)
        except InputError:
            continue


def test_bytes_that_are_no_dicom_are_refused():
    for content in (b"", b"DICM", bytes(200), b"%PDF-1.4" * 40):
        with pytest.raises(InputError):
            decode(content)
