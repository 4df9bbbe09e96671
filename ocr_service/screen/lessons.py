"""What pages teach of their console's letters, and what these letters say of the pages' other cells.

Only what is proven without any font teaches: else a font would prove itself. A cell whose letters contradict an engine
is never proven by that engine.

Knows readings, letters and witnesses; must not know pixels or what a value means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ocr_service.dose.proof import ENGINES, Proven, settle
from ocr_service.dose.quantities import Quantity
from ocr_service.dose.report import Box, Evidence, PageRef, Witness, WitnessKind
from ocr_service.screen.anchors import same_word
from ocr_service.screen.fonts import Confirmation, Console, FontKey, Fonts, OwnGlyph, digest
from ocr_service.screen.glyphs import Letters
from ocr_service.screen.lettering import Lettering, lettering
from ocr_service.screen.readers import Canonical
from ocr_service.screen.readings import CellReading, FixedWords, PageReading, RowReading, judge
from ocr_service.screen.spelling import bare, blanks_of, laid_on
from ocr_service.screen.words import canonical, fold_label
from ocr_service.templates.schema import ValueType
from ocr_service.templates.wording import fold

PAIR = 2  # signs: a longer part of a text says something of it
FONTS = frozenset({WitnessKind.REGISTERED_FONT, WitnessKind.LETTERS})
OTHERWISE = "a letter of it is another one than the engines read"


@dataclass(frozen=True, slots=True)
class School:
    """Where lessons come from: the template and console of the pages, and a study."""

    template: str
    console: Console
    study_instance_uid: str
    is_exact: bool = True  # False: compressed with loss, so that its bitmaps are nobody's letters


Trusted = frozenset[OwnGlyph]  # the glyphs that something rests on
Lettered = tuple[School, PageReading]  # a page, and where its lessons come from


@dataclass(frozen=True, slots=True)
class LettersTold:
    """What the pages of a unit teach, which registered glyphs they rest on, and each printed cell by its place.

    leant: the glyphs without which something would not be proven, with another witness beside them.
    waiting: is there a cell or word that better known letters may prove? unasked: did young letters alone read a
    page marker, so that no engine was asked?
    """

    fonts: Fonts = field(default_factory=Fonts)
    trusted: Trusted = frozenset()
    leant: Trusted = frozenset()
    waiting: bool = False
    unasked: bool = False
    cells: Mapping[tuple[PageRef, Box], CellReading] = field(default_factory=dict)

    def cell_of(self, evidence: Evidence) -> CellReading | None:
        """The cell that the evidence is of; None where it is none of these pages."""
        if evidence.page is None or evidence.box is None:
            return None
        return self.cells.get((evidence.page, evidence.box))


def letters_told(pages: Sequence[Lettered], proven_since: Sequence[CellReading]) -> LettersTold:
    """The sum of a unit. proven_since: its cells once more, when other values had vouched for them."""
    cells = {
        (page.page, cell.evidence.box): cell
        for _, page in pages
        for cell in page.cells()
        if cell.evidence.box is not None and not cell.cell.same_as_header
    }
    exact = [(school, page) for school, page in pages if school.is_exact]
    trusted = _glyphs(pages, _is_lettered)
    markers = (page.fields.get(Quantity.PAGE_MARKER) for _, page in pages)
    unasked = any(marker is not None and _is_unasked(marker) for marker in markers)
    return LettersTold(taught(exact, proven_since), trusted, _glyphs(pages, _leans), _waits(pages), unasked, cells)


def taught(pages: Sequence[Lettered], proven_since: Sequence[CellReading] = ()) -> Fonts:
    """What the proven cells and fixed words of the pages teach."""
    lessons = [lesson for school, page in pages for lesson in _of_page(school, page)]
    schools = {page.page: school for school, page in pages}
    for cell in proven_since:
        if cell.evidence.page in schools:
            lessons += _of_cell(schools[cell.evidence.page], cell)
    fonts = Fonts()
    # Touching letters come last: what the single ones are tells where a text is to be cut.
    for lesson in sorted(lessons, key=lambda lesson: len(bare(lesson.text)) - len(lesson.letters.glyphs)):
        lesson.teach(fonts)
    return fonts


@dataclass(frozen=True, slots=True)
class _Lesson:
    """A text that these letters print. told: by one engine alone. marks: are its marks those that are printed?

    whole: may more than two letters that touch be learned as one? Of what may be a patient's they may not.
    """

    key: FontKey
    letters: Letters
    text: str
    confirmation: Confirmation
    told: bool = False
    marks: bool = True
    blanks: bool = True
    whole: bool = True

    def teach(self, fonts: Fonts) -> None:
        font = fonts.font(self.key)
        glyphs = font.told if self.told else font.glyphs
        signs = laid_on(self.letters, self.text, lambda glyph: glyphs.get(glyph, ()))
        for glyph, sign in zip(self.letters.glyphs, signs, strict=bool(signs)):
            if (self.marks or sign.isalnum()) and (self.whole or len(sign) <= PAIR):
                # Of each glyph another digest: those of one text tell nobody which signs stood together.
                cell = digest(self.confirmation.cell, glyph)
                font.add(glyph, sign, (replace(self.confirmation, cell=cell),), told=self.told)
        if self.blanks and not self.told and len(bare(self.text)) == len(self.letters.glyphs):
            for gap, blank in zip(self.letters.gaps[1:], blanks_of(self.text), strict=True):
                font.space(gap, blank=blank)


def _of_page(school: School, page: PageReading) -> Iterator[_Lesson]:
    for words in (*page.anchors.values(), *page.explained):
        yield from _of_words(school, words)
    for cell in page.cells():
        yield from _of_cell(school, cell)
    for letters, text in page.seen:
        yield _lesson(school, letters, None, text, told=True, whole=False)


def _of_words(school: School, words: FixedWords) -> Iterator[_Lesson]:
    evidence = _without_fonts(words.evidence)
    voices = {witness.text for witness in evidence.witnesses}
    if words.letters is None or len(voices) != 1:
        return
    spellings = [word for word in words.text if fold_label(word) == fold_label(*voices)]
    text, marks = _as_printed(evidence, spellings, fold_label)
    proven = words.proven and isinstance(settle(evidence), Proven)
    yield _lesson(school, words.letters, words.box, text, told=not proven, marks=marks, blanks=" " in text)


def _as_printed(evidence: Evidence, spellings: Sequence[str], folded: Callable[[str], str]) -> tuple[str, bool]:
    """A fixed word as the page prints it, and whether its marks are sure: authors write case and marks as they like."""
    saw = [bare(text) for _, text in evidence.seen if folded(text) == folded(spellings[0])]
    if len(saw) == len(ENGINES) and len(set(saw)) == 1:
        return saw[0], True
    printed = next((word for word in spellings if bare(word) in saw), None)
    return (printed, True) if printed is not None else ((saw or spellings)[0], False)


def _of_cell(school: School, cell: CellReading) -> Iterator[_Lesson]:
    letters, plain = cell.letters, _without_fonts(cell.evidence)
    if letters is None or plain.drawn:
        return
    verdict, private = settle(plain), bool(cell.cell.same_as_header)
    if isinstance(verdict, Proven) and settle(cell.evidence) == verdict:
        text, marks, blanks = _whole(cell, plain, verdict.text), True, True
        if cell.cell.type is ValueType.CHOICE:
            text, marks = _as_printed(plain, [verdict.text], fold)
            blanks = " " in text
        about = "" if private else digest(text)
        yield _lesson(school, letters, plain.box, text, about=about, marks=marks, blanks=blanks, whole=not private)
    elif not plain.broken_crop and not plain.unsteady and (text := _but_for_blanks(cell, plain)):
        about = "" if private else digest(text)
        yield _lesson(school, letters, plain.box, text, about=about, blanks=False, whole=not private)


def _whole(cell: CellReading, plain: Evidence, text: str) -> str:
    """All that the cell prints: its text may leave out what stands beside the value, which both engines must see."""
    if cell.cell.type is ValueType.CHOICE or "beside" not in cell.cell.expression.groupindex:
        return text
    saw = {bare(seen) for _, seen in plain.seen}
    whole = saw.pop() if len(saw) == 1 and len(plain.seen) == len(ENGINES) else ""
    return whole if canonical(cell.cell, cell.choices, whole) == text else ""


def _but_for_blanks(cell: CellReading, plain: Evidence) -> str:
    """The signs of a text on which both engines agree, where they see its blanks differently."""
    texts = {bare(witness.text) for witness in plain.witnesses}
    heard = {witness.kind for witness in plain.witnesses}
    return texts.pop() if cell.cell.type is ValueType.TEXT and len(texts) == 1 and heard >= ENGINES else ""


def _lesson(school: School, letters: Letters, box: Box | None, text: str, *, about: str = "", **how: bool) -> _Lesson:
    """about: a digest of the text; none of an identifier nor of what stands beside the cells: it may be a patient's."""
    study = digest(school.study_instance_uid)
    # A page that is saved again shows the same cells: they confirm nothing twice.
    confirmation = Confirmation(digest(study, box, letters), study, about)
    return _Lesson(FontKey(school.template, school.console, letters.height), letters, text, confirmation, **how)


