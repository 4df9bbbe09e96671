"""How a header describes an acquisition: type, phantom, currents, lengths and times in the units of TID 10013.

Knows attributes of images and of Exposure Dose Sequence items; must not know which of them are one irradiation.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pydicom.dataset import Dataset

from ocr_service.dose.report import CTAcquisitionType, Phantom, Scanner
from ocr_service.study import attributes

ELSCINT = "ELSCINT1"  # the private creator of Philips CT
MOST_COLLIMATION = Decimal(200)  # mm: no detector is wider, and yet headers say 710
_THOUSAND = Decimal(1000)

_TYPES = {kind.name: kind for kind in CTAcquisitionType}
# Scan Options (0018,0022) and Image Type words of consoles that leave Acquisition Type (0018,9302) out.
_WORDS = {
    "HELIX": CTAcquisitionType.SPIRAL,
    "HELICAL": CTAcquisitionType.SPIRAL,
    "HELICAL MODE": CTAcquisitionType.SPIRAL,
    "HELICAL_CT": CTAcquisitionType.SPIRAL,
    "SPIRAL": CTAcquisitionType.SPIRAL,
    "SPIRAL CT": CTAcquisitionType.SPIRAL,
    "CT_SOM5 SPI": CTAcquisitionType.SPIRAL,
    "AXIAL MODE": CTAcquisitionType.SEQUENCED,
    "SEQUENCE": CTAcquisitionType.SEQUENCED,
    "SEQUENCED": CTAcquisitionType.SEQUENCED,
    "CT_SOM5 SEQ": CTAcquisitionType.SEQUENCED,
    "NORMAL_CT": CTAcquisitionType.SEQUENCED,
    "CINE MODE": CTAcquisitionType.STATIONARY,
    "DYNAMIC_CT": CTAcquisitionType.STATIONARY,
    "SCOUT MODE": CTAcquisitionType.CONSTANT_ANGLE,
    "SURVIEW": CTAcquisitionType.CONSTANT_ANGLE,
    "SCANOSCOPE": CTAcquisitionType.CONSTANT_ANGLE,
    "TOPOGRAM": CTAcquisitionType.CONSTANT_ANGLE,
    "CT_SOM5 TOP": CTAcquisitionType.CONSTANT_ANGLE,
}


def scanner_of(ds: Dataset) -> Scanner:
    """The scanner as an object's header names it (General Equipment, PS3.3 C.7.5.1)."""
    return Scanner(
        manufacturer=attributes.text(ds, "Manufacturer", 64),
        model_name=attributes.text(ds, "ManufacturerModelName", 64),
        serial_number=attributes.text(ds, "DeviceSerialNumber", 64),
        station_name=attributes.text(ds, "StationName", 16),
        software_versions=attributes.text(ds, "SoftwareVersions", 256),
        device_uid=attributes.uid(ds, "DeviceUID") or "",
    )


def acquisition_type(told: str, words: Iterable[str] = ()) -> CTAcquisitionType | None:
    """CID 10013 by Acquisition Type (0018,9302), else by the words; None where they name no one type."""
    kind = _TYPES.get(told.strip().upper().replace(" ", "_"))
    if kind is not None:
        return kind
    named = {_WORDS[word] for word in words if word in _WORDS}
    return named.pop() if len(named) == 1 else None


def phantom_by_code(ds: Dataset) -> Phantom | None:
    """CTDI Phantom Type Code Sequence (0018,9346), by CID 4052."""
    named = {attributes.text(item, "CodeValue", 16) for item in attributes.items(ds, "CTDIPhantomTypeCodeSequence")}
    known = [phantom for phantom in Phantom if phantom.value in named]
    return known[0] if len(known) == 1 else None


def phantom_by_words(told: str) -> Phantom | None:
    """`HEAD 16 CM` and `BODY 32 CM`, as Philips consoles write it."""
    words = told.upper().split()
    head, body = {"HEAD", "16"} & set(words), {"BODY", "32"} & set(words)
    if bool(head) is bool(body):
        return None
    return Phantom.HEAD if head else Phantom.BODY


def tube_current(ds: Dataset) -> Decimal | None:
    """X-Ray Tube Current in mA, from whichever of its three attributes is there (mA, uA)."""
    for key in ("XRayTubeCurrentInmA", "XRayTubeCurrent"):
        told = attributes.positive(ds, key)
        if told is not None:
            return told
    told = attributes.positive(ds, "XRayTubeCurrentInuA")
    return None if told is None else told / _THOUSAND


def exposure_time(ds: Dataset) -> Decimal | None:
    """Exposure Time in s, from ms."""
    told = attributes.positive(ds, "ExposureTimeInms") or attributes.positive(ds, "ExposureTime")
    return None if told is None else told / _THOUSAND


def collimation(ds: Dataset) -> tuple[Decimal | None, Decimal | None, bool]:
    """Single and total collimation width in mm; neither, and True, where they cannot be."""
    single = attributes.positive(ds, "SingleCollimationWidth")
    total = attributes.positive(ds, "TotalCollimationWidth")
    absurd = (total is not None and total > MOST_COLLIMATION) or (
        single is not None and total is not None and single > total
    )
    return (None, None, True) if absurd else (single, total, False)


def revolution_time(ds: Dataset) -> Decimal | None:
    """Revolution Time (0018,9305) in s, else Philips' private one."""
    told = attributes.positive(ds, "RevolutionTime")
    if told is not None:
        return told
    element = attributes.private(ds, 0x01F1, ELSCINT, 0x27)
    own = None if element is None else attributes.as_decimal(element)
    return own if own is not None and own > 0 else None
