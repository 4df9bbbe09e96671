"""Every document obeys TID 10011 and the templates it includes, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from ocr_service.dose.report import CTDoseReport, Scope
from ocr_service.rdsr.document import rdsr
from tests.rdsr.generated import reports
from tests.rdsr.reports import AXIAL, FROM_HEADERS, KINDS, LOCALIZER, SPIRAL, TWO_PHANTOMS, dose, source
from tests.rdsr.rows import EVENT, ROWS, UNKNOWN, Row, below, rows_below

STANDARD = Path(__file__).resolve().parents[3] / "shared" / "standard" / "TID10011.md"
PLACED = replace(SPIRAL, parameters=replace(SPIRAL.parameters, reconstructable_length=Decimal(400)))
DOCUMENTS = KINDS | {
    "single_event": (replace(FROM_HEADERS, scope=Scope.IRRADIATION_EVENT), False),
    "placed": (replace(TWO_PHANTOMS, events=(LOCALIZER, PLACED, AXIAL)), True),
    "phantom_without_dlp": (replace(TWO_PHANTOMS, events=(SPIRAL, replace(AXIAL, dlp=None))), True),
}


def complaints(ds: Dataset, *, state_unknown: bool = True) -> list[str]:
    """What a document does against the rows, one sentence each."""
    root = next(row for row in ROWS if row.parent == "")
    found = [] if fits(ds, root) else [f"the root is not that of {root}"]
    return [*found, *_complaints(ds, ds, state_unknown)]


def _complaints(item: Dataset, within: Dataset, state_unknown: bool) -> Iterator[str]:
    rows = rows_below(item)
    children = list(item.get("ContentSequence", ()))
    places = [next((n for n, row in enumerate(rows) if fits(child, row)), None) for child in children]
    for child, place in zip(children, places, strict=True):
        if place is None:
            yield f"no row below {name(item)} has {child.get('RelationshipType')} {child.ValueType} {name(child)}"
    known = [place for place in places if place is not None]
    if known != sorted(known):
        yield f"the items below {name(item)} are not in the order of the rows"
    for number, row in enumerate(rows):
        count = places.count(number)
        optional = row.value_type == "NUM" and not state_unknown
        if count == 0 and not optional and row.is_required(within):
            yield f"{row} ({row.concept}) is required"
        if count > row.most:
            yield f"{row} ({row.concept}) is there {count} times"
    for child in children:
        yield from _complaints(child, child if name(child) == EVENT else within, state_unknown)


def name(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue)


def fits(item: Dataset, row: Row) -> bool:
    told = item.get("RelationshipType", ""), item.ValueType, name(item)
    return told == (row.relation, row.value_type, row.concept) and holds(item, row)


def holds(item: Dataset, row: Row) -> bool:
    """Has the item a value of the row's value set or unit, or is it a number that is said to be unknown?"""
    match item.ValueType:
        case "CODE":
            return item.ConceptCodeSequence[0].CodeValue in row.values
        case "NUM" if item.MeasuredValueSequence:
            (measured,) = item.MeasuredValueSequence
            return measured.MeasurementUnitsCodeSequence[0].CodeValue == row.values and "NumericValue" in measured
        case "NUM":
            return item.NumericValueQualifierCodeSequence[0].CodeValue == "114010"
        case "CONTAINER":
            return item.ContinuityOfContent == "SEPARATE"
        case "TEXT":
            return bool(item.TextValue)
        case "UIDREF":
            return bool(item.UID)
        case _:
            return bool(item.DateTime)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_of_every_kind_has_the_rows_that_the_templates_demand_and_no_others(kind):
    report, verified = DOCUMENTS[kind]

    assert complaints(rdsr(report, source(), verified=verified)) == []


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_without_unknown_numbers_a_document_lacks_these_alone(kind):
    report, verified = DOCUMENTS[kind]
    ds = rdsr(report, source(), verified=verified, state_unknown=False)

    assert complaints(ds, state_unknown=False) == []
    assert all(item.MeasuredValueSequence for row in ROWS if row.value_type == "NUM" for item in below(ds, row.concept))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report=reports, verified=st.booleans())
def test_whatever_a_report_tells_its_document_obeys_the_rows(report, verified):
    assert complaints(rdsr(report, source(SpecificCharacterSet="ISO_IR 192"), verified=verified)) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report=reports, verified=st.booleans())
