"""CT Irradiation Event Data: one event of a report as TID 10013, with TID 10014 and TID 1021.

Knows the rows of these templates; must not know data sets around the event or where a value was read.

What the template demands and nobody told is written as unknown. mA.s is never written as a tube current, a
phantom is never derived, and a pitch stands for spirals only (real headers carry one on axial rows).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from highdicom.sr import ContentItem

from ocr_service.dose.report import CTAcquisitionType, IrradiationEvent, Reading, Scanner
from ocr_service.rdsr import codes
from ocr_service.rdsr.content import ContentItems
from ocr_service.rdsr.encoding import shared
from ocr_service.rdsr.identity import device_uid
from ocr_service.rdsr.printed import decimal_string, one_line
from ocr_service.rdsr.words import PRINTED_RANGE, comment, event_values, has_dose_item, shown, stands, statements

# 10013 row 12: for these two a pitch is required, and the second one has none.
_WITH_PITCH = {CTAcquisitionType.SPIRAL, CTAcquisitionType.SEQUENCED}


def ct_acquisition(
    items: ContentItems, event: IrradiationEvent, uid: str, device: ContentItem, verified: bool
) -> ContentItem:
    """TID 10013, rows 1 to 39; `uid` is the Irradiation Event UID, `device` the irradiating one (TID 1021)."""
    kind = _type(event, verified)
    told: list[ContentItem] = []
    protocol = _printed(event.protocol) or one_line(event.parameters.protocol or "")
    if protocol:
        told.append(items.text(codes.ACQUISITION_PROTOCOL, protocol))
    told.append(items.code(codes.TARGET_REGION, event.target_region or codes.UNKNOWN))
    told.append(items.code(codes.CT_ACQUISITION_TYPE, codes.ACQUISITION_TYPES[kind] if kind else codes.UNKNOWN))
    told.append(items.uidref(codes.IRRADIATION_EVENT_UID, uid))
    label = _printed(event.series_number)
    if label:
        label_type = items.code(codes.LABEL_TYPE, codes.SERIES_NUMBER, "HAS CONCEPT MOD")
        told.append(items.text(codes.IRRADIATION_EVENT_LABEL, label, children=[label_type]))
    if event.parameters.start:
        told.append(items.datetime(codes.DATETIME_STARTED, event.parameters.start, "CONTAINS"))
    told.append(_parameters(items, event, kind))
    if has_dose_item(event, verified):
        told.append(_dose(items, event, verified))
    lines = statements(event_values(event, verified))
    scanning_range = _printed(event.scanning_range)
    if scanning_range:
        lines.append(f"{PRINTED_RANGE}: {scanning_range}")
    if lines:
        told.append(items.text(codes.COMMENT, comment(lines)))
    told.append(device)
    return items.container(codes.CT_ACQUISITION, told, template="10013")


def irradiating_device(items: ContentItems, scanner: Scanner) -> ContentItem:
    """TID 1021, Device Participant, in the role of Irradiating Device: one item, which stands below every event."""
    told = [
        (codes.DEVICE_MANUFACTURER, scanner.manufacturer.strip() or codes.UNKNOWN_TEXT),
        (codes.DEVICE_MODEL_NAME, scanner.model_name.strip() or codes.UNKNOWN_TEXT),
        (codes.DEVICE_SERIAL_NUMBER, scanner.serial_number.strip() or codes.UNKNOWN_TEXT),
    ]
    if scanner.station_name.strip():
        told.insert(0, (codes.DEVICE_NAME, scanner.station_name.strip()))
    properties = [items.text(name, text, "HAS PROPERTIES") for name, text in told]
    properties.append(items.uidref(codes.DEVICE_OBSERVER_UID, device_uid(scanner), "HAS PROPERTIES"))
    device = items.code(codes.DEVICE_ROLE_IN_PROCEDURE, codes.IRRADIATING_DEVICE, children=properties)
    return shared(device, *(text for _, text in told))


def dose_string(reading: Reading[Decimal] | None, verified: bool) -> str | None:
    """The printed number as a decimal string; None where it may not be written."""
    if reading is None or not shown(reading, verified):
        return None
    return decimal_string(reading.value, reading.text.strip())


def _printed(reading: Reading[str] | None) -> str:
    """The text of a descriptive value that stands, else ""."""
    return one_line(reading.text) if reading is not None and stands(reading) else ""


def _type(event: IrradiationEvent, verified: bool) -> CTAcquisitionType | None:
    reading = event.acquisition_type
    return reading.value if reading is not None and shown(reading, verified) else None


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else decimal_string(value)


def _parameters(items: ContentItems, event: IrradiationEvent, kind: CTAcquisitionType | None) -> ContentItem:
    """CT Acquisition Parameters: rows 7 to 20, and TID 10014."""
    parameters = event.parameters
    told = [items.num(codes.EXPOSURE_TIME, _optional(parameters.exposure_time), codes.SECONDS)]
    told += _lengths(items, event)
    told += [
        items.num(codes.SINGLE_COLLIMATION, _optional(parameters.single_collimation), codes.MILLIMETRES),
        items.num(codes.TOTAL_COLLIMATION, _optional(parameters.total_collimation), codes.MILLIMETRES),
    ]
    if kind in _WITH_PITCH:
        pitch = parameters.pitch if kind is CTAcquisitionType.SPIRAL else None
        told.append(items.num(codes.PITCH_FACTOR, _optional(pitch), codes.RATIO))
    told.append(items.num(codes.NUMBER_OF_SOURCES, _optional(parameters.number_of_sources), codes.XRAY_SOURCES))
    told.append(items.container(codes.CT_XRAY_SOURCE_PARAMETERS, _source(items, event, kind)))
    return items.container(codes.CT_ACQUISITION_PARAMETERS, told)


def _lengths(items: ContentItems, event: IrradiationEvent) -> Sequence[ContentItem]:
    """TID 10014; a location says nothing without its frame of reference."""
    parameters = event.parameters
    told = [items.num(codes.SCANNING_LENGTH, _optional(parameters.scanning_length), codes.MILLIMETRES)]
    if parameters.reconstructable_length is not None:
        length = decimal_string(parameters.reconstructable_length)
        told.append(items.num(codes.RECONSTRUCTABLE_LENGTH, length, codes.MILLIMETRES))
    places = [
        items.num(name, decimal_string(z), codes.MILLIMETRES)
        for name, z in ((codes.TOP_Z, parameters.top_z), (codes.BOTTOM_Z, parameters.bottom_z))
        if z is not None
    ]
    if places and parameters.frame_of_reference_uid:
        told += places
        told.append(items.uidref(codes.FRAME_OF_REFERENCE_UID, parameters.frame_of_reference_uid))
    return told


def _source(items: ContentItems, event: IrradiationEvent, kind: CTAcquisitionType | None) -> list[ContentItem]:
    """CT X-Ray Source Parameters: rows 15 to 19. Row 19 is none of a localizer's."""
    parameters = event.parameters
    printed = event.kvp if event.kvp is not None and stands(event.kvp) else None
    kvp = _optional(parameters.kvp) if printed is None else decimal_string(printed.value, printed.text.strip())
    told = [
        items.text(codes.IDENTIFICATION_OF_SOURCE, codes.UNKNOWN_TEXT),
        items.num(codes.KVP, kvp, codes.KILOVOLTS),
        items.num(codes.MAXIMUM_TUBE_CURRENT, _optional(parameters.maximum_tube_current), codes.MILLIAMPERES),
        items.num(codes.TUBE_CURRENT, _optional(parameters.tube_current), codes.MILLIAMPERES),
    ]
    if kind is not CTAcquisitionType.CONSTANT_ANGLE:
        per_rotation = _optional(parameters.exposure_time_per_rotation)
        told.append(items.num(codes.EXPOSURE_TIME_PER_ROTATION, per_rotation, codes.SECONDS))
    return told


def _dose(items: ContentItems, event: IrradiationEvent, verified: bool) -> ContentItem:
    """CT Dose: rows 21 to 26."""
    phantom = event.phantom if event.phantom is not None and shown(event.phantom, verified) else None
    return items.container(
        codes.CT_DOSE,
        [
            items.num(codes.MEAN_CTDIVOL, dose_string(event.mean_ctdivol, verified), codes.MGY),
            items.code(codes.CTDIW_PHANTOM_TYPE, codes.PHANTOMS[phantom.value] if phantom else codes.UNKNOWN),
            items.num(codes.DLP, dose_string(event.dlp, verified), codes.MGY_CM),
        ],
    )
