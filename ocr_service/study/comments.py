"""Comments on Radiation Dose (0040,0310): a console's free text -> rows and total.

Knows how consoles word it; must not know data sets. Pure, in time linear in the text, and it never raises: what it
does not understand it leaves out.

Seen: `Series #1 Average CTDIvol=14 DLP=274.9` with words of a protocol between, `Event=3 DLP=769.67`, rows without
dose (`Event=1`), `Total DLP=277.1`, `TotalDLP=1748.68`, and a bare number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ocr_service.dose.report import Finding, note
from ocr_service.study.stated import COMMENTS, StatedDose

MOST_LETTERS = 10_240  # an LT's length; an ST has 1024
MOST_ROWS = 300
WHERE = "comments on radiation dose"

_NUMBER = r"\d{1,7}(?:\.\d{1,12}|,\d{1,2})?(?!\d|[.,]\d)"
_BARE = re.compile(rf"({_NUMBER})")
# What begins a row, a key with its value, or a key whose value is no number.
_TOKEN = re.compile(
    rf"(?P<series>\bSeries\s{{0,4}}\#\s{{0,4}}(?P<series_number>\d{{1,6}})\b)"
    rf"|(?P<event>\bEvent\s{{0,4}}[=:]\s{{0,4}}(?P<event_number>\d{{1,6}})\b)"
    rf"|(?P<key>[A-Za-z][A-Za-z.]{{0,40}})\s{{0,4}}[=:]\s{{0,4}}(?P<value>{_NUMBER})?",
    re.IGNORECASE,
)
_AVERAGE = {"average", "mean", "avg"}
# A quantity with such a word before it is another one.
_OTHER = {"eff", "effective", "expected", "est", "estimated", "air", "e", "max", "maximum", "reference", "ssde"}
_LABEL_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Comment:
    """What a comment states; `total` in mGy.cm, `total_is_named` false where it is one bare number."""

    rows: tuple[StatedDose, ...] = ()
    total: Decimal | None = None
    total_is_named: bool = True
    notes: tuple[Finding, ...] = ()


@dataclass(slots=True)
class _Row:
    number: str
    start: int  # where the words of its label begin
    label: str = ""
    ctdivol: set[Decimal] | None = None
    dlp: set[Decimal] | None = None


def parse_comment(text: str) -> Comment:
    """Read a comment of any console. Numbers may have a decimal comma of one or two digits."""
    text = " ".join(text[:MOST_LETTERS].replace("\x00", " ").split())
    if not text:
        return Comment()
    bare = _BARE.fullmatch(text)
    if bare:
        what = "the comment is one bare number, taken as the total DLP where it equals the page's"
        return Comment(total=_decimal(bare[1]), total_is_named=False, notes=(note(WHERE, what),))
    rows: list[_Row] = []
    totals: set[Decimal] = set()
    for token, before in _tokens(text):
        if token["series"] or token["event"]:
            rows.append(_Row(token["series_number"] or token["event_number"], token.end()))
        elif token["value"] is not None:
            _take(token, before, text, rows, totals)
    return _comment(rows, totals)


def _tokens(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each token with the word that stands before it, in lower case."""
    end = 0
    for token in _TOKEN.finditer(text):
        gap = text[max(end, token.start() - 40) : token.start()].split()
        yield token, gap[-1].strip(".").casefold() if gap else ""
        end = token.end()


def _take(token: re.Match[str], before: str, text: str, rows: list[_Row], totals: set[Decimal]) -> None:
    """Put one value where it belongs; a quantity of another name belongs nowhere."""
    key, value = token["key"].casefold(), _decimal(token["value"])
    if key in ("totaldlp", "dlptotal") or (key == "dlp" and before == "total") or (key == "total" and before == "dlp"):
        totals.add(value)
        return
    if key not in ("dlp", "ctdivol") or before in _OTHER:
        return
    if not rows:
        rows.append(_Row("", 0))
    row = rows[-1]
    if row.ctdivol is None and row.dlp is None:
        row.label = _label(text[row.start : token.start()])
    if key == "dlp":
        row.dlp = (row.dlp or set()) | {value}
    else:
        row.ctdivol = (row.ctdivol or set()) | {value}


def _label(between: str) -> str:
    """The words between a row's number and its first value."""
    told = between.split()
    if told and told[-1].casefold() in _AVERAGE:
        told.pop()
    return " ".join(told)[:_LABEL_LENGTH]


def _comment(rows: list[_Row], totals: set[Decimal]) -> Comment:
    notes: list[Finding] = []
    if len(rows) > MOST_ROWS:
        notes.append(note(WHERE, f"the comment has more than {MOST_ROWS} rows: none of them is used"))
        rows = []
    stated = []
    for order, row in enumerate(rows, start=1):
        if any(values is not None and len(values) > 1 for values in (row.ctdivol, row.dlp)):
            notes.append(note(WHERE, f"row {order} of the comment states one quantity twice, with two values"))
        stated.append(StatedDose(COMMENTS, order, row.number, row.label, ctdivol=_one(row.ctdivol), dlp=_one(row.dlp)))
    if len(totals) > 1:
        notes.append(note(WHERE, "the comment states two different totals"))
    return Comment(tuple(stated), _one(totals), notes=tuple(notes))


def _one(values: set[Decimal] | None) -> Decimal | None:
    return next(iter(values)) if values is not None and len(values) == 1 else None


def _decimal(told: str) -> Decimal:
    return Decimal(told.replace(",", "."))
