"""Which templates' words stand on a screen: the page under each, and what its size says.

Knows screens, templates and letters; must not know headers or what is read of a page.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocr_service.dose.report import Finding, doubt
from ocr_service.screen import layout
from ocr_service.screen.extract import find_page
from ocr_service.screen.fonts import Console
from ocr_service.screen.pixels import DoseScreen
from ocr_service.screen.preprocess import to_size
from ocr_service.screen.readers import Readers
from ocr_service.screen.sheet import Sheet
from ocr_service.templates.schema import Template


def fitting_pages(
    candidates: Sequence[Template], screen: DoseScreen, readers: Readers, console: Console
) -> list[Sheet]:
    """The page under each template whose words it shows, the one that reads it first.

    A console whose letters are registered for a template has shown in several studies that this is its layout: others
    are tried only where it does not fit. A page is looked at thoroughly only where it shows no template's words at
    first sight.
    """
    letterings = {template.name: readers.lettering(template.name, console) for template in candidates}
    inked = _Inked(screen)
    usual = [template for template in candidates if letterings[template.name].is_registered]
    for some, thoroughly in ((usual, False), (candidates, False), (candidates, True)):
        fitting: list[Sheet] = []
        for template in some:
            if any(sheet.template.extends == template.name for sheet in fitting):
                continue  # what extends it has been tried before it, and is enough
            pixels, ink = inked.in_size(template)
            sheet = find_page(template, ink, pixels, readers, letterings[template.name], thoroughly=thoroughly)
            if sheet is not None:
                fitting.append(sheet)
        if fitting:
            return fitting
    return []


class _Inked:
    """A screen in the sizes that templates ask for, its ink found once a size: templates of one maker share theirs."""

    def __init__(self, screen: DoseScreen) -> None:
        self._screen = screen
        self._known: dict[tuple[int, int], tuple[layout.Pixels, layout.Ink]] = {}

    def in_size(self, template: Template) -> tuple[layout.Pixels, layout.Ink]:
        size = template.screen.of(self._screen.pixels.shape)
        if size not in self._known:
            flat = layout.flat(to_size(self._screen.pixels, *size))
            self._known[size] = flat, layout.find_ink(flat)
        return self._known[size]


def found_in_size(screen: DoseScreen, template: Template) -> tuple[Finding, ...]:
    """A page lower than its template's was cut; one that was made smaller lost what tells its letters apart."""
    rows, columns = screen.pixels.shape
    wanted_rows, wanted_columns = template.screen.of((rows, columns))
    found = []
    if rows * wanted_columns < columns * wanted_rows:
        found.append(doubt("pixels", f"the page has {rows} rows and {columns} columns: its foot may be cut off"))
    if columns < wanted_columns:
        sentence = (
            f"the page was made smaller, {columns} columns of {wanted_columns}: engines may agree on a wrong digit"
        )
        found.append(doubt("pixels", sentence))
    return tuple(found)
