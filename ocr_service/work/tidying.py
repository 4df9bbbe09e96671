"""What is not needed any more: pixels of images, objects whose time is over; and files that nobody knows.

Knows ages and rows. Nothing goes before its unit's reports were acknowledged (see `retention.py` for those that nobody
was to have), and nothing in review or failed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select, update

from ocr_service.config import Keeping
from ocr_service.errors import EngineError, OutputError
from ocr_service.work.retention import AT_REST, nobody_has_it
from ocr_service.work.tables import (
    ON_DISK,
    STRIPPABLE,
    USELESS,
    deliveries,
    objects,
    step_studies,
    steps,
    studies,
    units,
)
from ocr_service.work.worker import Worker

WHOLE = ".dcm"  # the spool's files under their final names
_ROUNDS = 10
_SOME = 200  # rows a turn
_LOOK = 5000  # rows that one round of a walk looks at
HALF_DONE = 3600.0  # seconds after which a file that no row knows was left by a process that died
_NEVER_READ = studies.c.cause == ""  # nothing in it can tell a dose

log = structlog.get_logger()


@dataclass(slots=True)
class Walk:
    """How far a worker has gone through objects and procedure steps, by their numbers: each round looks at some.

    A look at all would take seconds where there are many; each comes around again, for nothing here is urgent.
    """

    objects: int = 0
    steps: int = 0


def tidy(worker: Worker, *, search: bool = True, walk: Walk | None = None) -> None:
    """One round of everything, what frees space first. search: look through the whole spool. StoreError."""
    now = time.time()
    walk = walk or Walk()
    removed = _while_full(lambda: _remove_dropped(worker))
    for _ in range(_ROUNDS):
        removed += _retire(worker, now, walk)
        if not walk.objects:
            break
    removed += _retire_steps(worker, now, walk)
    unknown = _take_in_unknown(worker, now) if search else 0
    _forget_drafts(worker, now)
    dropped = _while_full(lambda: _drop_pixels(worker))
    if dropped or removed or unknown:
        log.info("tidied", pixels_dropped=dropped, objects_removed=removed, unknown_taken_in=unknown)


def _while_full(round_of: Callable[[], int]) -> int:
    """Again and again while there is more than one round's worth, but not for ever: a worker has other work, too."""
    count = 0
    for _ in range(_ROUNDS):
        done = round_of()
        count += done
        if done < _SOME:
            break
    return count


def _drop_pixels(worker: Worker) -> int:
    """Of objects that are neither dose screens nor companions only the headers stay, once their study is read."""
    if worker.config.keeping.pixels:
        return 0
    with worker.store.begin(reading=True) as connection:
        rows = connection.execute(
            select(objects.c.id, objects.c.name)
            .join(studies, studies.c.study == objects.c.study)
            .where(STRIPPABLE, or_(studies.c.state == "read", _NEVER_READ), studies.c.due_at.is_(None))
            .limit(_SOME)
        ).all()
    done = []
    for number, name in rows:
        try:
            worker.strip(worker.spool.path(name))
        except EngineError:
            log.warning("pixels_stay", object=number)
        except OutputError as error:  # a full disk, mostly: later
            log.warning("pixels_stay", object=number, why=str(error))
            continue
        done.append(number)
    if done:
        with worker.store.begin() as connection:
            connection.execute(update(objects).where(objects.c.id.in_(done)).values(pixels=False))
    return len(done)


def _remove_dropped(worker: Worker) -> int:
    """Files of objects that were dropped or came twice, where the process died before it removed them."""
    with worker.store.begin(reading=True) as connection:
        rows = connection.execute(select(objects.c.id, objects.c.name).where(USELESS).limit(_SOME)).all()
    if not rows:
        return 0
    with worker.store.begin() as connection:
        _say_removed(connection, [number for number, _ in rows])
    return _removed(worker, [name for _, name in rows])


def _retire(worker: Worker, now: float, walk: Walk) -> int:
    """Of the next objects, those of units whose reports were acknowledged long ago, and of studies without any unit."""
    next_ones = select(objects.c.id, objects.c.study).where(ON_DISK, objects.c.id > walk.objects)
    with worker.store.begin(reading=True) as connection:
        there = connection.execute(next_ones.order_by(objects.c.id).limit(_LOOK)).all()
        of = sorted({row.study for row in there})
        over = select(studies.c.study).where(studies.c.study.in_(of), *_is_over(worker.config.keeping, now))
        of = list(connection.execute(over).scalars())
    last = there[-1].id if there else 0
    first, walk.objects = walk.objects, last if len(there) == _LOOK else 0
    if not of:
        return 0
    with worker.store.begin() as connection:  # one transaction: nothing of these studies arrives meanwhile
        over = select(studies.c.study).where(studies.c.study.in_(of), *_is_over(worker.config.keeping, now))
        of = list(connection.execute(over.with_for_update(skip_locked=True)).scalars())
        rows = connection.execute(
            select(objects.c.id, objects.c.name).where(
                ON_DISK,
                objects.c.id > first,
                objects.c.id <= last,
                objects.c.study.in_(of),
                objects.c.state.in_(("in_use", "context")),
            )
        ).all()
        _say_removed(connection, [number for number, _ in rows])
    return _removed(worker, [name for _, name in rows])


