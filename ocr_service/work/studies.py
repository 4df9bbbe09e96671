"""Which studies are to be read, when, and with which objects: rows of the database.

A study is read again whenever something of it arrives, and each reading is named by the study, its objects and its
cause, so that what is asked for twice is done once. Knows times and rows; must not know how a study is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Row, and_, bindparam, or_, select, update

from ocr_service.config import Reading
from ocr_service.work.inventory import Role
from ocr_service.work.sorting import BROKEN, Sorted
from ocr_service.work.store import Store
from ocr_service.work.tables import objects, step_studies, steps, studies, units

READ_WITH = (Role.SCREEN.value, Role.IMAGE.value, Role.REPORT.value, BROKEN)
CONTEXT = "context:"  # how objects came that were asked for beside a study's screens
STEP = "step"  # a procedure step, where its request opens a study again
ELSEWHERE = 60.0  # seconds after which another machine sorts what the receiving one has not
_BATCH = 100
# Asked for all the time: made once.
_KEPT = (
    select(objects.c.id, objects.c.name)
    .where(
        objects.c.state == "kept",
        or_(objects.c.machine == bindparam("machine"), objects.c.received_at < bindparam("late")),
    )
    .order_by(objects.c.id)
    .limit(_BATCH)
)
_SOME = 1000  # parameters of one statement
_PAGES = ("arrival", "quiet")  # causes: pages arrived, and there may be more
ARRIVALS = (*_PAGES, "header")


@dataclass(frozen=True, slots=True)
class Due:
    """A study to read now. digest: of the objects that it is read with."""

    study: str
    digest: str
    cause: str

    @property
    def workflow_id(self) -> str:
        """What is asked for twice has one name."""
        told = sha256("\n".join((self.study, self.digest, self.cause)).encode()).hexdigest()
        return f"study-{told[:40]}"


@dataclass(frozen=True, slots=True)
class StudyObject:
    """An object that a study is read with. name: of its file in the spool; on_disk: is it still there?"""

    number: int
    name: str
    role: str
    state: str
    why: str
    sop_class_uid: str
    sop_instance_uid: str
    on_disk: bool


def kept(store: Store, machine: str, now: float) -> list[tuple[int, str]]:
    """Objects that nobody has looked at: number and name. Those of other machines where these are late."""
    with store.begin(reading=True) as connection:
        found = connection.execute(_KEPT, {"machine": machine, "late": now - ELSEWHERE})
        return [(row.id, row.name) for row in found]


def sort_out(store: Store, told: Iterable[Sorted], rules: Reading, *, keep_all: bool, now: float) -> list[str]:
    """Record what objects are, and when their studies are due; the files that need not be kept, by name.

    keep_all: also keep objects that are no context of dose screens.
    """
    useless: list[str] = []
    with store.begin() as connection:
        for one in told:
            row = connection.execute(
                select(objects).where(objects.c.id == one.number, objects.c.state == "kept").with_for_update()
            ).one_or_none()
            if row is None:  # another machine was quicker
                continue
            state = _state(connection, one, row, keep_all=keep_all)
            gone = state in ("duplicate", "dropped")
            connection.execute(
                update(objects)
                .where(objects.c.id == one.number)
                .values(
                    state=state,
                    role=one.role,
                    study=one.study,
                    why=one.why,
                    sop_instance_uid=one.sop_instance_uid or row.sop_instance_uid,
                    sop_class_uid=one.sop_class_uid or row.sop_class_uid,
                    on_disk=not gone,
                )
            )
            if gone:
                useless.append(row.name)
            elif one.study and not row.via.startswith(CONTEXT):
                touch(connection, one, row.received_at, rules, now)
    return useless


def _state(connection: Connection, one: Sorted, row: Row[tuple[object, ...]], *, keep_all: bool) -> str:
    uid = one.sop_instance_uid or row.sop_instance_uid
    earlier = select(objects.c.id).where(
        objects.c.sop_instance_uid == uid,
        objects.c.digest == row.digest,
        objects.c.state.not_in(("kept", "duplicate")),
        objects.c.on_disk.is_(True),  # what was removed may come back
        objects.c.id != one.number,
    )
    if one.role != BROKEN:  # the same bytes can be read now: it was the earlier one's file that was damaged
        earlier = earlier.where(objects.c.role != BROKEN)
    if connection.execute(earlier.limit(1)).first() is not None:
        return "duplicate"
    if one.role == BROKEN:
        return "failed"
    _instead_of_answers(connection, one, row)
    if one.role == Role.SCREEN.value:
        return "in_use"
    return "context" if one.context or keep_all else "dropped"


def _instead_of_answers(connection: Connection, one: Sorted, row: Row[tuple[object, ...]]) -> None:
    """An object takes the place of what an archive's answer told of its header."""
    if not row.via.startswith(CONTEXT):
        connection.execute(
            update(objects)
            .where(
                objects.c.sop_instance_uid == one.sop_instance_uid,
                objects.c.via.startswith(CONTEXT),
                objects.c.id != one.number,
            )
            .values(state="dropped", why="the object itself has come", study="")
        )


