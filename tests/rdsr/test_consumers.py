"""Other people's software accepts our documents and reads the numbers that we wrote."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO

import highdicom.sr
import pydicom
import pytest
from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DateTimeContentItem,
    NumContentItem,
    TextContentItem,
    UIDRefContentItem,
)
from pydicom.dataset import Dataset
from pydicom.valuerep import DT
from rdsr_navigator import read_file
from rdsr_navigator.sr_element import SrElement

from ocr_service.dose.report import CTDoseReport, IrradiationEvent
from ocr_service.rdsr.document import rdsr
from ocr_service.rdsr.sop import XRayRadiationDoseSR, encode
from tests.rdsr.golden import document
from tests.rdsr.reports import KINDS, SCANNER, SPIRAL, STUDY, source


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install dicom3tools dcmtk")
    return found


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def documents() -> Iterator[tuple[str, Dataset]]:
    for kind in KINDS:
        yield kind, document(kind)
        report, verified = KINDS[kind]
        yield f"{kind}, unknown left out", rdsr(report, source(), verified=verified, state_unknown=False)
    report, _ = KINDS["spiral"]
    names = {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}
    yield "japanese", rdsr(report, source(**names), verified=True)
    yield "utf_8", rdsr(report, source(**(names | {"SpecificCharacterSet": "ISO_IR 192"})), verified=True)


@pytest.mark.dicom_tools
def test_dciodvfy_finds_no_error(tmp_path):
    for kind, ds in documents():
        file = tmp_path / "document.dcm"
        file.write_bytes(encode(ds))
        answer = run([tool("dciodvfy"), "-new", str(file)])
        lines = (answer.stdout + answer.stderr).splitlines()

        assert "XRayRadiationDoseSR" in lines, kind
        assert [line for line in lines if line.startswith(("Error", "Warning"))] == [], kind


# PS3.3 A.35.8 says nothing of the flag: a document that lacks a page is no complete one. Letters it only passes on.
JUDGED = {
    "W: Invalid value for Completion Flag, should be 'COMPLETE' for X-Ray Radiation Dose SR",
    "W: The VR checker does not support this Specific Character Set: \\ISO 2022 IR 87",
    "W: The VR checker does not support this Specific Character Set: ISO_IR 192",
    "W: Reading unknown/unsupported SpecificCharacterSet (\\ISO 2022 IR 87)",
}


@pytest.mark.dicom_tools
def test_dsrdump_parses_every_relationship(tmp_path):
    for kind, ds in documents():
        file = tmp_path / "document.dcm"
        file.write_bytes(encode(ds))
        answer = run([tool("dsrdump"), str(file)])

        assert answer.returncode == 0, kind
        assert [line for line in answer.stderr.splitlines() if line not in JUDGED] == [], kind
        assert "X-Ray Radiation Dose Report" in answer.stdout


@pytest.mark.dicom_tools
def test_dcsrdump_shows_the_printed_numbers(tmp_path):
    file = tmp_path / "spiral.dcm"
    file.write_bytes(encode(document("spiral")))
    answer = run([tool("dcsrdump"), str(file)])

    assert '(113838,DCM,"DLP")  = 498.42 (mGy.cm,UCUM,"mGy.cm")' in answer.stdout + answer.stderr
    assert '"Pitch Factor")  = 0.984' in answer.stdout + answer.stderr


def again(ds: Dataset) -> pydicom.FileDataset:
    return pydicom.dcmread(BytesIO(encode(ds)))


FORMS = pytest.mark.parametrize("state_unknown", [True, False], ids=["unknown_stated", "unknown_left_out"])


def written(kind: str, state_unknown: bool) -> pydicom.FileDataset:
    report, verified = KINDS[kind]
    return again(rdsr(report, source(), verified=verified, state_unknown=state_unknown))


def root_of(ds: Dataset) -> Dataset:
    """The content tree alone, as highdicom's classes for content take it."""
    root = Dataset()
    for keyword in ("ValueType", "ConceptNameCodeSequence", "ContentSequence", "ContinuityOfContent"):
        setattr(root, keyword, ds[keyword].value)
    root.ContentTemplateSequence = ds.ContentTemplateSequence
    return root


