"""A study's reading, recorded: units, their reports, what goes where, and what is to be read again because of it.

All of one reading is one transaction, and recording it twice changes nothing more. Knows rows and rules; must not
know how anything is read or sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from ocr_service.config import Config, Destination
from ocr_service.dose.proof import Unreadable
from ocr_service.dose.report import doubt, note
from ocr_service.errors import OutputError
from ocr_service.network.lanes import Provenance, destinations_for
from ocr_service.pipeline import Outcome, Skipped, doubted
from ocr_service.work import deliveries, lines, studies
from ocr_service.work.deliveries import Document, Plan
from ocr_service.work.inbox import day_of
from ocr_service.work.outbox import Outbox
from ocr_service.work.reading import StudyRead, UnitRead
from ocr_service.work.rejecting import Rejecting
from ocr_service.work.store import Store
from ocr_service.work.studies import Due
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import disbelieved, objects, rests, scanners, units, withdrawn
from ocr_service.work.tables import studies as study_rows

SUPERSEDED, WAITS, RECORDED = "superseded", "waits", "recorded"
COMMISSIONING, RECALLED = "commissioning", "recalled"  # why a report is held back
_REPORTED = ("verified", "header")


@dataclass(frozen=True, slots=True)
class Desk:
    """What recording needs. drafts: where this reading's RDSRs lie."""

    store: Store
    outbox: Outbox
    config: Config
    rejecting: Rejecting


def record(desk: Desk, due: Due, told: StudyRead, drafts: Path, now: float) -> str:
    """Record a reading; what came of it. StoreError, OutputError.

    SUPERSEDED where other objects have arrived meanwhile: they are read soon. WAITS where no page says that the
    examination is whole, and the study is not quiet yet.
    """
    with desk.store.begin() as connection:
        row = connection.execute(
            select(study_rows).where(study_rows.c.study == due.study).with_for_update()
        ).one_or_none()
        if row is None or studies.digest_of(connection, due.study) != due.digest:
            return SUPERSEDED
        if due.cause == "arrival" and not (told.units and all(unit.whole for unit in told.units)):
            studies.wait_for_more(connection, due.study, desk.config.reading)
            return WAITS
        _broken(connection, told)
        _no_screens(connection, due.study, told)
        _letters(connection, told, now)
        ids = [_Unit(desk, connection, due.study, unit, now).record(drafts) for unit in told.units]
        _united(desk, connection, due.study, ids, now)
        connection.execute(
            update(study_rows).where(study_rows.c.study == due.study).values(state="read", digest=due.digest)
        )
    return RECORDED


def record_failure(desk: Desk, due: Due, why: str, now: float) -> None:
    """The study could not be read at all: it is *failed*, with its reason and its objects."""
    with desk.store.begin() as connection:
        if studies.digest_of(connection, due.study) != due.digest:
            return
        connection.execute(
            update(study_rows).where(study_rows.c.study == due.study).values(state="failed", digest=due.digest)
        )
        known = connection.execute(select(units.c.id).where(units.c.study == due.study)).scalars().all()
        if known:  # what was reported before stands; the study shows that its newest objects are not read
            return
        report = lines.failed_line(due.study, why)
        connection.execute(
            insert(units).values(
                id=unit_id(due.study, ""),
                study=due.study,
                scanner="",
                day=day_of(now),
                outcome="failed",
                report=report,
                read_at=now,
                milliseconds=0,
            )
        )


def unit_id(study: str, scanner: str) -> str:
    """A unit's name: a digest, for it is seen in logs and commands."""
    return sha256(f"{study}\n{scanner}".encode()).hexdigest()[:16]


def _broken(connection: Connection, told: StudyRead) -> None:
    """Objects that turned out to have no readable picture are *failed*, with their reason."""
    for line in told.broken:
        if not isinstance(line.outcome, Unreadable):
            continue
        names = ["/".join(path.parts[-3:]) for path in line.files]
        # One that was opened and shows nothing is known by its UIDs alone.
        uids = () if names else line.sop_instance_uids
        which = (objects.c.study == line.study_instance_uid, objects.c.sop_instance_uid.in_(uids))
        connection.execute(
            update(objects)
            .where(or_(objects.c.name.in_(names), and_(*which)), objects.c.state == "in_use")
            .values(state="failed", why=line.outcome.why)
        )


