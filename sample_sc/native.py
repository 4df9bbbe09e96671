"""A scanner's own X-Ray Radiation Dose SR, as a newer console sends it beside its page.

TID 10011 with 10012 and 10013 of PS3.16, written item by item. Knows PS3.16; must not know layouts.
"""

from __future__ import annotations

from dataclasses import dataclass

from headers import Exam, code, dose_sr, later, phantom_code, uid
from pydicom.dataset import Dataset

Concept = tuple[str, str, str]

UNITS: dict[str, Concept] = {
    "mGy": ("mGy", "UCUM", "mGy"),
    "mGy.cm": ("mGy.cm", "UCUM", "mGy.cm"),
    "mm": ("mm", "UCUM", "mm"),
    "s": ("s", "UCUM", "s"),
    "kV": ("kV", "UCUM", "kV"),
    "mA": ("mA", "UCUM", "mA"),
    "ratio": ("{ratio}", "UCUM", "ratio"),
    "sources": ("{X-Ray sources}", "UCUM", "X-Ray sources"),
    "events": ("{events}", "UCUM", "events"),
}


@dataclass(frozen=True, slots=True)
class NativeEvent:
    """One irradiation event; doses are empty for a localizer. `kind` is a term of CID 10013."""

    protocol: str
    kind: Concept
    length: str
    ctdivol: str = ""
    dlp: str = ""
    phantom: str = ""


def _coded(concept: Concept) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = concept
    return item


def _item(relation: str, kind: str, name: str, meaning: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [code(name, meaning)]
    return item


def _text(relation: str, name: str, meaning: str, text: str) -> Dataset:
    item = _item(relation, "TEXT", name, meaning)
    item.TextValue = text
    return item


def _uid(relation: str, name: str, meaning: str, value: str) -> Dataset:
    item = _item(relation, "UIDREF", name, meaning)
    item.UID = value
    return item


def _time(name: str, meaning: str, value: str) -> Dataset:
    item = _item("HAS OBS CONTEXT", "DATETIME", name, meaning)
    item.DateTime = value
    return item


def _code(relation: str, name: str, meaning: str, value: Dataset, *children: Dataset) -> Dataset:
    item = _item(relation, "CODE", name, meaning)
    item.ConceptCodeSequence = [value]
    if children:
        item.ContentSequence = list(children)
    return item


def _number(name: str, meaning: str, value: str, unit: str) -> Dataset:
    item = _item("CONTAINS", "NUM", name, meaning)
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = [_coded(UNITS[unit])]
    item.MeasuredValueSequence = [measured]
    return item


def _box(name: str, meaning: str, *children: Dataset) -> Dataset:
    item = _item("CONTAINS", "CONTAINER", name, meaning)
    item.ContinuityOfContent = "SEPARATE"
    item.ContentSequence = list(children)
    return item


def _acquisition(exam: Exam, number: int, event: NativeEvent) -> Dataset:
    """CT Irradiation Event Data (TID 10013)."""
    source = _box(
        "113831",
        "CT X-Ray Source Parameters",
        _text("CONTAINS", "113832", "Identification of the X-Ray Source", "1"),
        _number("113733", "KVP", "120", "kV"),
        _number("113833", "Maximum X-Ray Tube Current", "210", "mA"),
        _number("113734", "X-Ray Tube Current", "180", "mA"),
        *((_number("113834", "Exposure Time per Rotation", "0.5", "s"),) if event.dlp else ()),
    )
    parameters = _box(
        "113822",
        "CT Acquisition Parameters",
        _number("113824", "Exposure Time", "4.5", "s"),
        _number("113825", "Scanning Length", event.length, "mm"),
        _number("113826", "Nominal Single Collimation Width", "0.625", "mm"),
        _number("113827", "Nominal Total Collimation Width", "40", "mm"),
        *((_number("113828", "Pitch Factor", "0.984", "ratio"),) if event.dlp else ()),
        _number("113823", "Number of X-Ray Sources", "1", "sources"),
        source,
    )
    children = [
        _text("CONTAINS", "125203", "Acquisition Protocol", event.protocol),
        _code("CONTAINS", "123014", "Target Region", _coded(("51185008", "SCT", "Chest"))),
        _code("CONTAINS", "113820", "CT Acquisition Type", _coded(event.kind)),
        _uid("CONTAINS", "113769", "Irradiation Event UID", uid(exam.key, "native event", number)),
        parameters,
    ]
    if event.dlp:
        dose = (
            _number("113830", "Mean CTDIvol", event.ctdivol, "mGy"),
            _code("CONTAINS", "113835", "CTDIw Phantom Type", phantom_code(event.phantom)),
            _number("113838", "DLP", event.dlp, "mGy.cm"),
        )
        children.append(_box("113829", "CT Dose", *dose))
    return _box("113819", "CT Acquisition", *children)


def native_rdsr(exam: Exam, events: tuple[NativeEvent, ...], total: str) -> Dataset:
    """X-Ray Radiation Dose SR (PS3.3 A.35.8) of the whole study."""
    ds = dose_sr(exam, 997, "Dose Report")
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [code("113701", "X-Ray Radiation Dose Report")]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "10011"
    ds.ContentTemplateSequence = [template]
    context = "HAS OBS CONTEXT"
    study = _uid("HAS PROPERTIES", "110180", "Study Instance UID", exam.study_instance_uid)
    intent = _item("HAS CONCEPT MOD", "CODE", "", "")
    intent.ConceptNameCodeSequence = [_coded(("363703001", "SCT", "Has Intent"))]
    intent.ConceptCodeSequence = [_coded(("261004008", "SCT", "Diagnostic Intent"))]
    scan = _coded(("77477000", "SCT", "Computed Tomography X-Ray"))
    accumulated = _box(
        "113811",
        "CT Accumulated Dose Data",
        _number("113812", "Total Number of Irradiation Events", str(len(events)), "events"),
        _number("113813", "CT Dose Length Product Total", total, "mGy.cm"),
    )
    ds.ContentSequence = [
        _code("HAS CONCEPT MOD", "121058", "Procedure reported", scan, intent),
        _code(context, "121005", "Observer Type", code("121007", "Device")),
        _uid(context, "121012", "Device Observer UID", uid(exam.console.serial, "device")),
        _text(context, "121013", "Device Observer Name", exam.console.station),
        _text(context, "121014", "Device Observer Manufacturer", exam.console.manufacturer),
        _text(context, "121015", "Device Observer Model Name", exam.console.model),
        _text(context, "121016", "Device Observer Serial Number", exam.console.serial),
        _code(context, "113876", "Device Role in Procedure", code("113859", "Irradiating Device")),
        _time("113809", "Start of X-Ray Irradiation", exam.date + exam.time),
        _time("113810", "End of X-Ray Irradiation", exam.date + later(exam.time, 12)),
        _code(context, "113705", "Scope of Accumulation", code("113014", "Study"), study),
        accumulated,
        *(_acquisition(exam, number, event) for number, event in enumerate(events, start=1)),
        _code("CONTAINS", "113854", "Source of Dose Information", code("113856", "Automated Data Collection")),
    ]
    return ds
