"""Exposure Dose Sequence (0040,030E) of a dose page: one item, one exposure, localizers included -> rows.

Knows its items (PS3.3 C.4.16) and Philips' private DLP and phantom in them; must not know pages or images.
Seen: items state other last digits than the comment of the same object, number the series differently, and give an
Exposure Time that is neither the irradiation's nor in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydicom.dataset import Dataset

from ocr_service.dose.report import AcquisitionParameters, CTAcquisitionType, Finding, Phantom, doubt, note
from ocr_service.study import acquisition, attributes
from ocr_service.study.comments import parse_comment
from ocr_service.study.stated import EXPOSURE_SEQUENCE, StatedDose

MOST_ROWS = 300
WHERE = "exposure dose sequence"
_BEAM_STAYS_ON = (CTAcquisitionType.SPIRAL, CTAcquisitionType.CONSTANT_ANGLE)


def exposure_rows(ds: Dataset) -> tuple[tuple[StatedDose, ...], tuple[Finding, ...]]:
    """The rows of the object's sequence, and what was found in them."""
    items = attributes.items(ds, "ExposureDoseSequence")
    if len(items) > MOST_ROWS:
        return (), (note(WHERE, f"the sequence has more than {MOST_ROWS} items: none of them is used"),)
    rows, findings = [], []
    for order, item in enumerate(items, start=1):
        row, found = _row(order, item)
        rows.append(row)
        findings += found
    return tuple(rows), tuple(findings)


def _row(order: int, item: Dataset) -> tuple[StatedDose, list[Finding]]:
    comment = parse_comment(attributes.text(item, "CommentsOnRadiationDose"))
    said = comment.rows[0] if len(comment.rows) == 1 else None
    kind = acquisition.acquisition_type(attributes.text(item, "AcquisitionType", 32))
    parameters, findings = _parameters(order, item, kind)
    dlp = _private_decimal(item, 0x00E1, 0x21)
    row = StatedDose(
        EXPOSURE_SEQUENCE,
        order,
        number=attributes.text(item, "SeriesNumber", 16),
        label=attributes.text(item, "SeriesDescription", 120),
        ctdivol=_not_negative(attributes.decimal(item, "CTDIvol")),
        dlp=dlp if dlp is not None or said is None else said.dlp,
        phantom=_phantom(item),
        acquisition_type=kind,
        parameters=parameters,
        irradiation_event_uid=attributes.uid(item, "IrradiationEventUID"),
        protocol=attributes.text(item, "ProtocolName", 120),
    )
    return row, findings


def _phantom(item: Dataset) -> Phantom | None:
    """By its code, else by Philips' own words; none where the two differ."""
    coded = acquisition.phantom_by_code(item)
    element = attributes.private(item, 0x01E1, acquisition.ELSCINT, 0x26)
    worded = None if element is None else acquisition.phantom_by_words(attributes.as_text(element, 64))
    return coded if worded is None or coded is worded else (None if coded else worded)


def _private_decimal(item: Dataset, group: int, offset: int) -> Decimal | None:
    element = attributes.private(item, group, acquisition.ELSCINT, offset)
    return None if element is None else _not_negative(attributes.as_decimal(element))


def _not_negative(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value >= 0 else None


def _parameters(
    order: int, item: Dataset, kind: CTAcquisitionType | None
) -> tuple[AcquisitionParameters, list[Finding]]:
    single, total, absurd = acquisition.collimation(item)
    findings = []
    if absurd:
        findings.append(note(WHERE, f"exposure {order} states a collimation that cannot be: it is left out"))
    time, found = _exposure_time(order, item, kind)
    started = attributes.moment_of(item, "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")
    lasted = attributes.positive(item, "AcquisitionDuration")
    parameters = AcquisitionParameters(
        kvp=attributes.positive(item, "KVP"),
        tube_current=acquisition.tube_current(item),
        exposure_time=time,
        exposure_time_per_rotation=acquisition.revolution_time(item),
        single_collimation=single,
        total_collimation=total,
        # real headers carry a pitch on axial rows
        pitch=attributes.positive(item, "SpiralPitchFactor") if kind is CTAcquisitionType.SPIRAL else None,
        scanning_length=attributes.positive(item, "ScanLength"),
        start=started.told if started else None,
        end=started.later(lasted).told if started and lasted else None,
        body_part=attributes.text(item, "BodyPartExamined", 64) or None,
        protocol=attributes.text(item, "ProtocolName", 120) or None,
    )
    return parameters, [*findings, *found]


def _exposure_time(
    order: int, item: Dataset, kind: CTAcquisitionType | None
) -> tuple[Decimal | None, Sequence[Finding]]:
    """The irradiation's Exposure Time in s, where nothing else in the item speaks against it.

    Checked against the current-time product, against the rotations that the length takes, and, where the beam stays
    on, against the Acquisition Duration. A factor of 1000 is a doubt; another one means a slice's time, and a note.
    """
    time = acquisition.exposure_time(item)
    if time is None:
        return None, ()
    current, product = acquisition.tube_current(item), attributes.positive(item, "Exposure")
    expected = [] if current is None or product is None else [product / current]
    rotations = _rotation_time(item) if kind is CTAcquisitionType.SPIRAL else None
    lasted = attributes.positive(item, "AcquisitionDuration") if kind in _BEAM_STAYS_ON else None
    whole = [told for told in (rotations, lasted) if told is not None]
    if any(other / time > 300 or time / other > 300 for other in expected + whole):
        return None, (
            doubt(WHERE, f"the Exposure Time of exposure {order} differs by a factor of 1000 from its other times"),
        )
    if any(other / time > 2 or time / other > 2 for other in whole):
        what = f"the Exposure Time of exposure {order} is not that of the whole irradiation: it is left out"
        return None, (note(WHERE, what),)
    return time, ()


def _rotation_time(item: Dataset) -> Decimal | None:
    """How long a spiral of this length, pitch and collimation takes, in s."""
    length = attributes.positive(item, "ScanLength")
    pitch = attributes.positive(item, "SpiralPitchFactor")
    total = acquisition.collimation(item)[1]
    rotation = acquisition.revolution_time(item)
    if length is None or pitch is None or total is None or rotation is None:
        return None
    return length / (pitch * total) * rotation
