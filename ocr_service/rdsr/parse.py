"""Radiation Dose SR -> what it states: ours for the round trip, a scanner's own for comparison.

Knows TID 10011 to 10013 as they are met (X-Ray Radiation Dose SR and Enhanced SR, several makers); must not know
how a document is written or what a screen says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import TypeVar

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ocr_service.dose.report import (
    AcquisitionParameters,
    CodedConcept,
    CTAcquisitionType,
    CTDoseReport,
    IrradiationEvent,
    Origin,
    Phantom,
    Reading,
    Scanner,
    Scope,
    Source,
)
from ocr_service.errors import BrokenObject, NotDicom
from ocr_service.rdsr import codes
from ocr_service.rdsr.identity import SERVICE_DEVICE_UID, KnownEvent, PriorReport, device_uid
from ocr_service.rdsr.tree import Node, concept_of, first_item, malformed_is_broken, text_of
from ocr_service.rdsr.words import SCANNING_RANGE, WITHOUT_SCREEN, Told, sub_total_name, told

T = TypeVar("T")

# Retired SRT codes that scanners still write, beside those of `codes.py`.
_TYPES = {
    **{concept.value: kind for kind, concept in codes.ACQUISITION_TYPES.items()},
    "P5-08001": CTAcquisitionType.SPIRAL,
    "R-FB8F1": CTAcquisitionType.CONE_BEAM,
}
_PHANTOMS = {concept.value: phantom for phantom, concept in codes.PHANTOMS.items()}
_SOURCES = {concept.value: source for source, concept in codes.SOURCES.items()}
_SCOPES = {concept.value: scope for scope, (concept, _) in codes.SCOPES.items()}


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """What a Radiation Dose SR states, and who wrote it.

    Values of a scanner's own report count as proven: it knows them. Of ours they carry the source and the mark
    that the comments name; evidence, template and unproven descriptive values are not in a document.
    """

    report: CTDoseReport
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    instance_number: int
    manufacturer: str  # of the equipment that recorded it
    model_name: str
    devices: tuple[Scanner, ...]  # every device that it names as irradiating, observing or recording
    ours: bool
    converter: bool  # made by other software from something else, and not by the scanner
    complete: bool
    verified: bool
    predecessors: tuple[str, ...]
    sources: tuple[Source, ...]
    in_doubt: tuple[str, ...] = ()
    content_moment: str = ""  # Content Date and Time as one DT
    attested: bool = False  # by a named person: verified, or partial and a person attests to it

    @property
    def event_uids(self) -> tuple[str, ...]:
        """The Irradiation Event UIDs that it states, in its order."""
        return tuple(uid for event in self.report.events if (uid := event.irradiation_event_uid))

    @property
    def known_events(self) -> tuple[KnownEvent, ...]:
        """Its events, as a later report of ours has to name them."""
        return tuple(
            KnownEvent(event.irradiation_event_uid, event)
            for event in self.report.events
            if event.irradiation_event_uid
        )

    @property
    def prior(self) -> PriorReport:
        """This report as the predecessor of a corrected one."""
        return PriorReport(
            self.report.study_instance_uid,
            self.series_instance_uid,
            self.sop_instance_uid,
            self.instance_number,
            self.known_events,
            self.content_moment,
        )


def decode(content: bytes) -> Dataset:
    """A DICOM file's data set. Raises NotDicom where it is no such file, BrokenObject where it ends too early."""
    try:
        with malformed_is_broken():
            return pydicom.dcmread(BytesIO(content))
    except BrokenObject as error:
        if isinstance(error.__cause__, InvalidDicomError):
            raise NotDicom("the file has no DICOM prefix") from error
        raise


def states_ct_dose(ds: Dataset) -> bool:
    """Is this a structured report of CT dose: TID 10011 by its root, with CT data below?"""
    with malformed_is_broken():
        root = concept_of(ds, "ConceptNameCodeSequence")
        if root is None or root.value != codes.XRAY_RADIATION_DOSE_REPORT.value:
            return False
        tree = Node(ds)
        if tree.find(codes.CT_ACCUMULATED_DOSE_DATA) or tree.find(codes.CT_ACQUISITION):
            return True
        template = first_item(ds, "ContentTemplateSequence")
        return template is not None and text_of(template, "TemplateIdentifier") == "10011"


def parse(ds: Dataset) -> ParsedReport:
    """Read a CT Radiation Dose SR, ours or a scanner's own.

    Raises BrokenObject for what is none, or is malformed where dose is stated.
    """
    if not states_ct_dose(ds):
        raise BrokenObject("the object is no CT radiation dose report (TID 10011)")
    with malformed_is_broken():
        return _parse(ds)