def _without_fonts(evidence: Evidence) -> Evidence:
    return replace(evidence, witnesses=tuple(witness for witness in evidence.witnesses if witness.kind not in FONTS))


def vouched(pages: Sequence[Lettered], fonts: Fonts) -> list[PageReading]:
    """The pages with what is known of their console's letters: before, and by the pages themselves."""
    if not any(_was_asked(one) for _, page in pages for one in page.inked()):
        return [page for _, page in pages]
    lessons = taught(pages)
    letterings = {
        school: _Heard(_lettering(school, fonts, lessons), lettering(fonts, school.template, school.console))
        for school, _ in pages
    }
    return [_vouched(page, letterings[school]) for school, page in pages]


@dataclass(frozen=True, slots=True)
class _Heard:
    """A console's letters with what these pages teach, and before: a wrong lesson of theirs hides no contradiction."""

    now: Lettering
    before: Lettering

    def contradicts(self, letters: Letters, text: str) -> bool:
        return self.now.contradicts(letters, text) or self.before.contradicts(letters, text)


def _is_lettered(one: CellReading | FixedWords) -> bool:
    """Have registered letters proven it? They are not asked again."""
    return one.proven and any(witness.kind is WitnessKind.REGISTERED_FONT for witness in one.evidence.witnesses)


