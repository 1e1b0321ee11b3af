"""The database: an engine that is opened when first used, survives fork, and says in plain words what is wrong."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import make_url

from crm_comm_hookspecs import Busy, CommError, StorageUnavailable

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY")


class Database:
    """Transactions on one database.

    url: SQLAlchemy URL of SQLite or PostgreSQL. busy_timeout: seconds to wait for a lock. on_open: called once before
    first use in each process, with this object (checks or makes the schema).
    """

    def __init__(
        self, url: str, busy_timeout: float = 10.0, on_open: Callable[["Database"], None] | None = None
    ) -> None:
        self.url = url
        self.busy_timeout = busy_timeout
        self._on_open = on_open
        self._engine: Engine | None = None
        self._pid = 0
        self._lock = threading.RLock()
        self._opening = False

    @property
    def is_sqlite(self) -> bool:
        """True for SQLite, False for PostgreSQL."""
        return make_url(self.url).get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent view."""
        with self._connected(immediate=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; on SQLite it holds the write lock from its start (BEGIN IMMEDIATE)."""
        with self._connected(immediate=True) as connection:
            yield connection

    @contextmanager
    def _connected(self, immediate: bool) -> Iterator[Connection]:
        try:
            with self.engine().connect() as connection:
                connection.info["immediate"] = immediate
                with connection.begin():
                    yield connection
        except exc.DBAPIError as error:
            raise explained(error, self.is_sqlite) from error
        except exc.ArgumentError as error:
            raise StorageUnavailable(
                "The database URL cannot be read.", hint="Write it as sqlite:///crm.db or postgresql://..."
            ) from error

    def engine(self) -> Engine:
        """The engine of this process; the schema was checked before it is handed out."""
        if self._pid != os.getpid():
            self._lock = threading.RLock()  # a lock held by another thread at fork would never be released here
            self._engine, self._pid = None, os.getpid()  # the parent's sockets are not ours to close
        with self._lock:
            if self._engine is None:
                self._engine = self._made()
            if self._on_open is not None and not self._opening:
                self._opening = True
                try:
                    self._on_open(self)
                    self._on_open = None
                finally:
                    self._opening = False
            return self._engine

    def close(self) -> None:
        """Close all connections of this process."""
        with self._lock:
            if self._engine is not None and self._pid == os.getpid():
                self._engine.dispose()
            self._engine = None

    def _made(self) -> Engine:
        url = make_url(self.url)
        if self.is_sqlite:
            engine = create_engine(url, connect_args={"timeout": self.busy_timeout, "check_same_thread": False})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if url.get_backend_name() != "postgresql":
            raise StorageUnavailable(
                f"Databases of the kind {url.get_backend_name()!r} are not supported.",
                retryable=False,
                hint="Use SQLite or PostgreSQL.",
            )
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=10, max_overflow=20
        )
        milliseconds = int(self.busy_timeout * 1000)
        event.listen(engine, "connect", lambda raw, _: _prepare_postgres(raw, milliseconds))
        return engine


def _prepare_sqlite(raw: Any, _: Any) -> None:
    raw.isolation_level = None  # pysqlite must not begin by itself: we say BEGIN IMMEDIATE
    cursor = raw.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("immediate") else "BEGIN")


def _prepare_postgres(raw: Any, milliseconds: int) -> None:
    with raw.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {milliseconds}")
    raw.commit()


def explained(error: exc.DBAPIError, sqlite: bool) -> CommError:
    """A driver's error as one of the contract's, in words with the next step."""
    text = str(error.orig).lower()
    for marks, kind, message, hint in _MEANINGS:
        if any(mark in text for mark in marks):
            return kind(message, hint=hint)
    return StorageUnavailable("The database did not do what was asked." if sqlite else "The database server failed.")


_MEANINGS: tuple[tuple[tuple[str, ...], type[CommError], str, str], ...] = (
    (("locked", "lock timeout", "deadlock"), Busy, "The database is busy.", "Try again in a moment."),
    (
        ("readonly", "read-only"),
        StorageUnavailable,
        "The database is read-only.",
        "Make the file and its folder writable.",
    ),
    (("disk is full", "no space"), StorageUnavailable, "The disk is full.", "Free some space and try again."),
    (
        ("malformed", "not a database", "corrupt"),
        StorageUnavailable,
        "The database file is damaged.",
        "Restore a copy of it; `crm-comm doctor` shows where it lies.",
    ),
    (
        ("unable to open",),
        StorageUnavailable,
        "The database file cannot be opened.",
        "Check that its folder exists and is writable.",
    ),
    (
        ("connection refused", "could not connect", "connection failed", "server closed", "terminating", "starting up"),
        StorageUnavailable,
        "The database server cannot be reached.",
        "Check that it is running; the same call may then work.",
    ),
)
