"""What persons decide: a report confirmed, corrected or rejected, a scanner accepted, a failure tried again.

Each decision is a row that is never changed, and the moment and name of it go into the audit trail. Knows rows; must
not know how a decision changes a report: the unit is read again with it.
"""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from ocr_service.config import Config
from ocr_service.dose.corrections import NOT_STATED, Act, ActKind, Correction, parse_correction
from ocr_service.errors import UsageError
from ocr_service.work import deliveries, placing, studies
from ocr_service.work.audit_trail import About, open_trail
from ocr_service.work.outbox import Outbox
from ocr_service.work.placing import RECALLED, Desk
from ocr_service.work.reading import UnitActs
from ocr_service.work.rejecting import Rejecting
from ocr_service.work.store import open_store
from ocr_service.work.tables import acts, objects, scanners, units
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import studies as study_rows

_DECISIONS = tuple(kind.value for kind in ActKind)
_CAN_BE_CONFIRMED = ("verified", "needs_review", "header")
_NAME = re.compile(r"(?!\s*$)[^\\]{1,64}")  # PN, of which one component group is enough
_REVISION = re.compile(r" r[0-9]+\Z")  # of a template, as reports name it
_SHORT = 4  # letters of a unit's name that are enough
_LONG = 16  # letters of a unit's name: a shorter number is a delivery's


def acts_of(connection: Connection, study: str) -> tuple[UnitActs, ...]:
    """What persons decided about the units of a study, in order."""
    found = connection.execute(
        select(units.c.id.label("of_unit"), units.c.scanner, units.c.report, acts)
        .join(units, units.c.id == acts.c.unit)
        .where(units.c.study == study, acts.c.kind.in_(_DECISIONS))
        .order_by(acts.c.id)
    ).all()
    told = []
    for unit in dict.fromkeys(row.of_unit for row in found):
        its = [row for row in found if row.of_unit == unit]
        objects_of_unit = frozenset(json.loads(its[0].report).get("sop_instance_uids", ()))
        told.append(UnitActs(its[0].scanner, objects_of_unit, tuple(_act(row) for row in its)))
    return tuple(told)


def newest_act(connection: Connection, study: str) -> int:
    """The number of the newest decision about a unit of the study; 0 where there is none."""
    of_study = select(func.max(acts.c.id)).join(units, units.c.id == acts.c.unit).where(units.c.study == study)
    return connection.execute(of_study).scalar() or 0


def _act(row: Row[tuple[object, ...]]) -> Act:
    told = json.loads(row.told)
    return Act(
        ActKind(row.kind),
        row.person,
        datetime.fromtimestamp(row.at).astimezone().strftime("%Y%m%d%H%M%S%z"),
        row.seen,
        tuple(parse_correction(text) for text in told["set"]),
        told["why"],
        told["organization"],
        frozenset(told["doubts"]),
    )


def open_desk(config: Config) -> Desk:
    """The desk of a configuration, for commands. StoreError."""
    outbox = Outbox(config.data / "outbox")
    return Desk(open_store(config, make=False), outbox, config, Rejecting(outbox, lambda: datetime.now().astimezone()))


def find_unit(connection: Connection, name: str) -> Row[tuple[object, ...]]:
    """The unit of that name, or of the only name that begins so. UsageError."""
    if len(name) < _SHORT:
        raise UsageError(f"say at least {_SHORT} letters of a unit's name: {name!r} may be a delivery's number")
    found = connection.execute(select(units).where(units.c.id.startswith(name, autoescape=True)).limit(2)).all()
    if len(found) != 1 or not name:
        raise UsageError(f"{'several units have' if found else 'no unit has'} a name that begins with {name!r}")
    return found[0]


