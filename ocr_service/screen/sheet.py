"""One page laid under its template: the ink, where the anchors stand, and who reads.

Knows what belongs together while a page is read; must not know what any of it means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.anchors import MARGIN, NO_LETTERS, Places
from ocr_service.screen.glyphs import Letters, letters_on
from ocr_service.screen.layout import Ink, Pixels, Run
from ocr_service.screen.lettering import Lettering
from ocr_service.screen.places import Boxes, Stack, page_box, stack_of
from ocr_service.screen.preprocess import Crop, prepare
from ocr_service.screen.readers import Readers
from ocr_service.templates.edges import PAGE
from ocr_service.templates.schema import PageLayout, Template

Look = Callable[[Sequence[Box]], list[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page in its template's size, and the kind of page that it is."""

    template: Template
    kind: str
    places: Places
    ink: Ink
    pixels: Pixels
    readers: Readers
    lettering: Lettering = NO_LETTERS
    seen: dict[Box, str] = field(default_factory=dict)  # what PP-OCR read to find places: letters learn from it

    @property
    def spec(self) -> PageLayout:
        """The layout of this kind of page."""
        return self.template.pages[self.kind]

    @property
    def boxes(self) -> Boxes:
        """Where the anchors stand, and the page itself."""
        return {PAGE: page_box(self.pixels), **{name: place.run.box for name, place in self.places.items()}}

    def stack(self) -> Stack:
        """The table's columns on this page, a mapping a line of the heading; none where the page has no table."""
        return stack_of(self.spec.table, self.boxes) if self.spec.table is not None else ({},)

    def crop(self, box: Box) -> Crop:
        """The pixels of the box with a dark margin, prepared as the template asks."""
        return prepare(layout.crop(self.pixels, box, MARGIN), self.template.prepare)

    @property
    def looks(self) -> tuple[Look, ...]:
        """Who is asked what a text is, each where it is not known by the one before."""
        return self.spelled_texts, self.first_texts, self.second_texts

    def letters(self, box: Box) -> Letters:
        """The glyphs of the ink in the box."""
        return letters_on(self.ink, self.run(box))

    def run(self, box: Box) -> Run:
        """The letters that stand in the box."""
        return Run(box, tuple(shape for shape in self.ink.touching(box) if layout.covers(box, shape)))

    def spelled_texts(self, boxes: Sequence[Box]) -> list[str]:
        """What the console's known letters say in the boxes; "" where one is unknown."""
        return [self.lettering.placing(self.letters(box)) or "" for box in boxes]

    def first_texts(self, boxes: Sequence[Box]) -> list[str]:
        """What PP-OCR reads in the boxes: enough to know a text, not to prove it."""
        texts = self.readers.read_first([self.crop(box) for box in boxes])
        self.seen.update(zip(boxes, texts, strict=True))
        return texts

    def second_texts(self, boxes: Sequence[Box]) -> list[str]:
        """What Tesseract reads in the boxes."""
        return self.readers.read_second([self.crop(box) for box in boxes])