def _is_unasked(one: CellReading | FixedWords) -> bool:
    """Have young letters alone read it?"""
    return {witness.kind for witness in one.evidence.witnesses} == {WitnessKind.LETTERS}


def _was_asked(one: CellReading | FixedWords) -> bool:
    """Did an engine look at it?"""
    kinds = {witness.kind for witness in one.evidence.witnesses}
    return not kinds or not kinds <= FONTS


def _waits(pages: Sequence[Lettered]) -> bool:
    """Is something not proven yet that was shown to more than young letters?"""
    return any(not one.proven and not _is_unasked(one) for _, page in pages for one in page.inked())


def _lettering(school: School, fonts: Fonts, lessons: Fonts) -> Lettering:
    known = fonts.of(school.console.manufacturer, school.console.model_name).merged(lessons)
    return lettering(known, school.template, school.console)


def _vouched(page: PageReading, its: _Heard) -> PageReading:
    groups = {id(row.group): _cell(row.group, its) for row in page.rows if row.group is not None}
    rows = tuple(
        RowReading({q: _cell(cell, its) for q, cell in row.cells.items()}, groups.get(id(row.group)))
        for row in page.rows
    )
    fields = {quantity: _cell(cell, its) for quantity, cell in page.fields.items()}
    anchors = {name: _words(words, its) for name, words in page.anchors.items()}
    return replace(page, fields=fields, rows=rows, anchors=anchors)


def _cell(cell: CellReading, its: _Heard) -> CellReading:
    if cell.letters is None or cell.evidence.drawn:
        return cell

    def known(text: str) -> str | None:
        return canonical(cell.cell, cell.choices, text)

    evidence = _heard(cell.evidence, cell.letters, known, its, whole=cell.cell.type is not ValueType.CHOICE)
    return cell if evidence == cell.evidence else judge(replace(cell, evidence=evidence))


def _words(words: FixedWords, its: _Heard) -> FixedWords:
    if words.letters is None:
        return words
    evidence = _heard(words.evidence, words.letters, same_word(words.text), its, whole=False)
    return replace(words, evidence=evidence, proven=isinstance(settle(evidence), Proven))


def _heard(evidence: Evidence, letters: Letters, known: Canonical, its: _Heard, *, whole: bool) -> Evidence:
    """The evidence with the letters' voice, or without an engine that even a part of the letters contradicts.

    whole: the witnesses' text is all that is printed; a word of a list or an anchor may be printed with other marks.
    """
    if any(witness.kind is WitnessKind.REGISTERED_FONT for witness in evidence.witnesses):
        return evidence
    word = its.now.word(letters, known)
    if word is not None:
        text, registered = word
        # Bitmaps have no blanks: of a text that an engine says too, the engine's blanks count.
        text = next((witness.text for witness in evidence.witnesses if bare(witness.text) == bare(text)), text)
        return evidence.and_witness(Witness(_kind(registered=registered), text))
    wrong = {w for w in evidence.witnesses if w.kind in ENGINES and whole and its.contradicts(letters, w.text)}
    if not wrong:
        return evidence
    left = tuple(witness for witness in evidence.witnesses if witness not in wrong)
    if any(witness.kind in ENGINES for witness in left):
        return replace(evidence, witnesses=left)
    return replace(evidence, broken_crop=evidence.broken_crop or OTHERWISE)


def _kind(*, registered: bool) -> WitnessKind:
    return WitnessKind.REGISTERED_FONT if registered else WitnessKind.LETTERS


def _leans(one: CellReading | FixedWords) -> bool:
    """Is it proven, and would not be without the letters' voice?"""
    return one.proven and not _is_lettered(one) and not isinstance(settle(_without_fonts(one.evidence)), Proven)


def _glyphs(pages: Sequence[Lettered], rests: Callable[[CellReading | FixedWords], bool]) -> Trusted:
    """The glyphs of all that rests on letters."""
    return frozenset(
        OwnGlyph(school.template, school.console, glyph)
        for school, page in pages
        for one in page.inked()
        if (letters := one.letters) is not None and rests(one)
        for glyph in letters.glyphs
    )
