"""One worker process: what its workflows do, step by step, with its store, its folders and its two processes.

Knows everything a step needs and the clock; must not know DBOS. Each step may be done twice, and a step that dies is
done again from its beginning.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import structlog
from sqlalchemy import Connection, insert, select

from ocr_service import equipment
from ocr_service.config import Config
from ocr_service.dose.identity import IdentityRule
from ocr_service.errors import EngineAway, EngineError
from ocr_service.templates.library import Library
from ocr_service.work import believing, output, persons, reading, records, sorting, steps, studies
from ocr_service.work.inbox import DurableInbox, day_of
from ocr_service.work.inventory import Broken
from ocr_service.work.objects import Identity
from ocr_service.work.outbox import Outbox
from ocr_service.work.placing import RECALLED, Desk
from ocr_service.work.rejecting import Rejecting
from ocr_service.work.sorting import BROKEN
from ocr_service.work.spool import Spool
from ocr_service.work.store import Store, open_store
from ocr_service.work.studies import Due, StudyObject
from ocr_service.work.tables import deliveries as sent
from ocr_service.work.tables import site, units
from ocr_service.work.unit import SiteRules
from ocr_service.work.workers import OneProcess

RETIRED = "the object was removed when its time was over (keeping.retention)"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Folders:
    """What lies in the data folder."""

    spool: Path
    outbox: Path
    drafts: Path
    letters: Path
    audit: Path


def folders(config: Config) -> Folders:
    """The folders of a configuration."""
    names = ("spool", "outbox", "drafts", "letters", "audit")
    return Folders(*(config.data / name for name in names))


class Worker:
    """What the workflows of one process work with. name: of its executor, the same after a restart."""

    def __init__(self, config: Config, name: str) -> None:
        self.config, self.name = config, name
        self.folders = folders(config)
        for folder in (self.folders.spool, self.folders.outbox, self.folders.drafts, self.folders.letters):
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.store: Store = open_store(config)
        self.spool = Spool(self.folders.spool, config.keeping.minimum_free)
        self.outbox = Outbox(self.folders.outbox)
        self.inbox = DurableInbox(self.spool, self.store, config.operation.machine)
        self.desk = Desk(self.store, self.outbox, config, Rejecting(self.outbox, lambda: datetime.now().astimezone()))
        self._sorting = OneProcess(sorting.begin, (config.templates,))
        self._reading = OneProcess(reading.begin, (self._equipment(),))

    def close(self) -> None:
        """End the two processes, in the middle of a job too."""
        self._sorting.close()
        self._reading.close()
        self.store.close()

    def sort_out(self) -> int:
        """Find out what arrived; how many objects and requests of steps that was."""
        return self._sort_objects() + self._sort_steps()

    def _sort_objects(self) -> int:
        config = self.config
        found = studies.kept(self.store, config.operation.machine, time.time())
        if not found:
            return 0
        told: list[sorting.Sorted] = []
        limit = config.reading.time_limit.total_seconds()
        files = [(number, self.spool.path(name)) for number, name in found]
        try:
            told = self._sorting.do(sorting.sort_files, files, limit)
        except EngineAway:
            raise
        except EngineError as error:
            told = self._sort_alone(files, limit, str(error))
        useless = studies.sort_out(self.store, told, config.reading, keep_all=config.keeping.pixels, now=time.time())
        for name in useless:
            self.spool.remove(name)
        return len(told)

    def _sort_alone(self, files: list[tuple[int, Path]], limit: float, why: str) -> list[sorting.Sorted]:
        """One of the files costs a process its life: each by itself, and that one has one attempt less."""
        told = []
        for number, path in files:
            try:
                told += self._sorting.do(sorting.sort_files, [(number, path)], limit)
            except EngineAway:
                raise
            except EngineError:
                log.warning("object_killed_a_process", object=number)
                if studies.attempt_failed(self.store, number, why, self.config.reading.attempts):
                    told.append(sorting.Sorted(number, BROKEN, why=why))
        return told

    def _sort_steps(self) -> int:
        found = [(number, self.spool.path(name)) for number, name in steps.kept(self.store)]
        told: list[sorting.SortedStep] = []
        limit = self.config.reading.time_limit.total_seconds()
        try:
            told = self._sorting.do(sorting.sort_steps, found, limit) if found else []
        except EngineAway:
            raise
        except EngineError:
            for one in found:  # one of them costs a process its life
                try:
                    told += self._sorting.do(sorting.sort_steps, [one], limit)
                except EngineAway:
                    raise
                except EngineError:
                    log.warning("step_killed_a_process", step=one[0])
                    steps.failed(self.store, one[0])
        if told:
            steps.sort_out(self.store, told, self.config.reading, time.time())
        return len(found)

    def read_and_record(self, due: Due) -> str:
        """Read a study and record what came of it. EngineError where a process died of it."""
        drafts = self.folders.drafts / due.workflow_id
        job, there, before = self._job(due, drafts)
        limit = self.config.reading.time_limit.total_seconds()
        try:
            try:
                told = self._reading.do(reading.read_study, job, limit)
            except EngineAway:
                raise
            except EngineError as error:
                self._blame(due, there, str(error), limit)
                raise
            ended = records.record(self.desk, due, told, drafts, time.time(), before)
        finally:
            shutil.rmtree(drafts, ignore_errors=True)
        for one in told.units:
            self._say(one, due, ended)
        return ended

    def strip(self, path: Path) -> None:
        """Leave only the header of an object. EngineError where a process dies of it; OutputError."""
        self._sorting.do(sorting.strip, path, self.config.reading.time_limit.total_seconds())

    def give_up(self, due: Due, why: str) -> None:
        """The study cost every attempt."""
        log.error("study_failed", study=due.workflow_id, why=why)
        records.record_failure(self.desk, due, why, time.time())

    def _say(self, one: reading.UnitRead, due: Due, ended: str) -> None:
        """The canonical line of a unit."""
        from ocr_service.work.lines import outcome_name

        converted = one.converted
        report = getattr(converted.outcome, "report", None)
        log.info(
            "unit",
            unit=records.unit_id(due.study, one.scanner),
            ended=ended,
            cause=due.cause,
            outcome=outcome_name(converted.outcome),
            template=one.template,
            events=len(report.events) if report is not None else 0,
            doubts=sum(finding.kind.value == "doubt" for finding in converted.outcome.findings),
            objects=len(converted.sop_instance_uids),
            audited=one.audited,
            disagreed=one.disagreed,
            milliseconds=converted.milliseconds,
        )

    def _job(self, due: Due, drafts: Path) -> tuple[reading.ReadJob, list[StudyObject], records.Before]:
        """What to read, of which objects, and what the records know now."""
        now = time.time()
        with self.store.begin(reading=True) as connection:
            there = studies.objects_of(connection, due.study)
            disbelieved = believing.disbelieved_of(connection, due.study)
            today = select(units.c.scanner).where(units.c.day == day_of(now)).distinct()
            read_today = frozenset(connection.execute(today).scalars())
            acts = persons.acts_of(connection, due.study)
            before = records.Before(
                persons.newest_act(connection, due.study),
                believing.letters_of(connection),
                records.readings_of(connection, due.study),
            )
            unsent = self._unsent(connection, due.study) if acts else frozenset[str]()
            taken_back = self._taken_back(connection, due.study)
            requests = studies.steps_of(connection, due.study)
        lost = [one for one in there if not one.on_disk or (one.state == "failed" and one.role != BROKEN)]
        job = reading.ReadJob(
            tuple(self.spool.path(one.name) for one in there if one not in lost),
            tuple(self._lost(one, due.study) for one in lost),
            drafts,
            acts,
            disbelieved,
            read_today,
            self._salt,
            tuple(self.spool.path(name) for name in requests),
            {self.spool.path(one.name): one.sop_instance_uid for one in there},
            unsent,
            taken_back,
        )
        return job, there, before

    def _unsent(self, connection: Connection, study: str) -> frozenset[str]:
        """Our reports of a study that were never given to any destination: the one that a person confirms is signed."""
        ours = {Path(name).stem for name in output.names_of(study, self.folders.outbox)}
        given = select(sent.c.sop_instance_uid).where(sent.c.sop_instance_uid.in_(ours))
        return frozenset(ours - set(connection.execute(given).scalars()))

    def _taken_back(self, connection: Connection, study: str) -> frozenset[str]:
        """Our reports of a study that were, or may have been, at destinations which were told to take them back.

        Of a unit that a person recalled they are not told: its report is known by its UID, and stays away.
        """
        its = (units.c.study == study, units.c.held != RECALLED, sent.c.kind == "rdsr")
        rows = connection.execute(select(sent).join(units, units.c.id == sent.c.unit).where(*its)).all()
        there = {row.sop_instance_uid for row in rows if row.state != "recalled"}
        was = (row.sop_instance_uid for row in rows if row.sent_at is not None or row.acknowledged_at is not None)
        return frozenset(was) - there

    def _lost(self, one: StudyObject, study: str) -> Broken:
        """An object that is not opened: it cost a process its life, or is there no more."""
        path = self.spool.path(one.name) if one.on_disk else None
        identity = Identity(one.sop_class_uid or None, one.sop_instance_uid or None, study)
        return Broken(identity, one.why or RETIRED, path)

    def _blame(self, due: Due, there: list[StudyObject], why: str, limit: float) -> None:
        """Which object did a process die of? Each is read by itself; one that does it again has one attempt less."""
        suspects = [one for one in there if one.role == "screen" and one.state == "in_use" and one.on_disk]
        for one in suspects:
            drafts = self.folders.drafts / f"{due.workflow_id}-{one.number}"
            try:
                if len(suspects) > 1:
                    job = reading.ReadJob((self.spool.path(one.name),), (), drafts, salt=self._salt)
                    self._reading.do(reading.read_study, job, limit)
                    continue
            except EngineAway:
                raise
            except EngineError as error:
                why = str(error)
            finally:
                with suppress(OSError):
                    shutil.rmtree(drafts, ignore_errors=True)
            log.warning("object_killed_a_process", object=one.number)
            studies.attempt_failed(self.store, one.number, why, self.config.reading.attempts)

    @cached_property
    def library(self) -> Library:
        """The templates, for what archives are asked by them. TemplateError."""
        return equipment.library(self.config.templates)

    @cached_property
    def _salt(self) -> bytes:
        """Drawn once for this installation, so that digests of patients cannot be compared with another's."""
        with self.store.begin() as connection:
            told = connection.execute(select(site.c.salt)).scalar_one_or_none()
            if told is None:
                from secrets import token_hex

                told = token_hex(32)
                connection.execute(insert(site).values(id=1, salt=told))
        return bytes.fromhex(told)

    def _equipment(self) -> reading.Equipment:
        told = self.config.reading
        rules = SiteRules(
            IdentityRule(told.identity), state_unknown=not told.leave_out_unknown, audit_one_in=told.audit_one_in
        )
        return reading.Equipment(
            self.config.templates, self.folders.letters, self.folders.outbox, frozenset(told.emit), rules
        )