def _parse(ds: Dataset) -> ParsedReport:
    tree = Node(ds)
    ours = tree.text(codes.DEVICE_OBSERVER_UID) == SERVICE_DEVICE_UID
    sources = tuple(
        _SOURCES[code.value]
        for node in tree.all(codes.SOURCE_OF_DOSE_INFORMATION)
        if (code := node.value_code()) is not None and code.value in _SOURCES
    )
    default = sources[0] if len(sources) == 1 else Source.AUTOMATED
    events = tuple(_event(node, ours, default) for node in tree.all(codes.CT_ACQUISITION))
    remarks = told(tree.text(codes.COMMENT)) if ours else Told()
    irradiating, others = _devices(ds, tree, ours)
    accumulated = tree.find(codes.CT_ACCUMULATED_DOSE_DATA)
    total, sub_totals = _totals(accumulated, ours, default) if accumulated else (None, ())
    scope = tree.code(codes.SCOPE_OF_ACCUMULATION)
    report = CTDoseReport(
        study_instance_uid=text_of(ds, "StudyInstanceUID"),
        scanner=irradiating,
        events=events,
        dlp_total=total,
        phantom_totals=sub_totals,
        origin=Origin.HEADER if WITHOUT_SCREEN & remarks.lines else Origin.SCREEN,
        missing=remarks.missing,
        scope=_SCOPES.get(scope.value, Scope.STUDY) if scope else Scope.STUDY,
    )
    return ParsedReport(
        report=report,
        sop_class_uid=text_of(ds, "SOPClassUID"),
        sop_instance_uid=text_of(ds, "SOPInstanceUID"),
        series_instance_uid=text_of(ds, "SeriesInstanceUID"),
        instance_number=int(text_of(ds, "InstanceNumber") or 1),
        manufacturer=text_of(ds, "Manufacturer"),
        model_name=text_of(ds, "ManufacturerModelName"),
        devices=(irradiating, *others),
        ours=ours,
        converter=not ours and _is_converted(sources, irradiating, others),
        complete=text_of(ds, "CompletionFlag") == "COMPLETE",
        verified=text_of(ds, "VerificationFlag") == "VERIFIED",
        predecessors=_predecessors(ds),
        sources=sources,
        in_doubt=remarks.in_doubt,
        content_moment=text_of(ds, "ContentDate") + text_of(ds, "ContentTime"),
        attested=text_of(ds, "VerificationFlag") == "VERIFIED" or _has_attestor(ds),
    )


def _has_attestor(ds: Dataset) -> bool:
    return any(text_of(item, "ParticipationType") == "ATTEST" for item in ds.get("ParticipantSequence") or ())


def _predecessors(ds: Dataset) -> tuple[str, ...]:
    return tuple(
        text_of(sop, "ReferencedSOPInstanceUID")
        for study in ds.get("PredecessorDocumentsSequence") or ()
        for series in study.get("ReferencedSeriesSequence") or ()
        for sop in series.get("ReferencedSOPSequence") or ()
    )


def _is_converted(sources: Sequence[Source], irradiating: Scanner, others: Sequence[Scanner]) -> bool:
    """Another source than the scanner's own data, or an observer of another make than the scanner."""
    if any(source is not Source.AUTOMATED for source in sources):
        return True
    makes = {irradiating.identity[0], *(other.identity[0] for other in others)} - {""}
    models = {irradiating.identity[1].upper(), *(other.identity[1].upper() for other in others)} - {""}
    return len(makes) > 1 and len(models) > 1


def _devices(ds: Dataset, tree: Node, ours: bool) -> tuple[Scanner, list[Scanner]]:
    """The irradiating device, then what else the document names: its observer and its recorder."""
    observer = Scanner(
        tree.text(codes.DEVICE_OBSERVER_MANUFACTURER),
        tree.text(codes.DEVICE_OBSERVER_MODEL_NAME),
        tree.text(codes.DEVICE_OBSERVER_SERIAL_NUMBER),
        tree.text(codes.DEVICE_OBSERVER_NAME),
        device_uid=tree.text(codes.DEVICE_OBSERVER_UID),
    )
    recorder = Scanner(
        text_of(ds, "Manufacturer"),
        text_of(ds, "ManufacturerModelName"),
        text_of(ds, "DeviceSerialNumber"),
        text_of(ds, "StationName"),
        text_of(ds, "SoftwareVersions"),
    )
    places = [*tree.all(codes.CT_ACCUMULATED_DOSE_DATA), *tree.all(codes.CT_ACQUISITION)]
    found = [device for place in places if (device := _participant(place)) is not None]
    others = [] if ours else [device for device in (observer, recorder) if any(device.identity)]
    if not found:
        return observer if any(observer.identity) else recorder, others
    return _with_header(found[0], ds) if ours else found[0], others


