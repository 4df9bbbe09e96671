"""Every object that was acknowledged, against the disk and against the studies that are read with it.

Knows the rows and files of the inbox; must not know reports.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, literal, or_, select

from ocr_service.config import Config
from ocr_service.errors import OutputError
from ocr_service.work import studies as study_rules
from ocr_service.work.spool import digest_of_data_set
from ocr_service.work.studies import Due
from ocr_service.work.tables import objects, steps, studies, units
from ocr_service.work.tidying import HALF_DONE
from ocr_service.work.workflow_states import on_the_way

STATES: Final = ("kept", "in_use", "context", "dropped", "duplicate", "failed")
_STRIPPED: Final = ("image", "report", "other")  # roles of which only the header stays


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is lost, doubled or not accounted for. row: which, by the numbers and names of the database."""

    row: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the books needs. day: only rows of that day; "" for all. contents: read each file, too."""

    connection: Connection
    config: Config
    now: float
    day: str = ""
    contents: bool = False


def faults(look: Look) -> Iterator[Fault]:
    """Whatever is wrong with objects. StoreError, OutputError."""
    yield from _states(look)
    yield from _files(look)
    yield from _duplicates(look)
    yield from _without_study(look)
    yield from _forgotten_studies(look)
    yield from _not_told(look)


def _of_day(look: Look) -> ColumnElement[bool]:
    return objects.c.day == look.day if look.day else literal(True)


def _states(look: Look) -> Iterator[Fault]:
    """Each row is in one of the columns of the ledger."""
    odd = select(objects.c.id, objects.c.state).where(objects.c.state.not_in(STATES), _of_day(look))
    for number, state in look.connection.execute(odd):
        yield Fault(f"object {number}", f"it is in no column of the ledger: its state is {state!r}")
    gone = select(objects.c.id).where(
        objects.c.on_disk.is_(False), objects.c.state.in_(("kept", "failed")), _of_day(look)
    )
    for (number,) in look.connection.execute(gone):
        yield Fault(f"object {number}", "its file was given up although nobody is done with it")


def _files(look: Look) -> Iterator[Fault]:
    """Each object has its file with all its bytes, and each file of the spool its row."""
    spool = look.config.data / "spool"
    for kind in ("objects", "steps"):
        days = {look.day} if look.day else _days(look, spool / kind, kind)
        for day in sorted(days):
            yield from _files_of_day(look, spool, f"{kind}/{day}/")


def _days(look: Look, folder: Path, kind: str) -> set[str]:
    try:
        found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    except OSError as error:
        raise OutputError(f"the spool cannot be looked through: {error.strerror}") from error
    chosen = select(func.substr(steps.c.name, len("steps/") + 1, 10)).distinct()
    if kind == "objects":
        chosen = select(objects.c.day).where(objects.c.on_disk.is_(True)).distinct()
    return found | set(look.connection.execute(chosen).scalars())


def _files_of_day(look: Look, spool: Path, prefix: str) -> Iterator[Fault]:
    sizes = _sizes(spool / prefix)
    kind, day, _ = prefix.split("/")
    if kind == "steps":
        chosen = select(steps.c.id, steps.c.name).where(steps.c.name.startswith(prefix, autoescape=True))
        for number, name in look.connection.execute(chosen).all():
            if sizes.pop(name.removeprefix(prefix), None) is None:
                yield Fault(f"step {number}", "its file is not in the spool")
    else:
        for row in look.connection.execute(select(objects).where(objects.c.day == day)).all():
            size, _ = sizes.pop(row.name.removeprefix(prefix), (None, 0.0))
            if row.on_disk and (why := _wrong(look, spool, row, size)):
                yield Fault(f"object {row.id}", why)
    for name, (_, modified) in sorted(sizes.items()):
        if name.endswith(".dcm") and look.now - modified > HALF_DONE:
            yield Fault(f"file {prefix}{name}", "it lies in the spool and no row knows it")


def _sizes(folder: Path) -> dict[str, tuple[int, float]]:
    """The files of a folder: bytes, and when they were last written."""
    found = {}
    try:
        if folder.is_dir():
            with os.scandir(folder) as entries:
                for entry in entries:
                    try:
                        stat = entry.stat()
                    except FileNotFoundError:  # it was removed meanwhile
                        continue
                    found[entry.name] = (stat.st_size, stat.st_mtime)
    except OSError as error:
        raise OutputError(f"the spool cannot be looked through: {error.strerror}") from error
    return found


def _wrong(look: Look, spool: Path, row: Row[tuple[object, ...]], size: int | None) -> str:
    """What is wrong with an object's file; "" for nothing."""
    if size is None:
        return "" if row.state in ("dropped", "duplicate") else "its file is not in the spool"
    stripped = not row.pixels or (row.state == "context" and row.role in _STRIPPED and size < row.bytes)
    if stripped or row.state in ("dropped", "duplicate"):
        return "" if size else "its file is empty"
    if size != row.bytes:
        return f"its file has {size} bytes, and {row.bytes} were received"
    if look.contents:
        try:
            found = (spool / row.name).read_bytes()
        except OSError as error:
            return f"its file cannot be read: {error.strerror}"
        known = row.digest in (digest_of_data_set(found), sha256(found).hexdigest())
        return "" if known else "its file has other contents than were received"
    return ""