def decide(
    desk: Desk,
    unit: str,
    kind: ActKind,
    person: str,
    now: float,
    *,
    corrections: Sequence[Correction] = (),
    why: str = "",
    organization: str = NOT_STATED,
    seen: str | None = None,
) -> int:
    """Record a person's decision about a unit; it is read again with it. UsageError where it cannot be decided so.

    seen: the digest of the rows that the person was shown; None: those that stand now.
    """
    with desk.store.begin() as connection:
        row = find_unit(connection, unit)
        if seen is not None and seen != row.rows:
            raise UsageError("the unit was read again meanwhile, and says something else now: look at it once more")
        if kind is not ActKind.REJECT and row.outcome not in _CAN_BE_CONFIRMED and not _was_rejected(connection, row):
            raise UsageError(f"this unit is {row.outcome.replace('_', ' ')}: there is no report to confirm")
        report = json.loads(row.report)
        beyond = [one for one in corrections if one.event is not None and one.event > len(report["events"])]
        if beyond:
            raise UsageError(f"{beyond[0]}: the report has {len(report['events'])} rows")
        doubts = [one["where"] for one in report["findings"] if one["kind"] == "doubt"]
        told = {
            "set": [str(one) for one in corrections],
            "why": why,
            "organization": organization,
            "doubts": doubts,
        }
        try:
            Act(kind, person, "20000101000000", row.rows, tuple(corrections), why, organization)
        except ValueError as error:
            raise UsageError(str(error)) from None
        about = _console(row.template, row.console)
        number = _record(desk, connection, kind.value, person, now, row, about=about, seen=row.rows, told=told)
        studies.read_again(connection, [row.study], f"act:{number}", now)
    if kind is ActKind.CONFIRM and row.template:
        _accept_by_confirming(desk, row.template, row.console, person, now)
    return number


def _was_rejected(connection: Connection, unit: Row[tuple[object, ...]]) -> bool:
    """Is it a person's rejection that keeps the unit from being reported? The last one counts."""
    its = (acts.c.unit == unit.id, acts.c.kind.in_(_DECISIONS))
    last = connection.execute(select(acts.c.kind).where(*its).order_by(acts.c.id.desc()).limit(1)).scalar()
    return unit.outcome == "skipped" and last == ActKind.REJECT.value


def _accept_by_confirming(desk: Desk, template: str, console: str, person: str, now: float) -> None:
    """So many reports of a scanner were confirmed as they were read: it is accepted."""
    enough = desk.config.reading.commissioning
    with desk.store.begin(reading=True) as connection:
        count = confirmed_units(connection, template, console)
    if enough and count >= enough:
        accept(desk, template, console, person, now)


def confirmed_units(connection: Connection, template: str, console: str) -> int:
    """Of how many units a person has confirmed what the template read on this scanner, without a correction."""
    its = (acts.c.kind == ActKind.CONFIRM.value, acts.c.about == _console(template, console))
    return connection.execute(select(func.count(acts.c.unit.distinct())).where(*its)).scalar_one()


def accept(desk: Desk, template: str, console: str, person: str, now: float) -> int:
    """A person accepts what a template reads on a scanner: its waiting reports are sent; how many. UsageError."""
    with desk.store.begin() as connection:
        which = (scanners.c.template == template, scanners.c.console == console)
        row = connection.execute(select(scanners).where(*which)).one_or_none()
        if row is None:
            raise UsageError("no report was read by this template on this scanner yet")
        if row.accepted_at is None:
            connection.execute(update(scanners).where(*which).values(accepted_at=now, accepted_by=person[:64]))
            _record(desk, connection, "accept", person, now, about=_console(template, console))
    return placing.release(desk, template, console, now)


def which_scanner(known: Sequence[tuple[str, str]], template: str, console: str) -> tuple[str, str]:
    """The one of these templates and consoles that is meant; the revision may be left out. UsageError."""
    here = [one for one, its in known if its == console]
    if template in here:
        return template, console
    meant = [one for one in here if _REVISION.sub("", one) == template]
    if len(meant) == 1:
        return meant[0], console
    if meant:
        raise UsageError(f"say which revision of the template: {', '.join(map(repr, meant))}")
    if here:
        raise UsageError(f"no report was read by {template!r} on {console!r}, but by {', '.join(map(repr, here))}")
    consoles = ", ".join(dict.fromkeys(repr(its) for _, its in known)) or "none yet"
    raise UsageError(f"no report was read on {console!r}; consoles that `scanner list` shows: {consoles}")


def _is_delivery(connection: Connection, number: int) -> bool:
    return connection.execute(select(sent.c.id).where(sent.c.id == number)).first() is not None


