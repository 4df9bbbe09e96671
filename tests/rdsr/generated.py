"""Reports that hypothesis makes, and what of them a document states."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st

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
from ocr_service.rdsr.identity import irradiation_event_uids
from tests.rdsr.reports import STUDY

T = TypeVar("T")

LETTERS = "ABCdef0123456789 .:,-_/()=éß山ﾔ"
words = st.text(LETTERS, min_size=1, max_size=20).map(str.strip).filter(lambda text: text not in {"", "unknown"})
names = st.text("ABCdef0123 .-", max_size=12).map(str.strip).filter(lambda text: text != "unknown")
numbers = st.decimals(0, 9999, places=2).map(str) | st.integers(0, 9999).map(str)
sources = st.sampled_from(Source)
moments = st.sampled_from(["20200310102000", "20200310102000.500", "20200310102000+0900", "202003101020"])


def readings(values: st.SearchStrategy[tuple[T, str]]) -> st.SearchStrategy[Reading[T] | None]:
    """A value that is told or not, by anybody, proven or not, readable or not."""
    told = st.builds(
        lambda pair, source, proven, empty: Reading(pair[0], "" if empty else pair[1], source, proven=proven),
        values,
        sources,
        st.booleans(),
        st.integers(0, 9).map(lambda n: n == 0),
    )
    return st.none() | told


doses = readings(numbers.map(lambda text: (Decimal(text), text)))
texts = readings(words.map(lambda text: (text, text)))
kinds = readings(st.sampled_from(CTAcquisitionType).map(lambda kind: (kind, kind.name)))
phantoms = readings(st.sampled_from(Phantom).map(lambda phantom: (phantom, phantom.name)))
lengths = st.none() | st.decimals(0, 9999, places=3)
places = st.none() | st.decimals(-9999, 9999, places=3)
parameters = st.builds(
    AcquisitionParameters,
    kvp=lengths,
    tube_current=lengths,
    maximum_tube_current=lengths,
    exposure_time=lengths,
    exposure_time_per_rotation=lengths,
    single_collimation=lengths,
    total_collimation=lengths,
    pitch=lengths,
    number_of_sources=lengths,
    scanning_length=lengths,
    reconstructable_length=lengths,
    top_z=places,
    bottom_z=places,
    frame_of_reference_uid=st.none() | st.just("1.2.840.77"),
    start=st.none() | moments,
    protocol=st.none() | words,
)
events = st.builds(
    IrradiationEvent,
    acquisition_type=kinds,
    mean_ctdivol=doses,
    dlp=doses,
    phantom=phantoms,
    series_number=texts,
    protocol=texts,
    scanning_range=texts,
    kvp=doses,
    parameters=parameters,
    irradiation_event_uid=st.none() | st.sampled_from(["1.2.840.1", "1.2.840.2"]),
    target_region=st.none() | st.builds(CodedConcept, st.just("816094009"), st.just("SCT"), words),
)
phantom_totals = st.dictionaries(st.sampled_from(Phantom), doses.filter(lambda told: told is not None))
reports = st.builds(
    CTDoseReport,
    st.just(STUDY),
    st.builds(Scanner, names, names, names, names, names, st.sampled_from(["", "1.2.840.5"])),
    st.lists(events, min_size=1, max_size=4).map(tuple),
    doses,
    phantom_totals.map(lambda totals: tuple(sorted(totals.items(), key=lambda pair: pair[0].value))),
    st.sampled_from(Origin),
    missing=st.lists(words, max_size=2).map(tuple),
)


def stated(report: CTDoseReport, verified: bool) -> CTDoseReport:
    """What a document of the report says of it: written out here once more, from the rules alone."""
    uids = irradiation_event_uids(report)
    totals = [(phantom, _dose(total, verified)) for phantom, total in report.phantom_totals]
    return replace(
        report,
        events=tuple(_event(e, uid, verified) for e, uid in zip(report.events, uids, strict=True)),
        dlp_total=_dose(report.dlp_total, verified),
        phantom_totals=tuple((phantom, total) for phantom, total in totals if total is not None),
        missing=tuple(" ".join(sentence.split()) for sentence in report.missing),
        scope=Scope.STUDY,
    )


def _sure(reading: Reading[T]) -> bool:
    return reading.proven or reading.source is not Source.READ_FROM_SCREEN


def _dose(reading: Reading[T] | None, verified: bool) -> Reading[T] | None:
    """A dose value as it comes back: with its source, and proven where it needs no person."""
    if reading is None or not (_sure(reading) or (reading.text and not verified)):
        return None
    text = str(reading.value) if isinstance(reading.value, Decimal) else str(getattr(reading.value, "value", ""))
    return Reading(reading.value, text, reading.source, proven=_sure(reading))


def _printed(reading: Reading[str] | None) -> Reading[str] | None:
    if reading is None or not _sure(reading) or not reading.text:
        return None
    text = " ".join(reading.text.split())
    return Reading(text, text, reading.source, proven=True)


def _event(event: IrradiationEvent, uid: str, verified: bool) -> IrradiationEvent:
    kind, ctdivol, dlp = (
        _dose(event.acquisition_type, verified),
        _dose(event.mean_ctdivol, verified),
        _dose(event.dlp, verified),
    )
    is_localizer = kind is not None and kind.value is CTAcquisitionType.CONSTANT_ANGLE
    with_dose = not is_localizer or ctdivol is not None or dlp is not None
    kvp = _dose(event.kvp, verified=True)
    protocol = _printed(event.protocol)
    told = event.parameters
    placed = told.frame_of_reference_uid is not None and (told.top_z is not None or told.bottom_z is not None)
    return IrradiationEvent(
        acquisition_type=kind,
        mean_ctdivol=ctdivol,
        dlp=dlp,
        phantom=_dose(event.phantom, verified) if with_dose else None,
        series_number=_printed(event.series_number),
        protocol=protocol,
        scanning_range=_printed(event.scanning_range),
        kvp=kvp,
        parameters=replace(
            told,
            kvp=told.kvp if kvp is None else None,
            exposure_time_per_rotation=None if is_localizer else told.exposure_time_per_rotation,
            pitch=told.pitch if kind is not None and kind.value is CTAcquisitionType.SPIRAL else None,
            top_z=told.top_z if placed else None,
            bottom_z=told.bottom_z if placed else None,
            frame_of_reference_uid=told.frame_of_reference_uid if placed else None,
            protocol=" ".join(told.protocol.split()) if told.protocol and protocol is None else None,
        ),
        irradiation_event_uid=uid,
        target_region=event.target_region,
    )