def _participant(place: Node) -> Scanner | None:
    """TID 1021 in the role of Irradiating Device."""
    for role in place.all(codes.DEVICE_ROLE_IN_PROCEDURE):
        code = role.value_code()
        if code is not None and code.value == codes.IRRADIATING_DEVICE.value:
            maker, model, serial, name = (
                _known(role.text(concept))
                for concept in (
                    codes.DEVICE_MANUFACTURER,
                    codes.DEVICE_MODEL_NAME,
                    codes.DEVICE_SERIAL_NUMBER,
                    codes.DEVICE_NAME,
                )
            )
            return Scanner(maker, model, serial, name, device_uid=role.text(codes.DEVICE_OBSERVER_UID))
    return None


def _with_header(scanner: Scanner, ds: Dataset) -> Scanner:
    """Our scanner with its software versions, and without a Device UID that we made ourselves."""
    equipment = first_item(ds, "ContributingEquipmentSequence")
    bare = Scanner(scanner.manufacturer, scanner.model_name, scanner.serial_number, scanner.station_name)
    return Scanner(
        bare.manufacturer,
        bare.model_name,
        bare.serial_number,
        bare.station_name,
        text_of(equipment, "SoftwareVersions") if equipment is not None else "",
        "" if scanner.device_uid == device_uid(bare) else scanner.device_uid,
    )


def _is_unknown(region: CodedConcept) -> bool:
    """Unknown by its code, or by its words under a maker's private code."""
    return region.value == codes.UNKNOWN.value or region.meaning.lower() == codes.UNKNOWN.meaning.lower()


def _known(text: str) -> str:
    return "" if text == codes.UNKNOWN_TEXT else text


def _totals(
    place: Node, ours: bool, default: Source
) -> tuple[Reading[Decimal] | None, tuple[tuple[Phantom, Reading[Decimal]], ...]]:
    """The totals that stood on the page; of another's report, what it states."""
    remarks = told(place.text(codes.COMMENT)) if ours else Told()
    name = codes.DLP_TOTAL
    total = _reading_of_number(place, codes.MGY_CM, (name,), name.meaning, remarks, ours, default)
    sub_totals = []
    inside = place.find(codes.DLP_TOTAL)
    for node in [*place.all(codes.DLP_SUB_TOTAL), *(inside.all(codes.DLP_SUB_TOTAL) if inside else [])]:
        code = node.code(codes.CTDIW_PHANTOM_TYPE)
        phantom = _PHANTOMS.get(code.value) if code else None
        if phantom is not None:
            name_there = sub_total_name(phantom)
            reading = _reading_of_number(node, codes.MGY_CM, (), name_there, remarks, ours, default)
            if reading is not None:
                sub_totals.append((phantom, reading))
    named = {sub_total_name(phantom): phantom for phantom in Phantom}
    for name_there, text in remarks.printed_sub_totals:
        reading = _reading(_dose(text), text, name_there, remarks, ours, default)
        if name_there in named and reading is not None:
            sub_totals.append((named[name_there], reading))
    return total, tuple(sub_totals)


def _reading_of_number(
    place: Node,
    unit: CodedConcept,
    path: tuple[CodedConcept, ...],
    name: str,
    remarks: Told,
    ours: bool,
    default: Source,
) -> Reading[Decimal] | None:
    """A number as a reading; None where it is unknown or, in a report of ours, no printed one."""
    text = place.number(unit, *path)
    if text is None:
        return None
    return _reading(_dose(text), text, name, remarks, ours, default)


def _dose(text: str) -> Decimal:
    """Raises ValueError or ArithmeticError where the text is no number that a dose can have."""
    value = Decimal(text)
    if not value.is_finite() or value < 0:
        raise ValueError("a dose is a number and not negative")
    return value


def _reading(value: T, text: str, name: str, remarks: Told, ours: bool, default: Source) -> Reading[T] | None:
    source = remarks.source(name) if ours else default
    if source is None:
        return None
    return Reading(value, text, source, proven=name not in remarks.unproven)