def _no_screens(connection: Connection, study: str, told: StudyRead) -> None:
    """Objects whose headers tell nothing and whose pages are no dose screens are context."""
    which = (objects.c.study == study, objects.c.state == "in_use", objects.c.sop_instance_uid.in_(told.others))
    connection.execute(update(objects).where(*which).values(state="context", why="its page is no dose screen"))


def _letters(connection: Connection, told: StudyRead, now: float) -> None:
    """What rests on a letter that was withdrawn is read again, and what waits when letters are better known."""
    known = set(connection.execute(select(withdrawn.c.glyph)).scalars())
    new = sorted(told.withdrawn - known)
    if new:
        connection.execute(insert(withdrawn), [{"glyph": glyph, "at": now} for glyph in new])
        resting = connection.execute(
            select(units.c.study, units.c.sop_instance_uid)
            .join(rests, rests.c.unit == units.c.id)
            .where(rests.c.glyph.in_(new))
            .distinct()
        ).all()
        _disbelieve(connection, [row.sop_instance_uid for row in resting])
        name = sha256("\n".join(new).encode()).hexdigest()[:16]
        studies.read_again(connection, [row.study for row in resting], f"withdrawn:{name}", now)
    for (template, console), count in told.registered.items():
        _grown(connection, template, console, count, now)


def _grown(connection: Connection, template: str, console: str, count: int, now: float) -> None:
    scanner = _scanner(connection, template, console, now)
    if count <= scanner.letters:
        return
    which = (scanners.c.template == template, scanners.c.console == console)
    connection.execute(update(scanners).where(*which).values(letters=count))
    waiting = connection.execute(
        select(units.c.study).where(
            units.c.template == template,
            units.c.console == console,
            units.c.outcome == "needs_review",
            units.c.waiting.is_(True),
        )
    ).scalars()
    studies.read_again(connection, list(waiting), f"letters:{count}", now)


def _scanner(connection: Connection, template: str, console: str, now: float) -> Row[tuple[object, ...]]:
    which = (scanners.c.template == template, scanners.c.console == console)
    row = connection.execute(select(scanners).where(*which)).one_or_none()
    if row is None:
        connection.execute(insert(scanners).values(template=template, console=console, first_at=now))
        row = connection.execute(select(scanners).where(*which)).one()
    return row


def _disbelieve(connection: Connection, uids: Sequence[str]) -> None:
    known = set(connection.execute(select(disbelieved.c.sop_instance_uid)).scalars())
    new = sorted(set(uids) - known - {""})
    if new:
        connection.execute(insert(disbelieved), [{"sop_instance_uid": uid} for uid in new])


def disbelieved_of(connection: Connection, study: str) -> frozenset[str]:
    """Our reports of this study that are not believed any more: units' own, and what ever went out of them."""
    uid = disbelieved.c.sop_instance_uid
    now = select(units.c.sop_instance_uid).where(units.c.study == study)
    before = select(sent.c.sop_instance_uid).join(units, units.c.id == sent.c.unit).where(units.c.study == study)
    found = select(uid).where(or_(uid.in_(now), uid.in_(before)))
    return frozenset(connection.execute(found).scalars())


