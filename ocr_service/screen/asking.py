"""Who is asked what of a page: the console's registered letters first, both engines for what these do not prove.

Knows cells, fixed words and who reads them; must not know where they come from or what they mean to a report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.quantities import MUST_BE_PROVEN, Quantity
from ocr_service.dose.report import Box, Evidence, PageRef, Witness, WitnessKind
from ocr_service.screen import layout
from ocr_service.screen.anchors import same_word
from ocr_service.screen.glyphs import Letters, letters_on
from ocr_service.screen.layout import Ink, Run
from ocr_service.screen.lettering import Lettering
from ocr_service.screen.pitch import stretched
from ocr_service.screen.readers import Answer, Canonical, Question
from ocr_service.screen.readings import CellReading, Choices, FixedWords, judge
from ocr_service.screen.shapes import misread
from ocr_service.screen.sheet import Sheet
from ocr_service.screen.words import canonical, with_drawn_points
from ocr_service.templates.schema import Blank, Cell, ValueType

SMALL = 9  # px: in lower letters both engines have agreed on a wrong digit
# The range tells the type of axial rows; of other descriptive values one asking is enough.
VOTED = MUST_BE_PROVEN | {Quantity.SCANNING_RANGE}
# What an RDSR carries; of what is only described the word of one reader is enough.
WRITTEN = VOTED | {Quantity.SERIES_NUMBER, Quantity.ACQUISITION_PROTOCOL, Quantity.KVP}
Place = tuple[int, Quantity]  # the row, and the column or field

_NUMBERS = (ValueType.INTEGER, ValueType.DECIMAL)
_TORN = "two digits stand so far apart that a point may be missing"
_ODD = "a digit looks like another one of this page"


@dataclass(frozen=True, slots=True)
class Asked:
    """A cell before it is read."""

    cell: Cell
    choices: Choices
    run: Run | None
    broken: str = ""

    @property
    def shapes(self) -> tuple[Box, ...]:
        """The ink that belongs to the cell."""
        return self.run.shapes if self.run is not None else ()


@dataclass(frozen=True, slots=True)
class Words:
    """Ink that should say one of these fixed words.

    dose: is a value another one without them? Of others the word of one reader is enough.
    """

    run: Run
    text: tuple[str, ...]
    dose: bool = False


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One run to read, and what makes a text a word of it."""

    run: Run
    canonical: Canonical
    vote: bool
    is_cell: bool = False
    described: bool = False  # words that only place things, and values that no RDSR carries
    closed: bool = False  # a page marker: young letters and a closed sum prove it together
    points: int | None = None  # of a decimal, as the page draws them

    def question(self, sheet: Sheet) -> Question:
        small = self.is_cell and self.vote
        if small:
            small = layout.letter_height(self.run.shapes) < SMALL or layout.is_soft(sheet.pixels, self.run.box)
        return Question(sheet.crop(self.run.box), self.canonical, self.vote, small=small)


def read_words(sheet: Sheet, words: Sequence[Words]) -> tuple[FixedWords, ...]:
    """Prove that the page's ink says its fixed words."""
    return read_all(sheet, words, {}, PageRef(""))[0]


def read_all(
    sheet: Sheet, words: Sequence[Words], asked: Mapping[Place, Asked], page: PageRef
) -> tuple[tuple[FixedWords, ...], dict[Place, CellReading]]:
    """Read fixed words and cells; the engines are asked once for all that the registered letters do not prove."""
    read = {key: _without_reader(one, sheet.ink, page) for key, one in asked.items()}
    open_ = [key for key, cell in read.items() if cell is None]
    wanted = [_Wanted(one.run, same_word(one.text), vote=one.dose, described=not one.dose) for one in words]
    of_cells = [_of_cell(asked[key], key[1], sheet.ink) for key in open_]
    answers = _answers(sheet, [*wanted, *of_cells])
    found = []
    for one, (letters, answer) in zip(words, answers[: len(words)], strict=True):
        evidence = Evidence(box=one.run.box, seen=answer.seen, witnesses=answer.witnesses)
        found.append(FixedWords(one.text, one.run.box, evidence, isinstance(settle(evidence), Proven), letters))
    done: dict[Place, CellReading] = {key: cell for key, cell in read.items() if cell is not None}
    for key, its, (letters, answer) in zip(open_, of_cells, answers[len(words) :], strict=True):
        done[key] = _judged(asked[key], its, letters, answer, page)
    _with_page(asked, done)
    return tuple(found), {key: done[key] for key in asked}


