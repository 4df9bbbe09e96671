"""Screens of an unknown layout, made ready for a draft.

Knows objects, phrases and tables; must not know the template language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset

from ocr_service.author.headings import IsFixed, find_heading
from ocr_service.author.phrases import FindText, Page, Phrase, page_of
from ocr_service.author.reading import screens_of
from ocr_service.author.tables import NoTable, Table, find_table
from ocr_service.author.together import Drafted
from ocr_service.dose.quantities import DOSES
from ocr_service.dose.report import Box
from ocr_service.screen.readers import Readers
from ocr_service.screen.words import fold_label

NEAR = 4  # px: fixed words stand so near to the same place, measured from the heading


@dataclass(frozen=True, slots=True)
class Unused:
    """A page that the draft was not made from; `why` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page with its file's name and header, and where its heading stands (None: it has none)."""

    about: str
    name: str
    header: Dataset
    page: Page
    base: Box | None


def tables_of(
    objects: Sequence[tuple[str, Dataset]], find_text: FindText, readers: Readers
) -> Iterator[Drafted | Unused]:
    """The table of each page of the objects (file name, object), or why none was made out.

    All pages are looked at before any is taken apart: what is the same on all of them is a label.
    """
    seen: list[_Seen] = []
    for number, (name, ds) in enumerate(objects, start=1):
        screens = screens_of(ds)
        if not screens:
            yield Unused(f"file {number}: the object has no picture that can be read")
        for screen in screens:
            page = page_of(screen.pixels, find_text, readers)
            seen.append(_Seen(f"file {number}, page {screen.frame}", name, ds, page, _base(page)))
    found = [(one, find_table(one.page, _fixed_on(one, seen))) for one in seen]
    lines = Counter(table.lines for _, table in found if isinstance(table, Table))
    most = lines.most_common(1)[0][0] if lines else None
    size = Counter((o.page.rows, o.page.columns) for o, table in found if isinstance(table, Table)).most_common(1)
    for one, table in found:
        if isinstance(table, Table) and table.lines != most:
            table = find_table(one.page, _fixed_on(one, seen), most)
        if isinstance(table, NoTable):
            yield Unused(f"{one.about}: {table.why}")
        elif (one.page.rows, one.page.columns) != size[0][0]:
            rows, columns = size[0][0]
            yield Unused(f"{one.about}: it has another size than most of the pages, {rows} x {columns}")
        else:
            yield Drafted(one.name, one.header, table, one.page.rows, one.page.columns)


def _base(page: Page) -> Box | None:
    block = find_heading(page, lambda _: None)
    doses = [heading for heading in block.columns if heading.quantity in DOSES] if block is not None else []
    return doses[-1].names[0].box if doses else None


def _fixed_on(one: _Seen, seen: Sequence[_Seen]) -> IsFixed:
    """Do the other pages show the same words at the same place, measured from the heading?"""
    others = [other for other in seen if other is not one and other.base is not None]

    def is_fixed(phrase: Phrase) -> bool | None:
        if one.base is None or not others:
            return None
        return all(_shows(other, phrase, one.base) for other in others)

    return is_fixed


def _shows(other: _Seen, phrase: Phrase, base: Box) -> bool:
    assert other.base is not None
    right, down = other.base.left - base.left, other.base.top - base.top
    return any(
        abs(p.box.left - phrase.box.left - right) <= NEAR
        and abs(p.box.top - phrase.box.top - down) <= NEAR
        and fold_label(p.text) == fold_label(phrase.text)
        for p in other.page.phrases
    )