def retry(desk: Desk, name: str, person: str, now: float) -> int:
    """Try again what failed or waits: a unit with its objects and deliveries, a delivery, or "all"; how many things."""
    with desk.store.begin() as connection:
        row = None
        if name == "all":
            failed = or_(objects.c.state == "failed", objects.c.attempts > 0)
            again = set(connection.execute(select(objects.c.study).where(failed)).scalars())
            again |= set(connection.execute(select(study_rows.c.study).where(study_rows.c.state == "failed")).scalars())
            which = list(connection.execute(select(sent.c.id).where(sent.c.state != "acknowledged")).scalars())
        elif name.isdecimal() and len(name) < _LONG and _is_delivery(connection, int(name)):
            again, which = set(), [int(name)]
        elif name.isdecimal() and len(name) < _SHORT:
            raise UsageError(f"there is no delivery {name}")
        else:
            row = find_unit(connection, name)
            again = {row.study}
            which = list(connection.execute(select(sent.c.id).where(sent.c.unit == row.id)).scalars())
        number = _record(desk, connection, "retry", person, now, row, about=name[:240])
        again.discard("")
        connection.execute(
            update(objects)
            .where(objects.c.study.in_(again), objects.c.state == "failed", objects.c.role == "screen")
            .values(state="in_use", attempts=0, why="")
        )
        studies.read_again(connection, sorted(again), f"act:{number}", now)
        if name == "all":  # objects that killed the process which was to tell what they are
            unknown = (objects.c.state == "failed", objects.c.role == "")
            connection.execute(update(objects).where(*unknown).values(state="kept", attempts=0, why=""))
        return len(again) + deliveries.again(connection, which, now)


def recall(desk: Desk, unit: str, person: str, why: str, now: float) -> int:
    """Take a unit's reports back at all its destinations, by each one's rule; how many rows that made.

    UsageError where nothing of it is there, or on its way.
    """
    with desk.store.begin() as connection:
        row = find_unit(connection, unit)
        there = (sent.c.unit == row.id, sent.c.kind == "rdsr", sent.c.state.in_(deliveries.ON_THE_WAY))
        if connection.execute(select(sent.c.id).where(*there).limit(1)).first() is None:
            raise UsageError("no report of this unit is at a destination, or on its way: there is nothing to take back")
        _record(desk, connection, "recall", person, now, row, told={"why": why})
        before = connection.execute(select(func.max(sent.c.id))).scalar() or 0
        placing.plan_for(desk, connection, row.id, placing.facts_of(row), None, none_stays=True, now=now)
        connection.execute(update(units).where(units.c.id == row.id).values(held=RECALLED))
        placing.read_followers(connection, row, now)
        return connection.execute(
            select(func.count()).select_from(sent).where(sent.c.unit == row.id, sent.c.id > before)
        ).scalar_one()


def done_by_hand(desk: Desk, number: int, person: str, what: str, now: float) -> None:
    """A person took a report back at a destination: the row is closed with what was done. UsageError."""
    with desk.store.begin() as connection:
        row = connection.execute(select(sent).where(sent.c.id == number)).one_or_none()
        if row is None or row.kind != "manual" or row.state != "waiting":
            raise UsageError(f"row {number} is no recall that waits for a person")
        connection.execute(
            update(sent).where(sent.c.id == number).values(state="acknowledged", acknowledged_at=now, why=what)
        )
        unit = find_unit(connection, row.unit)
        _record(desk, connection, "done", person, now, unit, about=str(number), told={"why": what})


def _record(
    desk: Desk,
    connection: Connection,
    kind: str,
    person: str,
    now: float,
    unit: Row[tuple[object, ...]] | None = None,
    *,
    about: str = "",
    seen: str = "",
    told: Mapping[str, object] | None = None,
) -> int:
    """One row of what persons did, and its message in the audit trail; the row's number. UsageError, OutputError.

    The message is written before the row is committed: no act is without one.
    """
    if not _NAME.fullmatch(person) or not person.isprintable():
        raise UsageError("who acts is named in 1 to 64 letters, as Tanaka^Ichiro, without a backslash")
    values = {"at": now, "person": person, "kind": kind, "unit": unit.id if unit is not None else ""}
    values |= {"about": about, "seen": seen, "told": json.dumps(told or {})}
    key = connection.execute(insert(acts).values(**values)).inserted_primary_key
    assert key is not None
    study = About(unit.study, sop_instance_uids=[uid for uid in [unit.sop_instance_uid] if uid]) if unit else About()
    open_trail(desk.config).acted(kind, person, now, int(key[0]), study, _login())
    return int(key[0])


def _login() -> str:
    """As whom the system knows who acts; "" where it does not."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""


def _console(template: str, console: str) -> str:
    return f"{template} | {console}"[:240]
