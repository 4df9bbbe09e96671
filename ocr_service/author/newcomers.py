"""Screens of an unknown layout, made ready for a draft.

Knows objects, phrases and tables; must not know the template language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom import Dataset

from ocr_service.author.drafting import Drafted
from ocr_service.author.reading import screens_of
from ocr_service.author.tables import FindText, NoTable, find_table, phrases_of
from ocr_service.screen.readers import Readers


def tables_of(objects: Sequence[Dataset], find_text: FindText, readers: Readers) -> Iterator[Drafted | NoTable]:
    """The table of each page of the objects, or why none was made out."""
    for number, ds in enumerate(objects, start=1):
        screens = screens_of(ds)
        if not screens:
            yield NoTable(f"file {number}: the object has no picture that can be read")
        for screen in screens:
            rows, columns = screen.pixels.shape
            table = find_table(phrases_of(screen.pixels, find_text, readers), rows)
            if isinstance(table, NoTable):
                yield NoTable(f"file {number}, page {screen.frame}: {table.why}")
            else:
                yield Drafted(ds, table, rows, columns)
