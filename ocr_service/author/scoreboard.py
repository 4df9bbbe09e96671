"""The scoreboard of a template: how its scanners' screens were read, against what a person says stands on them.

Markdown that can be shared: makers, models, software versions and counts; no UID, file name, date or value. Knows
endings and expectations; must not know files or terminals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from pydicom import Dataset

from ocr_service.author.checking import UNSAID, Said, told_of, total_of
from ocr_service.author.expected import ACQUISITION_TYPE, DLP, DLP_TOTAL, EVENT_KEYS, MEAN_CTDIVOL, PHANTOM, Expected
from ocr_service.author.scoring import Score, bounds
from ocr_service.dose.proof import NeedsReview, Unreadable, Verified
from ocr_service.dose.report import CTAcquisitionType, CTDoseReport
from ocr_service.pipeline import Ending
from ocr_service.study.acquisition import scanner_of
from ocr_service.templates.examples import NOTHING
from ocr_service.templates.library import suits
from ocr_service.templates.schema import Template

QUANTITIES = (DLP_TOTAL, MEAN_CTDIVOL, DLP, PHANTOM, ACQUISITION_TYPE, "series_number", "scanning_range", "kvp")
DOSE = frozenset(QUANTITIES[:5])  # a verified report states all of these that the page prints
LONGEST_NAME = 64

Model = tuple[str, str, str]  # maker, model, software versions


@dataclass(slots=True)
class Counts:
    """How many values are stated, how many were read as stated, how many are proven, and how many are wrong.

    Wrong: proven as another text than stated, or left out of a verified report that must tell it.
    """

    values: int = 0
    read: int = 0
    proven: int = 0
    wrong: int = 0

    def add(self, other: Counts) -> None:
        """Take in the counts of another part."""
        self.values += other.values
        self.read += other.read
        self.proven += other.proven
        self.wrong += other.wrong


@dataclass(frozen=True, slots=True)
class Compared:
    """One examination's report against what is expected of it. scanner: tells scanners apart, and is not shown."""

    model: Model
    scanner: str
    pages: int
    verified: bool
    by_letters: bool
    counts: Mapping[str, Counts]

    @property
    def total(self) -> Counts:
        """All quantities together."""
        return _sum(self.counts.values())


@dataclass(slots=True)
class Board:
    """What was compared, and how many examinations were not: of other templates, or without a line of the report."""

    template: Template
    compared: list[Compared] = field(default_factory=list)
    others: int = 0
    unexpected: int = 0

    @property
    def wrong(self) -> int:
        """How many values are wrong."""
        return sum(one.total.wrong for one in self.compared)


def compare(template: Template, expected: Expected, ending: Ending, objects: Sequence[Dataset]) -> Compared | None:
    """One unit, read from these objects; None where another template is its own."""
    outcome = ending.outcome
    report = None if isinstance(outcome, Unreadable) else outcome.report
    if report is None and not any(suits(template, ds) for ds in objects):
        return None
    if report is not None and report.template != f"{template.name} r{template.revision}":
        return None
    scanner = scanner_of(objects[-1])
    verified = isinstance(outcome, Verified)
    told = _unread(expected) if not isinstance(outcome, Verified | NeedsReview) else _told(expected, outcome)
    counts: dict[str, Counts] = defaultdict(Counts)
    for quantity, wanted, got in told:
        counts[quantity].add(_judged(quantity, wanted, got, verified=verified))
    return Compared(
        (scanner.manufacturer, scanner.model_name, scanner.software_versions),
        "|".join(scanner.identity),
        len(objects),
        verified,
        bool(ending.letters.trusted),
        counts,
    )


def _told(expected: Expected, outcome: Verified | NeedsReview) -> Iterator[tuple[str, str, Said]]:
    """Each quantity with the text that is stated and the one that was read; `-` for nothing."""
    report = outcome.report
    yield DLP_TOTAL, expected.dlp_total or NOTHING, total_of(report)
    same_rows = len(report.events) == len(expected.events)
    if not same_rows and isinstance(outcome, NeedsReview):
        yield from _rows(expected, None)  # which row is which is not known, and a person looks
    else:
        yield from _rows(expected, report)


def _unread(expected: Expected) -> Iterator[tuple[str, str, Said]]:
    yield DLP_TOTAL, expected.dlp_total or NOTHING, UNSAID
    yield from _rows(expected, None)


