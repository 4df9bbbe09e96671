"""Ink that nobody has explained: from the dose headings down to the page's foot, every shape belongs to something.

A row that was never segmented, an extra column or an unknown heading would be missed by all readers alike; here
each of them is a doubt. Knows shapes and the template's words; must not know values.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ocr_service.dose.quantities import DOSES
from ocr_service.dose.report import Box, Finding, doubt
from ocr_service.screen import layout
from ocr_service.screen.layout import Run
from ocr_service.screen.places import page_box
from ocr_service.screen.sheet import Sheet
from ocr_service.screen.words import fold_label
from ocr_service.templates.schema import TableLayout

GAPS = (2.5, 1.5, 0.9)  # letter heights: wide cuts first, for an engine reads no lonely stroke
ABOVE = 20  # px above the headings: as far as a further line of them may stand
HEAD_ROOM = 2  # px: headings of one line do not all start at the same height


def unexplained(sheet: Sheet, table: TableLayout, claimed: Collection[Box]) -> tuple[list[Finding], list[Run]]:
    """A doubt for each phrase that is neither claimed nor an anchor nor one of the words of `also`; and these words."""
    top = _heading_top(sheet, table)
    if top is None:
        return [doubt("rows", "no heading of a dose column was found: what its numbers mean is not known")], []
    page = page_box(sheet.pixels)
    region = Box(page.left, top, page.right, page.bottom)
    above = _above_doses(sheet, top)
    kept = set(claimed)
    anchors = [place.run.box for place in sheet.places.values()]
    left = [
        shape
        for shape in sheet.ink.shapes
        if shape not in kept
        and (layout.inside(region, shape) or any(layout.inside(place, shape) for place in above))
        and not any(layout.covers(anchor, shape) for anchor in anchors)
    ]
    unknown, words = _known(sheet, table, left)
    findings = [_strange(run.box) for run in unknown]
    dim = [run.box for run in layout.phrases([box for box in sheet.ink.dim if layout.touches(region, box)])]
    findings += [
        doubt("rows", f"the ink at x {box.left}, y {box.top} {what}")
        for boxes, what in (
            ([box for box in sheet.ink.strange if layout.touches(region, box)], "is neither a letter nor a rule"),
            (dim, "is too weak to read and may be letters"),
        )
        for box in boxes
    ]
    if any(_at_edge(shape, page) for shape in sheet.ink.shapes if layout.inside(region, shape)):
        findings.append(doubt("rows", "ink of the table touches the page's edge: a part of it may be cut off"))
    return findings, words


def _above_doses(sheet: Sheet, top: int) -> list[Box]:
    """Right above the headings of CTDIvol and DLP: a word there (`Eff.`, `SSDE`) makes another quantity of them."""
    columns = [places[quantity] for places in sheet.stack() for quantity in DOSES if quantity in places]
    return [Box(left, max(0, top - ABOVE), right, top) for left, right in columns if top > ABOVE]


def _heading_top(sheet: Sheet, table: TableLayout) -> int | None:
    names = {name for quantity in DOSES if quantity in table.columns for name in table.columns[quantity].heading}
    tops = [sheet.places[name].run.box.top for name in names if name in sheet.places]
    return min(tops) - HEAD_ROOM if tops else None


def _known(sheet: Sheet, table: TableLayout, shapes: Sequence[Box]) -> tuple[list[Run], list[Run]]:
    """The phrases that are no words of `also`, whoever reads them and wherever the line is cut; and those that are."""
    words = {fold_label(word) for word in table.also}
    known: list[Run] = []
    for gap in GAPS:
        for read in sheet.looks:
            runs = layout.phrases(shapes, gap)
            texts = read([run.box for run in runs])
            told = [fold_label(text) in words for text in texts]
            known += [run for run, said in zip(runs, told, strict=True) if said]
            shapes = [s for run, said in zip(runs, told, strict=True) if not said for s in run.shapes]
    return layout.phrases(shapes), known


def _strange(box: Box) -> Finding:
    return doubt("rows", f"the template does not explain the ink at x {box.left}, y {box.top}")


def _at_edge(shape: Box, page: Box) -> bool:
    return shape.left <= page.left or shape.right >= page.right or shape.bottom >= page.bottom