def touch(connection: Connection, one: Sorted, received_at: float, rules: Reading, now: float) -> None:
    """Open the study, or open it again."""
    known = connection.execute(select(studies).where(studies.c.study == one.study).with_for_update()).one_or_none()
    last = min(now, max(received_at, known.last_arrival if known is not None else 0.0))  # clocks go backwards too
    if known is None and one.role == STEP:
        return  # its steps are there when the study's first object comes
    if known is None:
        connection.execute(studies.insert().values(study=one.study, opened_at=received_at, last_arrival=last))
    values: dict[str, object] = {"last_arrival": last}
    due, cause = _due(connection, one, last, rules)
    # What is not read changes nothing: the reading would have the name of the last one.
    if due is not None and one.role in (*READ_WITH, STEP):
        if known is not None and known.due_at is not None and known.cause not in ARRIVALS:
            # It was to be read for another cause, which keeps its name, as soon as nothing more comes.
            due = known.due_at if cause == "header" else last + rules.quiet.total_seconds()
            cause = known.cause
        values |= {"due_at": max(due, now), "cause": cause, "state": "open"}
    connection.execute(update(studies).where(studies.c.study == one.study).values(**values))


def _due(connection: Connection, one: Sorted, last: float, rules: Reading) -> tuple[float | None, str]:
    """When the study is to be read, and why; never where nothing in it can tell a dose."""
    there = set(  # a screen that failed too: the unit ends as unreadable, and that has to be recorded
        connection.execute(
            select(objects.c.role)
            .where(objects.c.study == one.study, objects.c.state.in_(("in_use", "context", "failed")))
            .distinct()
        ).scalars()
    )
    if Role.SCREEN.value in there:
        early = one.tells_whole
        return last + (rules.settle if early else rules.quiet).total_seconds(), "arrival" if early else "quiet"
    read_before = connection.execute(select(units.c.id).where(units.c.study == one.study).limit(1)).first()
    if Role.IMAGE.value in there and not (read_before is not None and one.role == STEP):
        return last + rules.header_after.total_seconds(), "header"
    return (last + rules.quiet.total_seconds(), "quiet") if read_before is not None else (None, "")


