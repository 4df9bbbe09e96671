"""A report of ours that an archive has and the outbox lacks: written again as it was received.

Knows files and bytes; must not know why the report stands, nor where it goes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread

from ocr_service.errors import InputError
from ocr_service.rdsr.rejection import KEY_OBJECT_SELECTION
from ocr_service.rdsr.sop import encode
from ocr_service.study import attributes
from ocr_service.work.encodings import say_the_same
from ocr_service.work.objects import quiet, read_object

# CID 7011: for quality reasons, for patient safety reasons, by a wrong worklist entry. What merely expired is right.
_REJECTED: Final = frozenset({"113001", "113037", "113038"})
_LOST: Final = "\N{REPLACEMENT CHARACTER}"  # stands for bytes that are no text of the object's character set
_NOT_UNCHANGED: Final = (
    "an earlier report of ours that came back from an archive cannot be written again unchanged, and the outbox does "
    "not have it: compare the screen with what the archive has, and decide"
)
# What pydicom raises over values that it can read and cannot write.
_FOREIGN: Final = (
    ArithmeticError, AttributeError, LookupError, NotImplementedError, OSError, TypeError, ValueError, struct.error,
)  # fmt: skip


def received(files: Sequence[Path], sop_instance_uid: str) -> bytes | None:
    """The object with this UID as a DICOM file in Explicit VR Little Endian; None where none of the files is it.

    Nothing but the transfer syntax is another. Of several, the first one. InputError where what would be written does
    not say the same.
    """
    with quiet():
        ds = next((ds for ds in _objects(files) if str(ds.SOPInstanceUID) == sop_instance_uid), None)
        if ds is None:
            return None
        try:
            encoded = encode(ds)
            unchanged = say_the_same(ds, dcmread(BytesIO(encoded))) and not _has_lost_text(ds)
        except _FOREIGN as error:
            raise InputError(_NOT_UNCHANGED) from error
    if not unchanged:
        raise InputError(_NOT_UNCHANGED)
    return encoded


def is_rejected(files: Sequence[Path], sop_instance_uid: str) -> bool:
    """Does a rejection note (IHE IOCM, RAD-66) lie among the files that takes the object with this UID back?"""
    with quiet():
        return any(_rejects(ds, sop_instance_uid) for ds in _objects(files))


def _objects(files: Sequence[Path]) -> Iterator[Dataset]:
    """Those that can be read; whole, since a value that is left out would be a change."""
    for path in files:
        try:
            yield read_object(path, pixels=True)
        except InputError:  # it is a line of its own
            continue


def _has_lost_text(ds: Dataset) -> bool:
    return any(_LOST in str(element.value) for element in ds.iterall() if element.VR != "SQ")


def _rejects(ds: Dataset, sop_instance_uid: str) -> bool:
    if ds.get("SOPClassUID") != KEY_OBJECT_SELECTION:
        return False
    if not any(
        attributes.text(title, "CodeValue") in _REJECTED for title in attributes.items(ds, "ConceptNameCodeSequence")
    ):
        return False
    return any(
        attributes.text(sop, "ReferencedSOPInstanceUID") == sop_instance_uid
        for study in attributes.items(ds, "CurrentRequestedProcedureEvidenceSequence")
        for series in attributes.items(study, "ReferencedSeriesSequence")
        for sop in attributes.items(series, "ReferencedSOPSequence")
    )
