"""A DICOM file in memory, as a data set that can be sent.

Knows PS3.10; must not know where it is sent.
"""

from __future__ import annotations

from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ocr_service.errors import BrokenObject


def decoded(encoded: bytes) -> Dataset:
    """The file's data set, its elements still as they were written. BrokenObject: it cannot be sent."""
    try:
        ds = dcmread(BytesIO(encoded))
    except (InvalidDicomError, EOFError, OSError) as error:
        raise BrokenObject("what was to be sent is no DICOM file") from error
    if (
        not all(keyword in ds for keyword in ("SOPClassUID", "SOPInstanceUID"))
        or "TransferSyntaxUID" not in ds.file_meta
    ):
        raise BrokenObject("what was to be sent has no SOP Class UID, SOP Instance UID or Transfer Syntax UID")
    return ds
