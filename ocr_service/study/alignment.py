"""Which row of the page, which row of a console's text and which images are the same irradiation?

Knows order and values; must not know what follows from an agreement. Page, comment, sequence and images number the
series each in its own way, so a number alone says nothing.

The pairing keeps the order and prefers equal values. A pair is kept only where every best pairing has it. What is left
over between two pairs is paired by order where both sides have as many rows with dose: their values differ, and that
must be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ocr_service.dose.report import CTAcquisitionType, CTDoseReport, Finding, IrradiationEvent, Phantom
from ocr_service.study.agreement import equal_as_printed, far_apart
from ocr_service.study.images import ImageEvent
from ocr_service.study.stated import COMMENTS, STEP_COMMENTS, TEXT_SOURCES, ConsoleText, StatedDose

MOST_ROWS = 300  # of either side: beyond it nothing is aligned

_EQUAL, _NEAR, _FAR = 16, 4, -8
_LINKED = 200  # by Irradiation Event UID
_SIMILAR_TYPES = {CTAcquisitionType.SEQUENCED, CTAcquisitionType.STATIONARY, CTAcquisitionType.FREE}
_IMPOSSIBLE: int | None = None

Fit = Callable[[int, int], int | None]


@dataclass(frozen=True, slots=True)
class AlignedEvent:
    """What else tells of one event of the report: a row a source at most, and the images."""

    stated: tuple[StatedDose, ...] = ()
    images: ImageEvent | None = None


@dataclass(frozen=True, slots=True)
class Aligned:
    """The events of a report in its order, with what tells of the same irradiations; and what is left over.

    totals: total DLP (mGy.cm) a source states, whether it names it so, oldest text first.
    """

    events: tuple[AlignedEvent, ...]
    totals: tuple[tuple[str, Decimal, bool], ...] = ()
    unmatched: tuple[StatedDose, ...] = ()
    unmatched_images: tuple[ImageEvent, ...] = ()
    notes: tuple[Finding, ...] = ()


def align(report: CTDoseReport, texts: Sequence[ConsoleText], images: Sequence[ImageEvent]) -> Aligned:
    """Put texts and image events beside the report's events; of two texts of one source the later one counts.

    texts: those of procedure steps, then those of the unit's objects, oldest first.
    """
    told: list[dict[str, StatedDose]] = [{} for _ in report.events]
    unmatched: dict[str, tuple[StatedDose, ...]] = {}
    for text in texts:
        for source in TEXT_SOURCES:
            rows = text.rows(source)
            pairs = _paired_texts(report.events, rows)
            for index, row in pairs.items():
                told[index][source] = rows[row]
            if rows:
                unmatched[source] = tuple(r for i, r in enumerate(rows) if i not in pairs.values() and r.states_dose)
    uids = [{row.irradiation_event_uid for row in rows.values()} - {None} for rows in told]
    seen = _paired(
        lambda i, j: _image_fit(report.events[i], images[j], uids[i]),
        [event.has_dose for event in report.events],
        [not one.localizer for one in images],
    )
    events = tuple(
        AlignedEvent(
            tuple(rows[source] for source in TEXT_SOURCES if source in rows),
            images[seen[index]] if index in seen else None,
        )
        for index, rows in enumerate(told)
    )
    return Aligned(
        events,
        tuple(_totals(texts)),
        tuple(row for rows in unmatched.values() for row in rows),
        tuple(one for index, one in enumerate(images) if index not in seen.values() and not one.localizer),
        tuple(dict.fromkeys(found for text in texts for found in text.notes)),
    )


def _totals(texts: Sequence[ConsoleText]) -> Iterator[tuple[str, Decimal, bool]]:
    for text in texts:
        for source in TEXT_SOURCES:
            total = text.total(source)
            if total is not None:
                yield source, total, text.comment_total_is_named or source not in (COMMENTS, STEP_COMMENTS)


def _paired_texts(events: Sequence[IrradiationEvent], rows: Sequence[StatedDose]) -> dict[int, int]:
    return _paired(
        lambda i, j: _text_fit(events[i], rows[j]),
        [event.has_dose for event in events],
        [row.states_dose for row in rows],
    )


def _paired(fit: Fit, ours: Sequence[bool], theirs: Sequence[bool]) -> dict[int, int]:
    """Which of ours is which of theirs; for each is told whether it has a dose."""
    if not ours or not theirs or len(ours) > MOST_ROWS or len(theirs) > MOST_ROWS:
        return {}
    fits = [[fit(i, j) for j in range(len(theirs))] for i in range(len(ours))]
    pairs = _certain(fits)
    return pairs | _by_order(fits, ours, theirs, pairs)


def _by_order(
    fits: Sequence[Sequence[int | None]], ours: Sequence[bool], theirs: Sequence[bool], pairs: Mapping[int, int]
) -> dict[int, int]:
    """Pair what lies between two pairs, where both sides have as many rows with dose there."""
    found: dict[int, int] = {}
    fences = [(-1, -1), *sorted(pairs.items()), (len(ours), len(theirs))]
    for (i, j), (k, m) in pairwise(fences):
        mine = [n for n in range(i + 1, k) if ours[n]]
        others = [n for n in range(j + 1, m) if theirs[n]]
        if len(mine) == len(others):
            found |= {a: b for a, b in zip(mine, others, strict=True) if fits[a][b] is not None}
    return found


def _certain(fits: Sequence[Sequence[int | None]]) -> dict[int, int]:
    """The pairs that every best order-keeping pairing has. Best is the largest sum of fits; skipping costs nothing."""
    ours, theirs = len(fits), len(fits[0])
    before = [[0] * (theirs + 1) for _ in range(ours + 1)]
    for i in range(1, ours + 1):
        for j in range(1, theirs + 1):
            pair = fits[i - 1][j - 1]
            best = max(before[i - 1][j], before[i][j - 1])
            before[i][j] = best if pair is None else max(best, before[i - 1][j - 1] + pair)
    after = [[0] * (theirs + 1) for _ in range(ours + 1)]
    for i in reversed(range(ours)):
        for j in reversed(range(theirs)):
            pair = fits[i][j]
            best = max(after[i + 1][j], after[i][j + 1])
            after[i][j] = best if pair is None else max(best, after[i + 1][j + 1] + pair)
    most = after[0][0]
    certain: dict[int, int] = {}
    for i in range(ours):
        if any(before[i][j] + after[i + 1][j] == most for j in range(theirs + 1)):
            continue  # a best pairing leaves it alone
        partners = [
            j
            for j in range(theirs)
            if (pair := fits[i][j]) is not None and before[i][j] + pair + after[i + 1][j + 1] == most
        ]
        if len(partners) == 1:
            certain[i] = partners[0]
    return certain


def _text_fit(event: IrradiationEvent, row: StatedDose) -> int | None:
    """How well a row of text fits an event; None where it cannot be the same."""
    score = _type_fit(event, row.acquisition_type)
    kvp = _kvp_fit(event, row.parameters.kvp)
    if score is None or kvp is None:
        return _IMPOSSIBLE
    score += 1 + kvp + _phantom_fit(event, row.phantom)
    for printed, stated in ((event.mean_ctdivol, row.ctdivol), (event.dlp, row.dlp)):
        if printed is not None and printed.value and stated is not None:
            score += _value_fit(printed.value, stated)
    if event.has_dose is row.states_dose:
        score += 2
    else:
        score -= 6
    words = {_folded(word) for word in (row.label, row.protocol) if word}
    if event.protocol is not None and _folded(event.protocol.text) in words:
        score += 3
    if event.series_number is not None and row.number and event.series_number.text == row.number:
        score += 1
    return score


def _value_fit(printed: Decimal, stated: Decimal) -> int:
    if equal_as_printed(printed, stated):
        return _EQUAL
    return _FAR if far_apart(printed, stated) else _NEAR


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


def _type_fit(event: IrradiationEvent, kind: CTAcquisitionType | None) -> int | None:
    printed = event.acquisition_type.value if event.acquisition_type is not None else None
    if printed is None or kind is None:
        return 0
    if printed is kind:
        return 3
    if CTAcquisitionType.CONSTANT_ANGLE in (printed, kind):
        return _IMPOSSIBLE
    return 0 if {printed, kind} <= _SIMILAR_TYPES else -4


def _kvp_fit(event: IrradiationEvent, kvp: Decimal | None) -> int | None:
    if event.kvp is None or kvp is None:
        return 0
    if event.kvp.value == kvp:
        return 2
    return _IMPOSSIBLE if event.kvp.proven else -4


def _phantom_fit(event: IrradiationEvent, phantom: Phantom | None) -> int:
    if event.phantom is None or phantom is None:
        return 0
    return 1 if event.phantom.value is phantom else -2


def _image_fit(event: IrradiationEvent, images: ImageEvent, uids: set[str | None]) -> int | None:
    """How well the images fit an event; `uids` are those of the texts that are already known to be this event."""
    kind = CTAcquisitionType.CONSTANT_ANGLE if images.localizer else images.acquisition_type
    score = _type_fit(event, kind)
    kvp = _kvp_fit(event, images.parameters.kvp)
    if score is None or kvp is None or (images.localizer and event.dlp is not None and event.acquisition_type is None):
        return _IMPOSSIBLE
    score += 1 + kvp + _phantom_fit(event, images.phantom)
    if images.irradiation_event_uid and uids:
        if images.irradiation_event_uid not in uids:
            return _IMPOSSIBLE
        score += _LINKED
    printed = event.mean_ctdivol.value if event.mean_ctdivol is not None else None
    if printed and images.mean_ctdivol is not None:
        score += _value_fit(printed, images.mean_ctdivol)
    elif printed and images.ctdivol_range is not None:
        low, high = images.ctdivol_range
        score += 2 if low <= printed <= high else 0
    if not images.localizer and not event.has_dose:
        score -= 6
    if event.series_number is not None and event.series_number.text == images.acquisition_number:
        score += 1
    return score
