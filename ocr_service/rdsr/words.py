"""The fixed words of an RDSR's comments: where each value comes from and what is not proven.

Knows a comment's lines and reads back what it writes; must not know data sets.

One statement a line, so that printed text can stand in a line of its own and mislead nobody. The words are
part of the RDSR's format: a change of a word is a new version of the format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ocr_service.dose.report import CTAcquisitionType, CTDoseReport, IrradiationEvent, Phantom, Reading, Source
from ocr_service.rdsr.codes import (
    ACQUISITION_PROTOCOL,
    CT_ACQUISITION_TYPE,
    CTDIW_PHANTOM_TYPE,
    DLP,
    DLP_SUB_TOTAL,
    DLP_TOTAL,
    IRRADIATION_EVENT_LABEL,
    KVP,
    MEAN_CTDIVOL,
    PHANTOMS,
    SOURCES,
)
from ocr_service.rdsr.printed import one_line

SCANNING_RANGE: Final = "Scanning Range"
UNPROVEN: Final = "Unproven, a person has to confirm"
_AS_PRINTED: Final = " as printed"
PRINTED_RANGE: Final = f"{SCANNING_RANGE}{_AS_PRINTED}"
MISSING: Final = "Missing"
IN_DOUBT: Final = "In doubt"
NOT_VERIFIED: Final = "Not verified: a person has yet to confirm this report."
NO_SCREEN: Final = "No dose screen: all values come from image attributes."
NO_SCREEN_BUT_STEP: Final = "No dose screen: all values come from a procedure step (MPPS) and image attributes."
WITHOUT_SCREEN: Final = frozenset({NO_SCREEN, NO_SCREEN_BUT_STEP})
SUMMED_SUB_TOTALS: Final = (
    "The sub-totals are no printed ones: each is the sum of the DLP of its phantom's irradiation events."
)
SUM_OF_PHANTOMS: Final = "The total is no printed one: it is the sum of the printed totals per phantom."
_SUB_TOTAL_OF = "Of the {name} the DLP of {known} of {events} irradiation events is known."
_SUM_OF_EVENTS = "The total is no printed one: it is the sum of the DLP of {known} of {events} irradiation events."

Named = tuple[str, Reading[Any]]


def stands(reading: Reading[Any] | None) -> bool:
    """Can the value be written as it is? A header's value or a person's need not be proven by readers."""
    return reading is not None and (reading.proven or reading.source is not Source.READ_FROM_SCREEN)


def shown(reading: Reading[Any] | None, verified: bool) -> bool:
    """Is a dose value written? An unproven one only in a report that waits for a person, and marked."""
    return reading is not None and (stands(reading) or (not verified and bool(reading.text.strip())))


def sum_of_events(known: int, events: int) -> str:
    """Say that the total was added up by us."""
    return _SUM_OF_EVENTS.format(known=known, events=events)


def sub_total_of(phantom: Phantom, known: int, events: int) -> str:
    """Say that a sub-total added up by us lacks the DLP of some events."""
    return _SUB_TOTAL_OF.format(name=sub_total_name(phantom), known=known, events=events)


def has_dose_item(event: IrradiationEvent, verified: bool) -> bool:
    """Has the event a CT Dose container (TID 10013 row 21)? A localizer only where its dose is stated."""
    kind = event.acquisition_type
    if kind is None or not shown(kind, verified) or kind.value is not CTAcquisitionType.CONSTANT_ANGLE:
        return True
    return shown(event.mean_ctdivol, verified) or shown(event.dlp, verified)


def no_screen(report: CTDoseReport) -> str:
    """Say what a report without any dose screen is made of."""
    told = [reading for event in report.events for _, reading in event_values(event, verified=False)]
    told += [reading for _, reading in total_values(report, verified=False)]
    return NO_SCREEN_BUT_STEP if any(one.source is Source.MPPS_CONTENT for one in told) else NO_SCREEN


def event_values(event: IrradiationEvent, verified: bool) -> list[Named]:
    """The readings of an event that its document states, by their concept names, always in the same order.

    Dose values where `shown`; descriptive ones only where they stand.
    """
    described: list[tuple[str, Reading[Any] | None]] = [
        (IRRADIATION_EVENT_LABEL.meaning, event.series_number),
        (ACQUISITION_PROTOCOL.meaning, event.protocol),
    ]
    dose: list[tuple[str, Reading[Any] | None]] = [
        (CT_ACQUISITION_TYPE.meaning, event.acquisition_type),
        (MEAN_CTDIVOL.meaning, event.mean_ctdivol),
        (CTDIW_PHANTOM_TYPE.meaning, event.phantom if has_dose_item(event, verified) else None),
        (DLP.meaning, event.dlp),
    ]
    values = [(name, r) for name, r in described if r is not None and stands(r) and one_line(r.text)]
    values += [(name, r) for name, r in dose if r is not None and shown(r, verified)]
    if event.kvp is not None and stands(event.kvp):
        values.append((KVP.meaning, event.kvp))
    if event.scanning_range is not None and stands(event.scanning_range) and one_line(event.scanning_range.text):
        values.append((SCANNING_RANGE, event.scanning_range))
    return values


def sub_total_name(phantom: Phantom) -> str:
    """How a printed total of one phantom is called in the comment."""
    return f"{DLP_SUB_TOTAL.meaning} ({PHANTOMS[phantom].meaning})"


def printed_sub_total(phantom: Phantom, text: str) -> str:
    """A printed total of one phantom where it is no sub-total, since all events have that phantom."""
    return f"{sub_total_name(phantom)}{_AS_PRINTED}: {text}"


def total_values(report: CTDoseReport, verified: bool) -> list[Named]:
    """The printed totals that a document states, by their names."""
    totals: list[tuple[str, Reading[Any] | None]] = [(DLP_TOTAL.meaning, report.dlp_total)]
    totals += [(sub_total_name(phantom), total) for phantom, total in report.phantom_totals]
    return [(name, r) for name, r in totals if r is not None and shown(r, verified)]


def statements(values: Sequence[Named]) -> list[str]:
    """One line a source (in the order of CID 10021), then one that names what is unproven."""
    lines = []
    for source, concept in SOURCES.items():
        names = [name for name, reading in values if reading.source is source]
        if names:
            lines.append(f"{concept.meaning}: {', '.join(names)}.")
    unproven = [name for name, reading in values if not stands(reading)]
    if unproven:
        lines.append(f"{UNPROVEN}: {', '.join(unproven)}.")
    return lines


def comment(lines: Iterable[str]) -> str:
    """The lines as one text; "" where there are none."""
    return "\r\n".join(one_line(line) for line in lines)


@dataclass(frozen=True, slots=True)
class Told:
    """What the lines of a comment say."""

    sources: tuple[tuple[str, Source], ...] = ()
    unproven: frozenset[str] = frozenset()
    printed_range: str = ""
    printed_sub_totals: tuple[tuple[str, str], ...] = ()  # name, decimal string
    missing: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    lines: frozenset[str] = frozenset()

    def source(self, name: str) -> Source | None:
        """Where the value of this name comes from; None where no line tells."""
        return dict(self.sources).get(name)


def told(text: str) -> Told:
    """Read a comment that we wrote; lines of other words say nothing."""
    meanings = {concept.meaning: source for source, concept in SOURCES.items()}
    sources: dict[str, Source] = {}
    unproven: list[str] = []
    missing: list[str] = []
    in_doubt: list[str] = []
    printed_range = ""
    sub_totals: list[tuple[str, str]] = []
    lines = text.splitlines()
    for line in lines:
        head, _, rest = line.partition(": ")
        names = rest.removesuffix(".").split(", ")
        if head in meanings:
            sources |= dict.fromkeys(names, meanings[head])
        elif head == UNPROVEN:
            unproven += names
        elif head == PRINTED_RANGE:
            printed_range = rest
        elif head.endswith(_AS_PRINTED):
            sub_totals.append((head.removesuffix(_AS_PRINTED), rest))
        elif head == MISSING:
            missing.append(rest)
        elif head == IN_DOUBT:
            in_doubt += rest.removesuffix(".").split("; ")
    return Told(
        tuple(sources.items()),
        frozenset(unproven),
        printed_range,
        tuple(sub_totals),
        tuple(missing),
        tuple(in_doubt),
        frozenset(lines),
    )
