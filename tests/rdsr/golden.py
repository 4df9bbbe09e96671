"""Documents as text, one of every kind, kept in golden/ so that a change of the RDSR's format is seen.

`python -m tests.rdsr.golden` writes them anew; look at the difference before it is committed: a change of bytes
is a new version of the format (FORMAT_VERSION in ocr_service/rdsr/identity.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from ocr_service.dose.report import doubt
from ocr_service.rdsr.document import rdsr
from ocr_service.rdsr.sop import XRayRadiationDoseSR, encode
from tests.rdsr.reports import KINDS, source

GOLDEN = Path(__file__).parent / "golden"
DOUBTS = (doubt("row 2, mean_ctdivol", "only ppocr vouches for it"),)


def document(kind: str) -> XRayRadiationDoseSR:
    report, verified = KINDS[kind]
    return rdsr(report, source(), verified=verified, findings=() if verified else DOUBTS)


def dump(ds: Dataset) -> str:
    """The header element by element, the content tree item by item, and the file's hash."""
    lines = [*_elements(ds, ""), *_tree(ds, ""), f"SHA-256 of the file: {hashlib.sha256(encode(ds)).hexdigest()}"]
    return "\n".join(lines) + "\n"


def _elements(ds: Dataset, indent: str) -> Iterator[str]:
    for element in ds:
        if element.keyword in {"ContentSequence", "ConceptNameCodeSequence", "ContentTemplateSequence"}:
            continue
        if element.VR == "SQ":
            yield f"{indent}{element.tag} {element.keyword}: {len(element.value)} items"
            for item in element.value:
                yield from _elements(item, indent + "    ")
        else:
            yield f"{indent}{element.tag} {element.VR} {element.keyword}: {element.value}"


def _tree(item: Dataset, indent: str) -> Iterator[str]:
    value = _value(item).replace("\r\n", f"\n{indent}        | ")
    template = f" TID {item.ContentTemplateSequence[0].TemplateIdentifier}" if "ContentTemplateSequence" in item else ""
    relation = item.get("RelationshipType", "")
    yield f"{indent}{relation} {item.ValueType} {_code(item.ConceptNameCodeSequence[0])}{template}{value}"
    for child in item.get("ContentSequence", ()):
        yield from _tree(child, indent + "    ")


def _code(code: Dataset) -> str:
    return f'({code.CodeValue}, {code.CodingSchemeDesignator}, "{code.CodeMeaning}")'


def _value(item: Dataset) -> str:
    match item.ValueType:
        case "NUM" if item.MeasuredValueSequence:
            (measured,) = item.MeasuredValueSequence
            return f" = {measured.NumericValue} {_code(measured.MeasurementUnitsCodeSequence[0])}"
        case "NUM":
            return f" = none, {_code(item.NumericValueQualifierCodeSequence[0])}"
        case "CODE":
            return f" = {_code(item.ConceptCodeSequence[0])}"
        case "TEXT":
            return f" = {item.TextValue}"
        case "UIDREF":
            return f" = {item.UID}"
        case "DATETIME":
            return f" = {item.DateTime}"
        case _:
            return ""


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for kind in KINDS:
        (GOLDEN / f"{kind}.txt").write_text(dump(document(kind)), encoding="utf-8")
