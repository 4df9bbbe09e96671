"""What many screens come to under the templates: outcomes, why some wait for a person, words that no list holds.

Knows what was read of each screen; must not know terminals or files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ocr_service.author.reading import ObjectView
from ocr_service.author.telling import counts, doubts_of, name_of
from ocr_service.dose.quantities import Quantity
from ocr_service.screen.readings import CellReading
from ocr_service.templates.schema import ValueType
from ocr_service.templates.wording import fold

MOST_NAMED = 6  # screens named behind a reason


def overview(views: Sequence[ObjectView]) -> Iterator[str]:
    """Lines for the end of a look at many screens; they are named by their number, from 1."""
    tally = Counter(name_of(view.ending.outcome) for view in views)
    values, proven = (sum(part) for part in zip(*map(counts, views), strict=True)) if views else (0, 0)
    told = f": {', '.join(f'{count} {name}' for name, count in tally.most_common())}" if views else ""
    yield f"screens: {len(views)}{told}; {values} dose values, {proven} of them proven"
    words = list(_unknown_words(views))
    if words:
        yield "words that the template does not know; write each behind what it means:"
        yield from words
    reasons = list(_reasons(views))
    if reasons:
        yield "why screens wait for a person:"
        yield from reasons


def _reasons(views: Sequence[ObjectView]) -> Iterator[str]:
    """Each doubt once, without rows and places, the most frequent first."""
    found: dict[str, list[int]] = {}
    for number, view in enumerate(views, start=1):
        for doubt in doubts_of(view.ending.outcome):
            sentence = re.sub(r"\brow \d+", "a row", re.sub(r"\b([xy]) \d+(\.\d+)?", r"\1 ...", doubt.sentence))
            screens = found.setdefault(sentence, [])
            if number not in screens:
                screens.append(number)
    for sentence, screens in sorted(found.items(), key=lambda one: -len(one[1])):
        yield f"  {len(screens)} x {sentence} ({_named(screens)})"


def _named(screens: Sequence[int]) -> str:
    more = f" and {len(screens) - MOST_NAMED} more" if len(screens) > MOST_NAMED else ""
    return f"screen{'s' if len(screens) > 1 else ''} {', '.join(map(str, screens[:MOST_NAMED]))}{more}"


def _unknown_words(views: Sequence[ObjectView]) -> Iterator[str]:
    found: dict[tuple[str, str], tuple[str, list[int]]] = {}
    for number, view in enumerate(views, start=1):
        for page in view.pages:
            for row in page.reading.rows if page.reading is not None else ():
                for quantity, cell in row.cells.items():
                    word = _unknown(cell)
                    if word and number not in found.setdefault((quantity.value, fold(word)), (word, []))[1]:
                        found[quantity.value, fold(word)][1].append(number)
    for (name, _), (word, screens) in found.items():
        yield f"  {word!r} as {_concepts(Quantity(name))} ({_named(screens)})"


def _unknown(cell: CellReading) -> str:
    """What PP-OCR saw in a cell of a choice that came to no word of its list."""
    if cell.cell.type is not ValueType.CHOICE or cell.text or cell.evidence.box is None or cell.evidence.drawn:
        return ""
    return next((text for _, text in cell.evidence.seen if text), "")


def _concepts(quantity: Quantity) -> str:
    return {Quantity.ACQUISITION_TYPE: "a scan type", Quantity.PHANTOM: "a phantom"}.get(quantity, quantity.value)
