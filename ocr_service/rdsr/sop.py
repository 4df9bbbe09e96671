"""The X-Ray Radiation Dose SR as highdicom's SR, and its bytes by pydicom's writer.

Knows PS3.10 files and how a document is named after its own bytes; must not know what a document states.
"""

from __future__ import annotations

from typing import Final

from highdicom.sr import ContainerContentItem, ContentSequence
from highdicom.sr.sop import _SR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian

from ocr_service.rdsr.encoding import encode_dataset, encode_document
from ocr_service.rdsr.identity import FORMAT_VERSION, SERVICE_NAME, uid_of, uid_of_bytes

XRAY_RADIATION_DOSE_SR: Final = "1.2.840.10008.5.1.4.1.1.88.67"
IMPLEMENTATION_CLASS_UID: Final = uid_of(SERVICE_NAME, "implementation")
IMPLEMENTATION_VERSION_NAME: Final = f"OCR_SERVICE_{FORMAT_VERSION}"
_SOP_INSTANCE_UID: Final = 0x00080018


class XRayRadiationDoseSR(_SR):
    """A document of this SOP class, for which highdicom 0.28 has none: its content tree, named after its bytes.

    The constructor of the base is not asked: it copies the tree twice and reads every item again, which stops at
    a number that nobody told; it reads the clock, and loads tables of 110 MB. The modules beside the tree are
    `document.py`'s.

    encoded: the DICOM file as it was named. A data set that is changed afterwards is another document, which
    `encode` writes and nobody has named.
    """

    encoded: bytes

    def __init__(self, root: ContainerContentItem) -> None:
        Dataset.__init__(self)
        self._content = ContentSequence([root], is_root=True)
        self.update(root)
        self.SOPClassUID = XRAY_RADIATION_DOSE_SR

    def name_by_content(self) -> None:
        """Make the SOP Instance UID, a hash of the whole encoded data set with that UID empty, and the file.

        What stands before and behind the UID is encoded once.
        """
        self.SOPInstanceUID = ""
        before = encode_document(self[:_SOP_INSTANCE_UID])
        behind = encode_document(self[_SOP_INSTANCE_UID + 1 :], self.get("SpecificCharacterSet"))
        unnamed = self[_SOP_INSTANCE_UID : _SOP_INSTANCE_UID + 1]
        self.SOPInstanceUID = uid_of_bytes(before + encode_dataset(unnamed) + behind)
        named = self[_SOP_INSTANCE_UID : _SOP_INSTANCE_UID + 1]
        self.encoded = _file(self, before + encode_dataset(named) + behind)


def encode(ds: Dataset) -> bytes:
    """The data set as a DICOM file: Explicit VR Little Endian, the same bytes for the same data set."""
    return _file(ds, encode_dataset(ds))


def _file(ds: Dataset, encoded: bytes) -> bytes:
    """Preamble, file meta information (PS3.10, 7.1) and the encoded data set. No library is named in it."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    buffer = DicomBytesIO(bytes(128) + b"DICM")
    buffer.seek(0, 2)
    write_file_meta_info(buffer, meta)
    return buffer.getvalue() + encoded
