"""A study's reading, recorded: units, their reports, what goes where, and what is to be read again because of it.

All of one reading is one transaction, and recording it twice changes nothing more. Knows rows and rules; must not
know how anything is read or sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from ocr_service.dose.proof import Unreadable
from ocr_service.dose.report import doubt
from ocr_service.pipeline import FromHeader, doubted
from ocr_service.work import believing, deliveries, lines, once, studies, uniting
from ocr_service.work.believing import Console
from ocr_service.work.deliveries import Document
from ocr_service.work.inbox import day_of
from ocr_service.work.placing import (
    COMMISSIONING,
    RECALLED,
    Desk,
    plan_for,
    provenance,
)
from ocr_service.work.reading import StudyRead, UnitRead
from ocr_service.work.studies import Due
from ocr_service.work.tables import REPORTED, acts, objects, rests, units
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import studies as study_rows
from ocr_service.work.unit import Converted

SUPERSEDED, WAITS, RECORDED = "superseded", "waits", "recorded"
ONLY_HEADERS = doubt("template", "its report waits for the scanner's acceptance, and only headers can be read now")


@dataclass(frozen=True, slots=True)
class Before:
    """What the records knew when a reading's job was made.

    last_act: the newest decision about the study; None: nobody asked. letters: how many glyphs were registered, by
    template and console. readings: when each of the study's units was last read; None: nobody asked.
    """

    last_act: int | None = None
    letters: Mapping[Console, int] = field(default_factory=dict)
    readings: Mapping[str, float] | None = None


def readings_of(connection: Connection, study: str) -> dict[str, float]:
    """When each unit of a study was last read, by its name."""
    found = connection.execute(select(units.c.id, units.c.read_at).where(units.c.study == study))
    return {row.id: row.read_at for row in found}


def record(desk: Desk, due: Due, told: StudyRead, drafts: Path, now: float, before: Before) -> str:
    """Record a reading; what came of it. StoreError, OutputError.

    SUPERSEDED where objects have arrived meanwhile, a person has decided, another reading was recorded, or a letter
    that it rests on was withdrawn: the study is read again. WAITS where no page says that the examination is whole,
    and the study is not quiet yet.
    """
    with desk.store.begin() as connection:
        believing.in_turn(connection, told.registered)
        row = connection.execute(
            select(study_rows).where(study_rows.c.study == due.study).with_for_update()
        ).one_or_none()
        if row is None or studies.digest_of(connection, due.study) != due.digest:
            return SUPERSEDED
        if due.cause == "arrival" and not (told.units and all(unit.whole for unit in told.units)):
            studies.wait_for_more(connection, due.study, desk.config.reading)
            return WAITS
        believing.withdraw(connection, told.withdrawn, now)
        if (cause := _outdated(connection, due, told, now, before)) is not None:
            studies.read_again(connection, [due.study], cause, now)
            return SUPERSEDED
        _broken(connection, told)
        _no_screens(connection, due.study, told)
        here = frozenset(unit.scanner for unit in told.units)
        found: list[_Unit] = []
        for unit in told.units:
            found.append(_Unit(desk, connection, due.study, unit, now, here, {one.name for one in found}))
        first = uniting.united(desk, connection, due.study, [one.name for one in found], now)
        for one in found:
            one.record(drafts, first)
        connection.execute(
            update(study_rows).where(study_rows.c.study == due.study).values(state="read", digest=due.digest)
        )
        # The last thing: this study too may wait for them.
        believing.grown(connection, due.study, told.registered, before.letters, now)
    return RECORDED


def _outdated(connection: Connection, due: Due, told: StudyRead, now: float, before: Before) -> str | None:
    """Why a reading may not be recorded any more, as the cause of another one; None where it may."""
    if before.last_act is not None:
        of_study = select(func.max(acts.c.id)).join(units, units.c.id == acts.c.unit).where(units.c.study == due.study)
        newest = connection.execute(of_study).scalar() or 0
        if newest > before.last_act:
            return f"act:{newest}"
    if before.readings is not None and before.readings != readings_of(connection, due.study):
        return f"overtaken:{now:.0f}"  # it did not see the report of the other one, and would undo it
    gone = believing.withdrawn_of(connection, frozenset(glyph for unit in told.units for glyph in unit.rests))
    if not gone or due.cause.startswith(("withdrawn:", "anew:")):  # a person may have deleted the line that withdrew it
        return None
    name = sha256("\n".join(sorted(gone)).encode()).hexdigest()[:16]
    return f"withdrawn:{name}:{now:.0f}"  # another reading, whatever was read under this name before


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
            .where(
                or_(objects.c.name.in_(names), and_(*which)), objects.c.state == "in_use", objects.c.on_disk.is_(True)
            )
            .values(state="failed", why=line.outcome.why)
        )


def _no_screens(connection: Connection, study: str, told: StudyRead) -> None:
    """Objects whose headers tell nothing and whose pages are no dose screens are context."""
    which = (objects.c.study == study, objects.c.state == "in_use", objects.c.sop_instance_uid.in_(told.others))
    connection.execute(update(objects).where(*which).values(state="context", why="its page is no dose screen"))


class _Unit:
    """One unit's reading on its way into the records."""

    def __init__(
        self,
        desk: Desk,
        connection: Connection,
        study: str,
        told: UnitRead,
        now: float,
        here: frozenset[str],
        taken: Collection[str],
    ) -> None:
        """here: the scanners of all units of this reading. taken: names of units that others of it have."""
        self._desk, self._connection, self._study, self._now = desk, connection, study, now
        self._told = told
        self._before = self._known(here, taken)
        self.name = self._before.id if self._before is not None else self._new_id(taken)

    def record(self, drafts: Path, first: Mapping[str, int]) -> None:
        """Its row, its report, its deliveries. first: by destination, what is to be done there before."""
        outcome = once.reported_once(self._connection, self._examined(), self._told.converted.outcome, self._now)
        outcome = doubted(outcome, [ONLY_HEADERS] if isinstance(outcome, FromHeader) and self._never_left() else [])
        name = lines.outcome_name(outcome)
        document = self._document(name, drafts)
        stays = self._stays(name) if document is None else None
        held = self._held(document, name) if document is not None else RECALLED if self._is_recalled else ""
        values = self._row(replace(self._told.converted, outcome=outcome), document, stays) | {"held": held}
        counted = {"audited": self._told.audited, "disagreed": int(self._told.disagreed > 0)}
        if self._before is None:
            self._connection.execute(insert(units).values(id=self.name, day=day_of(self._now), **values, **counted))
        else:
            sums = {key: units.c[key] + value for key, value in counted.items()}
            self._connection.execute(update(units).where(units.c.id == self.name).values(**values, **sums))
        if not stays:
            glyphs = self._told.rests if document is not None else frozenset()
            self._rest_on(glyphs, beside=bool(held) and self._live() is not None)
        self._deliver(document if not held else None, name, first)
        once.tell_linked(self._connection, self._examined(), outcome, self._now)

    def _never_left(self) -> bool:
        """Does a report stand that was held back until its scanner is accepted, and was never given to anybody?

        Headers, and what is in doubt, wait for no acceptance: they may not send it. A reading in doubt forgets that it
        is held, the deliveries do not. One that came from an archive and is not known here counts as never given,
        unless it says no more than this reading.
        """
        before, told = self._before, self._told
        if not told.standing or told.by_person:
            return False
        if before is not None and told.standing == before.sop_instance_uid:
            return bool(before.held == COMMISSIONING)
        its = (sent.c.unit == self.name, sent.c.sop_instance_uid == told.standing)
        given = self._connection.execute(select(sent.c.id).where(*its).limit(1)).first()
        return given is None and not told.as_standing and self._desk.config.reading.commissioning > 0

    def _examined(self) -> once.Examined:
        told = self._told
        return once.Examined(
            self.name, self._study, told.examination, told.patient, told.rows, told.by_person, self._before
        )

    def _stays(self, name: str) -> Document | None:
        """Where there is no new report: the one that is at the destinations, with the letters that it rests on.

        So does what a person has recalled: it is not sent again by itself.
        """
        if self._is_recalled:
            return self._old()
        if self._is_empty(name):
            return None
        return self._live() if self._was_held else self._old()

    def _row(self, converted: Converted, document: Document | None, stays: Document | None) -> dict[str, object]:
        """The unit's columns, but for why it is held."""
        told, known = self._told, document or stays
        name = lines.outcome_name(converted.outcome)
        values: dict[str, object] = {
            "study": self._study,
            "scanner": told.scanner,
            "outcome": name,
            "template": told.template,
            "console": told.console,
            "report": lines.line(replace(converted, rdsr=document.file if document else None)),
            "rows": told.rows,
            "examination": told.examination,
            "patient": told.patient,
            "rdsr": known.file if known else "",
            "sop_instance_uid": known.sop_instance_uid if known else "",
            "waiting": told.waiting,
            "read_at": self._now,
            "milliseconds": converted.milliseconds,
            "station": told.station[:32],
            "manufacturer": told.manufacturer[:64],
            "calling_ae": self._calling_ae(),
        }
        if stays and name == "unreadable" and self._before is not None:  # the standing report is still of these
            kept = ("template", "console", "examination", "patient", "station", "manufacturer", "calling_ae")
            values |= {key: getattr(self._before, key) for key in kept}
        return values

    def _known(self, here: frozenset[str], others: Collection[str]) -> Row[tuple[object, ...]] | None:
        """The unit's row, also where its scanner is better known now."""
        rows = self._connection.execute(
            select(units).where(units.c.study == self._study, units.c.id.not_in(others))
        ).all()
        same = next((row for row in rows if row.scanner == self._told.scanner), None)
        mine = set(self._told.converted.sop_instance_uids)
        left = [row for row in rows if row.scanner not in here]  # those of others are theirs
        return same or next((row for row in left if mine & uniting.objects_in(row)), None)

    def _new_id(self, others: Collection[str]) -> str:
        """A name that no unit has, also not one that was of this scanner before its own was better known."""
        taken = {*self._connection.execute(select(units.c.id).where(units.c.study == self._study)).scalars(), *others}
        scanner = self._told.scanner
        while (name := unit_id(self._study, scanner)) in taken:
            scanner += "\n"
        return name

    def _document(self, name: str, drafts: Path) -> Document | None:
        """The report that is to be at the destinations; None where there is none."""
        file, emitted = self._told.converted.rdsr, self._told.converted.outcome
        sends = name == lines.outcome_name(emitted) and (name == "verified" or not self._never_left())
        if file is not None and sends:
            self._desk.outbox.take_in(file, drafts)
            return Document(file, file.rpartition("/")[2].removesuffix(".dcm"))
        old = self._old()
        stands = old is not None and self._told.standing == old.sop_instance_uid
        return old if stands and name in REPORTED else None  # in doubt it goes nowhere where it is not already

    def _old(self) -> Document | None:
        if self._before is None or not self._before.sop_instance_uid:
            return None
        return Document(self._before.rdsr, self._before.sop_instance_uid)

    def _held(self, document: Document, name: str) -> str:
        """Why the report is not sent: its scanner is new, or a person has recalled this very report; "" where it is.

        Nor is an older one sent that came back from an archive in the place of a recalled one.
        """
        before, here = self._before, document.sop_instance_uid
        if before is not None and before.held == RECALLED and here in (before.sop_instance_uid, self._told.standing):
            return RECALLED
        return COMMISSIONING if self._is_new_scanner(name) else ""

    def _is_new_scanner(self, name: str) -> bool:
        """Does this scanner's template wait for a person's acceptance?"""
        if name != "verified" or not self._told.template or not self._desk.config.reading.commissioning:
            return False
        if self._told.by_person:
            return False
        return (
            believing.scanner_of(self._connection, self._told.template, self._told.console, self._now).accepted_at
            is None
        )

    def _live(self) -> Document | None:
        """The newest report of the unit that is at a destination, or on its way."""
        its = (sent.c.unit == self.name, sent.c.kind == "rdsr", sent.c.state.in_(deliveries.ON_THE_WAY))
        newest = select(sent).where(*its, sent.c.superseded.is_(False)).order_by(sent.c.id.desc()).limit(1)
        row = self._connection.execute(newest).first()
        return Document(row.file, row.sop_instance_uid) if row is not None else None

    def _rest_on(self, glyphs: frozenset[str], *, beside: bool) -> None:
        """What the report rests on. beside: another one is at its destinations, while this one is held back."""
        if beside:
            glyphs -= set(self._connection.execute(select(rests.c.glyph).where(rests.c.unit == self.name)).scalars())
        else:
            self._connection.execute(delete(rests).where(rests.c.unit == self.name))
        if glyphs:
            self._connection.execute(insert(rests), [{"unit": self.name, "glyph": glyph} for glyph in sorted(glyphs)])

    def _calling_ae(self) -> str:
        """All AE titles that its objects came from, parted by backslashes, which no title has."""
        uids = self._told.converted.sop_instance_uids
        titles = select(objects.c.calling_ae).where(objects.c.sop_instance_uid.in_(uids)).distinct()
        return "\\".join(sorted(filter(None, self._connection.execute(titles).scalars())))[:200]

    def _deliver(self, new: Document | None, name: str, first: Mapping[str, int]) -> None:
        """What is to be at the destinations now, and what may not stay there."""
        empty = new is None and self._is_empty(name)
        facts = provenance(self._calling_ae(), self._told.station, self._told.manufacturer)
        plan_for(self._desk, self._connection, self.name, facts, new, none_stays=empty, now=self._now, first=first)

    def _is_empty(self, name: str) -> bool:
        """May nothing of the unit stay at the destinations, where there is no new report?"""
        return name == "skipped" or (
            self._before is not None and believing.is_disbelieved(self._connection, self._before)
        )

    @property
    def _is_recalled(self) -> bool:
        return self._before is not None and self._before.held == RECALLED

    @property
    def _was_held(self) -> bool:
        return self._before is not None and self._before.held != ""
