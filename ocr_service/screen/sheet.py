"""One page laid under its template: the ink, where the anchors stand, and who reads.

Knows what belongs together while a page is read; must not know what any of it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_service.dose.report import Box
from ocr_service.screen import layout
from ocr_service.screen.anchors import MARGIN, Places
from ocr_service.screen.layout import Ink, Pixels
from ocr_service.screen.places import Boxes, Stack, page_box, stack_of
from ocr_service.screen.preprocess import Crop, prepare
from ocr_service.screen.readers import Readers
from ocr_service.templates.edges import PAGE
from ocr_service.templates.schema import PageLayout, Template


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page in its template's size, and the kind of page that it is."""

    template: Template
    kind: str
    places: Places
    ink: Ink
    pixels: Pixels
    readers: Readers

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

    def first_texts(self, boxes: Sequence[Box]) -> list[str]:
        """What PP-OCR reads in the boxes: enough to know a text, not to prove it."""
        return self.readers.read_first([self.crop(box) for box in boxes])

    def second_texts(self, boxes: Sequence[Box]) -> list[str]:
        """What Tesseract reads in the boxes."""
        return self.readers.read_second([self.crop(box) for box in boxes])
