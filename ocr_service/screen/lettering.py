"""A console's letters as one page meets them: what glyphs say, and how far that can be believed.

A glyph that proven cells of independent studies show as one sign is registered and proves a cell alone. One that fewer
cells show, or cells of another template, software version or letter height of this console, is young: a witness among
others. So is one that nearly equals a known glyph and no other. A glyph that was shown as two signs supports nothing;
it still contradicts a third one.

Knows glyphs, signs and what confirms them; must not know cells, patterns or engines.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from ocr_service.screen.fonts import Console, FontKey, Fonts, Signs, contradictory, is_attested, is_young
from ocr_service.screen.glyphs import FARTHEST, Glyph, Letters, apart
from ocr_service.screen.layout import DIGITS
from ocr_service.screen.spelling import bare
from ocr_service.templates.wording import fold

MOST_TEXTS = 64  # of one run, where glyphs stand for several signs each
NEAR = 0.1  # of a glyph's ink: how much compression may change it
BLANK = 0.45  # letter heights: a wider gap is a blank, where none was seen yet
SLACK = 1  # px: how much a gap may differ from those that were seen
CLEAR = 3  # how many times further the nearest glyph of another sign must be
STANDINGS = ("registered", "young", "new", "withdrawn", "told")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a glyph: the signs it may be, those that are registered, and whether it can support any."""

    signs: tuple[str, ...]
    registered: frozenset[str] = frozenset()
    supports: bool = True


@dataclass(frozen=True, slots=True)
class Spelled:
    """A run whose glyphs are all known.

    spaced: for each glyph, does a blank stand before it? blanks_known: False where a gap may be one or none.
    """

    known: tuple[Known, ...]
    spaced: tuple[bool, ...]
    blanks_known: bool

    def texts(self) -> Iterator[tuple[str, bool]]:
        """Each text that the glyphs can be, and whether all its signs are registered. The likeliest first."""
        if prod(len(one.signs) for one in self.known) > MOST_TEXTS:
            return
        for signs in product(*(one.signs for one in self.known)):
            registered = all(sign in one.registered for sign, one in zip(signs, self.known, strict=True))
            yield self._text(signs), registered

    def _text(self, signs: tuple[str, ...]) -> str:
        return "".join(f" {sign}" if blank else sign for sign, blank in zip(signs, self.spaced, strict=True))


@dataclass(slots=True, eq=False)
class Lettering:
    """The letters of one console on the pages of one template: what each glyph is known to be."""

    own: Mapping[Glyph, Known] = field(default_factory=dict)
    others: Mapping[Glyph, Known] = field(default_factory=dict)  # of the console's other fonts, never registered
    told: Mapping[Glyph, str] = field(default_factory=dict)  # by one engine: enough to find places
    gaps: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # see Font: widest gap, narrowest blank
    _near: dict[Glyph, Known | None] = field(default_factory=dict)

    @property
    def is_registered(self) -> bool:
        """Is any letter of this template and console registered?"""
        return any(known.registered for known in self.own.values())

    def known(self, glyph: Glyph) -> Known | None:
        """What a glyph is, as its own font says, else the console's others."""
        own, other = self.own.get(glyph), self.others.get(glyph)
        if own is not None and not own.registered and other is not None:
            signs = tuple(dict.fromkeys((*own.signs, *other.signs)))
            return Known(signs, supports=False) if contradictory(signs) else own
        return own or other

    def nearly(self, glyph: Glyph) -> Known | None:
        """What an unknown glyph is that nearly equals a known digit, where all ten are known."""
        if glyph not in self._near:
            self._near[glyph] = _nearest(glyph, self.own)
        return self._near[glyph]

    def spelled(self, letters: Letters) -> Spelled | None:
        """The run by its glyphs; None where one is unknown or can be no support."""
        known = []
        for glyph in letters.glyphs:
            one = self.known(glyph) or self.nearly(glyph)
            if one is None or not one.supports:
                return None
            known.append(one)
        spaced, blanks_known = self._blanks(letters)
        return Spelled(_in_context(known, spaced), spaced, blanks_known) if known else None

    def placing(self, letters: Letters) -> str | None:
        """A text of the run that is enough to find places and to explain words; None where a glyph is unknown."""
        signs = []
        for glyph in letters.glyphs:
            known = self.known(glyph)
            sign = known.signs[0] if known is not None and known.supports else self.told.get(glyph)
            if sign is None:
                return None
            signs.append(sign)
        blanks = self._blanks(letters)[0]
        return "".join(f" {sign}" if blank else sign for sign, blank in zip(signs, blanks, strict=True)) or None

    def _blanks(self, letters: Letters) -> tuple[tuple[bool, ...], bool]:
        """For each glyph, does a blank stand before it? And is each of these gaps like one that was seen?"""
        widest, narrowest = self.gaps.get(letters.height, (-1, 10_000))
        if narrowest - widest <= 2 * SLACK:
            return tuple(gap > max(BLANK * letters.height, widest) for gap in letters.gaps), len(letters.gaps) < 2
        spaced = tuple(gap >= narrowest - SLACK or gap > BLANK * letters.height > widest for gap in letters.gaps)
        return spaced, all(gap <= widest + SLACK or gap >= narrowest - SLACK for gap in letters.gaps[1:])

    def word(self, letters: Letters, canonical: Callable[[str], str | None]) -> tuple[str, bool] | None:
        """The one text of the run that has a canonical form, and whether its glyphs are all registered for it."""
        spelled = self.spelled(letters)
        found: dict[str, bool] = {}
        for text, registered in spelled.texts() if spelled is not None else ():
            cuts = (text,) if spelled is None or spelled.blanks_known else (text, text.replace(" ", ""))
            for word in filter(None, map(canonical, cuts)):
                found[word] = found.get(word, False) or registered
        return next(iter(found.items())) if len(found) == 1 else None

    def contradicts(self, letters: Letters, text: str) -> bool:
        """Does a known glyph say another sign than the text has in its place?"""
        signs = bare(text)
        if len(signs) != len(letters.glyphs):
            return False
        told = ((self.known(glyph), sign) for glyph, sign in zip(letters.glyphs, signs, strict=True))
        return any(known is not None and fold(sign) not in map(fold, known.signs) for known, sign in told)