def test_sub_totals_are_there_only_where_phantoms_differ(report, verified):
    """The phantoms of the events and of the page's own totals together: a page may total what its rows do not name."""
    ds = rdsr(report, source(SpecificCharacterSet="ISO_IR 192"), verified=verified)
    named = {phantom.ConceptCodeSequence[0].CodeValue for phantom in below(ds, "113835")} - UNKNOWN

    assert len(named) > 1 or not list(below(ds, "130745"))


def test_every_row_of_the_table_stands_in_some_document():
    """A row that no document has is checked by nothing."""
    seen = set()
    for report, verified in DOCUMENTS.values():
        ds = rdsr(report, source(), verified=verified)
        for item in [ds, *every_item(ds)]:
            seen |= {row for row in rows_below(item) for child in item.get("ContentSequence", ()) if fits(child, row)}

    assert {row for row in ROWS if row.parent} - seen == set()


def every_item(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", ()):
        yield child
        yield from every_item(child)


def spoiled(change: Callable[[list[Dataset]], object]) -> list[str]:
    """The complaints about a document whose event has been tampered with."""
    report = CTDoseReport(TWO_PHANTOMS.study_instance_uid, TWO_PHANTOMS.scanner, (SPIRAL,), dose("498.42"))
    ds = deepcopy(rdsr(report, source(), verified=True))  # equal items of all documents are one object
    (event,) = below(ds, EVENT)
    items = list(event.ContentSequence)
    change(items)
    event.ContentSequence = items
    return complaints(ds)


def test_a_walk_of_the_rows_sees_what_is_missing_misplaced_or_doubled():
    """The check itself: whoever takes, moves or doubles an item hears of it."""
    assert spoiled(lambda items: None) == []
    assert spoiled(lambda items: items.pop(1)) == ["TID 10013 row 3 (123014) is required"]
    assert spoiled(lambda items: items.reverse()) == ["the items below 113819 are not in the order of the rows"]
    assert spoiled(lambda items: items.insert(2, items[1])) == ["TID 10013 row 3 (123014) is there 2 times"]


def test_a_walk_of_the_rows_sees_a_wrong_relationship_and_a_foreign_code():
    wrong = ["no row below 113819 has {} CODE 123014", "TID 10013 row 3 (123014) is required"]
    related = spoiled(lambda items: setattr(items[1], "RelationshipType", "HAS PROPERTIES"))
    coded = spoiled(lambda items: setattr(items[1], "ConceptCodeSequence", items[2].ConceptCodeSequence))

    assert related == [wrong[0].format("HAS PROPERTIES"), wrong[1]]
    assert coded == [wrong[0].format("CONTAINS"), wrong[1]]


LATER = {("10012", "3a"), ("10012", "3b"), ("10013", "6f")}  # came to the templates after the notes
GROUPED = {("10011", "8")}  # its concept is one of CID 10001
INCLUDED = {"10011", "10012", "10013", "10014", "1004", "1021"}
BELOW_WHAT_WE_NEVER_WRITE = {
    ("10012", "7"), ("10012", "10"), ("10012", "11"), ("10013", "6e"), ("10013", "28"), ("10013", "31"),
}  # fmt: skip


def standard_rows() -> dict[tuple[str, str], tuple[str, str, str, str]]:
    """(template, row) -> relationship, value type, concept, requirement, as the notes on the standard give them."""
    if not STANDARD.is_file():
        pytest.skip("the notes on the standard are not at hand")
    found, tid = {}, ""
    for line in STANDARD.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## TID (\d+)", line):
            tid = heading.group(1)
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if tid and len(cells) == 8 and (concept := re.match(r"\((\w+),", cells[4])):
            found[tid, cells[0]] = (cells[2], cells[3], concept.group(1), cells[6])
    return found


def test_each_row_of_the_table_is_that_of_the_standard():
    """An included template's first row has the relationship of the row that includes it."""
    known = standard_rows()
    for row in ROWS:
        if (row.tid, row.number) in LATER | GROUPED:
            continue
        relation, value_type, concept, requirement = known[row.tid, row.number]
        demanded = {"M": True, "U": False}.get(requirement, row.required)

        assert (value_type, concept) == (row.value_type, row.concept), row
        assert row.number == "1" or relation == row.relation, row
        assert row.tid == "1002" or demanded is row.required, row


def test_no_mandatory_row_of_the_standard_is_lacking_in_the_table():
    mandatory = {row for row, (*_, requirement) in standard_rows().items() if requirement == "M" and row[0] in INCLUDED}

    assert mandatory - {(row.tid, row.number) for row in ROWS} == BELOW_WHAT_WE_NEVER_WRITE
