"""The private text of Siemens dose pages (0019,xx11): the page's twin -> rows and total.

Knows its marks, `&section&` and `@name@ = #value#`; must not know data sets. Pure, in time linear in the text, and it
never raises. Creator "SIEMENS CT DOSE", seen as UN in UTF-16, little endian.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ocr_service.dose.report import AcquisitionParameters, Finding, Phantom, note
from ocr_service.study.stated import PRIVATE_TEXT, StatedDose

CREATOR, GROUP, OFFSET = "SIEMENS CT DOSE", 0x0019, 0x11
MOST_BYTES = 262_144
MOST_ROWS = 300
WHERE = "private text"

_MARK = re.compile(
    r"&(?P<section>[^&@#\r\n]{0,80})&"
    r"|@(?P<name>[^@&#\r\n]{1,80})@\s{0,8}=\s{0,8}#(?P<value>[^#]{0,400})#"
)
_NUMBER = r"\d{1,7}(?:\.\d{1,8}|,\d{1,2})?"  # three digits after a comma could be thousands
_DOSE = re.compile(rf"({_NUMBER})(?:\s{{0,4}}(?:mGy))?(?:\s{{0,4}}\(?([LS])\)?)?", re.IGNORECASE)
_PLAIN = re.compile(rf"({_NUMBER})(?:\s{{0,4}}[A-Za-z*.]{{1,8}})?")
_PHANTOMS = {"S": Phantom.HEAD, "L": Phantom.BODY}
_ROW_NAMES = {"entry name", "scan", "kv", "x-ray tube current", "ti", "ctdivol", "dlp", "dw", "ssde"}


@dataclass(frozen=True, slots=True)
class PrivateText:
    """What the text states; `total` in mGy.cm."""

    rows: tuple[StatedDose, ...] = ()
    total: Decimal | None = None
    notes: tuple[Finding, ...] = ()


def decoded(content: bytes) -> str:
    """The text of the bytes: by byte order mark, else UTF-16 by its zero bytes, else UTF-8 or Latin 1."""
    content = content[:MOST_BYTES]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    low, high = content[0::2].count(0), content[1::2].count(0)
    if max(low, high) * 4 > len(content):
        return content.decode("utf-16-le" if high >= low else "utf-16-be", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def parse_private_text(text: str) -> PrivateText:
    """Read rows and total. A row begins at a section's heading, at an entry's name, or where a name comes again."""
    rows: list[dict[str, str]] = [{}]
    totals: set[Decimal] = set()
    for mark in _MARK.finditer(text[:MOST_BYTES]):
        if mark["section"] is not None:
            rows.append({})
            continue
        name, value = " ".join(mark["name"].split()).casefold(), " ".join(mark["value"].replace("\x00", " ").split())
        if name == "total dlp":
            totals.update(total for total in (_plain(value),) if total is not None)
        elif name in _ROW_NAMES:
            if name == "entry name" or name in rows[-1]:
                rows.append({})
            rows[-1][name] = value
    rows = [row for row in rows if row]
    if len(rows) > MOST_ROWS:
        return PrivateText(notes=(note(WHERE, f"the text has more than {MOST_ROWS} rows: none of them is used"),))
    notes = (note(WHERE, "the text states two different totals"),) if len(totals) > 1 else ()
    stated = tuple(_stated(order, row) for order, row in enumerate(rows, start=1))
    return PrivateText(stated, totals.pop() if len(totals) == 1 else None, notes)


def _stated(order: int, row: Mapping[str, str]) -> StatedDose:
    ctdivol = _DOSE.fullmatch(row.get("ctdivol", ""))
    # mAs is no tube current, whatever the text calls it; TI is the time of one rotation, of a localizer the whole.
    parameters = AcquisitionParameters(
        kvp=_plain(row.get("kv", "")),
        exposure_time_per_rotation=_plain(row.get("ti", "")) if ctdivol else None,
        protocol=row.get("entry name") or None,
    )
    return StatedDose(
        PRIVATE_TEXT,
        order,
        number=row.get("scan", "")[:16],
        label=row.get("entry name", "")[:120],
        ctdivol=_decimal(ctdivol[1]) if ctdivol else None,
        dlp=_plain(row.get("dlp", "")),
        phantom=_PHANTOMS.get((ctdivol[2] or "").upper()) if ctdivol else None,
        parameters=parameters,
        protocol=row.get("entry name", "")[:120],
    )


def _plain(value: str) -> Decimal | None:
    match = _PLAIN.fullmatch(value)
    return _decimal(match[1]) if match else None


def _decimal(told: str) -> Decimal:
    return Decimal(told.replace(",", "."))
