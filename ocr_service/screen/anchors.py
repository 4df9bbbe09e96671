"""Anchors: the fixed words that prove a page is the one its template means, and that carry its edges.

Knows phrases and the template's words; must not know values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.glyphs import letters_on
from ocr_service.screen.layout import Ink, Pixels, Run
from ocr_service.screen.lettering import Lettering
from ocr_service.screen.places import area, page_box
from ocr_service.screen.readers import Readers
from ocr_service.screen.words import fold_label
from ocr_service.templates.edges import PAGE, SIDES
from ocr_service.templates.schema import PageLayout

MARGIN = 10  # px of dark ground around each crop: engines read letters at the edge badly
PHRASE_GAPS = (0.9, 1.5)  # letter heights
NEIGHBOURS = 40  # px around a place in which its phrases could go on
MOST_PHRASES = 80  # of one place: an engine reads each, and a page of speckles has thousands
MOST_WORDS = 6  # of one heading, as cut by narrow gaps
MORE_GAPS = (0.5, 0.9, 1.5, 2.5)  # where the words are not found at first
NO_LETTERS = Lettering()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the words of an anchor stand, as found by one reader: enough to place things, not to prove them."""

    run: Run
    exact: bool  # False: one letter or so differs, which places the edges and proves nothing


Places = Mapping[str, Placed]


class Phrases:
    """The phrases and words of one page, each read once and only where somebody looks for words.

    Lines are made of the ink of one place, never over the page's whole width: headings of one and of two lines stand
    beside each other.
    """

    def __init__(
        self,
        ink: Ink,
        pixels: Pixels,
        readers: Readers,
        gaps: Sequence[float] = PHRASE_GAPS,
        lettering: Lettering = NO_LETTERS,
    ) -> None:
        self._ink = ink
        self._gaps = gaps
        self._pixels = pixels
        self._readers = readers
        self._lettering = lettering
        self._spelled: dict[Box, str | None] = {}
        self.seen: dict[Box, str] = {}  # what PP-OCR read here
        self.page = page_box(pixels)

    def inside(self, place: Box) -> list[Run]:
        """The phrases of the place that go on nowhere outside it."""
        # Fixed-pitch consoles leave wide gaps within a phrase, others narrow ones between columns: all cuts are tried.
        return layout.phrases_alone(self._ink, place, _beside(place), self._gaps)[:MOST_PHRASES]

    def chains(self, place: Box) -> list[list[Run]]:
        """The words of the place, a list a line."""
        chains = layout.chains_inside(self._ink, place)
        return chains if sum(map(len, chains)) <= MOST_PHRASES else []

    def spelled(self, runs: Sequence[Run]) -> dict[Box, str]:
        """What the console's known letters say of each, folded; those with an unknown glyph are left out."""
        for run in runs:
            if run.box not in self._spelled:
                told = self._lettering.placing(letters_on(self._ink, run))
                self._spelled[run.box] = None if told is None else fold_label(told)
        return {run.box: text for run in runs if (text := self._spelled[run.box]) is not None}

    def texts(self, runs: Sequence[Run]) -> dict[Box, str]:
        """What the known letters say of each, else PP-OCR, folded."""
        known = self.spelled(runs)
        boxes = list(dict.fromkeys(run.box for run in runs if run.box not in known))
        texts = self._readers.read_first([layout.crop(self._pixels, box, MARGIN) for box in boxes])
        self.seen.update(zip(boxes, texts, strict=True))
        return known | dict(zip(boxes, map(fold_label, texts), strict=True))

    def second_texts(self, runs: Sequence[Run]) -> dict[Box, str]:
        """What Tesseract reads of each, folded."""
        boxes = list(dict.fromkeys(run.box for run in runs))
        texts = self._readers.read_second([layout.crop(self._pixels, box, MARGIN) for box in boxes])
        return dict(zip(boxes, map(fold_label, texts), strict=True))


def _beside(place: Box) -> Box:
    return Box(max(0, place.left - NEIGHBOURS), place.top, place.right + NEIGHBOURS, place.bottom)


