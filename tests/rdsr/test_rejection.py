"""A rejection note names the report it takes back, as IHE IOCM wants it, and says the same each time."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import pytest
from highdicom.ko import KeyObjectSelectionDocument
from pydicom import dcmread
from pydicom.dataset import Dataset

from ocr_service.errors import BrokenObject
from ocr_service.rdsr.document import rdsr
from ocr_service.rdsr.rejection import RejectionCode, rejection_note
from ocr_service.rdsr.sop import XRAY_RADIATION_DOSE_SR
from tests.rdsr.reports import ONE_SPIRAL, source

MOMENT = datetime(2020, 3, 12, 8, 15, 7, tzinfo=UTC)
JAPANESE: dict[str, object] = {
    "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
    "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
}
SOURCES: dict[str, dict[str, object]] = {
    "plain": {},
    "zoned": {"TimezoneOffsetFromUTC": "+0900"},
    "japanese": JAPANESE,
    "utf_8": JAPANESE | {"SpecificCharacterSet": "ISO_IR 192"},
    "synchronized": {
        "SynchronizationFrameOfReferenceUID": "1.2.3",
        "SynchronizationTrigger": "NO TRIGGER",
        "AcquisitionTimeSynchronized": "N",
    },
}


def rejected(**values: object) -> Dataset:
    return rdsr(ONE_SPIRAL, source(**values), verified=True)


def noted(report: Dataset, code: RejectionCode = "113001", moment: datetime = MOMENT) -> Dataset:
    return dcmread(BytesIO(rejection_note(report, code, moment)[0]))


@pytest.mark.parametrize(
    ("code", "title"),
    [("113001", "Rejected for Quality Reasons"), ("113037", "Rejected for Patient Safety Reasons")],
)
def test_the_note_has_the_title_of_its_code_and_references_the_report(code: RejectionCode, title: str) -> None:
    report = rejected()
    encoded, uid = rejection_note(report, code, MOMENT)
    ds = dcmread(BytesIO(encoded))

    assert (ds.SOPInstanceUID, ds.file_meta.MediaStorageSOPInstanceUID) == (uid, uid)
    assert (ds.SOPClassUID, ds.Modality) == ("1.2.840.10008.5.1.4.1.1.88.59", "KO")
    assert ds.ContentTemplateSequence[0].TemplateIdentifier == "2010"
    (named,) = ds.ConceptNameCodeSequence
    assert (named.CodeValue, named.CodingSchemeDesignator, named.CodeMeaning) == (code, "DCM", title)
    document = KeyObjectSelectionDocument.from_dataset(ds)
    (reference,) = document.content.get_references()
    assert reference.ValueType == "COMPOSITE"
    assert reference.RelationshipType == "CONTAINS"
    assert reference.referenced_sop_class_uid == XRAY_RADIATION_DOSE_SR
    assert document.resolve_reference(report.SOPInstanceUID) == (
        report.StudyInstanceUID,
        report.SeriesInstanceUID,
        report.SOPInstanceUID,
    )


def test_the_note_is_of_the_same_patient_and_study_in_a_series_of_its_own() -> None:
    report = rejected()
    ds = noted(report)

    for keyword in (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID", "StudyDate",
        "StudyTime", "AccessionNumber", "StudyDescription", "ReferringPhysicianName",
    ):  # fmt: skip
        assert ds[keyword] == report[keyword], keyword
    assert ds.SeriesInstanceUID != report.SeriesInstanceUID
    assert (ds.ContentDate, ds.ContentTime) == ("20200312", "081507")


def test_equal_inputs_give_equal_bytes_and_each_other_input_another_uid() -> None:
    first = rejection_note(rejected(), "113001", MOMENT)

    assert rejection_note(rejected(), "113001", MOMENT) == first
    assert rejection_note(dcmread(BytesIO(rejected().encoded)), "113001", MOMENT) == first
    others = [
        rejection_note(rejected(), "113037", MOMENT),
        rejection_note(rejected(), "113001", MOMENT + timedelta(seconds=1)),
        rejection_note(rejected(PatientID="0043"), "113001", MOMENT),
    ]
    assert len({uid for _, uid in [first, *others]}) == 4
    assert {len(uid) <= 64 for _, uid in others} == {True}


def test_the_moment_is_told_in_the_time_zone_of_the_report() -> None:
    zoned = rejected(TimezoneOffsetFromUTC="-0330")

    assert noted(zoned).ContentTime == "044507"
    assert noted(zoned).TimezoneOffsetFromUTC == "-0330"
    assert noted(zoned, moment=MOMENT.astimezone(timezone(timedelta(hours=9)))) == noted(zoned)
    assert noted(zoned, moment=MOMENT.replace(tzinfo=None)).ContentTime == "081507"
    assert "TimezoneOffsetFromUTC" not in noted(rejected())


def test_names_in_other_letters_stay_as_they_are() -> None:
    for name in ("japanese", "utf_8"):
        assert noted(rejected(**SOURCES[name])).PatientName == JAPANESE["PatientName"]


def test_a_report_without_its_uids_cannot_be_rejected() -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
        report = dcmread(BytesIO(rejected().encoded))
        delattr(report, keyword)
        with pytest.raises(BrokenObject, match=keyword):
            rejection_note(report, "113001", MOMENT)


@pytest.mark.dicom_tools
@pytest.mark.parametrize("name", SOURCES)
def test_both_validators_pass_the_note(name: str, tmp_path: Path) -> None:
    for tool in ("dciodvfy", "dsrdump"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: apt-get install dicom3tools dcmtk")
    file = tmp_path / "note.dcm"
    file.write_bytes(rejection_note(rejected(**SOURCES[name]), "113001", MOMENT)[0])
    checked = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, timeout=60, check=False)
    said = (checked.stdout + checked.stderr).splitlines()

    assert "KeyObjectSelectionDocument" in said
    assert [line for line in said if line.startswith(("Error", "Warning"))] == []
    shown = subprocess.run(["dsrdump", str(file)], capture_output=True, timeout=60, check=False)
    assert shown.returncode == 0
    assert [line for line in shown.stderr.decode().splitlines() if line.startswith(("E:", "F:"))] == []
