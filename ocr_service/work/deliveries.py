"""What goes where, and what became of it: the outbox on disk and its rows.

Knows documents, destinations and the rule by which a report is taken back; must not know how anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, insert, or_, select, update

from ocr_service.config import Destination
from ocr_service.errors import InputError
from ocr_service.work.store import Store
from ocr_service.work.tables import deliveries

log = structlog.get_logger()
TOGETHER = 50  # documents over one connection
BATCHES = 2  # of one lane at a time: one on its way, and one behind it; other documents collect meanwhile
_SOME = 1000  # parameters of one statement
ON_THE_WAY = ("waiting", "acknowledged")
BY_HAND = (
    "a report of this destination is not believed any more and no other takes its place: take it back there, then "
    "close this row with `ocr-service recall --done`"
)
BEFORE_NEW = (
    "the report that a corrected one takes the place of is to be taken back by hand at this destination; then close "
    "this row with `ocr-service recall --done`, and the corrected one is sent"
)


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the outbox. file: its name below it."""

    file: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that go to one destination together, by the numbers of their rows. workflow_id: what sends them."""

    workflow_id: str
    lane: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a unit's reading means for its destinations.

    new: what is to be there in the place of anything else of the unit; None: nothing new. none_stays: nothing of the
    unit may stay there. reject: makes the rejection note of a document for a code of CID 7011 (IHE IOCM). first: by
    destination, a row that is to be done before.
    """

    unit: str
    new: Document | None
    none_stays: bool
    reject: Callable[[Document, str], Document]
    now: float
    day: str
    first: Mapping[str, int] = field(default_factory=dict)


def plan(connection: Connection, what: Plan, destinations: Sequence[Destination]) -> dict[str, int]:
    """Bring the rows of the outbox to what is to be at each destination. Done twice, it changes nothing more.

    By destination, the last row that takes something back there.
    """
    back: dict[str, int] = {}
    for destination in destinations:
        after = _take_back(connection, what, destination)
        if after is not None:
            back[destination.name] = after
        if what.new is not None and not _is_there(connection, what.new, destination.name):
            first = after or _open_take_back(connection, what, destination.name) or what.first.get(destination.name)
            _add(connection, what, destination.name, "rdsr", what.new, after=first)
    return back


def _open_take_back(connection: Connection, what: Plan, destination: str) -> int | None:
    """What still takes this very document back there: done after it was sent again, it would take that one."""
    assert what.new is not None
    by_hand = and_(deliveries.c.kind == "manual", deliveries.c.sop_instance_uid == what.new.sop_instance_uid)
    its = (deliveries.c.unit == what.unit, deliveries.c.destination == destination, deliveries.c.state == "waiting")
    found = select(deliveries.c.id).where(*its, or_(deliveries.c.kind == "rejection", by_hand))
    return connection.execute(found.order_by(deliveries.c.id.desc()).limit(1)).scalar_one_or_none()


def _take_back(connection: Connection, what: Plan, destination: Destination) -> int | None:
    """Take back what is not to be there; the row that has to be done before a new report is sent, None for none."""
    if what.new is None and not what.none_stays:
        return None
    stands: ColumnElement[bool] = deliveries.c.superseded.is_(False)
    if what.new is None:  # nor may those stay that a newer one was sent beside
        stands = or_(stands, deliveries.c.state == "acknowledged")
    last = None
    for old in connection.execute(
        select(deliveries)
        .where(
            deliveries.c.unit == what.unit,
            deliveries.c.destination == destination.name,
            deliveries.c.kind == "rdsr",
            deliveries.c.state != "recalled",
            stands,
            deliveries.c.sop_instance_uid != (what.new.sop_instance_uid if what.new is not None else ""),
        )
        .order_by(deliveries.c.id)
        .with_for_update()
    ).all():
        last = _recall(connection, what, destination, old, last) or last
    return last


