"""A dose report as an X-Ray Radiation Dose SR: TID 10011 in its data set (PS3.3 A.35.8).

Knows the modules of the IOD and the rows of TID 10011; must not know how a report was read or proven.

No clock and no chance: dates and times come from the newest source or from the recorded moment of a person's
act, UIDs from hashes. Equal reports give equal bytes. A corrected report is later than the one it takes the place of,
which importers go by, and states that as Series Date and Time too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from highdicom import ContributingEquipment
from highdicom.sr import ContainerContentItem, ContentItem
from pydicom.dataset import Dataset

from ocr_service.dose.report import (
    CodedConcept,
    CTDoseReport,
    Finding,
    FindingKind,
    Origin,
    Scope,
    Source,
)
from ocr_service.rdsr import codes, words
from ocr_service.rdsr.accumulated import ct_accumulated_dose
from ocr_service.rdsr.acquisition import ct_acquisition, irradiating_device
from ocr_service.rdsr.content import ContentItems, Relation
from ocr_service.rdsr.identity import (
    FORMAT_VERSION,
    SERVICE_DEVICE_UID,
    SERVICE_NAME,
    PriorReport,
    identified,
    series_instance_uid,
)
from ocr_service.rdsr.printed import one_line
from ocr_service.rdsr.sop import XRAY_RADIATION_DOSE_SR, XRayRadiationDoseSR
from ocr_service.rdsr.source import (
    SourceStudy,
    character_set,
    content_moment,
    evidence,
    identification,
    study_day,
    study_reference,
)
from ocr_service.rdsr.tree import text_of

MODEL_NAME: Final = "RDSR from CT dose screens"
SERIES_NUMBER: Final = 9901
SERIES_DESCRIPTION: Final = "Radiation dose report made from dose screens"


@dataclass(frozen=True, slots=True)
class VerifyingObserver:
    """The person who answers for a report (PS3.3 C.17.2): name as PN, `moment` as DT with its seconds.

    A complete document is verified by them, a partial one has them as a participant who attests to it.
    """

    name: str
    organization: str
    moment: str


def rdsr(
    report: CTDoseReport,
    source: SourceStudy,
    *,
    verified: bool,
    findings: Sequence[Finding] = (),
    predecessor: PriorReport | None = None,
    intent: CodedConcept = codes.DIAGNOSTIC,
    verifying_observer: VerifyingObserver | None = None,
    state_unknown: bool = True,
) -> XRayRadiationDoseSR:
    """Write the report as an X-Ray Radiation Dose SR of the source's patient and study.

    verified: every dose value is proven and nothing is in doubt; only then is a document COMPLETE (unless
    something is missing or all of it comes from headers), and only then can a person's name stand for it.
    findings: the doubts among them are named, not told: their words may change, the document may not.
    state_unknown: write the mandatory numbers that nobody told as unknown, as TID 10011 to 10013 demand. False
    leaves them out, for importers that take every number's first measured value for granted: OpenREM gives a
    whole document up at the first empty one.
    predecessor: the report that this one takes the place of; its content is at least a second older.
    Raises ValueError for a report without events, BrokenObject for a source that names no date or no UID.
    """
    if not report.events:
        raise ValueError("a dose report has at least one irradiation event")
    if verifying_observer is not None and not verified:
        raise ValueError("nobody can answer for a report that is not verified")
    if report.scope is Scope.IRRADIATION_EVENT and len(report.events) != 1:
        raise ValueError("the scope of one irradiation event holds one event")
    report = identified(report, known=predecessor.events if predecessor else ())
    items = ContentItems(state_unknown=state_unknown)
    ds = XRayRadiationDoseSR(_content(items, report, source, verified, findings, intent))
    copied = identification(source)
    ds.update(copied)
    _general(ds, report)
    _dates(ds, source, verifying_observer, predecessor)
    _flags(ds, report, verified, verifying_observer)
    _references(ds, report, source, predecessor)
    ds.ContributingEquipmentSequence = [_acquisition_equipment(items, report, ds)]
    letters = character_set(source.newest, copied, [*items.texts, *_names(report, verifying_observer)])
    if letters is not None:
        ds.SpecificCharacterSet = letters
    ds.name_by_content()
    return ds


def _content(
    items: ContentItems,
    report: CTDoseReport,
    source: SourceStudy,
    verified: bool,
    findings: Sequence[Finding],
    intent: CodedConcept,
) -> ContainerContentItem:
    """TID 10011, rows 1 to 12."""
    context: Relation = "HAS OBS CONTEXT"
    has_intent = items.code(codes.HAS_INTENT, intent, "HAS CONCEPT MOD")
    children: list[ContentItem] = [
        items.code(codes.PROCEDURE_REPORTED, codes.CT_XRAY, "HAS CONCEPT MOD", [has_intent]),
        items.code(codes.OBSERVER_TYPE, codes.DEVICE, context),
        items.uidref(codes.DEVICE_OBSERVER_UID, SERVICE_DEVICE_UID, context),
        items.text(codes.DEVICE_OBSERVER_NAME, SERVICE_NAME, context),
        items.text(codes.DEVICE_OBSERVER_MANUFACTURER, SERVICE_NAME, context),
        items.text(codes.DEVICE_OBSERVER_MODEL_NAME, MODEL_NAME, context),
        items.code(codes.DEVICE_ROLE_IN_PROCEDURE, codes.RECORDING, context),
    ]
    start, end = _irradiation(report, source)
    children.append(items.datetime(codes.START_OF_IRRADIATION, start, context))
    children.append(items.datetime(codes.END_OF_IRRADIATION, end, context))
    scope, named_by = codes.SCOPES[report.scope]
    own = str(report.events[0].irradiation_event_uid)
    scope_uid = report.study_instance_uid if report.scope is Scope.STUDY else own
    children.append(items.scope(codes.SCOPE_OF_ACCUMULATION, scope, named_by, scope_uid))
    device = irradiating_device(items, report.scanner)
    children.append(ct_accumulated_dose(items, report, device, verified))
    for event in report.events:
        children.append(ct_acquisition(items, event, str(event.irradiation_event_uid), device, verified))
    lines = _remarks(report, verified, findings)
    if lines:
        children.append(items.text(codes.COMMENT, words.comment(lines)))
    for told in _sources(report, verified):
        children.append(items.code(codes.SOURCE_OF_DOSE_INFORMATION, codes.SOURCES[told]))
    return items.container(codes.XRAY_RADIATION_DOSE_REPORT, children, template="10011", relation=None)


def _irradiation(report: CTDoseReport, source: SourceStudy) -> tuple[str, str]:
    """Start and end of X-ray irradiation: as the events tell it, else the day of the study."""
    starts = [event.parameters.start for event in report.events if event.parameters.start]
    ends = [event.parameters.end for event in report.events if event.parameters.end]
    day = study_day(source)
    if not starts:
        return day, max(ends, default=day)
    return min(starts), max([*starts, *ends]) if ends else max(starts)[:8]


def _sources(report: CTDoseReport, verified: bool) -> list[Source]:
    """Source of Dose Information (CID 10021): all that apply to what the document states of dose."""
    dose = {
        codes.CT_ACQUISITION_TYPE.meaning, codes.MEAN_CTDIVOL.meaning, codes.CTDIW_PHANTOM_TYPE.meaning,
        codes.DLP.meaning,
    }  # fmt: skip
    told = {reading.source for _, reading in words.total_values(report, verified)}
    for event in report.events:
        told |= {reading.source for name, reading in words.event_values(event, verified) if name in dose}
    if not told:
        told = {Source.READ_FROM_SCREEN if report.origin is Origin.SCREEN else Source.COPIED_FROM_IMAGE}
    return [source for source in Source if source in told]


def _remarks(report: CTDoseReport, verified: bool, findings: Sequence[Finding]) -> list[str]:
    """The lines of the root's comment: why the document is not all that it could be."""
    lines = [] if report.origin is Origin.SCREEN else [words.no_screen(report)]
    lines += [f"{words.MISSING}: {sentence}" for sentence in report.missing]
    if not verified and report.origin is Origin.SCREEN:
        lines.append(words.NOT_VERIFIED)
    doubts = {one_line(finding.where) for finding in findings if finding.kind is FindingKind.DOUBT}
    if doubts:
        lines.append(f"{words.IN_DOUBT}: {'; '.join(sorted(doubts))}.")
    return lines


