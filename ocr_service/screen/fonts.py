"""What proven cells have shown of consoles' letters: which sign each glyph stands for, and how well that is attested.

A font is of one template, maker, model, software version and letter height. It is evidence and nothing else: all that
is known of a glyph follows from the cells that confirm it, so fonts can be merged in any order, and once more, and
say the same.

Knows glyphs, signs and where they were seen; must not know pages, readers or files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations

from ocr_service.screen.glyphs import Glyph
from ocr_service.screen.layout import DIGITS
from ocr_service.templates.wording import fold

YOUNG = 3  # proven cells that show a glyph before it speaks of others
REGISTERED = 3  # independent studies before it proves a cell alone
STATED = 2  # cells with a text of their own that a person stated
# Kept of what confirms a sign; enough to tell how well it is attested, however many pages were read.
MOST_CELLS, MOST_STUDIES, MOST_TEXTS, MOST_OF_STUDY = 3, 5, 5, 3
MOST_GLYPHS = 2000  # of one font: a page of noise shows thousands, and none of them twice
LARGEST = 96  # rows and columns of a glyph: a larger one is no letter, nor several that touch


@dataclass(frozen=True, slots=True, order=True)
class Console:
    """Whose letters they are, as the header of a dose screen names it."""

    manufacturer: str = ""
    model_name: str = ""
    software_versions: str = ""

    @property
    def name(self) -> str:
        """Model and software versions, in words."""
        return " ".join(filter(None, (self.model_name, self.software_versions))) or "an unnamed scanner"


@dataclass(frozen=True, slots=True, order=True)
class FontKey:
    """One font: its template, its console, and the height of its letters in px."""

    template: str
    console: Console
    height: int


@dataclass(frozen=True, slots=True, order=True)
class OwnGlyph:
    """A glyph of one console on the pages of one template, whatever the height of the line that it stands on."""

    template: str
    console: Console
    glyph: Glyph


@dataclass(frozen=True, slots=True, order=True)
class Confirmation:
    """A proven cell that shows a glyph: digests of its place, study and text, which say nothing of a patient.

    by_person: did a person state its text, and an engine read the same?
    """

    cell: str
    study: str
    text: str
    by_person: bool = False


def digest(*told: object) -> str:
    """Eight hex digits that stand for what is told."""
    return blake2b("\x1f".join(map(str, told)).encode(), digest_size=4).hexdigest()


Signs = dict[str, frozenset[Confirmation]]  # sign -> the cells that show the glyph as that sign


@dataclass(slots=True)
class Font:
    """The glyphs of one font with what confirms each sign.

    told: the same by the word of one engine, which is enough to find places and proves nothing.
    widest_gap, narrowest_blank: in px, the widest blank columns within a word and the narrowest that were a blank.
    """

    glyphs: dict[Glyph, Signs] = field(default_factory=dict)
    told: dict[Glyph, Signs] = field(default_factory=dict)
    widest_gap: int = -1
    narrowest_blank: int = 10_000

    def add(self, glyph: Glyph, sign: str, seen: Iterable[Confirmation], *, told: bool = False) -> None:
        """Take in more cells that show the glyph as the sign."""
        glyphs = self.told if told else self.glyphs
        if max(glyph.rows, glyph.columns) > LARGEST:
            return
        signs = glyphs.setdefault(glyph, {})
        known = signs.get(sign, frozenset())
        if not known.issuperset(more := frozenset(seen)):
            signs[sign] = _kept(known | more)
        if len(glyphs) > MOST_GLYPHS:
            del glyphs[max(glyphs)]  # always the same ones, in whatever order they came

    def space(self, gap: int, *, blank: bool) -> None:
        """Take in the width of a gap that is a blank, or that is none."""
        if blank:
            self.narrowest_blank = min(self.narrowest_blank, gap)
        else:
            self.widest_gap = max(self.widest_gap, gap)

    def merge(self, other: Font) -> None:
        """Take in all that another evidence of the same font says."""
        for told, glyphs in ((False, other.glyphs), (True, other.told)):
            for glyph, signs in glyphs.items():
                for sign, seen in signs.items():
                    self.add(glyph, sign, seen, told=told)
        self.widest_gap = max(self.widest_gap, other.widest_gap)
        self.narrowest_blank = min(self.narrowest_blank, other.narrowest_blank)


def _kept(seen: frozenset[Confirmation]) -> frozenset[Confirmation]:
    """Some cells of any studies, some studies with a few of their texts, and some texts, stated or not.

    The lowest ones of each, so that they are the same in whatever order they came. Were there only studies, some that
    print the same dose each time could take the place of those that tell more.
    """
    by_study: dict[str, dict[str, Confirmation]] = {}
    by_text: dict[str, Confirmation] = {}
    ordered = sorted(seen)
    for one in ordered:
        by_study.setdefault(one.study, {}).setdefault(one.text, one)
        by_text[one.text] = min(by_text.get(one.text, one), one, key=lambda one: (one.study, one.cell))
    kept = {*ordered[:MOST_CELLS], *(by_text[text] for text in sorted(by_text)[:MOST_TEXTS])}
    stated = {one.text: one for one in reversed(ordered) if one.by_person}
    kept.update(stated[text] for text in sorted(stated)[:STATED])
    for study in sorted(by_study)[:MOST_STUDIES]:
        kept.update(by_study[study][text] for text in sorted(by_study[study])[:MOST_OF_STUDY])
    return frozenset(kept)


def contradictory(signs: Iterable[str]) -> bool:
    """Are they different signs? Those that look alike in some fonts (I and l, O and 0, c and C) are not."""
    return len({fold(sign) for sign in signs}) > 1


def is_young(seen: frozenset[Confirmation]) -> bool:
    """Do enough proven cells show it, of whatever screens?"""
    return len(seen) >= YOUNG


def is_attested(sign: str, seen: frozenset[Confirmation]) -> bool:
    """Do cells of enough independent studies show it, or two that a person stated?

    Digits and the point: of cells with other texts too. Each study has to tell a text that the others do not: one page
    is often kept under several studies.
    """
    stated = {one.text for one in seen if one.by_person}
    if len(stated) >= STATED:
        return True
    texts: dict[str, set[str]] = {}
    for one in seen:
        texts.setdefault(one.study, set()).add(one.text)
    if not set(sign) & set(DIGITS + "."):
        return len(texts) >= REGISTERED
    return any(_differ(some) for some in combinations(texts.values(), REGISTERED))


def _differ(studies: tuple[set[str], ...]) -> bool:
    """Does each of these studies tell a text that no other one does? "" stands for a text that is not kept."""
    return all(texts.difference({""}, *(others for others in studies if others is not texts)) for texts in studies)


class Fonts:
    """All fonts that are known. Evidence is added and merged; what follows from it is told by screen/lettering.py."""

    def __init__(self, fonts: Mapping[FontKey, Font] | None = None) -> None:
        self._fonts: dict[FontKey, Font] = dict(fonts or {})

    def __iter__(self) -> Iterator[FontKey]:
        return iter(sorted(self._fonts))

    def __bool__(self) -> bool:
        return bool(self._fonts)

    def __getitem__(self, key: FontKey) -> Font:
        return self._fonts[key]

    def of(self, manufacturer: str, model_name: str) -> Fonts:
        """The fonts of one model, whatever the template, software version and height."""
        wanted = manufacturer, model_name
        its = {k: f for k, f in self._fonts.items() if (k.console.manufacturer, k.console.model_name) == wanted}
        return Fonts(its)

    def of_template(self, template: str) -> Fonts:
        """The fonts of one template, whatever the console."""
        return Fonts({key: font for key, font in self._fonts.items() if key.template == template})

    def without(self, dropped: Collection[tuple[FontKey, Glyph]]) -> Fonts:
        """The same without these glyphs."""
        kept = Fonts()
        kept.merge(self)
        for key, glyph in dropped:
            kept._fonts[key].glyphs.pop(glyph, None)
        return kept

    def signs(self) -> dict[OwnGlyph, set[str]]:
        """Each console's glyphs on the pages of each template, and the signs that proven cells show them as."""
        told: dict[OwnGlyph, set[str]] = {}
        for key, font in self._fonts.items():
            for glyph, signs in font.glyphs.items():
                told.setdefault(OwnGlyph(key.template, key.console, glyph), set()).update(signs)
        return told

    def withdrawn(self) -> dict[OwnGlyph, set[str]]:
        """The glyphs that prove nothing any more, because proven cells show them as different signs, and these."""
        return {one: signs for one, signs in sorted(self.signs().items()) if contradictory(signs)}

    def font(self, key: FontKey) -> Font:
        """The font, a new one where nothing is known of it."""
        return self._fonts.setdefault(key, Font())

    def merge(self, other: Fonts) -> None:
        """Take in all that other fonts say."""
        for key, font in other._fonts.items():
            self._fonts.setdefault(key, Font()).merge(font)

    def merged(self, *others: Fonts) -> Fonts:
        """All that these and the others say, as fonts of their own."""
        whole = Fonts()
        for fonts in (self, *others):
            whole.merge(fonts)
        return whole