def same_tree(ours: Dataset, theirs: Dataset) -> int:
    """Compare item by item what highdicom gives with what stands in the file; returns how many there are."""
    assert isinstance(theirs, ContentItem)
    assert theirs.value_type.value == ours.ValueType
    assert theirs.name.value == ours.ConceptNameCodeSequence[0].CodeValue
    assert (theirs.relationship_type.value if theirs.relationship_type else None) == ours.get("RelationshipType")
    match theirs:
        case NumContentItem():
            (measured,) = ours.MeasuredValueSequence
            assert (theirs.value, theirs.unit.value) == (
                float(measured.NumericValue),
                measured.MeasurementUnitsCodeSequence[0].CodeValue,
            )
        case CodeContentItem():
            assert theirs.value.meaning == ours.ConceptCodeSequence[0].CodeMeaning
        case DateTimeContentItem():
            assert theirs.value == DT(ours.DateTime)
        case TextContentItem() | UIDRefContentItem():
            assert theirs.value == ours.get("TextValue", ours.get("UID"))
        case ContainerContentItem():
            named = ours.get("ContentTemplateSequence")
            assert theirs.template_id == (named[0].TemplateIdentifier if named else None)
        case _:
            pytest.fail(f"an item of a type that we do not write: {theirs.value_type}")
    below = list(ours.get("ContentSequence", ()))
    found = list(theirs.get("ContentSequence", ()))
    assert len(found) == len(below)
    return 1 + sum(same_tree(mine, his) for mine, his in zip(below, found, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_back_every_item_of_every_kind(kind):
    """By ContentSequence.from_sequence, its public way in."""
    ds = written(kind, state_unknown=False)
    (tree,) = ContentSequence.from_sequence([root_of(ds)], is_root=True)

    assert tree.template_id == "10011"
    assert same_tree(ds, tree) > 30


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_back_every_item_but_a_number_that_nobody_told_which_it_cannot(kind):
    """0.28 takes the first measured value of a NUM; all else of the same document it reads."""
    ds = written(kind, state_unknown=True)
    untold = without_untold_numbers(ds)
    (tree,) = ContentSequence.from_sequence([root_of(ds)], is_root=True)

    assert same_tree(ds, tree) > 30
    for item in untold:
        assert item.NumericValueQualifierCodeSequence[0].CodeMeaning == "Value unknown"
        with pytest.raises(IndexError):
            NumContentItem.from_dataset(item)


def without_untold_numbers(item: Dataset) -> list[Dataset]:
    """Take the numbers that nobody told out of the tree, and return them."""
    found = [c for c in item.ContentSequence if c.ValueType == "NUM" and not c.MeasuredValueSequence]
    item.ContentSequence = [child for child in item.ContentSequence if child not in found]
    for child in item.ContentSequence:
        if "ContentSequence" in child:
            found += without_untold_numbers(child)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_highdicoms_class_for_the_document_reads_it_from_its_file(kind):
    read = XRayRadiationDoseSR.from_dataset(written(kind, state_unknown=False))

    assert read.content[0].name.value == "113701"
    assert read.get_evidence() == document(kind).get_evidence()


def test_srread_reads_the_document_as_enhanced_sr_and_has_no_class_of_its_own_for_it():
    ds = written("spiral", state_unknown=False)
    with pytest.raises(RuntimeError, match="not supported"):
        highdicom.sr.srread(BytesIO(encode(ds)))
    ds.SOPClassUID = pydicom.uid.EnhancedSRStorage

    assert highdicom.sr.srread(BytesIO(encode(ds))).content[0].name.value == "113701"


def number(element: SrElement, name: str) -> float | None:
    """A number by rdsr-navigator; None where it is said to be unknown, or left out."""
    item = next(element // name, None)
    return None if item is None or item.value is None else float(item.value[0])


@FORMS
@pytest.mark.parametrize("kind", KINDS)
def test_rdsr_navigator_reads_what_we_wrote(kind, state_unknown):
    report, _ = KINDS[kind]
    root = read_file(written(kind, state_unknown))
    found = list(root // "ct_acquisition")

    assert len(found) == len(report.events)
    for element, event in zip(found, report.events, strict=True):
        names = {item.concept_name.code_meaning for item in element.content}
        assert element["irradiation_event_uid"].value.startswith(("2.25.", "1.2."))
        assert element["target_region"].value == (event.target_region.meaning if event.target_region else "Unknown")
        if "ct_dose" in names:
            assert_dose(element, event)
        tube = element["ct_acquisition_parameters"]["ct_x-ray_source_parameters"]
        kvp = event.kvp.value if event.kvp else event.parameters.kvp
        assert number(tube, "kvp") == (None if kvp is None else float(kvp))
    accumulated = root["ct_accumulated_dose_data"]
    assert number(accumulated, "total_number_of_irradiation_events") == len(report.events)
    printed = report.printed_total
    if printed is not None:
        assert accumulated["ct_dose_length_product_total"].value == (float(printed), "mGy.cm")


def assert_dose(element: SrElement, event: IrradiationEvent) -> None:
    ct_dose = element["ct_dose"]
    for name, reading in (("mean_ctdivol", event.mean_ctdivol), ("dlp", event.dlp)):
        assert number(ct_dose, name) == (None if reading is None else float(reading.value))
    phantom = ct_dose["ctdiw_phantom_type"].value
    assert phantom == (
        "Unknown" if event.phantom is None else f"IEC {event.phantom.value.name.title()} Dosimetry Phantom"
    )


# The paths that OpenREM's CT importer takes, by the meanings it compares: container, then item, then what it
# takes of the item without asking whether it is there.
ROOT = {
    "Procedure reported": "CODE",
    "Start of X-Ray Irradiation": "DATETIME",
    "End of X-Ray Irradiation": "DATETIME",
    "Scope of Accumulation": "CODE",
    "CT Accumulated Dose Data": "CONTAINER",
    "CT Acquisition": "CONTAINER",
    "Source of Dose Information": "CODE",
    "Observer Type": "CODE",
    "Device Observer UID": "UIDREF",
    "Device Observer Name": "TEXT",
    "Device Observer Manufacturer": "TEXT",
    "Device Observer Model Name": "TEXT",
}
ACCUMULATED = {"Total Number of Irradiation Events": "NUM", "CT Dose Length Product Total": "NUM", "Comment": "TEXT"}
ACQUISITION = {
    "Acquisition Protocol": "TEXT",
    "Target Region": "CODE",
    "CT Acquisition Type": "CODE",
    "Irradiation Event UID": "UIDREF",
    "CT Acquisition Parameters": "CONTAINER",
    "CT Dose": "CONTAINER",
    "Comment": "TEXT",
    "Device Role in Procedure": "CODE",
}
PARAMETERS = {
    "Exposure Time": "NUM",
    "Scanning Length": "NUM",
    "Nominal Single Collimation Width": "NUM",
    "Nominal Total Collimation Width": "NUM",
    "Pitch Factor": "NUM",
    "Number of X-Ray Sources": "NUM",
    "CT X-Ray Source Parameters": "CONTAINER",
}
TUBE = {
    "Identification of the X-Ray Source": "TEXT",
    "KVP": "NUM",
    "Maximum X-Ray Tube Current": "NUM",
    "X-Ray Tube Current": "NUM",
    "Exposure Time per Rotation": "NUM",
}
CT_DOSE = {"Mean CTDIvol": "NUM", "CTDIw Phantom Type": "CODE", "DLP": "NUM"}
PARTICIPANT = {
    "Device Manufacturer": "TEXT",
    "Device Model Name": "TEXT",
    "Device Serial Number": "TEXT",
    "Device Observer UID": "UIDREF",
}


def walk(item: Dataset, wanted: dict[str, str]) -> dict[str, Dataset]:
    """The children by meaning, each taken as the importer takes it: first code, first measured value."""
    found: dict[str, Dataset] = {}
    for child in item.ContentSequence:
        meaning = child.ConceptNameCodeSequence[0].CodeMeaning
        if meaning in wanted:
            assert child.ValueType == wanted[meaning]
            _ = take(child)
            found.setdefault(meaning, child)
    return found


def take(item: Dataset) -> str:
    match item.ValueType:
        case "NUM":
            return str(item.MeasuredValueSequence[0].NumericValue)
        case "CODE":
            code = item.ConceptCodeSequence[0]
            return f"{code.CodeValue} {code.CodeMeaning}"
        case "TEXT":
            return str(item.TextValue)
        case "UIDREF":
            return str(item.UID)
        case "DATETIME":
            return str(item.DateTime)
        case _:
            return str(len(item.ContentSequence))


def test_every_path_that_openrem_takes_leads_somewhere():
    root = again(rdsr(CTDoseReport(STUDY, SCANNER, (SPIRAL,)), source(), verified=True))

    assert root.ConceptNameCodeSequence[0].CodeMeaning == "X-Ray Radiation Dose Report"
    found = walk(root, ROOT)
    assert set(found) == set(ROOT)
    assert take(found["Procedure reported"]) == "77477000 Computed Tomography X-Ray"
    assert take(found["Scope of Accumulation"].ContentSequence[0]) == root.StudyInstanceUID
    accumulated = walk(found["CT Accumulated Dose Data"], ACCUMULATED)
    assert set(accumulated) == set(ACCUMULATED)
    acquisition = walk(found["CT Acquisition"], ACQUISITION)
    assert set(acquisition) == set(ACQUISITION)
    assert take(acquisition["CT Acquisition Type"]) == "116152004 Spiral Acquisition"
    parameters = walk(acquisition["CT Acquisition Parameters"], PARAMETERS)
    assert set(parameters) == set(PARAMETERS)
    assert set(walk(parameters["CT X-Ray Source Parameters"], TUBE)) == set(TUBE)
    doses = walk(acquisition["CT Dose"], CT_DOSE)
    assert {name: take(item) for name, item in doses.items()} == {
        "Mean CTDIvol": "11.20",
        "CTDIw Phantom Type": "113691 IEC Body Dosimetry Phantom",
        "DLP": "498.42",
    }
    assert set(walk(acquisition["Device Role in Procedure"], PARTICIPANT)) == set(PARTICIPANT)


def walk_all(root: Dataset) -> list[str]:
    """The whole document as the importer walks it; returns what it takes, in order."""
    taken: list[str] = []

    def step(item: Dataset, wanted: dict[str, str]) -> dict[str, Dataset]:
        found = walk(item, wanted)
        taken.extend(take(found[meaning]) for meaning in sorted(found) if wanted[meaning] != "CONTAINER")
        return found

    found = step(root, ROOT)
    step(found["CT Accumulated Dose Data"], ACCUMULATED)
    for event in root.ContentSequence:
        if event.ConceptNameCodeSequence[0].CodeMeaning == "CT Acquisition":
            acquisition = step(event, ACQUISITION)
            step(step(acquisition["CT Acquisition Parameters"], PARAMETERS)["CT X-Ray Source Parameters"], TUBE)
            if "CT Dose" in acquisition:
                step(acquisition["CT Dose"], CT_DOSE)
    return taken


NOT_ALL_TOLD = [kind for kind in KINDS if kind != "header"]


@pytest.mark.parametrize("kind", NOT_ALL_TOLD)
def test_an_importer_that_takes_every_number_for_granted_needs_the_unknown_ones_left_out(kind):
    """OpenREM 0.10 and 1.0 index the first measured value; an empty sequence stops the whole import."""
    walk_all(written(kind, state_unknown=False))
    with pytest.raises(IndexError):
        walk_all(written(kind, state_unknown=True))


@pytest.mark.parametrize("kind", KINDS)
def test_both_forms_lead_an_importer_to_the_same_values(kind):
    full, bare = written(kind, state_unknown=True), written(kind, state_unknown=False)
    untold = without_untold_numbers(full)

    assert walk_all(full) == walk_all(bare)
    assert bool(untold) is (kind in NOT_ALL_TOLD)
