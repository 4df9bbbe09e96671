"""The durable workflows: a study kept -> read -> proven -> recorded, and a document on its way to one destination.

DBOS keeps the queues, the attempts and what was done; the meaning of each step is `worker.py`'s. A workflow's name
says what it is about, so that what is asked for twice is one workflow.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

import structlog
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy import select, update

from ocr_service.errors import NotBegun, OcrServiceError, OutputError, StoreError
from ocr_service.work import archives, deliveries, delivering, studies
from ocr_service.work.store import workflow_url
from ocr_service.work.studies import Due
from ocr_service.work.tables import workers
from ocr_service.work.worker import Worker

STUDIES: Final = "studies"
DELIVERIES: Final = "deliveries"
AGAIN: Final = "again"  # the topic of a person's wish to try again now
DONE, FAULT, LATER = "done", "fault", "later"
PATIENCE: Final = timedelta(seconds=15)  # between two tries where the disk or the database is in trouble
DEAD_AFTER: Final = timedelta(minutes=1)

log = structlog.get_logger()
_here: Worker | None = None


def _worker() -> Worker:
    assert _here is not None
    return _here


@DBOS.workflow(name="study", max_recovery_attempts=None)
def study(study_instance_uid: str, digest: str, cause: str) -> str:
    """Read a study and record what came of it.

    A fault of its objects costs an attempt; a full disk or a lost database costs time, however long it lasts.
    """
    ask_archives(study_instance_uid)
    while True:
        ended, why = read_and_record(study_instance_uid, digest, cause)
        if ended == DONE:
            return why
        if ended == FAULT:
            give_up(study_instance_uid, digest, cause, why)
            return "failed"
        DBOS.sleep(PATIENCE.total_seconds())


@DBOS.step(name="ask_archives")
def ask_archives(study_instance_uid: str) -> int:
    """Bring what the archives have of the study beside its dose screens; how many objects."""
    return archives.ask(_worker(), study_instance_uid)


@DBOS.step(name="read_and_record")
def read_and_record(study_instance_uid: str, digest: str, cause: str) -> tuple[str, str]:
    """Done again from its beginning where it dies; how it ended, and what came of it or why nothing did."""
    due = Due(study_instance_uid, digest, cause)
    attempts = _worker().config.reading.attempts
    why = ""
    for _ in range(attempts + 1):  # the last one without the object that cost all others
        try:
            return DONE, _worker().read_and_record(due)
        except (StoreError, OutputError, NotBegun) as error:
            log.warning("reading_waits", study=due.workflow_id, why=str(error))
            return LATER, str(error)
        except OcrServiceError as error:
            why = str(error)
            if not error.can_retry:
                break
    return FAULT, why


@DBOS.step(name="give_up", retries_allowed=True, max_attempts=1000, interval_seconds=1.0, backoff_rate=1.5)
def give_up(study_instance_uid: str, digest: str, cause: str, why: str) -> None:
    """The study is *failed*."""
    _worker().give_up(Due(study_instance_uid, digest, cause), why)


@DBOS.workflow(name="delivery", max_recovery_attempts=None)
def delivery(number: int) -> str:
    """Bring a document to its destination, for days where it has to be. It is the only one of its lane meanwhile."""
    while True:
        state, seconds = try_to_deliver(number)
        if seconds is None:
            return state
        DBOS.recv(AGAIN, timeout_seconds=seconds)


@DBOS.step(name="try_to_deliver")
def try_to_deliver(number: int) -> tuple[str, float | None]:
    """Try once: how it stands, and after how many seconds to try again."""
    try:
        return delivering.try_once(_worker(), number)
    except (StoreError, OutputError) as error:
        log.warning("delivery_waits", delivery=number, why=str(error))
        return LATER, PATIENCE.total_seconds()


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
    DBOS(config=told)
    DBOS.launch()
    DBOS.register_queue(STUDIES, worker_concurrency=2, polling_interval_sec=0.1)
    DBOS.register_queue(DELIVERIES, partition_concurrency=1, polling_interval_sec=0.2)


def stop() -> None:
    """Let running steps end, and no others begin."""
    DBOS.destroy(workflow_completion_timeout_sec=20)


def start_study(due: Due) -> None:
    """Put a study into the queue; one of the same name is there already."""
    with SetWorkflowID(due.workflow_id):
        DBOS.enqueue_workflow(STUDIES, study, due.study, due.digest, due.cause)


def start_delivery(number: int, lane: str, turn: int) -> None:
    """Put a document into its lane."""
    with SetWorkflowID(delivery_id(number, turn)), SetEnqueueOptions(queue_partition_key=lane):
        DBOS.enqueue_workflow(DELIVERIES, delivery, number)


def delivery_id(number: int, turn: int) -> str:
    """The name of a document's way to a destination; turn: of how often a person asked for it anew."""
    return f"delivery-{number}-{turn}"


def turn(worker: Worker) -> int:
    """One look at what is to be done: what arrived, what is due, what waits in the outbox; how much there was."""
    done = worker.sort_out()
    done += studies.start_due(worker.store, time.time(), start_study)
    done += deliveries.start_waiting(worker.store, start_delivery)
    deliveries.woken(worker.store, lambda number, its: DBOS.send(delivery_id(number, its), "now", AGAIN))
    return done


def beat(worker: Worker) -> None:
    """Say that this worker lives, and take over what dead ones had begun."""
    now = time.time()
    with worker.store.begin() as connection:
        found = connection.execute(update(workers).where(workers.c.executor == worker.name).values(beat_at=now))
        if not found.rowcount:
            connection.execute(workers.insert().values(executor=worker.name, beat_at=now))
        late = workers.c.beat_at < now - DEAD_AFTER.total_seconds()
        dead = list(connection.execute(select(workers.c.executor).where(late)).scalars())
    for executor in dead:
        _adopt(worker, executor)


def _adopt(worker: Worker, executor: str) -> None:
    """Let the workflows of a dead worker go on elsewhere."""
    left = DBOS.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
    for one in left:
        DBOS.resume_workflow(one.workflow_id)
    with worker.store.begin() as connection:
        connection.execute(workers.delete().where(workers.c.executor == executor))
    log.warning("worker_replaced", executor=executor, workflows=len(left))