def _recall(
    connection: Connection, what: Plan, destination: Destination, old: Row[tuple[object, ...]], after: int | None
) -> int | None:
    """Take back one document by the destination's rule, after another one where there is one."""
    this = update(deliveries).where(deliveries.c.id == old.id)
    document = Document(old.file, old.sop_instance_uid)
    never_there = old.state != "acknowledged" and not old.committing and old.sent_at is None
    if old.state == "refused" or never_there:
        # A sending that is under way finds the row changed, and asks for the recall then. One that failed is not
        # sent again either, whoever asks for that; what it had to wait for, the new one has to wait for.
        connection.execute(this.values(state="recalled", superseded=True))
        return int(old.after) if old.after is not None else None
    match destination.correction:
        case "reject_then_new" if (note := _note(what, document, destination)) is not None:
            row = _add(connection, what, destination.name, "rejection", note, after=after)
        case "new_only" if what.new is not None:  # one that may be there, and is not known to be, is not sent again
            state = "acknowledged" if old.state == "acknowledged" else "recalled"
            connection.execute(this.values(superseded=True, state=state))
            return None
        case _:
            why = BEFORE_NEW if what.new is not None else BY_HAND
            row = _add(connection, what, destination.name, "manual", document, after=after, why=why)
    connection.execute(this.values(state="recalled", superseded=True))
    return row


def _note(what: Plan, document: Document, destination: Destination) -> Document | None:
    """The note that rejects a document; None where the document cannot be read any more. OutputError."""
    try:
        return what.reject(document, destination.rejection)
    except InputError:
        return None


def _is_there(connection: Connection, document: Document, destination: str) -> bool:
    """Is the document there already, or on its way, or was it refused there? It is what counts there, then."""
    its = (
        deliveries.c.destination == destination,
        deliveries.c.kind == "rdsr",
        deliveries.c.sop_instance_uid == document.sop_instance_uid,
        deliveries.c.state != "recalled",
    )
    return bool(connection.execute(update(deliveries).where(*its).values(superseded=False)).rowcount)


def _add(
    connection: Connection,
    what: Plan,
    destination: str,
    kind: str,
    document: Document,
    *,
    after: int | None = None,
    why: str = "",
) -> int:
    last = connection.execute(
        select(func.max(deliveries.c.turn)).where(
            deliveries.c.destination == destination,
            deliveries.c.kind == kind,
            deliveries.c.sop_instance_uid == document.sop_instance_uid,
        )
    ).scalar_one()
    added = connection.execute(
        insert(deliveries).values(
            unit=what.unit,
            destination=destination,
            kind=kind,
            file=document.file,
            sop_instance_uid=document.sop_instance_uid,
            state="waiting",
            day=what.day,
            created_at=what.now,
            turn=0 if last is None else last + 1,
            after=after,
            why=why,
        )
    )
    key = added.inserted_primary_key
    assert key is not None
    return int(key[0])


def recall_late(connection: Connection, number: int, what: Plan, destination: Destination) -> None:
    """A document arrived although it was taken back while it was on its way: take it back there, if nobody did."""
    this = deliveries.c.id == number
    its = (deliveries.c.unit == what.unit, deliveries.c.destination == destination.name)
    told = select(deliveries.c.id).where(*its, deliveries.c.kind.in_(("rejection", "manual")), deliveries.c.id > number)
    if connection.execute(told.limit(1)).first() is not None:
        return
    connection.execute(update(deliveries).where(this).values(state="acknowledged", superseded=False))
    newest = select(deliveries).where(
        *its,
        deliveries.c.kind == "rdsr",
        deliveries.c.state.in_(ON_THE_WAY),
        deliveries.c.superseded.is_(False),
        ~this,
    )
    row = connection.execute(newest.order_by(deliveries.c.id.desc()).limit(1)).first()
    new = Document(row.file, row.sop_instance_uid) if row is not None else None
    after = _take_back(connection, replace(what, new=new, none_stays=new is None), destination)
    if row is not None and after is not None:  # where it has not been started yet, it waits for that
        connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(after=after))


