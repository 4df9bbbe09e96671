"""Letters learned from screens whose values a person states: a font by hand, and a clear word where that cannot be.

A stated value that an engine also reads is a person's confirmation of its glyphs; one that no engine reads is one
voice of three. What contradicts both engines, or the glyphs of all other screens, is refused with its whole screen:
who states one value wrongly may have the next one wrong too.

Knows expectations, readings and letters; must not know files or pictures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydicom import Dataset

from ocr_service.author.checking import PAGE, UNSAID, Compared, told_of, total_of
from ocr_service.dose.proof import ENGINES, NeedsReview, Verified
from ocr_service.dose.report import CTDoseReport
from ocr_service.pipeline import console_of, read_unit
from ocr_service.screen.fonts import Confirmation, FontKey, Fonts, contradictory, digest
from ocr_service.screen.glyphs import Glyph, Letters
from ocr_service.screen.lettering import STANDINGS, standing
from ocr_service.screen.readers import Readers
from ocr_service.screen.readings import CellReading
from ocr_service.screen.spelling import laid_on
from ocr_service.screen.words import canonical, meaning
from ocr_service.templates.library import Library, suits
from ocr_service.templates.schema import Template
from ocr_service.templates.wording import fold

CONCEPTS = ("acquisition_type", "phantom")  # stated by their names, not by the words that print them
FEWEST, SHARE = 3, 0.05  # screens that outweigh a few others, and the largest share of these


@dataclass(frozen=True, slots=True)
class Stated:
    """One examination's screens and what they print, as a person says. rows: texts by the words of `examples`.

    confirmed: of each row, and last of the total: does somebody vouch for it? What our own report could not prove, and
    nobody changed or confirmed, teaches nothing.
    """

    about: str
    objects: tuple[Dataset, ...]
    rows: tuple[Mapping[str, str], ...]
    dlp_total: str | None
    confirmed: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A screen that teaches nothing, and why; or a glyph on which screens differ (about is empty then)."""

    about: str
    sentence: str
    objects: tuple[Dataset, ...] = ()


@dataclass(slots=True)
class Learned:
    """What was learned, of how many screens, and what was refused."""

    fonts: Fonts
    screens: int = 0
    others: int = 0  # screens that the template does not read
    values: int = 0  # stated ones that teach
    unconfirmed: int = 0  # values that nobody vouches for
    refused: list[Refused] = field(default_factory=list)

    def sentences(self, template: str, kept: Fonts) -> Iterator[str]:
        """How far the letters of each font of the template are known now. kept: with what was known before."""
        others = f"; {self.others} are of other templates" if self.others else ""
        yield f"learned from {self.values} stated values of {self.screens} examinations{others}"
        if self.unconfirmed:
            yield (
                f"{self.unconfirmed} values taught nothing: the report says that they were not proven, and nobody "
                'changed them; write "proven": true in the event of right ones ("outcome": "verified" for the total)'
            )
        for key in kept.of_template(template):
            count = Counter(standing(signs) for signs in kept[key].glyphs.values())
            if not count:
                continue
            told = ", ".join(f"{count[word]} {word}" for word in STANDINGS if count[word])
            yield f"letters of {key.height} px on {key.console.name}: {told}"


@dataclass(slots=True)
class _Taught:
    """What one screen teaches, and where each sign of it stands."""

    objects: tuple[Dataset, ...] = ()
    fonts: Fonts = field(default_factory=Fonts)
    values: int = 0
    unconfirmed: int = 0
    where: dict[tuple[FontKey, Glyph, str], str] = field(default_factory=dict)


class _OfAnother(Exception):
    """The template does not read this screen."""


class _Unfit(Exception):
    """This screen teaches nothing; the text says why."""


def learn(template: Template, stated: Iterable[Stated], library: Library, readers: Readers) -> Learned:
    """The letters of the template's consoles, from screens with the values they print."""
    taught: dict[str, _Taught] = {}
    learned = Learned(Fonts())
    for one in stated:
        try:
            taught[one.about] = _taught(template, one, library, readers)
        except _OfAnother:
            learned.others += 1
        except _Unfit as unfit:
            learned.refused.append(Refused(one.about, str(unfit), one.objects))
    dropped = _settle(taught, learned.refused)
    for its in taught.values():
        learned.fonts.merge(its.fonts)
    learned.fonts = learned.fonts.without(dropped)
    learned.screens = len(taught)
    learned.values = sum(its.values for its in taught.values())
    learned.unconfirmed = sum(its.unconfirmed for its in taught.values())
    return learned