def place_anchors(page: PageLayout, phrases: Phrases, *, thoroughly: bool = False) -> dict[str, Placed]:
    """Find the page's anchors by their words; anchors that stand relative to others come after them.

    thoroughly: also by Tesseract, and by words that differ in one letter or so.
    """
    placed: dict[str, Placed] = {}
    waiting = dict(page.anchors)
    while waiting:
        boxes = {PAGE: phrases.page, **{name: placed[name].run.box for name in placed}}
        ready = {n: place for n, anchor in waiting.items() if (place := area(anchor.area, boxes)) is not None}
        if not ready:
            break
        words = {name: {fold_label(text) for text in waiting.pop(name).text} for name in ready}
        _place(words, ready, _headings(page), phrases, placed, thoroughly=thoroughly)
    return placed


def _headings(page: PageLayout) -> set[str]:
    """Anchors that may stand close to others: ink beside them that nobody explains is a doubt of its own.

    Headings, and the labels of fields: a narrow space may part `Total DLP:` from its number.
    """
    labels = {getattr(field.area, side).anchor for field in page.fields.values() for side in SIDES}
    return labels | {name for column in (page.table.columns.values() if page.table else ()) for name in column.heading}


def _place(
    words: Mapping[str, Collection[str]],
    places: Mapping[str, Box],
    headings: Collection[str],
    phrases: Phrases,
    placed: dict[str, Placed],
    *,
    thoroughly: bool,
) -> None:
    candidates = {name: phrases.inside(place) for name, place in places.items()}
    every = [run for runs in candidates.values() for run in runs]
    _match(words, candidates, phrases.spelled(every), placed, whole=True)
    texts = phrases.texts([run for name, runs in candidates.items() if name not in placed for run in runs])
    _match(words, candidates, texts, placed)
    missing = [name for name in places if name not in placed and name in headings]
    chains = {name: phrases.chains(places[name]) for name in missing}
    told = phrases.texts([word for lines in chains.values() for line in lines for word in line])
    for name in sorted(missing, key=lambda name: -max(map(len, words[name]))):
        _join(name, words[name], chains[name], told, placed)
    if thoroughly:
        second = phrases.second_texts([run for name in places if name not in placed for run in candidates[name]])
        _match(words, candidates, second, placed)
        _match(words, candidates, texts, placed, nearly=True)


def _match(
    words: Mapping[str, Collection[str]],
    candidates: Mapping[str, Sequence[Run]],
    texts: Mapping[Box, str],
    placed: dict[str, Placed],
    *,
    nearly: bool = False,
    whole: bool = False,
) -> None:
    """Place each anchor on the candidate that says its words, or nearly; of several cuts the one with most of them.

    whole: only where all cuts of that place have a text, so that none of them could say more of the words.
    """
    for name, members in candidates.items():
        if name in placed:
            continue
        said = {run.box: texts.get(run.box, "") for run in members}
        hits = [run for run in members if said[run.box] in words[name]]
        if not hits and nearly:
            hits = [run for run in members if any(_nearly(said[run.box], word) for word in words[name])]
        if hits:
            run = max(hits, key=lambda hit: len(said[hit.box]))
            if whole and any(other.box not in texts and layout.touches(run.box, other.box) for other in members):
                continue
            placed[name] = Placed(run, said[run.box] in words[name])


def _join(
    name: str,
    words: Collection[str],
    lines: Sequence[Sequence[Run]],
    texts: Mapping[Box, str],
    placed: dict[str, Placed],
) -> None:
    """Place a heading on the words of a line that say it together, whatever gaps are between them.

    Words that are a part of another anchor are none of it: `CTDIvol` is no heading within `CTDIvol.e`.
    """
    taken = [place.run.box for place in placed.values()]
    for line in lines:
        said = [texts.get(word.box, "") for word in line]
        for first in range(len(line)):
            for last in range(first + 1, min(len(line), first + MOST_WORDS) + 1):
                if "".join(said[first:last]) in words:
                    shapes = tuple(shape for word in line[first:last] for shape in word.shapes)
                    if any(layout.touches(box, layout.around(shapes)) for box in taken):
                        continue
                    placed[name] = Placed(Run(layout.around(shapes), shapes), True)
                    return


def _nearly(said: str, word: str) -> bool:
    """Is it the word but for one letter in six? CTDIw is not nearly CTDIvol: the number of letters must be the same."""
    if len(said) != len(word) or len(word) < 3:
        return False
    return sum(a != b for a, b in zip(said, word, strict=True)) <= max(1, len(word) // 6)


def same_word(words: tuple[str, ...]) -> Callable[[str], str | None]:
    """A reader's text as the one of `words` it equals after folding, else None."""
    known = {fold_label(word): word for word in words}
    return lambda text: known.get(fold_label(text))
