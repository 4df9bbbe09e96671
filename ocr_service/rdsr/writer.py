"""A data set as bytes: DICOM file, Explicit VR Little Endian, defined lengths, nothing of a library in it.

Knows PS3.5 (encoding) and PS3.10 (file meta information); must not know what a data set means.

The same data set gives the same bytes under every version of pydicom, which is what makes a UID of a hash of
them. It is also twenty times as fast as pydicom's general writer on a tree of small items; the tests hold the
two together, byte for byte. A value representation that no structured report needs goes to pydicom's writer.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

from pydicom.charset import convert_encodings, encode_string
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import PersonName

_ASCII: Final = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"}
_TEXT: Final = {"LO", "LT", "SH", "ST", "UC", "UT"}
_LONG: Final = {"SQ", "UC", "UT"}  # these have a length of four bytes (PS3.5, table 7.1-1)
_ITEM: Final = b"\xfe\xff\x00\xe0"
_DEFAULT: Final = "iso8859"  # what pydicom calls the default repertoire
_JIS_X_0201: Final = "shift_jis"  # what pydicom calls ISO_IR 13


def encode_dataset(ds: Dataset) -> bytes:
    """The data set alone, without file meta information."""
    return _elements(ds, convert_encodings(ds.get("SpecificCharacterSet")))


def encode_file(ds: Dataset, implementation_class_uid: str, implementation_version_name: str) -> bytes:
    """A complete DICOM file: preamble, file meta information and the data set."""
    meta = b"".join(
        _header(tag, vr, value)
        for tag, vr, value in (
            (0x00020001, "OB", b"\x00\x01"),
            (0x00020002, "UI", ds.SOPClassUID.encode()),
            (0x00020003, "UI", ds.SOPInstanceUID.encode()),
            (0x00020010, "UI", ExplicitVRLittleEndian.encode()),
            (0x00020012, "UI", implementation_class_uid.encode()),
            (0x00020013, "SH", implementation_version_name.encode()),
        )
    )
    length = _header(0x00020000, "UL", struct.pack("<L", len(meta)))
    return b"".join((bytes(128), b"DICM", length, meta, encode_dataset(ds)))


def _elements(ds: Dataset, encodings: list[str]) -> bytes:
    return b"".join(_element(element, encodings) for element in ds)


def _element(element: DataElement, encodings: list[str]) -> bytes:
    vr = element.VR
    if vr == "SQ":
        items = (_elements(item, encodings) for item in element.value)
        value = b"".join(_ITEM + struct.pack("<L", len(item)) + item for item in items)
    elif vr == "PN":
        value = b"\\".join(PersonName(name).encode(encodings) for name in _values(element.value))
    elif vr in _TEXT:
        value = b"\\".join(_encoded(str(text), encodings) for text in _values(element.value))
    elif vr in _ASCII:
        value = "\\".join(str(text) for text in _values(element.value)).encode(_DEFAULT)
    else:
        return _by_pydicom(element, encodings)
    return _header(int(element.tag), vr, value)


def _header(tag: int, vr: str, value: bytes) -> bytes:
    """Tag, value representation, length and the value, padded to an even length."""
    if len(value) % 2:
        value += b"\x00" if vr in {"UI", "OB"} else b" "
    name = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in _LONG or vr == "OB":
        return name + struct.pack("<HL", 0, len(value)) + value
    return name + struct.pack("<H", len(value)) + value


def _values(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, MultiValue) else (value,)


def _encoded(text: str, encodings: list[str]) -> bytes:
    if text.isascii() and encodings[0] == _DEFAULT:
        return text.encode()
    if encodings == [_JIS_X_0201]:
        return text.encode(_JIS_X_0201)  # pydicom puts a question mark where katakana and Latin letters mix
    return encode_string(text, encodings)


def can_write(text: str, encodings: Sequence[str]) -> bool:
    """Can the text be written without loss? The default repertoire writes ASCII and no more."""
    return text.isascii() or all(
        any(_has(encoding, letter) for encoding in encodings) for letter in set(text) if not letter.isascii()
    )


def _has(encoding: str, letter: str) -> bool:
    if encoding == _DEFAULT:
        return False
    try:
        encoded = letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return encoding != _JIS_X_0201 or len(encoded) == 1  # of Shift JIS, JIS X 0201 is what has one byte


def _by_pydicom(element: DataElement, encodings: list[str]) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_data_element(buffer, element, encodings)
    return buffer.getvalue()