def _rows(expected: Expected, report: CTDoseReport | None) -> Iterator[tuple[str, str, Said]]:
    read = [] if report is None else [told_of(event) for event in report.events]
    for number in range(max(len(read), len(expected.events))):
        event = expected.events[number] if number < len(expected.events) else {}
        its = read[number] if number < len(read) else {}
        for key in EVENT_KEYS:
            wanted = event.get(key) or NOTHING
            if key == ACQUISITION_TYPE and wanted != NOTHING:
                wanted = CTAcquisitionType(wanted).name.lower()
            yield key, wanted, its.get(key, UNSAID)


def _judged(quantity: str, wanted: str, got: Said, *, verified: bool) -> Counts:
    text, proven = got.text, got.proven
    equal = _same(text, wanted)
    left_out = verified and quantity in DOSE and text == NOTHING
    return Counts(
        wanted != NOTHING,
        equal and wanted != NOTHING,
        proven and text != NOTHING,
        not equal and (proven or left_out),
    )


def _same(one: str, other: str) -> bool:
    """Equal as numbers, else as words without blanks and case."""
    if one == other:
        return True
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def _sum(counts: Iterable[Counts]) -> Counts:
    whole = Counts()
    for one in counts:
        whole.add(one)
    return whole


EXPLAINED = """\
A value is wrong where it is proven as another one than a person states, or where a verified report leaves it out; a row
too many or too few counts with all its values. The bound is the share of wrong ones that is not exceeded with 95 %
confidence (Clopper and Pearson). Values of one scanner are alike: the bound over scanners is the honest one."""


def markdown(board: Board, version: str) -> str:
    """The scoreboard as a page of Markdown. version: of this program."""
    template, compared = board.template, board.compared
    name = _plain(template.name)
    verified, letters = sum(one.verified for one in compared), sum(one.by_letters for one in compared)
    whole = _sum(one.total for one in compared)
    told = (
        f"{_share(verified, len(compared))} reports are verified without a person; {letters} were read by registered "
        f"letters. {_share(whole.proven, whole.values)} values are proven, {whole.wrong} are wrong."
    )
    left = (
        f"Not counted: examinations of other templates: {board.others}; of which nothing is stated: {board.unexpected}."
    )
    parts = (
        f"# Scoreboard of {name}",
        f"Template {name}, revision {template.revision}, {template.status}; ocr_service {version}.",
        told,
        "## By scanner",
        _by_model(compared),
        "## By quantity",
        _by_quantity(compared),
        "## What may be said of the next ones",
        _bounds(compared),
        EXPLAINED,
        *((left,) if board.others or board.unexpected else ()),
    )
    return "\n\n".join(parts) + "\n"


def _by_model(compared: Sequence[Compared]) -> str:
    groups: dict[Model, list[Compared]] = defaultdict(list)
    for one in compared:
        groups[one.model].append(one)
    head = (
        "maker",
        "model",
        "software",
        "scanners",
        "reports",
        "pages",
        "verified",
        "values",
        "read",
        "proven",
        "wrong",
    )
    rows = []
    for model, group in sorted(groups.items()):
        counts = _sum(one.total for one in group)
        numbers = (
            len({one.scanner for one in group}), len(group), sum(one.pages for one in group),
            sum(one.verified for one in group), counts.values, counts.read, counts.proven, counts.wrong,
        )  # fmt: skip
        rows.append((*map(_plain, model), *map(str, numbers)))
    return _table(head, rows, words=3)


def _by_quantity(compared: Sequence[Compared]) -> str:
    rows = []
    for quantity in QUANTITIES:
        counts = _sum(one.counts[quantity] for one in compared if quantity in one.counts)
        if counts.values or counts.wrong:
            rows.append((quantity, *_numbers(counts)))
    rows.append(("all", *_numbers(_sum(one.total for one in compared))))
    return _table(("quantity", "values", "read", "proven", "wrong"), rows)


def _numbers(counts: Counts) -> tuple[str, ...]:
    return str(counts.values), str(counts.read), str(counts.proven), str(counts.wrong)


def _bounds(compared: Sequence[Compared]) -> str:
    scores = [Score(t.values, t.proven, t.wrong, one.scanner) for one in compared if (t := one.total).proven or t.wrong]
    rows = [(name, str(tried), str(wrong), f"{bound:.2%}") for name, wrong, tried, bound in bounds(scores)]
    return _table(("over", "tried", "wrong", "wrong ones, at most"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A Markdown table. words: how many of the first columns are no numbers."""
    rule = ["---" if column < words else "---:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({part / whole:.1%})" if whole else "")


def _plain(text: str) -> str:
    """A header's text that cannot be taken for Markdown."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)[:LONGEST_NAME]
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>|#" else letter for letter in shown).strip()
