"""Data sets as bytes by pydicom's writer: Explicit VR Little Endian, and what is made once is encoded once.

Knows elements, items and character sets; must not know what a data set states.
"""

from __future__ import annotations

from struct import pack
from typing import Final, TypeVar

from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

_ITEM: Final = b"\xfe\xff\x00\xe0"
_Encodings = str | list[str]
_Item = TypeVar("_Item", bound=Dataset)


def shared(item: _Item, *texts: str) -> _Item:
    """Mark an item that stands in many documents and is never changed: `encode_document` keeps its bytes with it.

    texts: all that it says. Where they are not ASCII its bytes depend on the document's character set, and none
    are kept.
    """
    if all(text.isascii() for text in texts):
        item.kept = b""  # a data set takes attributes beside its elements
    return item


def is_shared(item: Dataset) -> bool:
    """Was the item marked so?"""
    return "kept" in item.__dict__


def encode_dataset(ds: Dataset, character_set: _Encodings | None = None) -> bytes:
    """The data set alone, without file meta information; `character_set` is for one that states none of its own."""
    return _encoded(ds, character_set or default_encoding, kept=False)


def encode_document(ds: Dataset, character_set: _Encodings | None = None) -> bytes:
    """The same of a data set whose shared items nobody has changed, for whoever has just made it."""
    return _encoded(ds, character_set or default_encoding, kept=True)


def _encoded(ds: Dataset, parent: _Encodings, *, kept: bool) -> bytes:
    encodings: _Encodings = ds.get("SpecificCharacterSet") or parent
    ready = Dataset({element.tag: _ready(element, encodings, kept=kept) for element in ds})
    ready.set_original_encoding(False, True, ready._character_set)  # else the writer looks for what it must convert
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ready, encodings)
    return buffer.getvalue()


def _ready(element: DataElement, encodings: _Encodings, *, kept: bool) -> DataElement | RawDataElement:
    """The element for pydicom's writer; a sequence as a raw one, which it writes as it is."""
    if element.VR != "SQ":
        return element
    parts: list[bytes] = []
    for item in element.value:
        encoded = _item(item, encodings, kept=kept)
        parts += (_ITEM, pack("<L", len(encoded)), encoded)
    sequence = b"".join(parts)
    return RawDataElement(element.tag, "SQ", len(sequence), sequence, 0, False, True)


def _item(item: Dataset, encodings: _Encodings, *, kept: bool) -> bytes:
    if not kept or not is_shared(item):
        return _encoded(item, encodings, kept=kept)
    if not item.kept:
        item.kept = _encoded(item, encodings, kept=True)
    return bytes(item.kept)
