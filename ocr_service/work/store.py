"""The database: SQLite in the data folder, or PostgreSQL. Opens it, brings it up to date, and begins transactions.

Knows SQLAlchemy and the two databases; must not know what is kept in the tables. A database that is away is a
StoreError, which trying again can mend; nothing here waits for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from ocr_service.config import Config
from ocr_service.errors import StoreError
from ocr_service.work.tables import VERSION, metadata, schema_version

_PREPARING = 0x6F6372  # names our lock among all of a PostgreSQL: while one makes the tables, others wait
SQLITE = "ocr-service.sqlite"
BUSY_SECONDS = 30  # how long SQLite waits for another process's transaction


def database_url(config: Config) -> str:
    """Where the records are: the configured PostgreSQL, else a file in the data folder."""
    told = config.database.get_secret_value()
    if not told:
        return f"sqlite:///{config.data / SQLITE}"
    return make_url(told).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def workflow_url(config: Config) -> str:
    """Where DBOS keeps its workflows: the same PostgreSQL, else a file beside ours."""
    if not config.database.get_secret_value():
        return f"sqlite:///{config.data / 'workflows.sqlite'}"
    return database_url(config)


def prepare_workflows(config: Config) -> None:
    """Let DBOS's SQLite file keep a write-ahead log too: a write costs one sync, and no reader waits. StoreError.

    The file remembers it. Without it each of the ten writes of a unit is three syncs, and locks everyone out.
    """
    url = workflow_url(config)
    if not url.startswith("sqlite"):
        return
    try:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        raise StoreError(f"the database of the workflows cannot be opened: {error}") from error


class Store:
    """Transactions on the service's tables. Made once a process; used from many threads."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = _engine(url)
        # SQLite has one writer, and those that wait for it sleep, up to 100 ms a time: threads wait here instead.
        self._writers: AbstractContextManager[object] = Lock() if url.startswith("sqlite") else nullcontext()

    def prepare(self) -> None:
        """Make the tables, or see that they are of this version. StoreError."""
        with self.begin() as connection:
            if connection.dialect.name == "postgresql":  # machines may start at once; SQLite's writers wait anyway
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_PREPARING})")
            if not inspect(connection).has_table(schema_version.name):
                metadata.create_all(connection)
                connection.execute(insert(schema_version).values(version=VERSION))
                return
            found = connection.execute(select(schema_version.c.version)).scalar_one()
        if found != VERSION:
            raise StoreError(
                f"the database has tables of version {found}, this program knows version {VERSION}: "
                "see the upgrade notes in docs/operation.md"
            )

    @contextmanager
    def begin(self, *, reading: bool = False) -> Iterator[Connection]:
        """One transaction, committed where the block ends well. StoreError where the database is away.

        reading: nothing is written in it, so that it keeps no writer waiting.
        """
        try:
            with nullcontext() if reading else self._writers, self.engine.connect() as connection:
                connection = connection.execution_options(ocr_reading=reading)
                with connection.begin():
                    yield connection
        except IntegrityError as error:
            raise StoreError("another process recorded the same thing at the same time") from error
        except DBAPIError as error:
            raise StoreError(f"the database does not answer: {_cause(error)}") from error
        except SQLAlchemyError as error:
            raise StoreError(f"the database cannot be used: {type(error).__name__}") from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def open_store(config: Config, *, make: bool = True) -> Store:
    """The store of a configuration, ready for use. StoreError.

    make: False for a question, which makes nothing: a file that its asker owns would stop the service.
    """
    if not config.database.get_secret_value():
        if not make and not (config.data / SQLITE).is_file():
            raise StoreError(f"there is no database in {config.data}: the service was not started with it yet")
        _make_folder(config.data)
    store = Store(database_url(config))
    store.prepare()
    return store


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from error


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url, pool_size=5, max_overflow=20, pool_pre_ping=True, connect_args={"connect_timeout": 10}
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _durable(connection, _record) -> None:  # type: ignore[no-untyped-def]  # sqlite3's own connection
        connection.isolation_level = None  # SQLAlchemy's `begin` below is the only one
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # a commit is on the disk before it is answered
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _write_at_once(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail where another one wrote between.
        reading = connection.get_execution_options().get("ocr_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _cause(error: DBAPIError) -> str:
    """The kind of a fault, and of one of the connection the first line too: others may quote a value."""
    kind = type(error.orig).__name__
    if isinstance(error, OperationalError) and error.statement is None:
        return f"{kind}: {str(error.orig).splitlines()[0]}" if str(error.orig) else kind
    return kind