def _general(ds: Dataset, report: CTDoseReport) -> None:
    """General Study, SR Document Series, (Enhanced) General Equipment, SOP Common."""
    ds.StudyInstanceUID = report.study_instance_uid
    ds.Modality = "SR"
    ds.SeriesInstanceUID = series_instance_uid(report.study_instance_uid, report.scanner)
    ds.SeriesNumber = SERIES_NUMBER
    ds.SeriesDescription = SERIES_DESCRIPTION
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.Manufacturer = SERVICE_NAME
    ds.ManufacturerModelName = MODEL_NAME
    ds.DeviceSerialNumber = "none"
    ds.SoftwareVersions = FORMAT_VERSION


def _dates(
    ds: Dataset,
    source: SourceStudy,
    verifying_observer: VerifyingObserver | None,
    predecessor: PriorReport | None,
) -> None:
    """Content Date and Time: of the newest source or of the person's act, and later than the predecessor's.

    A first report states no Series Date and Time (type 3, PS3.3 C.17.1).
    """
    if verifying_observer is None:
        told = content_moment(source)
    else:
        told = _local(verifying_observer.moment, text_of(ds, "TimezoneOffsetFromUTC"))
    ds.ContentDate, ds.ContentTime = told
    if predecessor is not None:
        least, own = _a_second_after(predecessor.content_moment), _moment("".join(told))
        if least is not None and (own is None or own < least):
            ds.ContentDate, ds.ContentTime = least.strftime("%Y%m%d"), _time(least)
        ds.SeriesDate, ds.SeriesTime = ds.ContentDate, ds.ContentTime