def _is_over(keeping: Keeping, now: float) -> tuple[ColumnElement[bool], ...]:
    """Of a study: nothing is to be done with it, and its `retention` has passed. now: seconds since 1970."""
    before = now - keeping.retention.total_seconds()
    unsettled = exists().where(
        units.c.study == studies.c.study,
        or_(
            units.c.outcome.not_in(AT_REST),
            units.c.held != "",
            units.c.read_at > before,
            nobody_has_it(keeping),
        ),
    )
    on_the_way = exists().where(
        deliveries.c.unit == units.c.id,
        units.c.study == studies.c.study,
        or_(
            deliveries.c.state.not_in(("acknowledged", "recalled")),
            deliveries.c.acknowledged_at > before,
        ),
    )
    return (
        studies.c.last_arrival < before,
        or_(studies.c.state == "read", _NEVER_READ),
        studies.c.due_at.is_(None),
        ~unsettled,
        ~on_the_way,
    )


def _retire_steps(worker: Worker, now: float, walk: Walk) -> int:
    """Of the next requests of steps, those whose time is over and none of whose studies has an object left."""
    before = now - worker.config.keeping.retention.total_seconds()
    needed = exists().where(
        step_studies.c.sop_instance_uid == steps.c.sop_instance_uid,
        objects.c.study == step_studies.c.study,
        objects.c.on_disk.is_(True),
    )
    next_ones = select(steps.c.id).where(steps.c.id > walk.steps).order_by(steps.c.id).limit(_LOOK)
    with worker.store.begin(reading=True) as connection:
        there = list(connection.execute(next_ones).scalars())
        first, last = walk.steps, there[-1] if there else 0
        old = select(steps.c.id, steps.c.name).where(
            steps.c.id > first, steps.c.id <= last, steps.c.received_at < before, ~needed
        )
        rows = connection.execute(old).all()
    walk.steps = last if len(there) == _LOOK else 0
    if rows:
        with worker.store.begin() as connection:
            rows = connection.execute(old).all()  # one of their studies may have come back meanwhile
            connection.execute(delete(steps).where(steps.c.id.in_([row.id for row in rows])))
    return _removed(worker, [row.name for row in rows])


def _say_removed(connection: Connection, numbers: list[int]) -> None:
    """The row says so first: a file that is left over is found again, a row without its file would be a loss."""
    connection.execute(update(objects).where(objects.c.id.in_(numbers)).values(on_disk=False))


def _removed(worker: Worker, names: list[str]) -> int:
    """Remove files; one that cannot be removed stops no other."""
    for name in names:
        try:
            worker.spool.remove(name)
        except OutputError as error:
            log.warning("file_stays", why=str(error))
    return len(names)


def _take_in_unknown(worker: Worker, now: float) -> int:
    """Files that no row knows: of a process that died, or of a database that an older backup took the place of.

    Whole ones are taken in as if they had just arrived; what was never given its name is removed.
    """
    old = [path for path in _files(worker.spool.folder) if _age(path, now) > HALF_DONE]
    names = [path.relative_to(worker.spool.folder).as_posix() for path in old]
    _removed(worker, [name for name in names if not name.endswith(WHOLE)])
    count = 0
    whole = [name for name in names if name.endswith(WHOLE)]
    for start in range(0, len(whole), _SOME):
        some = whole[start : start + _SOME]
        with worker.store.begin(reading=True) as connection:
            rows = connection.execute(select(objects.c.name, objects.c.on_disk).where(objects.c.name.in_(some))).all()
            requests = connection.execute(select(steps.c.name).where(steps.c.name.in_(some))).scalars().all()
        known = {row.name: row.on_disk for row in rows} | dict.fromkeys(requests, True)
        _removed(worker, [name for name, there in known.items() if not there])  # it could not be removed before
        for name in some:
            if name not in known:
                count += _taken_in(worker, name)
    return count


def _taken_in(worker: Worker, name: str) -> bool:
    """One file that cannot be read stops no other."""
    try:
        worker.inbox.take_in(name)
    except OutputError as error:
        log.warning("file_not_taken_in", why=str(error))
        return False
    return True


def _forget_drafts(worker: Worker, now: float) -> None:
    for folder in worker.folders.drafts.glob("*"):
        if _age(folder, now) > HALF_DONE:
            shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0