class _Unit:
    """One unit's reading on its way into the records."""

    def __init__(self, desk: Desk, connection: Connection, study: str, told: UnitRead, now: float) -> None:
        self._desk, self._connection, self._study, self._now = desk, connection, study, now
        self._told = told
        self._before = self._known()
        self._disbelieved = disbelieved_of(connection, study)  # asked while the unit's row still names its old report
        self._id = self._before.id if self._before is not None else unit_id(study, told.scanner)

    def record(self, drafts: Path) -> str:
        """Its row, its report, its deliveries; the unit's name."""
        outcome = self._once(self._told.converted.outcome)
        converted = replace(self._told.converted, outcome=outcome)
        name = lines.outcome_name(outcome)
        document = self._document(name, drafts)
        held = self._held(document, name) if document is not None else ""
        values = {
            "study": self._study,
            "scanner": self._told.scanner,
            "outcome": name,
            "held": held,
            "template": self._told.template,
            "console": self._told.console,
            "report": lines.line(replace(converted, rdsr=document.file if document else None)),
            "rows": self._told.rows,
            "examination": self._told.examination,
            "patient": self._told.patient,
            "rdsr": document.file if document else "",
            "sop_instance_uid": document.sop_instance_uid if document else "",
            "waiting": self._told.waiting,
            "read_at": self._now,
            "milliseconds": converted.milliseconds,
            "station": self._told.station[:32],
            "manufacturer": self._told.manufacturer[:64],
            "calling_ae": self._calling_ae(),
        }
        counted = {"audited": self._told.audited, "disagreed": int(self._told.disagreed > 0)}
        if self._before is None:
            self._connection.execute(insert(units).values(id=self._id, day=day_of(self._now), **values, **counted))
        else:
            sums = {key: units.c[key] + value for key, value in counted.items()}
            self._connection.execute(update(units).where(units.c.id == self._id).values(**values, **sums))
        self._rest_on(self._told.rests if document is not None else frozenset())
        self._deliver(document if not held else None, name)
        return self._id

    def _known(self) -> Row[tuple[object, ...]] | None:
        """The unit's row, also where its scanner is better known now."""
        rows = self._connection.execute(select(units).where(units.c.study == self._study)).all()
        same = next((row for row in rows if row.scanner == self._told.scanner), None)
        mine = self._told.converted.sop_instance_uids
        return same or next((row for row in rows if any(uid in row.report for uid in mine)), None)

    def _once(self, outcome: Outcome) -> Outcome:
        """Linked orders: one examination under several studies is reported once."""
        if isinstance(outcome, Unreadable | Skipped) or not self._told.examination:
            return outcome
        linked = self._connection.execute(
            select(units).where(
                units.c.examination == self._told.examination,
                units.c.study != self._study,
                units.c.outcome.in_((*_REPORTED, "needs_review")),
            )
        ).all()
        for other in linked:
            if other.patient != self._told.patient:
                seen = f"linked:{self._id}"
                if self._before is None or self._before.outcome != "needs_review":
                    studies.read_again(self._connection, [other.study], seen, self._now)
                return doubted(outcome, [doubt("linked", "the same rows and times lie in a study of another patient")])
        reported = [one for one in linked if one.outcome in _REPORTED and one.sop_instance_uid]
        mine = self._before is not None and self._before.outcome in _REPORTED
        if not reported or mine:
            return outcome
        other = reported[0]
        told = note("linked", f"the same rows and times are reported under another study, {other.study}")
        return Skipped(outcome.report, (other.sop_instance_uid,), (*outcome.findings, told))

    def _document(self, name: str, drafts: Path) -> Document | None:
        """The report that is to be at the destinations; None where there is none."""
        file, emitted = self._told.converted.rdsr, self._told.converted.outcome
        if file is not None and name == lines.outcome_name(emitted):
            self._desk.outbox.take_in(file, drafts)
            return Document(file, file.rpartition("/")[2].removesuffix(".dcm"))
        old = self._old()
        stands = old is not None and self._told.standing == old.sop_instance_uid
        return old if stands and name != "skipped" else None

    def _old(self) -> Document | None:
        if self._before is None or not self._before.sop_instance_uid:
            return None
        return Document(self._before.rdsr, self._before.sop_instance_uid)

    def _held(self, document: Document, name: str) -> str:
        """Why the report is not sent: its scanner is new, or a person has recalled this very report; "" where it is."""
        before = self._before
        if before is not None and before.held == RECALLED and before.sop_instance_uid == document.sop_instance_uid:
            return RECALLED
        return COMMISSIONING if self._is_new_scanner(name) else ""

    def _is_new_scanner(self, name: str) -> bool:
        """Does this scanner's template wait for a person's acceptance?"""
        if name != "verified" or not self._told.template or not self._desk.config.reading.commissioning:
            return False
        if self._told.by_person:
            return False
        return _scanner(self._connection, self._told.template, self._told.console, self._now).accepted_at is None

    def _rest_on(self, glyphs: frozenset[str]) -> None:
        self._connection.execute(delete(rests).where(rests.c.unit == self._id))
        if glyphs:
            self._connection.execute(insert(rests), [{"unit": self._id, "glyph": glyph} for glyph in sorted(glyphs)])

    def _calling_ae(self) -> str:
        uids = self._told.converted.sop_instance_uids
        row = self._connection.execute(
            select(objects.c.calling_ae).where(objects.c.sop_instance_uid.in_(uids)).order_by(objects.c.id)
        ).first()
        return row.calling_ae if row is not None else ""

    def _deliver(self, new: Document | None, name: str) -> None:
        """What is to be at the destinations now, and what may not stay there."""
        disbelieved = self._before is not None and self._before.sop_instance_uid in self._disbelieved
        empty = new is None and (name == "skipped" or disbelieved)
        facts = Provenance(frozenset({self._calling_ae()}), self._told.station, self._told.manufacturer)
        plan_for(self._desk, self._connection, self._id, facts, new, none_stays=empty, now=self._now)