def _in_context(known: Sequence[Known], spaced: Sequence[bool]) -> tuple[Known, ...]:
    """The same where signs that look alike are told by their neighbours, as everyone reads them.

    After a small letter of its word stands a small letter, an l and no I; between two digits stands a digit.
    """
    told = list(known)
    for place, one in enumerate(known):
        before = told[place - 1].signs if place and not spaced[place] else ()
        after = known[place + 1].signs if place + 1 < len(known) else ()
        if len(one.signs) < 2 or len(before) != 1:
            continue
        kept = tuple(sign for sign in one.signs if sign.islower()) if before[0].islower() else ()
        if before[0].isdigit() and len(after) == 1 and after[0].isdigit():
            kept = tuple(sign for sign in one.signs if sign.isdigit())
        told[place] = Known(kept, one.registered) if kept else one
    return tuple(told)


def lettering(fonts: Fonts, template: str, console: Console) -> Lettering:
    """The letters of the console on this template's pages: its own fonts, and as young ones all others of its model.

    A glyph has its size in its bitmap, so that small and large letters of one page are looked up together.
    """
    its = fonts.of(console.manufacturer, console.model_name)
    own: dict[Glyph, Signs] = {}
    others: dict[Glyph, Signs] = {}
    told: dict[Glyph, Signs] = {}
    gaps: dict[int, tuple[int, int]] = {}
    for key in its:
        font = its[key]
        if key == FontKey(template, console, key.height):
            gaps[key.height] = font.widest_gap, font.narrowest_blank
            _gather(own, font.glyphs)
        _gather(others, font.glyphs)
        _gather(told, font.told)
    one_voice = {glyph: known.signs[0] for glyph, known in _all_young(told).items() if known.supports}
    return Lettering(_all_registered(own), _all_young(others), one_voice, gaps)


def _gather(whole: dict[Glyph, Signs], glyphs: Mapping[Glyph, Signs]) -> None:
    for glyph, signs in glyphs.items():
        merged = whole.setdefault(glyph, {})
        for sign, seen in signs.items():
            merged[sign] = merged.get(sign, frozenset()) | seen


def _all_young(glyphs: Mapping[Glyph, Signs]) -> dict[Glyph, Known]:
    return {glyph: known for glyph, signs in glyphs.items() if (known := _young(signs)) is not None}


def _all_registered(glyphs: Mapping[Glyph, Signs]) -> dict[Glyph, Known]:
    young = _all_young(glyphs)
    bitmaps: dict[int, Counter[str]] = defaultdict(Counter)  # of each digit, by the height of its bitmap
    for glyph, known in young.items():
        bitmaps[glyph.rows].update(set(known.signs) & set(DIGITS))
    # Where a digit has more bitmaps than another one has, one of them may be that other digit, always misread.
    doubted = {
        (rows, sign)
        for rows, count in bitmaps.items()
        for sign, times in count.items()
        if times > max(1, min(count[digit] for digit in DIGITS))
    }
    return {
        glyph: _registered(known, glyphs[glyph], {sign for rows, sign in doubted if rows == glyph.rows})
        for glyph, known in young.items()
    }


def _young(signs: Signs) -> Known | None:
    if contradictory(signs):
        return Known(tuple(sorted(signs)), supports=False)
    attested = tuple(
        sign for sign in sorted(signs, key=lambda sign: (-len(signs[sign]), sign)) if is_young(signs[sign])
    )
    return Known(attested) if attested else None


def standing(signs: Signs) -> str:
    """How far a glyph is believed, in a word."""
    registered, young, new, withdrawn, told = STANDINGS
    known = _young(signs)
    if known is None:
        return told if not signs else new
    if not known.supports:
        return withdrawn
    return registered if _registered(known, signs, set()).registered else young


def _registered(known: Known, signs: Signs, doubted: set[str]) -> Known:
    if not known.supports:
        return known
    sure = (sign for sign in known.signs if sign not in doubted and is_attested(sign, signs[sign]))
    return Known(known.signs, frozenset(sure))


def _nearest(glyph: Glyph, font: Mapping[Glyph, Known]) -> Known | None:
    """The digit whose glyph this one nearly equals, where every glyph of another sign is much further.

    Were a digit of this size unknown, this glyph might be that one: 8 is as near to 3 as a soft edge makes it.
    """
    alike = [known for other, known in font.items() if abs(other.rows - glyph.rows) <= FARTHEST and known.supports]
    if not set(DIGITS) <= {sign for known in alike for sign in known.signs}:
        return None
    bitmap = glyph.bitmap
    best: tuple[int, Known] | None = None
    second = bitmap.size
    told = sorted(
        (
            (apart(bitmap, other.bitmap), known.signs, known)
            for other, known in font.items()
            if other.place == glyph.place
        ),
        key=lambda one: one[:2],
    )
    for distance, signs, known in told:
        if best is None:
            best = distance, known
        elif contradictory((*signs, *best[1].signs)):
            second = distance
            break
    if best is None or not best[1].supports or not set(best[1].signs) <= set(DIGITS):
        return None
    allowed = max(1, round(NEAR * int(bitmap.sum())))
    if best[0] > allowed or second < max(CLEAR * best[0], best[0] + 2):
        return None
    return Known(best[1].signs)