def _event(node: Node, ours: bool, default: Source) -> IrradiationEvent:
    """TID 10013."""
    remarks = told(node.text(codes.COMMENT)) if ours else Told()
    kind_code, phantom_code = (
        node.code(codes.CT_ACQUISITION_TYPE),
        node.code(codes.CT_DOSE, codes.CTDIW_PHANTOM_TYPE),
    )
    kind = _TYPES.get(kind_code.value) if kind_code else None
    phantom = _PHANTOMS.get(phantom_code.value) if phantom_code else None
    region = node.code(codes.TARGET_REGION)

    def number(name: CodedConcept, unit: CodedConcept, *path: CodedConcept) -> Reading[Decimal] | None:
        return _reading_of_number(node, unit, (*path, name), name.meaning, remarks, ours, default)

    def words(name: CodedConcept) -> Reading[str] | None:
        text = node.text(name)
        return _reading(text, text, name.meaning, remarks, ours, default) if text else None

    printed = remarks.printed_range
    type_name, phantom_name = codes.CT_ACQUISITION_TYPE.meaning, codes.CTDIW_PHANTOM_TYPE.meaning
    kvp = number(codes.KVP, codes.KILOVOLTS, codes.CT_ACQUISITION_PARAMETERS, codes.CT_XRAY_SOURCE_PARAMETERS)
    protocol = words(codes.ACQUISITION_PROTOCOL)
    return IrradiationEvent(
        acquisition_type=_reading(kind, kind.value, type_name, remarks, ours, default) if kind else None,
        mean_ctdivol=number(codes.MEAN_CTDIVOL, codes.MGY, codes.CT_DOSE),
        dlp=number(codes.DLP, codes.MGY_CM, codes.CT_DOSE),
        phantom=_reading(phantom, phantom.value, phantom_name, remarks, ours, default) if phantom else None,
        series_number=words(codes.IRRADIATION_EVENT_LABEL),
        protocol=protocol,
        scanning_range=_reading(printed, printed, SCANNING_RANGE, remarks, ours, default) if printed else None,
        kvp=kvp,
        parameters=_parameters(node, with_kvp=kvp is None, with_protocol=protocol is None),
        irradiation_event_uid=node.text(codes.IRRADIATION_EVENT_UID) or None,
        target_region=None if region is None or _is_unknown(region) else region,
    )


def _parameters(node: Node, *, with_kvp: bool, with_protocol: bool) -> AcquisitionParameters:
    """CT Acquisition Parameters with TID 10014; of several X-ray sources the first."""
    place = node.find(codes.CT_ACQUISITION_PARAMETERS)
    tube = place.find(codes.CT_XRAY_SOURCE_PARAMETERS) if place else None

    def told_by(where: Node | None, name: CodedConcept, unit: CodedConcept) -> Decimal | None:
        text = None if where is None else where.number(unit, name)
        return None if text is None else Decimal(text)

    return AcquisitionParameters(
        kvp=told_by(tube, codes.KVP, codes.KILOVOLTS) if with_kvp else None,
        tube_current=told_by(tube, codes.TUBE_CURRENT, codes.MILLIAMPERES),
        maximum_tube_current=told_by(tube, codes.MAXIMUM_TUBE_CURRENT, codes.MILLIAMPERES),
        exposure_time=told_by(place, codes.EXPOSURE_TIME, codes.SECONDS),
        exposure_time_per_rotation=told_by(tube, codes.EXPOSURE_TIME_PER_ROTATION, codes.SECONDS),
        single_collimation=told_by(place, codes.SINGLE_COLLIMATION, codes.MILLIMETRES),
        total_collimation=told_by(place, codes.TOTAL_COLLIMATION, codes.MILLIMETRES),
        pitch=told_by(place, codes.PITCH_FACTOR, codes.RATIO),
        number_of_sources=told_by(place, codes.NUMBER_OF_SOURCES, codes.XRAY_SOURCES),
        scanning_length=told_by(place, codes.SCANNING_LENGTH, codes.MILLIMETRES),
        reconstructable_length=told_by(place, codes.RECONSTRUCTABLE_LENGTH, codes.MILLIMETRES),
        top_z=told_by(place, codes.TOP_Z, codes.MILLIMETRES),
        bottom_z=told_by(place, codes.BOTTOM_Z, codes.MILLIMETRES),
        frame_of_reference_uid=place.text(codes.FRAME_OF_REFERENCE_UID) or None if place else None,
        start=node.text(codes.DATETIME_STARTED) or None,
        protocol=node.text(codes.ACQUISITION_PROTOCOL) or None if with_protocol else None,
    )