def _taught(template: Template, one: Stated, library: Library, readers: Readers) -> _Taught:
    if not any(suits(template, ds) for ds in one.objects):
        raise _OfAnother
    ending = read_unit(one.objects, library, readers.without_fonts())
    outcome = ending.outcome
    if not isinstance(outcome, Verified | NeedsReview):
        raise _Unfit("no dose screen of a template could be read here")
    report = outcome.report
    if report.template != f"{template.name} r{template.revision}":
        raise _OfAnother
    if len(report.events) != len(one.rows):
        raise _Unfit(f"the page has {len(report.events)} rows, and {len(one.rows)} are stated")
    taught = _Taught(one.objects, ending.letters.fonts)
    console, study = console_of(one.objects[-1]), digest(report.study_instance_uid)
    for value, confirmed in _pairs(report, one):
        cell = ending.letters.cell_of(value.said.evidence)
        if cell is None or cell.letters is None:
            raise _Unfit(f"{_place(value)} is stated as {value.wanted}, and no such value was found on the page")
        whole = _whole_text(cell, value)
        if not confirmed and not cell.proven and whole == cell.text:
            taught.unconfirmed += 1
            continue
        taught.values += 1
        heard = {witness.text for witness in cell.evidence.witnesses if witness.kind in ENGINES}
        place = digest(cell.evidence.page, cell.evidence.box)
        confirmation = Confirmation(place, study, digest(whole), by_person=whole in heard)
        key = FontKey(template.name, console, cell.letters.height)
        _teach(taught, key, cell.letters, whole, confirmation, _place(value))
    return taught


def _whole_text(cell: CellReading, value: Compared) -> str:
    """All that the cell prints, with the stated value in its place.

    A type or phantom is stated as a concept: the word that prints it is what was read, where that means the concept.
    """
    stated, where = value.wanted, _place(value)
    if value.key in CONCEPTS:
        if value.said.text != stated:
            raise _Unfit(f"{where} is stated as {stated}, and {value.said.text} was read")
        return cell.text
    text = canonical(cell.cell, cell.choices, stated) or ""
    if cell.text:
        read = meaning(cell.cell, cell.choices, cell.text).value
        if cell.proven and read != stated:
            raise _Unfit(f"{where} is stated as {stated}, and both engines read {read}")
        text = cell.text.replace(read, stated, 1) if read in cell.text else text
    if not text or canonical(cell.cell, cell.choices, text) is None:
        raise _Unfit(f"{where} is stated as {stated}, which its column cannot print")
    return text


def _place(value: Compared) -> str:
    return value.key if value.where == PAGE else f"{value.key} of {value.where}"


def _teach(taught: _Taught, key: FontKey, letters: Letters, text: str, confirmation: Confirmation, where: str) -> None:
    font = taught.fonts.font(key)
    for glyph, sign in zip(letters.glyphs, laid_on(letters, text, lambda one: font.glyphs.get(one, ())), strict=False):
        font.add(glyph, sign, (confirmation,))
        taught.where.setdefault((key, glyph, sign), f"{where}, {text}")


def _settle(taught: dict[str, _Taught], refused: list[Refused]) -> list[tuple[FontKey, Glyph]]:
    """Refuse the screens that a glyph speaks against, until none is left; the glyphs on which screens simply differ."""
    while True:
        dropped = []
        for (key, glyph), screens in _contradictions(taught).items():
            blamed = _few(screens)
            if not blamed:
                dropped.append((key, glyph))
                continue
            for about, sign in blamed.items():
                its = taught.pop(about)
                where = its.where.get((key, glyph, sign), "a proven word")
                most = next(other for other in screens if fold(other) != fold(sign))
                told = f"its glyph is {sign!r} there, and {most!r} on {len(screens[most])} other screens"
                refused.append(Refused(about, f"{where}: {told}", its.objects))
            break
        else:
            refused += [Refused("", _differing(key, glyph, taught)) for key, glyph in dropped]
            return dropped


def _contradictions(taught: Mapping[str, _Taught]) -> dict[tuple[FontKey, Glyph], dict[str, list[str]]]:
    """The glyphs that stand for different signs, with the screens of each sign; most screens first."""
    seen: dict[tuple[FontKey, Glyph], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for about, its in taught.items():
        for key in its.fonts:
            for glyph, signs in its.fonts[key].glyphs.items():
                for sign in signs:
                    seen[key, glyph][sign].append(about)
    return {
        place: dict(sorted(signs.items(), key=lambda item: -len(item[1])))
        for place, signs in seen.items()
        if contradictory(signs)
    }


def _few(screens: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The few screens that say another sign than all others: screen -> its sign; none where they are not few."""
    most = next(iter(screens))
    others = {about: sign for sign, told in screens.items() if fold(sign) != fold(most) for about in told}
    right = len(screens[most])
    return others if right >= FEWEST and len(others) <= max(1, SHARE * right) else {}


def _differing(key: FontKey, glyph: Glyph, taught: Mapping[str, _Taught]) -> str:
    told = [
        f"{sign!r} in {about} ({its.where.get((key, glyph, sign), 'a proven word')})"
        for about, its in taught.items()
        for sign in (its.fonts[key].glyphs.get(glyph, {}) if key in its.fonts else ())
    ]
    return f"a glyph of {glyph.columns} x {glyph.rows} px stands for {', '.join(told[:4])}: it was not learned"


def _pairs(report: CTDoseReport, one: Stated) -> Iterator[tuple[Compared, bool]]:
    """Each stated value beside what was read in its place, and whether somebody vouches for it."""
    for number, (event, row, sure) in enumerate(zip(report.events, one.rows, one.confirmed, strict=False), start=1):
        told = told_of(event)
        yield from ((Compared(f"row {number}", key, text, told.get(key, UNSAID)), sure) for key, text in row.items())
    if one.dlp_total is not None and report.dlp_total is not None:
        yield Compared(PAGE, "dlp_total", one.dlp_total, total_of(report)), one.confirmed[-1]
