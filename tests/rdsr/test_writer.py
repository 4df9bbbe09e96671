"""Our bytes are pydicom's bytes, and complete."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from ocr_service.rdsr.document import encode
from ocr_service.rdsr.writer import encode_dataset
from tests.rdsr.golden import document
from tests.rdsr.reports import KINDS


def by_pydicom(ds: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_has_the_bytes_that_pydicom_gives_it(kind):
    ds = document(kind)

    assert encode_dataset(ds) == by_pydicom(ds)


def test_a_document_read_and_written_again_is_the_same():
    written = encode(document("review"))

    assert encode(pydicom.dcmread(BytesIO(written))) == written


def test_text_in_every_declared_character_set_has_the_bytes_that_pydicom_gives_it():
    for letters, name in (
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 192", "Yamada^Tarou=山田^太郎"),
        ("ISO_IR 100", "Müller^Änne"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ"),
    ):
        ds = Dataset()
        ds.SpecificCharacterSet, ds.PatientName = letters, name
        ds.StudyDescription = name.rpartition("=")[2]
        ds.OtherPatientNames = [name, "Second^Name"]
        item = Dataset()
        item.TextValue = name.rpartition("=")[2]
        ds.ContentSequence = [item, Dataset()]

        assert encode_dataset(ds) == by_pydicom(ds)


def test_katakana_beside_latin_letters_survives_where_pydicom_would_lose_it():
    ds = Dataset()
    ds.SpecificCharacterSet, ds.StudyDescription = "ISO_IR 13", "CT ﾑﾈ"

    (_, text) = encode_dataset(ds).split(b"LO\x06\x00")
    assert text == b"CT \xd1\xc8 "
    assert pydicom.dcmread(BytesIO(encode_dataset(ds)), force=True).StudyDescription == "CT ﾑﾈ"


def test_other_value_representations_are_written_by_pydicom():
    ds = Dataset()
    ds.Rows, ds.PixelAspectRatio, ds.PatientComments = 512, [1, 1], ""
    ds.ReferencedFrameNumber, ds.RedPaletteColorLookupTableData = None, b"\x01\x02"

    assert encode_dataset(ds) == by_pydicom(ds)


def test_the_file_says_who_wrote_it_and_nothing_of_a_library():
    written = encode(document("spiral"))
    meta = pydicom.dcmread(BytesIO(written)).file_meta

    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.MediaStorageSOPInstanceUID == pydicom.dcmread(BytesIO(written)).SOPInstanceUID
    assert meta.ImplementationVersionName == "OCR_SERVICE_1"
    assert meta.FileMetaInformationGroupLength == len(written) - len(encode_dataset(document("spiral"))) - 144
    assert b"pydicom" not in written.lower()
    assert b"highdicom" not in written.lower()
