"""A document is highdicom's, its bytes are pydicom's, and its name is a hash of them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from io import BytesIO

import highdicom.sr
import pydicom
import pytest
from highdicom.sr.sop import _SR
from pydicom.dataset import Dataset, FileMetaDataset

from ocr_service.dose.report import CodedConcept
from ocr_service.rdsr.document import rdsr
from ocr_service.rdsr.encoding import encode_dataset
from ocr_service.rdsr.identity import uid_of_bytes
from ocr_service.rdsr.sop import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    XRayRadiationDoseSR,
    encode,
)
from tests.rdsr.golden import document
from tests.rdsr.reports import KINDS, ONE_SPIRAL, SPIRAL, STUDY, printed, source

NAMES = [
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ("ISO_IR 192", "Yamada^Tarou=山田^太郎"),
    ("ISO_IR 100", "Müller^Änne"),
    ("ISO_IR 13", "ﾔﾏﾀﾞ"),
]


def by_dcmwrite(ds: Dataset) -> bytes:
    """The whole file as pydicom alone writes it."""
    ds = deepcopy(ds)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = pydicom.uid.UID(IMPLEMENTATION_CLASS_UID)
    ds.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_has_the_bytes_that_dcmwrite_gives_it(kind):
    ds = document(kind)

    assert encode(ds) == by_dcmwrite(ds)


@pytest.mark.parametrize(("letters", "name"), NAMES)
def test_a_document_in_any_character_set_has_the_bytes_that_dcmwrite_gives_it(letters, name):
    """With codes and text of these letters: they are no raw elements then."""
    region = CodedConcept("816094009", "SCT", name.rpartition("=")[2].rpartition("^")[2])
    event = replace(SPIRAL, target_region=region, protocol=printed(region.meaning))
    patient = source(SpecificCharacterSet=letters, PatientName=name, OtherPatientNames=[name, "Second^Name"])
    ds = rdsr(replace(ONE_SPIRAL, events=(event,)), patient, verified=True)

    assert ds.SpecificCharacterSet == letters
    assert encode(ds) == ds.encoded == by_dcmwrite(ds)
    assert pydicom.dcmread(BytesIO(ds.encoded)).PatientName == name


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_is_named_after_its_bytes_with_the_name_left_empty(kind):
    ds = document(kind)
    unnamed = deepcopy(ds)
    unnamed.SOPInstanceUID = ""

    assert ds.SOPInstanceUID == uid_of_bytes(encode_dataset(unnamed))
    assert ds.encoded == encode(ds)


def test_a_data_set_that_is_changed_is_not_the_file_that_was_named():
    ds = document("spiral")
    ds.PatientName = "Nobody"

    assert b"Example^Anna" in ds.encoded
    assert b"Example^Anna" not in encode(ds)


def test_a_document_read_and_written_again_is_the_same():
    written = encode(document("review"))

    assert encode(pydicom.dcmread(BytesIO(written))) == written


def test_the_file_says_who_wrote_it_and_nothing_of_a_library():
    written = encode(document("spiral"))
    meta = pydicom.dcmread(BytesIO(written)).file_meta

    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.MediaStorageSOPInstanceUID == pydicom.dcmread(BytesIO(written)).SOPInstanceUID
    assert meta.ImplementationVersionName == "OCR_SERVICE_1"
    assert meta.FileMetaInformationGroupLength == len(written) - len(encode_dataset(document("spiral"))) - 144
    assert b"pydicom" not in written.lower()
    assert b"highdicom" not in written.lower()


def test_a_document_is_an_sr_of_highdicom_with_its_content_and_its_evidence():
    ds = document("spiral")

    assert isinstance(ds, _SR)
    assert isinstance(ds, XRayRadiationDoseSR)
    assert ds.content.is_root
    assert ds.content[0].template_id == "10011"
    assert ds.get_evidence() == [(STUDY, f"{STUDY}.2", f"{STUDY}.2.1", "1.2.840.10008.5.1.4.1.1.7")]


TYPES = {
    "CODE": highdicom.sr.CodeContentItem,
    "CONTAINER": highdicom.sr.ContainerContentItem,
    "DATETIME": highdicom.sr.DateTimeContentItem,
    "NUM": highdicom.sr.NumContentItem,
    "TEXT": highdicom.sr.TextContentItem,
    "UIDREF": highdicom.sr.UIDRefContentItem,
}


def every_item(item: Dataset) -> list[Dataset]:
    return [item, *(below for child in item.get("ContentSequence", ()) for below in every_item(child))]


@pytest.mark.parametrize("kind", KINDS)
def test_every_content_item_and_every_code_is_of_highdicoms_types(kind):
    for item in every_item(document(kind).content[0]):
        assert isinstance(item, TYPES[item.ValueType])
        if "ContentSequence" in item:
            assert isinstance(item.ContentSequence, highdicom.sr.ContentSequence)
        for element in item:
            if element.keyword.endswith("CodeSequence"):
                assert {type(code) for code in element.value} == {highdicom.sr.CodedConcept}