def _duplicates(look: Look) -> Iterator[Fault]:
    """What came twice is there once."""
    first = objects.alias("first")
    same = and_(first.c.sop_instance_uid == objects.c.sop_instance_uid, first.c.digest == objects.c.digest)
    kept = exists().where(same, first.c.state.not_in(("kept", "duplicate")), first.c.id != objects.c.id)
    alone = select(objects.c.id).where(objects.c.state == "duplicate", ~kept, _of_day(look))
    for (number,) in look.connection.execute(alone):
        yield Fault(f"object {number}", "it was removed as a duplicate, and there is no other one of its contents")
    used = ("in_use", "context")
    # One whose time was over may be sent or fetched again.
    earlier = exists().where(same, first.c.state.in_(used), first.c.on_disk.is_(True), first.c.id < objects.c.id)
    again = select(objects.c.id).where(objects.c.state.in_(used), earlier, _of_day(look))
    for (number,) in look.connection.execute(again):
        yield Fault(f"object {number}", "it is used although the same object is used already")


def _without_study(look: Look) -> Iterator[Fault]:
    """Each dose screen belongs to a study that has a unit, or will be read."""
    has_row = exists().where(studies.c.study == objects.c.study)
    rows = select(objects.c.id).where(objects.c.state == "in_use", ~has_row, _of_day(look))
    for (number,) in look.connection.execute(rows):
        yield Fault(f"object {number}", "it is in use, and its study is not known")
    has_unit = exists().where(units.c.study == objects.c.study)
    rows = (
        select(objects.c.id)
        .join(studies, studies.c.study == objects.c.study)
        .where(
            objects.c.state == "in_use",
            studies.c.state.in_(("read", "failed")),
            studies.c.due_at.is_(None),
            ~has_unit,
            _of_day(look),
        )
    )
    for (number,) in look.connection.execute(rows):
        yield Fault(f"object {number}", "it is in use, its study was read, and there is no unit of it")


def _forgotten_studies(look: Look) -> Iterator[Fault]:
    """A study that was never read to its end is due, or is being read."""
    image = and_(objects.c.state == "context", objects.c.role == "image")
    uses = exists().where(objects.c.study == studies.c.study, or_(objects.c.state == "in_use", image), _of_day(look))
    rows = look.connection.execute(
        select(studies.c.study, studies.c.cause).where(
            studies.c.state.not_in(("read", "failed")), studies.c.due_at.is_(None), uses
        )
    ).all()
    names = {row.study: workflow_of(look, row.study, row.cause) for row in rows}
    alive = on_the_way(look.config, names.values())
    for study, name in names.items():
        if name not in alive:
            yield Fault(
                f"study {study}", "it has objects that state dose, was not read, is not due, and nobody reads it"
            )


def workflow_of(look: Look, study: str, cause: str) -> str:
    """The name of the reading that a study was last due for."""
    return Due(study, study_rules.digest_of(look.connection, study), cause).workflow_id


def _not_told(look: Look) -> Iterator[Fault]:
    """Each dose screen of a study that was read is told of in a unit's report, unless its time is over."""
    rows = look.connection.execute(
        select(objects.c.id, objects.c.study, objects.c.sop_instance_uid)
        .join(studies, studies.c.study == objects.c.study)
        .where(
            objects.c.state == "in_use",
            objects.c.on_disk.is_(True),
            studies.c.state == "read",
            studies.c.due_at.is_(None),
            exists().where(units.c.study == objects.c.study),
            _of_day(look),
        )
        .order_by(objects.c.study)
    ).all()
    study, told = "", frozenset[str]()
    for row in rows:
        if row.study != study:
            study, told = row.study, _told_of(look.connection, row.study)
        if row.sop_instance_uid not in told:
            yield Fault(f"object {row.id}", "it is in use, its study was read, and no unit's report tells of it")


def _told_of(connection: Connection, study: str) -> frozenset[str]:
    reports = connection.execute(select(units.c.report).where(units.c.study == study)).scalars()
    return frozenset(uid for report in reports for uid in json.loads(report)["sop_instance_uids"])
