"""Whatever lies in a header, this room answers, and soon."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from ocr_service.study.comments import parse_comment
from ocr_service.study.header import align, console_text, header_report, image_events, scanner_of, with_witnesses
from ocr_service.study.stated import ConsoleText
from tests.study.headers import enhanced, exposure, image, page, report, row, siemens_page, spiral, whole_spiral

KEYWORDS = (
    "ImageType",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "AcquisitionNumber",
    "KVP",
    "CTDIvol",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "AcquisitionType",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceThickness",
    "ExposureModulationType",
    "CTDIPhantomTypeCodeSequence",
    "ImagesInAcquisition",
    "ScanLength",
    "IrradiationEventUID",
    "Manufacturer",
    "SpecificCharacterSet",
    "CommentsOnRadiationDose",
    "ExposureDoseSequence",
    "PerFrameFunctionalGroupsSequence",
    "ScanOptions",
    "SharedFunctionalGroupsSequence",
    "XRayTubeCurrentInuA",
    "ExposureTime",
    "BodyPartExamined",
    "StudyDescription",
)
VRS = ["DS", "IS", "FD", "FL", "US", "UI", "SQ", "LO", "UN", "CS", "DT", "TM", "PN", "OB", "AT", None]
BYTES = st.binary(max_size=40) | st.sampled_from(
    [b"1E99999999", b"-1E-9999999", b"NaN", b"Infinity", b"1\\2\\3", b"\\" * 30, b"\xff" * 16, b"9" * 39, b"\x1b$B"]
)
BROKEN = st.lists(st.tuples(st.sampled_from(KEYWORDS), st.sampled_from(VRS), BYTES), min_size=1, max_size=5)


def broken(ds: Dataset, damage) -> Dataset:
    for keyword, vr, content in damage:
        tag = Tag(keyword)
        ds._dict[tag] = RawDataElement(tag, vr or dictionary_VR(tag), len(content), content, 0, vr is None, True)
    return ds


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(BROKEN, st.integers(0, 3))
def test_a_broken_element_costs_itself_and_nothing_else(damage, which):
    made = [lambda: image(z=50.0), enhanced, lambda: page("Total DLP=5", [exposure()]), lambda: siemens_page("@Scan@")]
    ds = broken(made[which](), damage)
    events = image_events([*whole_spiral(count=3), ds])

    assert any(event.mean_ctdivol == 10 for event in events) or which < 2
    scanner_of(ds)
    text = console_text(ds)
    header_report([ds, *spiral(places=range(3))])
    printed = report(row("14", "5"), total="5")
    with_witnesses(printed, align(printed, [text], events), frozenset({"comments", "exposure_sequence", "images"}))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
@pytest.mark.filterwarnings("ignore")
def test_a_file_with_flipped_bytes_is_read_or_refused_by_pydicom_alone(data):
    ds = data.draw(st.sampled_from([image(), enhanced(), page("Event=1 DLP=5", [exposure(dlp="5")])]))
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = dcmread(io.BytesIO(bytes(content)), force=True)
    except Exception:  # noqa: BLE001 (what pydicom refuses is not this room's)
        return
    image_events([read])
    console_text(read)
    header_report([read, *spiral(places=range(3))])


def test_a_number_with_an_absurd_exponent_is_none():
    ds = image()
    ds._dict[Tag("SliceThickness")] = RawDataElement(Tag("SliceThickness"), "DS", 12, b"1E-999999999", 0, False, True)

    assert image_events([ds])[0].mean_ctdivol is None


def test_thousands_of_images_take_seconds():
    images = spiral(places=range(1500))
    start = time.perf_counter()
    (event,) = image_events(images)

    assert event.images == 1500
    assert time.perf_counter() - start < 10


def test_thousands_of_lonely_images_take_seconds():
    images = [image(f"series {n}", float(n), AcquisitionNumber=n, AcquisitionTime=None) for n in range(1500)]
    start = time.perf_counter()

    assert len(image_events(images)) == 1500
    assert time.perf_counter() - start < 10


def test_hundreds_of_rows_are_aligned_in_seconds():
    rows = report(*(row("7.2", "196.0") for _ in range(200)))
    text = ConsoleText(parse_comment("Event=1 CTDIvol=7.2 DLP=196.0 " * 200).rows)
    start = time.perf_counter()

    assert sum(bool(event.stated) for event in align(rows, [text], ()).events) == 200
    assert time.perf_counter() - start < 10


def test_more_rows_than_a_page_can_have_are_not_aligned():
    rows = report(*(row("7.2", "196.0") for _ in range(400)))

    assert not any(event.stated for event in align(rows, [ConsoleText()], ()).events)


def test_slices_with_a_thousand_holes_are_not_added_up():
    (event,) = image_events(spiral(places=range(0, 3000, 3), ImagesInAcquisition=1000))

    assert (event.dlp, event.ambiguous) == (None, "its slices leave gaps")