def start_waiting(store: Store, start: Callable[[Batch], None], now: float, most: int = 200) -> int:
    """Start the sending of what waits, and of which nothing else is to be done first; how many documents.

    A lane gets a new batch where it has few: what comes meanwhile collects, and goes together over one connection. A
    batch is started before its rows say so: whoever dies between does it again, under the same name.
    """
    due = or_(deliveries.c.next_at.is_(None), deliveries.c.next_at <= now)
    new = (deliveries.c.state == "waiting", deliveries.c.batch == "", deliveries.c.kind != "manual", due)
    with store.begin(reading=True) as connection:
        lanes = connection.execute(select(deliveries.c.destination).where(*new).distinct()).scalars().all()
        free = {lane: BATCHES - len(_batches_of(connection, [lane])) for lane in lanes}
    wanted = [lane for lane, count in free.items() if count > 0]
    if not wanted:
        return 0
    first = deliveries.alias("first")
    blocked = exists().where(first.c.id == deliveries.c.after, first.c.state != "acknowledged")
    count = 0
    with store.begin() as connection:
        rows = connection.execute(
            select(deliveries.c.id, deliveries.c.turn, deliveries.c.attempts, deliveries.c.destination)
            .where(*new, deliveries.c.destination.in_(wanted), ~blocked)
            .order_by(deliveries.c.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        ).all()
        for lane in dict.fromkeys(row.destination for row in rows):
            its = [row for row in rows if row.destination == lane]
            for some in [its[place : place + TOGETHER] for place in range(0, len(its), TOGETHER)][: free[lane]]:
                batch = _batch(lane, [(row.id, row.turn, row.attempts) for row in some])
                start(batch)
                connection.execute(
                    update(deliveries).where(deliveries.c.id.in_(batch.numbers)).values(batch=batch.workflow_id)
                )
                count += len(some)
    return count


def _batches_of(connection: Connection, lanes: Sequence[str]) -> list[str]:
    """The batches of these lanes that are on their way."""
    its = (deliveries.c.state == "waiting", deliveries.c.destination.in_(lanes), deliveries.c.batch != "")
    return list(connection.execute(select(deliveries.c.batch).where(*its).distinct()).scalars())


def _batch(lane: str, rows: Sequence[tuple[int, int, int]]) -> Batch:
    told = sha256(repr((lane, rows)).encode()).hexdigest()
    return Batch(f"delivery-{told[:32]}", lane, tuple(number for number, _, _ in rows))


def woken(store: Store, wake: Callable[[str], None]) -> None:
    """Wake the lanes that have a reason to go on: a person's wish, a storage commitment that came.

    A document that none of its lane's batches has yet wakes those: it goes when they have gone. wake: is given a
    workflow's name.
    """
    with store.begin(reading=True) as connection:
        rows = connection.execute(
            select(deliveries.c.id, deliveries.c.batch, deliveries.c.destination)
            .where(deliveries.c.woken.is_(True))
            .limit(_SOME)
        ).all()
        beside = _batches_of(connection, sorted({row.destination for row in rows if not row.batch})) if rows else []
    for batch in dict.fromkeys([*(row.batch for row in rows if row.batch), *beside]):
        wake(batch)
    if not rows:
        return
    with store.begin() as connection:
        connection.execute(update(deliveries).where(deliveries.c.id.in_([row.id for row in rows])).values(woken=False))


def get(store: Store, number: int) -> Row[tuple[object, ...]] | None:
    """One row; None where there is none."""
    with store.begin(reading=True) as connection:
        return connection.execute(select(deliveries).where(deliveries.c.id == number)).one_or_none()


def sending(store: Store, number: int, now: float) -> bool:
    """It is about to be sent, and may be there from now on, whatever is heard of it. False: it was taken back."""
    with store.begin() as connection:
        this = update(deliveries).where(deliveries.c.id == number, deliveries.c.state == "waiting")
        return bool(connection.execute(this.values(sent_at=func.coalesce(deliveries.c.sent_at, now))).rowcount)


def released(store: Store, number: int, why: str, next_at: float, *, begun: bool = True) -> None:
    """It waits for something of its own (a storage commitment, say), and its lane is free for others meanwhile."""
    values = {"attempts": deliveries.c.attempts + 1, "why": why, "next_at": next_at, "batch": ""}
    values |= {} if begun else {"sent_at": None}
    with store.begin() as connection:
        this = update(deliveries).where(deliveries.c.id == number, deliveries.c.state == "waiting")
        connection.execute(this.values(**values))


def tried(store: Store, number: int, why: str, next_at: float, *, begun: bool = False) -> None:
    """It could not be sent now. begun: may it be there all the same?"""
    told = {"attempts": deliveries.c.attempts + 1, "why": why, "next_at": next_at}
    _set(store, number, **told, **({} if begun else {"sent_at": None}))


def ended(
    store: Store,
    number: int,
    state: str,
    now: float,
    *,
    why: str = "",
    warning: bool = False,
    late: Callable[[Connection], None] = lambda _: None,
) -> bool:
    """It was acknowledged, refused or given up. False where it was taken back meanwhile.

    late: recalls, in the same transaction, what was acknowledged although it had been taken back.
    """
    values = {
        "attempts": deliveries.c.attempts + 1,
        "why": why,
        "warning": warning,
        "next_at": None,
        "acknowledged_at": now if state == "acknowledged" else None,
    }
    this = deliveries.c.id == number
    with store.begin() as connection:
        waited = update(deliveries).where(this, deliveries.c.state == "waiting")
        if connection.execute(waited.values(state=state, **values)).rowcount:
            if state != "acknowledged":
                _by_hand_instead(connection, number, why, now)
            return True
        unasked = update(deliveries).where(this, deliveries.c.state == "recalled")
        if not connection.execute(unasked.values(**values)).rowcount:  # another process has recorded its end
            return True
        if state == "acknowledged":
            late(connection)
        return False


def _by_hand_instead(connection: Connection, number: int, why: str, now: float) -> None:
    """A rejection note did not get there: a person takes the report back, and what waited for the note for that."""
    note = connection.execute(select(deliveries).where(deliveries.c.id == number)).one()
    if note.kind != "rejection":
        return
    rejected = connection.execute(
        select(deliveries)
        .where(
            deliveries.c.unit == note.unit,
            deliveries.c.destination == note.destination,
            deliveries.c.kind == "rdsr",
            deliveries.c.state == "recalled",
            deliveries.c.id < number,
        )
        .order_by(deliveries.c.id.desc())
        .limit(1)
    ).first()
    if rejected is None:
        return
    waits = connection.execute(select(deliveries.c.id).where(deliveries.c.after == number)).first() is not None
    what = Plan(note.unit, None, True, lambda document, _: document, now, note.day)
    told = f"its rejection note did not get there ({why}); {BEFORE_NEW if waits else BY_HAND}"
    document = Document(rejected.file, rejected.sop_instance_uid)
    hand = _add(connection, what, note.destination, "manual", document, why=told)
    connection.execute(update(deliveries).where(deliveries.c.after == number).values(after=hand))


def again(connection: Connection, which: Sequence[int], now: float) -> int:
    """A person asks that rows be tried once more, now, and for as long as new ones; how many there are."""
    count = 0
    for start in range(0, len(which), _SOME):
        chosen = deliveries.c.id.in_(which[start : start + _SOME])
        waiting = update(deliveries).where(chosen, deliveries.c.state == "waiting").values(woken=True, next_at=None)
        count += connection.execute(waiting).rowcount
        ended_badly = update(deliveries).where(chosen, deliveries.c.state.in_(("refused", "failed")))
        values = {"state": "waiting", "batch": "", "why": "", "next_at": None, "committing": "", "attempts": 0}
        anew = ended_badly.values(turn=deliveries.c.turn + 1, created_at=now, **values)
        count += connection.execute(anew).rowcount
    return count


def _set(store: Store, number: int, **values: object) -> None:
    with store.begin() as connection:
        connection.execute(update(deliveries).where(deliveries.c.id == number).values(**values))
