"""TID 10011 and the templates it includes, row by row: where an item may stand, what it holds, and when it must.

The rows that a document of ours can have, in the order of the standard, which is significant in these templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

MANY = 99


def cid(number: int) -> frozenset[str]:
    """The code values of a context group, by pydicom's dictionary."""
    group = getattr(codes, f"cid{number}")
    return frozenset(getattr(group, name).value for name in group.dir())


UNKNOWN = frozenset({"261665006"})
MPPS_CONTENT = frozenset({"113858"}) & cid(10020)  # CID 10021 is extensible and has no code of its own for it

# Conditions of the C rows, asked of the item that the row's parent stands in.
Condition = Callable[[Dataset], bool]


@dataclass(frozen=True)
class Row:
    """parent: the concept of the item above ("" above the root). values: codes allowed; of a NUM, its unit."""

    tid: str
    number: str
    parent: str
    relation: str
    value_type: str
    concept: str
    required: bool | Condition
    most: int = 1
    values: frozenset[str] | str = ""

    def __str__(self) -> str:
        return f"TID {self.tid} row {self.number}"

    def is_required(self, within: Dataset) -> bool:
        """Within this item (the document for the rows of TID 10011 and 10012, an event for those of TID 10013)."""
        return self.required if isinstance(self.required, bool) else self.required(within)


def below(item: Dataset, concept: str) -> Iterator[Dataset]:
    """All items of this concept name below, in their order."""
    for child in item.get("ContentSequence", ()):
        if child.ConceptNameCodeSequence[0].CodeValue == concept:
            yield child
        yield from below(child, concept)


def value(item: Dataset, concept: str) -> str | None:
    """The code value of the first CODE item of this concept below."""
    return next((found.ConceptCodeSequence[0].CodeValue for found in below(item, concept)), None)


def moves_the_table(event: Dataset) -> bool:
    return value(event, "113820") in {"116152004", "113804"}


def is_no_localizer(event: Dataset) -> bool:
    return value(event, "113820") != "113805"


def names_a_location(event: Dataset) -> bool:
    return any(True for concept in ("113895", "113896") for _ in below(event, concept))


def phantoms_differ(document: Dataset) -> bool:
    told = {
        phantom.ConceptCodeSequence[0].CodeValue
        for ct_dose in below(document, "113829")
        for phantom in below(ct_dose, "113835")
    }
    return len(told - UNKNOWN) > 1


CONTAINS, MOD, CONTEXT, PROPERTIES = "CONTAINS", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS PROPERTIES"
ROOT, TOTALS, EVENT, PARAMETERS, TUBE, CT_DOSE, ROLE = (
    "113701", "113811", "113819", "113822", "113831", "113829", "113876",
)  # fmt: skip


def device_participant(parent: str) -> list[Row]:
    """TID 1021; the rows below row 1 are the same wherever it is included."""
    return [Row("1021", "1", parent, CONTAINS, "CODE", ROLE, True, 2, frozenset({"113859"}))]


