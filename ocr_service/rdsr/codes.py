"""Coded concepts of CT dose reports, each made once, by the context group or template that names it.

Knows code values and meanings (PS3.16, 2024c); must not know data sets or what a report states.

SNOMED codes are SCT: DICOM retired SRT, which readers still meet (`parse.py` does). Meanings are checked
against pydicom's dictionaries by the tests, except where those are wrong: `StationaryAcquisition` there is
113611, which belongs to projection X-ray; CID 10013 has 113806.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ocr_service.dose.report import CodedConcept, CTAcquisitionType, Phantom, Scope, Source


def _dcm(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, "DCM", meaning)


def _sct(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, "SCT", meaning)


def _unit(value: str, meaning: str = "") -> CodedConcept:
    return CodedConcept(value, "UCUM", meaning or value)


# TID 10011, CT Radiation Dose
XRAY_RADIATION_DOSE_REPORT: Final = _dcm("113701", "X-Ray Radiation Dose Report")
PROCEDURE_REPORTED: Final = _dcm("121058", "Procedure reported")
CT_XRAY: Final = _sct("77477000", "Computed Tomography X-Ray")
HAS_INTENT: Final = _sct("363703001", "Has Intent")
DIAGNOSTIC: Final = _sct("261004008", "Diagnostic Intent")  # CID 3629
START_OF_IRRADIATION: Final = _dcm("113809", "Start of X-Ray Irradiation")
END_OF_IRRADIATION: Final = _dcm("113810", "End of X-Ray Irradiation")
SCOPE_OF_ACCUMULATION: Final = _dcm("113705", "Scope of Accumulation")
STUDY_INSTANCE_UID: Final = _dcm("110180", "Study Instance UID")  # CID 10001
SOURCE_OF_DOSE_INFORMATION: Final = _dcm("113854", "Source of Dose Information")
COMMENT: Final = _dcm("121106", "Comment")

# TID 1002 and 1004, Observer Context; TID 1021, Device Participant
OBSERVER_TYPE: Final = _dcm("121005", "Observer Type")
DEVICE: Final = _dcm("121007", "Device")  # CID 270
DEVICE_OBSERVER_UID: Final = _dcm("121012", "Device Observer UID")
DEVICE_OBSERVER_NAME: Final = _dcm("121013", "Device Observer Name")
DEVICE_OBSERVER_MANUFACTURER: Final = _dcm("121014", "Device Observer Manufacturer")
DEVICE_OBSERVER_MODEL_NAME: Final = _dcm("121015", "Device Observer Model Name")
DEVICE_OBSERVER_SERIAL_NUMBER: Final = _dcm("121016", "Device Observer Serial Number")
DEVICE_ROLE_IN_PROCEDURE: Final = _dcm("113876", "Device Role in Procedure")
IRRADIATING_DEVICE: Final = _dcm("113859", "Irradiating Device")  # CID 7445
RECORDING: Final = _dcm("121097", "Recording")  # CID 7445
DEVICE_NAME: Final = _dcm("113877", "Device Name")
DEVICE_MANUFACTURER: Final = _dcm("113878", "Device Manufacturer")
DEVICE_MODEL_NAME: Final = _dcm("113879", "Device Model Name")
DEVICE_SERIAL_NUMBER: Final = _dcm("113880", "Device Serial Number")

# TID 10012, CT Accumulated Dose Data
CT_ACCUMULATED_DOSE_DATA: Final = _dcm("113811", "CT Accumulated Dose Data")
TOTAL_NUMBER_OF_EVENTS: Final = _dcm("113812", "Total Number of Irradiation Events")
DLP_TOTAL: Final = _dcm("113813", "CT Dose Length Product Total")
DLP_SUB_TOTAL: Final = _dcm("130745", "CT Dose Length Product Sub-Total")

# TID 10013, CT Irradiation Event Data
CT_ACQUISITION: Final = _dcm("113819", "CT Acquisition")
ACQUISITION_PROTOCOL: Final = _dcm("125203", "Acquisition Protocol")
TARGET_REGION: Final = _dcm("123014", "Target Region")
CT_ACQUISITION_TYPE: Final = _dcm("113820", "CT Acquisition Type")
IRRADIATION_EVENT_UID: Final = _dcm("113769", "Irradiation Event UID")
IRRADIATION_EVENT_LABEL: Final = _dcm("113605", "Irradiation Event Label")
LABEL_TYPE: Final = _dcm("113606", "Label Type")
SERIES_NUMBER: Final = _dcm("113607", "Series Number")  # CID 10022
DATETIME_STARTED: Final = _dcm("111526", "DateTime Started")
CT_ACQUISITION_PARAMETERS: Final = _dcm("113822", "CT Acquisition Parameters")
EXPOSURE_TIME: Final = _dcm("113824", "Exposure Time")
SINGLE_COLLIMATION: Final = _dcm("113826", "Nominal Single Collimation Width")
TOTAL_COLLIMATION: Final = _dcm("113827", "Nominal Total Collimation Width")
PITCH_FACTOR: Final = _dcm("113828", "Pitch Factor")
NUMBER_OF_SOURCES: Final = _dcm("113823", "Number of X-Ray Sources")
CT_XRAY_SOURCE_PARAMETERS: Final = _dcm("113831", "CT X-Ray Source Parameters")
IDENTIFICATION_OF_SOURCE: Final = _dcm("113832", "Identification of the X-Ray Source")
KVP: Final = _dcm("113733", "KVP")
MAXIMUM_TUBE_CURRENT: Final = _dcm("113833", "Maximum X-Ray Tube Current")
TUBE_CURRENT: Final = _dcm("113734", "X-Ray Tube Current")
EXPOSURE_TIME_PER_ROTATION: Final = _dcm("113834", "Exposure Time per Rotation")
CT_DOSE: Final = _dcm("113829", "CT Dose")
MEAN_CTDIVOL: Final = _dcm("113830", "Mean CTDIvol")
CTDIW_PHANTOM_TYPE: Final = _dcm("113835", "CTDIw Phantom Type")
DLP: Final = _dcm("113838", "DLP")

# TID 10014, Scanning Length
SCANNING_LENGTH: Final = _dcm("113825", "Scanning Length")
RECONSTRUCTABLE_LENGTH: Final = _dcm("113893", "Length of Reconstructable Volume")
TOP_Z: Final = _dcm("113895", "Top Z Location of Reconstructable Volume")
BOTTOM_Z: Final = _dcm("113896", "Bottom Z Location of Reconstructable Volume")
FRAME_OF_REFERENCE_UID: Final = _dcm("112227", "Frame of Reference UID")

# Units of TID 10012 to 10014
EVENTS: Final = _unit("{events}", "events")
MGY: Final = _unit("mGy")
MGY_CM: Final = _unit("mGy.cm")
SECONDS: Final = _unit("s")
MILLIMETRES: Final = _unit("mm")
RATIO: Final = _unit("{ratio}", "ratio")
XRAY_SOURCES: Final = _unit("{X-Ray sources}", "X-Ray sources")
KILOVOLTS: Final = _unit("kV")
MILLIAMPERES: Final = _unit("mA")

# What is not known
UNKNOWN: Final = _sct("261665006", "Unknown")
VALUE_UNKNOWN: Final = _dcm("114010", "Value unknown")  # CID 42
UNKNOWN_TEXT: Final = "unknown"

# CID 7005, Contributing Equipment Purpose of Reference
ACQUISITION_EQUIPMENT: Final = _dcm("109101", "Acquisition Equipment")

# CID 10000, Scope of Accumulation, and the UID that each scope is named by (CID 10001)
SCOPES: Final = MappingProxyType(
    {
        Scope.STUDY: (_dcm("113014", "Study"), STUDY_INSTANCE_UID),
        Scope.IRRADIATION_EVENT: (_dcm("113852", "Irradiation Event"), IRRADIATION_EVENT_UID),
    }
)

# CID 10013, CT Acquisition Type
ACQUISITION_TYPES: Final = MappingProxyType(
    {
        CTAcquisitionType.SEQUENCED: _dcm("113804", "Sequenced Acquisition"),
        CTAcquisitionType.SPIRAL: _sct("116152004", "Spiral Acquisition"),
        CTAcquisitionType.CONSTANT_ANGLE: _dcm("113805", "Constant Angle Acquisition"),
        CTAcquisitionType.STATIONARY: _dcm("113806", "Stationary Acquisition"),
        CTAcquisitionType.FREE: _dcm("113807", "Free Acquisition"),
        CTAcquisitionType.CONE_BEAM: _sct("702569007", "Cone Beam Acquisition"),
    }
)

# CID 4052, Phantom Devices
PHANTOMS: Final = MappingProxyType(
    {
        Phantom.HEAD: _dcm("113690", "IEC Head Dosimetry Phantom"),
        Phantom.BODY: _dcm("113691", "IEC Body Dosimetry Phantom"),
    }
)

# CID 10021, Source of CT Dose Information. A procedure step is in CID 10020 alone (projection X-ray), by the same code
# that a CT's would need: TID 10011 row 12 is a defined group, which may be extended.
SOURCES: Final = MappingProxyType(
    {
        Source.AUTOMATED: _dcm("113856", "Automated Data Collection"),
        Source.MANUAL: _dcm("113857", "Manual Entry"),
        Source.MPPS_CONTENT: _dcm("113858", "MPPS Content"),
        Source.COPIED_FROM_IMAGE: _dcm("113866", "Copied From Image Attributes"),
        Source.COMPUTED_FROM_IMAGE: _dcm("113867", "Computed From Image Attributes"),
        Source.READ_FROM_SCREEN: _dcm("113868", "Derived From Human-Readable Reports"),
    }
)