def start_due(store: Store, now: float, start: Callable[[Due], None]) -> int:
    """Start the reading of each study that is due; how many.

    It is started before the row says so: whoever dies between does it again, under the same name.
    """
    with store.begin(reading=True) as connection:
        if connection.execute(select(studies.c.study).where(studies.c.due_at <= now).limit(1)).first() is None:
            return 0
    with store.begin() as connection:
        found = connection.execute(
            select(studies.c.study, studies.c.cause)
            .where(studies.c.due_at <= now)
            .order_by(studies.c.due_at)
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        for study, cause in found:
            start(Due(study, digest_of(connection, study), cause))
            connection.execute(update(studies).where(studies.c.study == study).values(due_at=None))
    return len(found)


def read_again(connection: Connection, which: Sequence[str], cause: str, at: float) -> None:
    """Let studies be read once more, although nothing of them arrived.

    One whose objects still arrive is read when they are all there, as it is to be anyway.
    """
    ordered = sorted(set(which))
    for start in range(0, len(ordered), _SOME):
        chosen = studies.c.study.in_(ordered[start : start + _SOME])
        # Whoever is about to start one of them waits until the reason for this is committed.
        connection.execute(select(studies.c.study).where(chosen).order_by(studies.c.study).with_for_update()).all()
        sooner = and_(studies.c.due_at > at, studies.c.cause.not_in(_PAGES))
        connection.execute(
            update(studies)
            .where(chosen, or_(studies.c.due_at.is_(None), sooner))
            .values(due_at=at, cause=cause, state="open")
        )


def wait_for_more(connection: Connection, study: str, rules: Reading) -> None:
    """The pages do not say that they are all: read the study again when it has been quiet."""
    row = connection.execute(select(studies).where(studies.c.study == study).with_for_update()).one()
    quiet = row.last_arrival + rules.quiet.total_seconds()
    values = {"due_at": quiet, "cause": "quiet"} if row.due_at is None else {"due_at": max(row.due_at, quiet)}
    connection.execute(update(studies).where(studies.c.study == study).values(**values))


def digest_of(connection: Connection, study: str) -> str:
    """The objects of a study that came by themselves, by their UIDs and contents, and its steps, as one name."""
    found = connection.execute(
        select(objects.c.sop_instance_uid, objects.c.digest)
        .where(_read_with(study), ~objects.c.via.startswith(CONTEXT))
        .order_by(objects.c.sop_instance_uid, objects.c.digest)
    )
    told = sha256()
    for uid, digest in found:
        told.update(f"{uid} {digest}\n".encode())
    for name in steps_of(connection, study):
        told.update(f"{name}\n".encode())
    return told.hexdigest()


def objects_of(connection: Connection, study: str) -> list[StudyObject]:
    """What the study is read with, and its dose screens that were removed when their time was over."""
    c = objects.c
    chosen = (c.id, c.name, c.role, c.state, c.why, c.sop_class_uid, c.sop_instance_uid, c.on_disk)
    retired = and_(
        c.study == study, c.role == Role.SCREEN.value, c.on_disk.is_(False), c.state.in_(("in_use", "failed"))
    )
    found = connection.execute(select(*chosen).where(or_(_read_with(study), retired)).order_by(c.id))
    told = [StudyObject(*row) for row in found]
    here = {one.sop_instance_uid for one in told if one.on_disk}
    return [one for one in told if one.on_disk or one.sop_instance_uid not in here]  # some came back


def steps_of(connection: Connection, study: str) -> list[str]:
    """The requests of the study's procedure steps, in the order they came, by the names of their files."""
    found = (
        select(steps.c.name)
        .join(step_studies, step_studies.c.sop_instance_uid == steps.c.sop_instance_uid)
        .where(step_studies.c.study == study, steps.c.state.in_(("sorted", BROKEN)))
        .order_by(steps.c.id)
    )
    return list(connection.execute(found).scalars())


def _read_with(study: str):  # type: ignore[no-untyped-def]  # SQLAlchemy's own expression
    return and_(
        objects.c.study == study,
        objects.c.role.in_(READ_WITH),
        objects.c.state.in_(("in_use", "context", "failed")),
        objects.c.on_disk.is_(True),
    )


def attempt_failed(store: Store, number: int, why: str, most: int) -> bool:
    """An object cost a process its life: one attempt more; is it *failed* now?"""
    with store.begin() as connection:
        connection.execute(update(objects).where(objects.c.id == number).values(attempts=objects.c.attempts + 1))
        attempts = connection.execute(select(objects.c.attempts).where(objects.c.id == number)).scalar_one()
        if attempts < most:
            return False
        connection.execute(update(objects).where(objects.c.id == number).values(state="failed", why=why))
        return True
