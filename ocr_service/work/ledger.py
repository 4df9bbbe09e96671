"""The two ledgers, per day: what became of each object that was acknowledged, and of each unit and its report.

The sums alone would close by themselves, since a row is in one state at a time. So each row is also held against what
it stands for: the files of the spool and the outbox, the studies and units that use it, the rows that its destinations
are owed, the workflows that carry it on, and the audit trail.

The service works on meanwhile, and what moves between two questions looks like a fault. Only what is found twice, some
time apart, is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, func, select

from ocr_service.config import Config
from ocr_service.work import ledger_objects, ledger_reports
from ocr_service.work.ledger_objects import Fault, Look
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries, objects, units

AGAIN: Final = 2.0  # seconds between two looks


@dataclass(slots=True)
class Day:
    """One day's counts, by state. deliveries: of reports, by destination; notes: of all else that goes there."""

    day: str
    received: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    units: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    emitted: Counter[str] = field(default_factory=Counter)
    deliveries: dict[str, Counter[str]] = field(default_factory=dict)
    notes: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def closes(self) -> bool:
        """Is every object, unit and report in one of the named columns?"""
        named = sum(self.objects[state] for state in ledger_objects.STATES)
        told = sum(self.outcomes[outcome] for outcome in ledger_reports.OUTCOMES)
        sent = all(
            sum(self.deliveries[name][state] for state in ledger_reports.STATES) == count
            for name, count in self.emitted.items()
        )
        return self.received == named and self.units == told and sent

    def as_json(self) -> dict[str, Any]:
        """The same as an object of numbers."""
        return {
            "day": self.day,
            "closes": self.closes,
            "objects": {"received": self.received} | {state: self.objects[state] for state in ledger_objects.STATES},
            "units": {"all": self.units} | {outcome: self.outcomes[outcome] for outcome in ledger_reports.OUTCOMES},
            "destinations": {
                name: {"emitted": self.emitted[name]}
                | {state: told[state] for state in ledger_reports.STATES}
                | {"notes": dict(self.notes.get(name, {}))}
                for name, told in sorted(self.deliveries.items())
            },
        }


@dataclass(frozen=True, slots=True)
class Ledger:
    """All days that were asked for, oldest first, and what is wrong."""

    days: tuple[Day, ...]
    faults: tuple[Fault, ...]

    @property
    def closes(self) -> bool:
        """Is nothing lost, doubled or unaccounted for?"""
        return not self.faults and all(day.closes for day in self.days)

    def as_json(self) -> dict[str, Any]:
        """The same as an object of lists, numbers and strings."""
        faults = [{"row": fault.row, "sentence": fault.sentence} for fault in self.faults]
        return {"closes": self.closes, "days": [day.as_json() for day in self.days], "faults": faults}


def close_books(
    config: Config,
    store: Store,
    clock: Callable[[], float],
    wait: Callable[[float], None],
    *,
    day: str = "",
    contents: bool = False,
) -> Ledger:
    """Both ledgers of a day (YYYY-MM-DD), or of all. StoreError, OutputError.

    clock: seconds since 1970. wait: waits so many seconds. contents: also read each file and compare its digest.
    """

    def look() -> tuple[tuple[Day, ...], dict[Fault, None]]:
        with store.begin(reading=True) as connection:
            one = Look(connection, config, clock(), day, contents)
            days = _days(connection, day)
            return days, dict.fromkeys([*ledger_objects.faults(one), *ledger_reports.faults(one)])

    days, found = look()
    for _ in range(2):
        if not found:
            break
        wait(AGAIN)
        days, again = look()
        found = {fault: None for fault in found if fault in again}
    return Ledger(days, tuple(found))


def _days(connection: Connection, day: str) -> tuple[Day, ...]:
    found: dict[str, Day] = {}

    def of(which: str) -> Day:
        return found.setdefault(which, Day(which))

    for table in (objects, units):  # counted apart from the states, so that the sums can differ
        for which, count in connection.execute(select(table.c.day, func.count()).group_by(table.c.day)):
            if table is objects:
                of(which).received = count
            else:
                of(which).units = count
    by_state = select(objects.c.day, objects.c.state, func.count()).group_by(objects.c.day, objects.c.state)
    for which, state, count in connection.execute(by_state):
        of(which).objects[state] = count
    by_outcome = select(units.c.day, units.c.outcome, func.count()).group_by(units.c.day, units.c.outcome)
    for which, outcome, count in connection.execute(by_outcome):
        of(which).outcomes[outcome] = count
    columns = (deliveries.c.day, deliveries.c.destination, deliveries.c.kind, deliveries.c.state)
    for which, name, kind, state, count in connection.execute(select(*columns, func.count()).group_by(*columns)):
        if kind == "rdsr":
            of(which).emitted[name] += count
            of(which).deliveries.setdefault(name, Counter())[state] += count
        else:
            of(which).notes.setdefault(name, Counter())[f"{kind} {state}"] += count
    chosen = {day: found.get(day, Day(day))} if day else found
    return tuple(chosen[which] for which in sorted(chosen))


def totals(days: tuple[Day, ...]) -> Mapping[str, int]:
    """The sum of all days, for a line below the table."""
    summed: Counter[str] = Counter()
    for day in days:
        summed += Counter({"received": day.received, "units": day.units, "emitted": day.emitted.total()})
    return summed