def _answers(sheet: Sheet, wanted: Sequence[_Wanted]) -> list[tuple[Letters, Answer]]:
    """What the registered letters say of each run, else what the engines say."""
    letters = [letters_on(sheet.ink, one.run) for one in wanted]
    told = [_by_letters(one, its, sheet.lettering) for one, its in zip(wanted, letters, strict=True)]
    answers = iter(sheet.readers.ask([w.question(sheet) for w, t in zip(wanted, told, strict=True) if t is None]))
    return [(its, answer or next(answers)) for its, answer in zip(letters, told, strict=True)]


def _by_letters(one: _Wanted, its: Letters, lettering: Lettering) -> Answer | None:
    """What needs no engine: registered letters, and for words that only place things any known ones."""
    text, registered = lettering.word(its, one.canonical) or ("", False)
    if not registered and one.described:
        text = one.canonical(lettering.placing(its) or "") or ""
    elif not registered and not one.closed:
        text = ""
    kind = WitnessKind.REGISTERED_FONT if registered else WitnessKind.LETTERS
    return Answer(((kind.value, text),), (Witness(kind, text),)) if text else None


def _of_cell(one: Asked, quantity: Quantity, ink: Ink) -> _Wanted:
    assert one.run is not None
    points = layout.points(one.run, ink.mask) if one.cell.type is ValueType.DECIMAL else None

    def known(text: str) -> str | None:
        return canonical(one.cell, one.choices, with_drawn_points(text, points or 0))

    described = quantity not in WRITTEN and not one.cell.same_as_header
    marker = quantity is Quantity.PAGE_MARKER
    return _Wanted(one.run, known, quantity in VOTED, is_cell=True, described=described, closed=marker, points=points)


def _judged(one: Asked, wanted: _Wanted, letters: Letters, answer: Answer, page: PageRef) -> CellReading:
    box, steady = wanted.run.box, answer.steady
    evidence = Evidence(page, box, answer.seen, answer.witnesses, one.broken, unsteady=not steady)
    return judge(CellReading(one.cell, one.choices, _with_points(evidence, wanted.points), "", False, letters))


def _without_reader(one: Asked, ink: Ink, page: PageRef) -> CellReading | None:
    """What the ink alone tells: an empty cell, or a dash where the column allows one."""
    if one.run is None:
        allowed = one.cell.blank in (Blank.EMPTY, Blank.EITHER)
        evidence = Evidence(page, drawn=allowed, broken_crop="" if allowed else "nothing stands where a value must")
        return CellReading(one.cell, one.choices, evidence, "", allowed)
    if one.cell.blank in (Blank.DASH, Blank.EITHER) and layout.is_dash(one.run, ink.mask):
        return CellReading(one.cell, one.choices, Evidence(page, one.run.box, drawn=True), "", True)
    return None


def _with_points(evidence: Evidence, drawn: int | None) -> Evidence:
    """Points are counted on the page itself: a text with another number of them is no witness."""
    told = evidence.witnesses
    if evidence.broken_crop or not told or drawn is None:
        return evidence
    told = tuple(witness for witness in told if witness.text.count(".") == drawn)
    if not told:
        return replace(evidence, broken_crop=f"the page shows {drawn} points here, the text another number")
    return replace(evidence, witnesses=told)


def _with_page(asked: Mapping[Place, Asked], done: dict[Place, CellReading]) -> None:
    """What the page's numbers say of each other: a lost point, or a digit that is another one. No reader can know."""
    numbers = {
        key: (run, done[key].text)
        for key, one in asked.items()
        if (run := one.run) is not None and one.cell.type in _NUMBERS and done[key].text
    }
    for index in stretched(list(numbers.values())):
        _doubted(list(numbers)[index], done, _TORN)
    sure = {key: cell for key in numbers if (cell := done[key]).proven}  # a misread cell accuses no other
    digits = [(cell.letters, cell.text) for cell in sure.values() if cell.letters is not None]
    for index in misread(digits):
        key = list(sure)[index]
        if not any(witness.kind is WitnessKind.REGISTERED_FONT for witness in sure[key].evidence.witnesses):
            _doubted(key, done, _ODD)


def _doubted(key: Place, done: dict[Place, CellReading], why: str) -> None:
    cell = done[key]
    evidence = replace(cell.evidence, broken_crop=cell.evidence.broken_crop or why)
    done[key] = judge(replace(cell, evidence=evidence))