def plan_for(
    desk: Desk,
    connection: Connection,
    unit: str,
    facts: Provenance,
    new: Document | None,
    *,
    none_stays: bool,
    now: float,
) -> None:
    """Plan a unit's deliveries to the destinations that its facts choose."""
    chosen = destinations_for(facts, desk.config.destination)
    what = Plan(unit, new, none_stays, desk.rejecting.note, now, day_of(now))
    deliveries.plan(connection, what, [one for one in desk.config.destination if one.name in chosen])


def _united(desk: Desk, connection: Connection, study: str, ids: Sequence[str], now: float) -> None:
    """A unit whose objects belong to another one now, since their scanner is better known, ends as skipped."""
    left = connection.execute(
        select(units).where(units.c.study == study, units.c.id.not_in(ids), units.c.outcome != "skipped")
    ).all()
    for row in left if ids else ():
        connection.execute(update(units).where(units.c.id == row.id).values(outcome="skipped", held=""))
        plan_for(desk, connection, row.id, facts_of(row), None, none_stays=True, now=now)


def facts_of(row: Row[tuple[object, ...]]) -> Provenance:
    """What a unit's destinations are chosen by."""
    return Provenance(frozenset({row.calling_ae}), row.station, row.manufacturer)


def recall_late(desk: Desk, connection: Connection, number: int, destination: Destination, now: float) -> None:
    """A document arrived although it was taken back while it was on its way: take it back there now."""
    row = connection.execute(select(sent).where(sent.c.id == number)).one()
    what = Plan(row.unit, None, True, desk.rejecting.note, now, day_of(now))
    try:
        deliveries.recall_late(connection, number, what, destination)
    except OutputError:  # nobody would remember it if this were broken off: a person does it
        by_hand = destination.model_copy(update={"correction": "manual"})
        deliveries.recall_late(connection, number, what, by_hand)


def release(desk: Desk, template: str, console: str, now: float) -> int:
    """A scanner was accepted: what waited for that is sent; how many reports."""
    with desk.store.begin() as connection:
        held = connection.execute(
            select(units).where(units.c.template == template, units.c.console == console, units.c.held == COMMISSIONING)
        ).all()
        for row in held:
            connection.execute(update(units).where(units.c.id == row.id).values(held=""))
            new = Document(row.rdsr, row.sop_instance_uid)
            plan_for(desk, connection, row.id, facts_of(row), new, none_stays=False, now=now)
        return len(held)
