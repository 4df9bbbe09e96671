"""One DICOM file as an object: read in bounded memory, or broken with a reason and what of its UIDs is left.

Knows files and what pydicom does with bytes that lie; must not know units or screens.

pydicom reads a file that was cut off without an error: the last value is merely shorter, and a UID or a dose that
lost its last digits is still one. So an object whose last value does not end inside the file is broken.
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, MediaStorageDirectoryStorage

from ocr_service.errors import BrokenObject, InputError, NotDicom
from ocr_service.study import attributes

MOST_BYTES = 512 * 2**20  # of an object with its pixels, inflated: larger ones are no dose screens
MOST_HEADER_BYTES = 128 * 2**20  # of a header: the functional groups of 5,000 frames need some 20
MOST_REMEMBERED = 64 * 2**10  # of a header's values; what is larger is read again when it is wanted
_ITEM, _ELEMENT, _VALUE = 1500, 700, 400  # about as many bytes of memory pydicom has for each, whatever it says
_DEFERRED = 32 * 2**20  # a larger value is none that a header is asked for: it stays on the disk
_SMALL = 4096  # a read of so little costs no memory, wherever the file ends: most are of a tag and a length
_LAST_UID = 0x0020000E
_UNDEFINED = 0xFFFFFFFF
# What pydicom raises over damaged bytes; its BytesLengthException is no ValueError.
_UNREADABLE = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, LookupError, MemoryError, NotImplementedError,
    OSError, RecursionError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """Let pydicom say nothing: its warnings and log records quote header values, and those may name a patient."""
    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@dataclass(frozen=True, slots=True)
class Identity:
    """The UIDs that an object states; None for each that is missing or is none."""

    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None


def identity_of(ds: Dataset) -> Identity:
    """The UIDs of a header."""
    return Identity(
        attributes.uid(ds, "SOPClassUID"),
        attributes.uid(ds, "SOPInstanceUID"),
        attributes.uid(ds, "StudyInstanceUID"),
        attributes.uid(ds, "SeriesInstanceUID"),
    )


def read_object(path: Path, *, pixels: bool) -> Dataset:
    """One DICOM object; without pixels also without any other value above 32 MB.

    NotDicom where the file is none, or a DICOMDIR; BrokenObject where it cannot be read to its end.
    """
    try:
        if not path.is_file():
            raise BrokenObject("there is no such file" if not path.exists() else "this is no ordinary file")
        with path.open("rb") as file, quiet():
            ds = _parsed(file, path.stat().st_size, pixels)
        if str(ds.file_meta.get("MediaStorageSOPClassUID", "")) == MediaStorageDirectoryStorage:
            raise NotDicom("the file is a DICOMDIR")
    except InvalidDicomError as error:
        raise NotDicom("the file is no DICOM file") from error
    except _UNREADABLE as error:
        raise BrokenObject(_why(error)) from error
    if attributes.uid(ds, "SOPInstanceUID") is None:
        raise BrokenObject("the object has no valid SOPInstanceUID (0008,0018)")
    return ds


class Headers:
    """Objects without their pixels, of which the images' are remembered: a study has them by thousands.

    most: how many are; those that were asked for longest ago are forgotten. A file that has changed is read anew. Who
    is given a data set changes nothing in it.
    """

    def __init__(self, most: int = 3200) -> None:
        self._most = most
        self._known: OrderedDict[tuple[Path, int, int], Dataset] = OrderedDict()

    def read(self, path: Path) -> Dataset:
        """As `read_object`, without pixels. NotDicom, BrokenObject."""
        try:
            stat = path.stat()
        except OSError as error:
            raise BrokenObject(_why(error)) from error
        key = (path, stat.st_size, stat.st_mtime_ns)
        if (known := self._known.get(key)) is not None:
            self._known.move_to_end(key)
            return known
        ds = read_object(path, pixels=False)
        # An enhanced one is as large as all images of a study, and makers may add whatever they like.
        if ds.get("SOPClassUID") == CTImageStorage and _weight(ds) <= MOST_REMEMBERED:
            self._known[key] = ds
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return ds


def read_dicomdir(path: Path) -> Dataset:
    """A DICOMDIR with its directory records. NotDicom, BrokenObject."""
    return _read_nameless(path)


def read_request(path: Path) -> Dataset:
    """The attribute list of an N-CREATE or N-SET, which names no instance itself. NotDicom, BrokenObject."""
    return _read_nameless(path)


def _read_nameless(path: Path) -> Dataset:
    try:
        with path.open("rb") as file, quiet():
            return _parsed(file, path.stat().st_size, pixels=False)
    except InvalidDicomError as error:
        raise NotDicom("the file is no DICOM file") from error
    except _UNREADABLE as error:
        raise BrokenObject(_why(error)) from error


def salvaged(path: Path) -> Identity:
    """The UIDs of a broken object, as far as its beginning can be read."""
    try:
        with path.open("rb") as file, quiet():
            bounded = _Bounded(file, path.stat().st_size, MOST_HEADER_BYTES)
            ds = read_partial(bounded.as_file(), lambda tag, *_: tag > _LAST_UID, _DEFERRED)
            _drop(ds, lambda raw: raw.value is None or len(raw.value) < raw.length)
            return identity_of(ds)
    except (*_UNREADABLE, InvalidDicomError, InputError):
        return Identity()


class _Bounded:
    """A file that gives no more than it has, and no more than an object may need.

    An ordinary file would set memory aside for a length of 4 GB before it finds that 1 KB is left.
    """

    def __init__(self, file: BinaryIO, size: int, most: int) -> None:
        self._file, self._size, self._left = file, size, most
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes. BrokenObject where all reads together ask for too much."""
        wanted = size
        if not 0 <= size <= _SMALL:
            there = max(0, self._size - self._file.tell())
            wanted = min(size, there) if size >= 0 else there
        self._left -= wanted
        if self._left < 0:
            raise BrokenObject("the object is larger than any dose screen or header")
        found = self._file.read(wanted)
        if size < 0:
            _must_not_burst(found)
        return found

    def as_file(self) -> BinaryIO:
        """Itself: pydicom asks for no more of a file than read, seek and tell."""
        return cast(BinaryIO, self)


