"""Slices -> irradiation events: which images, of whichever series, come from one exposure of the patient.

Knows what makes slices belong together; must not know dose.

Equal Irradiation Event UID (0008,3010) is one event. Else slices of any series of one scanner and frame of reference
are one where Acquisition Number, KVP and tube agree and their acquisition times touch: thin and thick reconstructions
of one spiral. A step-and-shoot scan that counts its rotations is one too. What stays open says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from ocr_service.dose.report import CTAcquisitionType
from ocr_service.study.slices import Slice

# Consoles write times in whole seconds; two exposures of one patient are further apart.
TOUCH = timedelta(seconds=1)
DOUBTFUL = timedelta(seconds=10)  # a gap that may lie within one exposure or between two
MOST_SHOTS = 3000
LAST = datetime(9999, 12, 31)  # noqa: DTZ001 (consoles state local time): what has no time comes last
STEP = timedelta(seconds=60)  # between two rotations of a step-and-shoot scan, with a breath between


@dataclass(frozen=True, slots=True)
class Irradiation:
    """The slices of one event, and why it may be more or less than one ("" where it is clear)."""

    slices: tuple[Slice, ...]
    ambiguous: str = ""
    several_tubes: bool = False


class _Shot:
    """Slices of one series that differ in nothing but place and time; merged into others it is an event."""

    def __init__(self, slices: Sequence[Slice]) -> None:
        self.slices = list(slices)
        self.uids = {one.irradiation_event_uid for one in slices if one.irradiation_event_uid}
        times = [one.start.at for one in slices if one.start]
        self.interval = (min(times), max(times)) if times else None
        self.ambiguous = ""
        self.several_tubes = False

    @property
    def first(self) -> Slice:
        """What all its slices agree in can be asked of the first."""
        return self.slices[0]

    def swallow(self, other: _Shot, why: str = "") -> None:
        """Take the other's slices; `why` says what makes that doubtful."""
        self.slices += other.slices
        self.uids |= other.uids
        self.ambiguous = self.ambiguous or other.ambiguous or why
        if self.interval and other.interval:
            self.interval = min(self.interval[0], other.interval[0]), max(self.interval[1], other.interval[1])
        else:
            self.interval = self.interval or other.interval


def irradiations(slices: Iterable[Slice]) -> tuple[Irradiation, ...]:
    """The events in the order of acquisition, localizers among them; each slice is in exactly one, once."""
    told = sorted(_once(slices), key=_order)
    events = list(_localizers([one for one in told if one.localizer]))
    shots = _shots([one for one in told if not one.localizer])
    if len(shots) > MOST_SHOTS:
        for shot in shots:
            shot.ambiguous = f"the images have more than {MOST_SHOTS} acquisitions"
    else:
        shots = _by_steps(_by_time(_by_uid(shots)))
        _mark_near(shots)
        _mark_simultaneous(shots)
    for shot in shots:
        shot.slices.sort(key=_order)
        several = shot.several_tubes or len({one.kvp for one in shot.slices}) > 1
        several = several or max(one.sources for one in shot.slices) > 1
        events.append(Irradiation(tuple(shot.slices), shot.ambiguous, several))
    return tuple(sorted(events, key=lambda event: _when(event.slices)))


def _once(slices: Iterable[Slice]) -> Iterator[Slice]:
    """Each slice once, however often its object came."""
    seen = set()
    for one in slices:
        key = (one.sop_instance_uid, one.frame)
        if key not in seen:
            seen.add(key)
            yield one


def _order(one: Slice) -> tuple[str, datetime, Decimal, str, int]:
    start = one.start.at if one.start else LAST
    return one.series_instance_uid, start, one.position or Decimal(0), one.sop_instance_uid, one.frame


def _when(slices: Sequence[Slice]) -> tuple[datetime, int, str, str]:
    start = min((one.start.at for one in slices if one.start), default=LAST)
    number = _whole(slices[0].acquisition_number)
    return start, -1 if number is None else number, slices[0].series_instance_uid, slices[0].sop_instance_uid


def _whole(told: str) -> int | None:
    return int(told) if told.isascii() and told.isdigit() and len(told) < 12 else None


def _place(one: Slice) -> tuple[object, ...]:
    """What must agree before anything else is asked."""
    return one.study_instance_uid, one.scanner.identity, one.frame_of_reference_uid


def _exposure(one: Slice) -> tuple[object, ...]:
    return *_place(one), one.acquisition_number, one.kvp, one.tube


def _localizers(slices: Sequence[Slice]) -> Iterator[Irradiation]:
    """A localizer is one image mostly; several with one UID, or of one moment, are one."""
    events: dict[tuple[object, ...], list[Slice]] = {}
    for one in slices:
        own = one.irradiation_event_uid or (one.start.told if one.start else one.sop_instance_uid)
        events.setdefault((*_exposure(one), own), []).append(one)
    for members in events.values():
        yield Irradiation(tuple(members))


def _shots(slices: Sequence[Slice]) -> list[_Shot]:
    shots: dict[tuple[object, ...], list[Slice]] = {}
    for one in slices:
        key = (*_exposure(one), one.series_instance_uid, one.irradiation_event_uid)
        shots.setdefault(key, []).append(one)
    return [_Shot(members) for members in shots.values()]


