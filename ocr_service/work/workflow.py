"""The durable workflows: a study kept -> read -> proven -> recorded, and a document on its way to one destination.

DBOS keeps the queues, the attempts and what was done; the meaning of each step is `worker.py`'s. A workflow's name
says what it is about, so that what is asked for twice is one workflow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final

import structlog
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import select, update

from ocr_service.errors import EngineAway, OcrServiceError, OutputError, StoreError
from ocr_service.work import archives, deliveries, delivering, studies
from ocr_service.work.deliveries import Batch
from ocr_service.work.store import prepare_workflows, workflow_url
from ocr_service.work.studies import Due
from ocr_service.work.tables import workers
from ocr_service.work.unit import fault_in_words
from ocr_service.work.worker import Worker

STUDIES: Final = "studies"
DELIVERIES: Final = "deliveries"
AGAIN: Final = "again"  # the topic of a person's wish to try again now
DONE, FAULT, LATER = "done", "fault", "later"
PATIENCE: Final = timedelta(seconds=15)  # between two tries where the disk or the database is in trouble
DEAD_AFTER: Final = timedelta(minutes=1)

log = structlog.get_logger()
_here: Worker | None = None
_heard: dict[str, tuple[float, float]] = {}  # other workers' last beats
_under_way: set[str] = set()  # workflows that this process carries out now
_idle: set[str] = set()  # those that it had begun, and did not carry out at the last look
_broken = Event()  # one of them ended by a fault since the last look


def _worker() -> Worker:
    assert _here is not None
    return _here


@contextmanager
def _carried_out() -> Iterator[None]:
    name = DBOS.workflow_id
    assert name is not None
    _under_way.add(name)
    try:
        yield
    except Exception:
        _broken.set()
        raise
    finally:
        _under_way.discard(name)


@DBOS.workflow(name="study", max_recovery_attempts=None)
@_carried_out()
def study(study_instance_uid: str, digest: str, cause: str) -> str:
    """Read a study and record what came of it.

    A fault of its objects costs an attempt; a full disk or a lost database costs time, however long it lasts.
    """
    ask_archives(study_instance_uid)
    while True:
        ended, why = read_and_record(study_instance_uid, digest, cause)
        if ended == FAULT:
            ended, why = give_up(study_instance_uid, digest, cause, why), "failed"
        if ended == DONE:
            return why
        DBOS.sleep(PATIENCE.total_seconds())


@DBOS.step(name="ask_archives")
def ask_archives(study_instance_uid: str) -> int:
    """Bring what the archives have of the study beside its dose screens; how many objects.

    Whatever goes wrong there, the study is read without.
    """
    try:
        return archives.ask(_worker(), study_instance_uid)
    except OcrServiceError as error:
        log.warning("archives_not_asked", why=str(error))
    except Exception as error:  # noqa: BLE001 (the job boundary: an archive's odd answer never stops a study)
        log.error("archives_not_asked", why=fault_in_words(error))
    return 0


@DBOS.step(name="read_and_record")
def read_and_record(study_instance_uid: str, digest: str, cause: str) -> tuple[str, str]:
    """Done again from its beginning where it dies; how it ended, and what came of it or why nothing did."""
    due = Due(study_instance_uid, digest, cause)
    attempts = _worker().config.reading.attempts
    why = ""
    for _ in range(attempts + 1):  # the last one without the object that cost all others
        try:
            return DONE, _worker().read_and_record(due)
        except (StoreError, OutputError, EngineAway) as error:
            log.warning("study_waits", study=due.workflow_id, why=str(error))
            return LATER, str(error)
        except OcrServiceError as error:
            why = str(error)
            if not error.can_retry:
                break
        except Exception as error:  # noqa: BLE001 (the job boundary: one study never stops the others)
            return FAULT, fault_in_words(error)
    return FAULT, why


@DBOS.step(name="give_up")
def give_up(study_instance_uid: str, digest: str, cause: str, why: str) -> str:
    """The study is *failed*; LATER where not even that can be recorded now."""
    try:
        _worker().give_up(Due(study_instance_uid, digest, cause), why)
    except (StoreError, OutputError) as error:
        log.warning("failure_not_recorded", why=str(error))
        return LATER
    return DONE


@DBOS.workflow(name="delivery", max_recovery_attempts=None)
@_carried_out()
def delivery(lane: str, numbers: list[int]) -> int:
    """Bring documents to a destination, for days where it has to be; how many rounds that took.

    It is the only one of its lane meanwhile: a destination that is away is asked by one, not by all that wait for it.
    """
    rounds = 0
    while numbers:
        numbers, seconds = try_to_deliver(lane, numbers)
        rounds += 1
        if numbers:
            DBOS.recv(AGAIN, timeout_seconds=seconds)
    return rounds


@DBOS.step(name="try_to_deliver")
def try_to_deliver(lane: str, numbers: list[int]) -> tuple[list[int], float]:
    """One round: which of them still wait, and for how many seconds."""
    try:
        return delivering.try_round(_worker(), lane, numbers)
    except (StoreError, OutputError) as error:
        log.warning("deliveries_wait", destination=lane, why=str(error))
        return numbers, PATIENCE.total_seconds()


def launch(worker: Worker) -> None:
    """Begin to carry out workflows in this process, those first that it had begun before it died."""
    global _here  # noqa: PLW0603 (DBOS's workflows are functions of a module, and a process has one worker)
    _here = worker
    told: DBOSConfig = {
        "name": "ocr-service",
        "system_database_url": workflow_url(worker.config),
        "executor_id": worker.name,
        "application_version": "1",  # a newer program goes on with what an older one began
        "log_level": "ERROR",
        "console_log_level": "ERROR",
        "enable_otlp": False,
    }
    prepare_workflows(worker.config)
    DBOS(config=told)
    DBOS.launch()
    DBOS.register_queue(STUDIES, worker_concurrency=4, polling_interval_sec=0.1)
    DBOS.register_queue(DELIVERIES, partition_concurrency=1, polling_interval_sec=0.2)


def stop() -> None:
    """Let running steps end, and no others begin.

    A document that waits for its destination's next try is running too, so this is not waited for long; what is
    broken off begins anew at the next start.
    """
    DBOS.destroy(workflow_completion_timeout_sec=5)


def start_study(due: Due) -> None:
    """Put a study into the queue; one of the same name is there already."""
    with SetWorkflowID(due.workflow_id):
        DBOS.enqueue_workflow(STUDIES, study, due.study, due.digest, due.cause)


def start_delivery(batch: Batch) -> None:
    """Put documents into their lane; a batch of the same name is there already."""
    with SetWorkflowID(batch.workflow_id), SetEnqueueOptions(queue_partition_key=batch.lane):
        DBOS.enqueue_workflow(DELIVERIES, delivery, batch.lane, list(batch.numbers))


def states(names: Sequence[str]) -> dict[str, str]:
    """How workflows stand, by name; those that DBOS does not know are not in it."""
    found = DBOS.list_workflows(workflow_ids=list(names), load_input=False, load_output=False)
    return {one.workflow_id: one.status for one in found}


def turn(worker: Worker) -> int:
    """One look at what is to be done: what arrived, what is due, what waits in the outbox; how much there was."""
    done = worker.sort_out()
    done += studies.start_due(worker.store, time.time(), start_study)
    done += deliveries.start_waiting(worker.store, start_delivery, time.time())
    deliveries.woken(worker.store, lambda workflow_id: DBOS.send(workflow_id, "now", AGAIN))
    return done


def forget(worker: Worker) -> int:
    """Forget workflows that ended before the retention; how many."""
    before = datetime.now(UTC) - worker.config.keeping.retention
    over = DBOS.list_workflows(
        status=["SUCCESS", "ERROR", "CANCELLED"],
        completed_before=before.isoformat(),
        limit=500,
        load_input=False,
        load_output=False,
    )
    DBOS.delete_workflows([one.workflow_id for one in over])
    return len(over)


def revive(worker: Worker) -> bool:
    """Let go on what this process had begun and carries out no more; did one of its workflows break since?

    A full disk is no fault that DBOS's own database waits out: the thread ends, and the workflow's row stays as if
    somebody worked on it. One look does not tell such a row from one whose thread begins or ends just now; two do.
    """
    left = DBOS.list_workflows(status="PENDING", executor_id=worker.name, load_input=False, load_output=False)
    idle = {one.workflow_id: one.queue_name for one in left if one.workflow_id not in _under_way}
    for name in _idle.intersection(idle):
        DBOS.resume_workflow(name, queue_name=idle.pop(name))
        log.warning("workflow_revived", workflow=name)
    _idle.clear()
    _idle.update(idle)
    broken = _broken.is_set()
    _broken.clear()
    return broken


def beat(worker: Worker) -> None:
    """Say that this worker lives, and take over what dead ones had begun."""
    now = time.time()
    with worker.store.begin() as connection:
        found = connection.execute(update(workers).where(workers.c.executor == worker.name).values(beat_at=now))
        if not found.rowcount:
            connection.execute(workers.insert().values(executor=worker.name, beat_at=now))
        others = connection.execute(select(workers).where(workers.c.executor != worker.name)).all()
    for executor in silent({row.executor: row.beat_at for row in others}, _heard, time.monotonic()):
        _adopt(worker, executor)


def silent(beats: Mapping[str, float], heard: dict[str, tuple[float, float]], now: float) -> list[str]:
    """Workers whose last beat has been the same one for so long that they are dead, whatever their clocks say.

    beats: the last one of each. heard: those, and since when by this process's own clock (`now`); it is kept up here.
    """
    for executor, beat_at in beats.items():
        if heard.get(executor, (None,))[0] != beat_at:
            heard[executor] = (beat_at, now)
    return [one for one in beats if now - heard[one][1] >= DEAD_AFTER.total_seconds()]


def _adopt(worker: Worker, executor: str) -> None:
    """Let the workflows of a dead worker go on elsewhere."""
    left = DBOS.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
    for one in left:
        DBOS.resume_workflow(one.workflow_id, queue_name=one.queue_name)  # its own, whose lanes are kept to one each
    with worker.store.begin() as connection:
        connection.execute(workers.delete().where(workers.c.executor == executor))
    log.warning("worker_replaced", executor=executor, workflows=len(left))
