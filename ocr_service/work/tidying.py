"""What is not needed any more: pixels of images, objects whose time is over; and files that nobody knows.

Knows ages and rows. Nothing goes before its unit's reports were acknowledged (see `retention.py` for those that nobody
was to have), and nothing in review or failed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy import Connection, delete, exists, or_, select, update

from ocr_service.errors import EngineError, OutputError
from ocr_service.work.inventory import Role
from ocr_service.work.retention import AT_REST, nobody_has_it
from ocr_service.work.tables import deliveries, objects, step_studies, steps, studies, units
from ocr_service.work.worker import Worker

WHOLE = ".dcm"  # the spool's files under their final names
_ROUNDS = 10
_SOME = 200  # rows a turn
HALF_DONE = 3600.0  # seconds after which a file that no row knows was left by a process that died
_WITH_PIXELS = (Role.SCREEN.value, Role.COMPANION.value)
_NEVER_READ = studies.c.cause == ""  # nothing in it can tell a dose

log = structlog.get_logger()


def tidy(worker: Worker, *, search: bool = True) -> None:
    """One round of everything, what frees space first. search: look through the whole spool. StoreError."""
    now = time.time()
    removed = _while_full(lambda: _remove_dropped(worker)) + _while_full(lambda: _retire(worker, now))
    removed += _retire_steps(worker, now)
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
            .where(
                objects.c.state == "context",
                objects.c.role.not_in(_WITH_PIXELS),
                objects.c.pixels.is_(True),
                objects.c.on_disk.is_(True),
                or_(studies.c.state == "read", _NEVER_READ),
                studies.c.due_at.is_(None),
            )
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
        rows = connection.execute(
            select(objects.c.id, objects.c.name)
            .where(objects.c.state.in_(("dropped", "duplicate")), objects.c.on_disk.is_(True))
            .limit(_SOME)
        ).all()
    with worker.store.begin() as connection:
        _say_removed(connection, [number for number, _ in rows])
    return _removed(worker, [name for _, name in rows])


def _retire(worker: Worker, now: float) -> int:
    """Objects of units whose reports were acknowledged long ago, and of studies without any unit."""
    before = now - worker.config.keeping.retention.total_seconds()
    unsettled = exists().where(
        units.c.study == studies.c.study,
        or_(
            units.c.outcome.not_in(AT_REST),
            units.c.held != "",
            units.c.read_at > before,
            nobody_has_it(worker.config.keeping),
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
    with worker.store.begin() as connection:  # one transaction: nothing of these studies arrives meanwhile
        rows = connection.execute(
            select(objects.c.id, objects.c.name)
            .join(studies, studies.c.study == objects.c.study)
            .where(
                objects.c.on_disk.is_(True),
                objects.c.state.in_(("in_use", "context")),
                studies.c.last_arrival < before,
                or_(studies.c.state == "read", _NEVER_READ),
                studies.c.due_at.is_(None),
                ~unsettled,
                ~on_the_way,
            )
            .limit(_SOME)
            .with_for_update(of=studies, skip_locked=True)
        ).all()
        _say_removed(connection, [number for number, _ in rows])
    return _removed(worker, [name for _, name in rows])


def _retire_steps(worker: Worker, now: float) -> int:
    """Requests of procedure steps whose time is over, and none of whose studies has an object left."""
    before = now - worker.config.keeping.retention.total_seconds()
    needed = exists().where(
        step_studies.c.sop_instance_uid == steps.c.sop_instance_uid,
        objects.c.study == step_studies.c.study,
        objects.c.on_disk.is_(True),
    )
    with worker.store.begin() as connection:
        old = select(steps.c.id, steps.c.name).where(steps.c.received_at < before, ~needed).limit(_SOME)
        rows = connection.execute(old).all()
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