def _by_uid(shots: Sequence[_Shot]) -> list[_Shot]:
    """One event a UID; shots without stay as they are."""
    merged: dict[tuple[object, ...], _Shot] = {}
    rest = []
    for shot in shots:
        if not shot.uids:
            rest.append(shot)
            continue
        first = shot.first
        key = (first.study_instance_uid, first.scanner.identity, first.irradiation_event_uid)
        if key in merged:
            merged[key].swallow(shot)
        else:
            merged[key] = shot
    return [*merged.values(), *rest]


def _by_time(shots: Sequence[_Shot]) -> list[_Shot]:
    """Merge what agrees and touches. Without times it is one event, but nobody can know."""
    groups: dict[tuple[object, ...], list[_Shot]] = {}
    for shot in shots:
        groups.setdefault(_exposure(shot.first), []).append(shot)
    return [shot for group in groups.values() for shot in _merged(group)]


def _merged(group: Sequence[_Shot]) -> Iterator[_Shot]:
    timed = [shot for shot in group if shot.interval]
    timed.sort(key=lambda shot: (not shot.uids, shot.interval, shot.first.series_instance_uid))
    done: list[_Shot] = []
    for shot in timed:
        fitting = [other for other in done if _touch(shot, other) and _may_merge(shot, other)]
        # Without a UID of its own it belongs to the one event whose times it touches; to which of two, nobody knows.
        if fitting:
            target = fitting[-1]
            target.swallow(shot, "" if len(fitting) == 1 else "its acquisition times touch those of two events")
        else:
            done.append(shot)
    for shot in (s for s in group if not s.interval):
        rivals = [other for other in done if _may_merge(shot, other)]
        if rivals:
            rivals[-1].swallow(shot, "its images state no acquisition time")
        else:
            done.append(shot)
    yield from done


def _may_merge(one: _Shot, other: _Shot) -> bool:
    return len(one.uids | other.uids) < 2


def _touch(one: _Shot, other: _Shot, within: timedelta = TOUCH) -> bool:
    a, b = one.interval, other.interval
    return a is not None and b is not None and a[0] <= b[1] + within and b[0] <= a[1] + within


def _by_steps(shots: Sequence[_Shot]) -> list[_Shot]:
    """Rotations of one step-and-shoot scan: the next number, the next place, soon after."""
    done: list[_Shot] = []
    latest: dict[tuple[object, ...], _Shot] = {}
    for shot in sorted(shots, key=lambda s: (s.first.series_instance_uid, _whole(s.first.acquisition_number) or 0)):
        one = shot.first
        key = (*_place(one), one.series_instance_uid, one.kvp, one.tube)
        before = latest.get(key)
        if before is not None and _is_next_step(before, shot):
            before.swallow(shot)
        else:
            done.append(shot)
            latest[key] = shot
    return done


def _is_next_step(before: _Shot, after: _Shot) -> bool:
    series = after.first.series_instance_uid
    earlier = [one for one in before.slices if one.series_instance_uid == series]
    sequenced = {one.acquisition_type for one in (*earlier, after.first)} == {CTAcquisitionType.SEQUENCED}
    numbers = [number for one in earlier if (number := _whole(one.acquisition_number)) is not None]
    if not sequenced or not numbers or before.uids or after.uids:
        return False
    if _whole(after.first.acquisition_number) != max(numbers) + 1:
        return False
    return _touch(before, after, STEP) and _adjacent(earlier, after.slices)


def _adjacent(before: Sequence[Slice], after: Sequence[Slice]) -> bool:
    """Do the second ones stand beside the first, neither over them nor far away?"""
    a = [one.position for one in before if one.position is not None]
    b = [one.position for one in after if one.position is not None]
    reach = max((one.thickness for one in (*before, *after) if one.thickness is not None), default=None)
    if not a or not b or reach is None:
        return False
    return 0 < max(min(b) - max(a), min(a) - max(b)) <= reach * 2


def _mark_near(shots: Sequence[_Shot]) -> None:
    """Two events that agree in all but a short gap of time may be one."""
    groups: dict[tuple[object, ...], list[_Shot]] = {}
    for shot in shots:
        if shot.interval:
            groups.setdefault(_exposure(shot.first), []).append(shot)
    for group in groups.values():
        group.sort(key=lambda shot: shot.interval or ())
        for one, other in pairwise(group):
            if not (one.uids and other.uids) and _touch(one, other, DOUBTFUL):
                for shot in (one, other):
                    shot.ambiguous = shot.ambiguous or "few seconds part it from images of the same Acquisition Number"


def _mark_simultaneous(shots: Sequence[_Shot]) -> None:
    """Two events at one time on one scanner are two tubes, or times that say nothing."""
    timed = [shot for shot in shots if shot.interval]
    timed.sort(key=lambda shot: (shot.first.scanner.identity, shot.interval or ()))
    latest: _Shot | None = None
    for shot in timed:
        if latest is None or latest.first.scanner.identity != shot.first.scanner.identity:
            latest = shot
            continue
        if not (latest.uids and shot.uids) and _overlap(latest, shot):
            for one in (latest, shot):
                one.several_tubes = True
                one.ambiguous = one.ambiguous or "images of another voltage or acquisition have the same times"
        if latest.interval and shot.interval and shot.interval[1] >= latest.interval[1]:
            latest = shot


def _overlap(one: _Shot, other: _Shot) -> bool:
    a, b = one.interval, other.interval
    if a is None or b is None:
        return False
    return a[0] == b[0] or max(a[0], b[0]) < min(a[1], b[1])