TID_10011 = [
    Row("10011", "1", "", "", "CONTAINER", ROOT, True),
    Row("10011", "2", ROOT, MOD, "CODE", "121058", True, 1, frozenset({"77477000"})),
    Row("10011", "3", "121058", MOD, "CODE", "363703001", True, 1, cid(3629)),
    Row("1002", "1", ROOT, CONTEXT, "CODE", "121005", True, 1, frozenset({"121007"})),
    Row("1004", "1", ROOT, CONTEXT, "UIDREF", "121012", True),
    Row("1004", "2", ROOT, CONTEXT, "TEXT", "121013", False),
    Row("1004", "3", ROOT, CONTEXT, "TEXT", "121014", False),
    Row("1004", "4", ROOT, CONTEXT, "TEXT", "121015", False),
    Row("1004", "7", ROOT, CONTEXT, "CODE", ROLE, False, MANY, frozenset({"121097"})),
    Row("10011", "5", ROOT, CONTEXT, "DATETIME", "113809", True),
    Row("10011", "6", ROOT, CONTEXT, "DATETIME", "113810", True),
    Row("10011", "7", ROOT, CONTEXT, "CODE", "113705", True, 1, cid(10000)),
    Row("10011", "8", "113705", PROPERTIES, "UIDREF", "110180", False),  # CID 10001: one of the two
    Row("10011", "8", "113705", PROPERTIES, "UIDREF", "113769", False),
    Row("10012", "1", ROOT, CONTAINS, "CONTAINER", TOTALS, True),
    Row("10013", "1", ROOT, CONTAINS, "CONTAINER", EVENT, True, MANY),
    Row("10011", "11", ROOT, CONTAINS, "TEXT", "121106", False),
    Row("10011", "12", ROOT, CONTAINS, "CODE", "113854", True, MANY, cid(10021) | MPPS_CONTENT),
]
TID_10012 = [
    Row("10012", "2", TOTALS, CONTAINS, "NUM", "113812", True, 1, "{events}"),
    Row("10012", "3", TOTALS, CONTAINS, "NUM", "113813", True, 1, "mGy.cm"),
    Row("10012", "3a", TOTALS, CONTAINS, "NUM", "130745", phantoms_differ, MANY, "mGy.cm"),
    Row("10012", "3b", "130745", PROPERTIES, "CODE", "113835", True, 1, frozenset({"113690", "113691"})),
    Row("10012", "12", TOTALS, CONTAINS, "TEXT", "121106", False),
    *device_participant(TOTALS),  # required: it is not the recording device
]
TID_10013 = [
    Row("10013", "2", EVENT, CONTAINS, "TEXT", "125203", False),
    Row("10013", "3", EVENT, CONTAINS, "CODE", "123014", True, 1, cid(4030) | UNKNOWN),
    Row("10013", "4", EVENT, CONTAINS, "CODE", "113820", True, 1, cid(10013) | UNKNOWN),
    Row("10013", "6", EVENT, CONTAINS, "UIDREF", "113769", True),
    Row("10013", "6b", EVENT, CONTAINS, "TEXT", "113605", False),
    Row("10013", "6c", "113605", MOD, "CODE", "113606", True, 1, cid(10022)),
    Row("10013", "6f", EVENT, CONTAINS, "DATETIME", "111526", False),
    Row("10013", "7", EVENT, CONTAINS, "CONTAINER", PARAMETERS, True),
    Row("10013", "8", PARAMETERS, CONTAINS, "NUM", "113824", True, 1, "s"),
    Row("10014", "1", PARAMETERS, CONTAINS, "NUM", "113825", True, 1, "mm"),
    Row("10014", "2", PARAMETERS, CONTAINS, "NUM", "113893", False, 1, "mm"),
    Row("10014", "4", PARAMETERS, CONTAINS, "NUM", "113895", False, 1, "mm"),
    Row("10014", "5", PARAMETERS, CONTAINS, "NUM", "113896", False, 1, "mm"),
    Row("10014", "8", PARAMETERS, CONTAINS, "UIDREF", "112227", names_a_location),
    Row("10013", "10", PARAMETERS, CONTAINS, "NUM", "113826", True, 1, "mm"),
    Row("10013", "11", PARAMETERS, CONTAINS, "NUM", "113827", True, 1, "mm"),
    Row("10013", "12", PARAMETERS, CONTAINS, "NUM", "113828", moves_the_table, 1, "{ratio}"),
    Row("10013", "13", PARAMETERS, CONTAINS, "NUM", "113823", True, 1, "{X-Ray sources}"),
    Row("10013", "14", PARAMETERS, CONTAINS, "CONTAINER", TUBE, True, MANY),
    Row("10013", "15", TUBE, CONTAINS, "TEXT", "113832", True),
    Row("10013", "16", TUBE, CONTAINS, "NUM", "113733", True, 1, "kV"),
    Row("10013", "17", TUBE, CONTAINS, "NUM", "113833", True, 1, "mA"),
    Row("10013", "18", TUBE, CONTAINS, "NUM", "113734", True, 1, "mA"),
    Row("10013", "19", TUBE, CONTAINS, "NUM", "113834", is_no_localizer, 1, "s"),
    Row("10013", "21", EVENT, CONTAINS, "CONTAINER", CT_DOSE, is_no_localizer),
    Row("10013", "22", CT_DOSE, CONTAINS, "NUM", "113830", True, 1, "mGy"),
    Row("10013", "23", CT_DOSE, CONTAINS, "CODE", "113835", True, 1, frozenset({"113690", "113691"}) | UNKNOWN),
    Row("10013", "26", CT_DOSE, CONTAINS, "NUM", "113838", True, 1, "mGy.cm"),
    Row("10013", "37", EVENT, CONTAINS, "TEXT", "121106", False),
    *device_participant(EVENT),
]
TID_1021 = [
    Row("1021", "2", ROLE, PROPERTIES, "TEXT", "113877", False),
    Row("1021", "3", ROLE, PROPERTIES, "TEXT", "113878", True),
    Row("1021", "4", ROLE, PROPERTIES, "TEXT", "113879", True),
    Row("1021", "5", ROLE, PROPERTIES, "TEXT", "113880", True),
    Row("1021", "6", ROLE, PROPERTIES, "UIDREF", "121012", True),
]
ROWS = [*TID_10011, *TID_10012, *TID_10013, *TID_1021]


def rows_below(item: Dataset) -> list[Row]:
    """The rows that may stand below an item. A device's role has properties only where it takes part (TID 1021)."""
    concept = item.ConceptNameCodeSequence[0].CodeValue
    if concept == ROLE and item.RelationshipType != CONTAINS:
        return []
    return [row for row in ROWS if row.parent == concept]