def _local(moment: str, offset: str) -> tuple[str, str]:
    """A DT as date and time; in the document's own time zone where it states one (PS3.3 C.12.1.1.8) and the DT too."""
    digits = moment.partition("+")[0].partition("-")[0]
    zone, told = moment[len(digits) :], _moment(digits)
    if told is None or not zone or not offset:
        return digits[:8], digits[8:]
    there = datetime.strptime(offset, "%z").tzinfo
    moved = told.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo).astimezone(there)
    return moved.strftime("%Y%m%d"), _time(moved)


def _a_second_after(moment: str) -> datetime | None:
    told = _moment(moment)
    try:
        return None if told is None else told + timedelta(seconds=1)
    except OverflowError:
        return None


def _moment(told: str) -> datetime | None:
    """Date and time, which may lack its minutes and seconds; None where they are none. UTC stands for any one zone."""
    whole, _, fraction = told.partition(".")
    try:
        return datetime.strptime(f"{whole.ljust(14, '0')}.{fraction or '0'}", "%Y%m%d%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None


def _time(moment: datetime) -> str:
    return moment.strftime("%H%M%S.%f" if moment.microsecond else "%H%M%S")


def _flags(ds: Dataset, report: CTDoseReport, verified: bool, verifying_observer: VerifyingObserver | None) -> None:
    """Completion and verification (PS3.3 C.17.2): what is missing, and who answers for it."""
    complete = verified and report.origin is Origin.SCREEN and not report.missing
    ds.CompletionFlag = "COMPLETE" if complete else "PARTIAL"
    ds.VerificationFlag = "UNVERIFIED"
    ds.PerformedProcedureCodeSequence = []
    if verifying_observer is None:
        return
    person = Dataset()
    if complete:
        person.VerifyingObserverName = verifying_observer.name
        person.VerifyingOrganization = verifying_observer.organization
        person.VerificationDateTime = verifying_observer.moment
        person.VerifyingObserverIdentificationCodeSequence = []
        ds.VerifyingObserverSequence = [person]
        ds.VerificationFlag = "VERIFIED"
    else:  # only a complete document can be VERIFIED; who attests to a partial one is a participant
        person.ParticipationType = "ATTEST"
        person.ParticipationDateTime = verifying_observer.moment
        person.ObserverType = "PSN"
        person.PersonName = verifying_observer.name
        person.PersonIdentificationCodeSequence = []
        person.InstitutionName = verifying_observer.organization
        person.InstitutionCodeSequence = []
        ds.ParticipantSequence = [person]


def _references(ds: Dataset, report: CTDoseReport, source: SourceStudy, predecessor: PriorReport | None) -> None:
    """The sources as evidence, and the document that this one takes the place of."""
    own, other = evidence(source, report.study_instance_uid)
    if own:
        ds.CurrentRequestedProcedureEvidenceSequence = own
    if other:
        ds.PertinentOtherEvidenceSequence = other
    ds.InstanceNumber = 1
    if predecessor is not None:
        ds.PredecessorDocumentsSequence = [
            study_reference(
                predecessor.study_instance_uid,
                predecessor.series_instance_uid,
                predecessor.sop_instance_uid,
                XRAY_RADIATION_DOSE_SR,
            )
        ]
        ds.InstanceNumber = predecessor.instance_number + 1


def _names(report: CTDoseReport, verifying_observer: VerifyingObserver | None) -> list[str]:
    """What is written outside the content tree and copied from no header element."""
    scanner = report.scanner
    names = [scanner.manufacturer, scanner.model_name, scanner.station_name, scanner.software_versions]
    if verifying_observer is not None:
        names += [verifying_observer.name, verifying_observer.organization]
    return names


def _acquisition_equipment(items: ContentItems, report: CTDoseReport, ds: Dataset) -> ContributingEquipment:
    """The scanner as contributing equipment (PS3.3 C.12.1.1.5), as far as its header names it."""
    scanner = report.scanner
    equipment = ContributingEquipment(
        _one_value(scanner.manufacturer) or codes.UNKNOWN_TEXT,
        items.coded(codes.ACQUISITION_EQUIPMENT),
        manufacturer_model_name=_one_value(scanner.model_name),
        software_versions=[v for told in scanner.software_versions.split("\\") if (v := _one_value(told))] or None,
        device_serial_number=_one_value(scanner.serial_number),
        institution_name=_one_value(text_of(ds, "InstitutionName")),
        station_name=_one_value(scanner.station_name, 16),
    )
    if scanner.device_uid:
        equipment.DeviceUID = scanner.device_uid
    return equipment


def _one_value(text: str, most: int = 64) -> str | None:
    """The text as one value of LO or SH, cut where it is longer than its kind allows; None where it is empty."""
    return text.replace("\\", " ")[:most].strip() or None