def _must_not_burst(deflated: bytes) -> None:
    """pydicom reads the rest of a file at once only to inflate it, to whatever size that gives."""
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    left, waiting = MOST_BYTES, deflated
    while waiting and not inflating.eof:
        left -= len(inflating.decompress(waiting, 2**20))
        waiting = inflating.unconsumed_tail
        if left < 0:
            raise BrokenObject("the object inflates to more than any dose screen needs")


def _parsed(file: BinaryIO, size: int, pixels: bool) -> Dataset:
    """The data set, every top element converted. BrokenObject, InvalidDicomError, or what pydicom raises."""
    if pixels and size > MOST_BYTES:
        raise BrokenObject("the file is larger than any dose screen")
    bounded = _Bounded(file, size, MOST_BYTES if pixels else MOST_HEADER_BYTES)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")  # pydicom's only word about a file that was cut off is a warning
        ds = dcmread(bounded.as_file(), None if pixels else _DEFERRED, stop_before_pixels=not pixels)
        if any(" in file " in str(one.message) for one in told) or not _ends(ds):
            raise BrokenObject("the file ends in the middle of the object")
        _drop(ds, lambda raw: raw.value is None and raw.length > 0)
        # pydicom converts an element when it is first touched: a broken one must show here, not later. What makers
        # add to images takes most of the time, and who reads it (`study`) is ready for anything.
        image = not pixels and ds.get("SOPClassUID") in (CTImageStorage, EnhancedCTImageStorage)
        for tag in [*ds.keys()]:
            if not (image and tag.is_private):
                ds[tag]
    ds.buffer = None  # else the data set keeps the file, and an inflated one as a whole
    return ds


def _ends(ds: Dataset) -> bool:
    """Has every value the length that it states?"""
    for element in ds.values():
        if isinstance(element, DataElement):
            if element.VR == "SQ" and not all(_ends(item) for item in element.value):
                return False
        elif element.value is not None and element.length != _UNDEFINED and len(element.value) < element.length:
            return False
    return True


def _weight(ds: Dataset) -> int:
    """About how many bytes of memory a header has where it may have many: in long values, many values, many items."""
    weight = 0
    for element in ds.values():
        value = element.value
        if isinstance(element, DataElement) and element.VR == "SQ":
            weight += sum(_ITEM + _ELEMENT * len(item) + _weight(item) for item in element.value)
        elif isinstance(value, MutableSequence):  # pydicom's MultiValue
            weight += _VALUE * len(value)
        elif isinstance(value, bytes | str):
            weight += len(value)
    return weight


def _drop(ds: Dataset, unwanted: Callable[[RawDataElement], bool]) -> None:
    raw = [element for element in ds.values() if isinstance(element, RawDataElement)]
    for element in raw:
        if unwanted(element):
            del ds[element.tag]


def _why(error: BaseException) -> str:
    """A sentence without anything that the file says: messages of pydicom quote header values."""
    if isinstance(error, OSError) and error.strerror:
        return f"the file cannot be read: {error.strerror}"
    return f"the object cannot be read ({type(error).__name__}): send it again from the console or the PACS"
