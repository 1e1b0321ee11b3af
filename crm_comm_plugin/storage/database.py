"""The database: an engine that is opened when first used, survives fork, and says in plain words what is wrong."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, event, exc

from crm_comm_plugin.storage.explaining import driver_errors, explained, explained_driver
from crm_comm_plugin.storage.forked import leave_to_parent
from crm_comm_plugin.storage.idle import IDLE_SECONDS, Idle
from crm_comm_plugin.storage.turns import Turns
from crm_comm_plugin.storage.urls import engine_for, read_url

__all__ = ["Database", "explained"]

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-8000",  # kB at most; with 2 MB a large send, whose addresses have no order, reads its index again
)


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
        self._inherited: list[Engine | None] = []
        self._turns: Turns | None = None
        self._idle, self._singles = Idle(), Idle()

    @cached_property
    def is_sqlite(self) -> bool:
        """True for SQLite, False for PostgreSQL."""
        return read_url(self.url).get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent view."""
        with self._connected(None) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; on SQLite it holds the write lock from its start (BEGIN IMMEDIATE)."""
        self.engine()
        with self._turn() as left, self._connected(left) as connection:
            yield connection

    @contextmanager
    def write_raw(self) -> Iterator[Any]:
        """The same on the driver's own connection, which costs less; on PostgreSQL the first statement begins it."""
        self.engine()
        with self._turn() as left, self._raw(self._idle) as raw:
            if self.is_sqlite:
                self._begin_immediate(raw.execute, left)
            yield raw
            raw.commit()

    @contextmanager
    def one_statement(self) -> Iterator[Any]:
        """PostgreSQL: the driver's own connection for statements that each commit by themselves."""
        with self._raw(self._singles, autocommit=True) as raw:
            yield raw

    @contextmanager
    def read_raw(self) -> Iterator[Any]:
        """SQLite: the driver's own connection for statements that read, each by itself."""
        with self._raw(self._idle) as raw:
            yield raw

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Answers how many of the seconds to wait are left."""
        seconds, turns = self.busy_timeout, self._turns
        with turns.turn(seconds) if turns is not None else nullcontext(seconds) as left:
            yield left

    def _begin_immediate(self, execute: Callable[[str], object], left: float) -> None:
        """SQLite's own waiting comes after that for the turn: together they are no longer than configured."""
        waited = left < self.busy_timeout * 0.9
        if waited:
            execute(f"PRAGMA busy_timeout = {int(left * 1000)}")
        try:
            execute("BEGIN IMMEDIATE")
        finally:
            if waited:
                execute(f"PRAGMA busy_timeout = {int(self.busy_timeout * 1000)}")

    @contextmanager
    def _connected(self, left: float | None) -> Iterator[Connection]:
        """left: seconds to wait for the write lock; None for who only reads."""
        try:
            with self.engine().connect() as connection:
                connection.info["left"] = left
                with connection.begin():
                    yield connection
        except (exc.DBAPIError, exc.TimeoutError) as error:
            raise explained(error) from error

    @contextmanager
    def _raw(self, idle: Idle, autocommit: bool = False) -> Iterator[Any]:
        engine = self.engine()
        try:
            raw = idle.take() or self._connection_of_our_own(engine, autocommit)
        except (exc.DBAPIError, exc.TimeoutError) as error:
            raise explained(error) from error
        except driver_errors() as error:
            raise explained_driver(error) from error
        try:
            yield raw
        except BaseException as error:
            self._give_up(engine, raw, idle)
            if isinstance(error, driver_errors()):
                raise explained_driver(error) from error
            raise
        idle.give_back(raw)

    def _connection_of_our_own(self, engine: Engine, autocommit: bool) -> Any:
        """A new connection, prepared as all are, that the pool forgets. Its statements are bounded as a whole: where
        others wait for a row too, PostgreSQL waits for its turn and for the row, for each up to lock_timeout."""
        pooled = engine.raw_connection()
        raw: Any = pooled.driver_connection
        pooled.detach()
        if not self.is_sqlite:
            raw.execute(f"SET statement_timeout = {milliseconds(self.busy_timeout)}")
            raw.commit()
        if autocommit:
            raw.autocommit = True
        return raw

    def _give_up(self, engine: Engine, raw: Any, idle: Idle) -> None:
        """Roll back; a connection that cannot is thrown away, and so are those that are as old."""
        try:
            raw.rollback()
        except Exception:  # noqa: BLE001 - drivers differ in what a dead line raises
            with suppress(Exception):
                raw.close()
            self._idle.close()
            self._singles.close()
            engine.dispose()
        else:
            idle.give_back(raw)

    def engine(self) -> Engine:
        """The engine of this process; the schema was checked before it is handed out."""
        if self._pid != os.getpid():
            self._lock = threading.RLock()  # a lock held by another thread at fork would never be released here
            self._inherited.append(self._engine)  # closing it here would close the parent's sockets and free its locks
            self._engine, self._pid, self._opening = None, os.getpid(), False
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
                self._idle.close()
                self._singles.close()

    def _begin_sqlite(self, connection: Connection) -> None:
        left = connection.info.get("left")
        if left is None:
            connection.exec_driver_sql("BEGIN")
        else:
            self._begin_immediate(connection.exec_driver_sql, left)

    def _made(self) -> Engine:
        url = read_url(self.url)
        if self.is_sqlite:
            self._turns = Turns.beside(url.database or "")
            engine = engine_for(url, connect_args={"timeout": self.busy_timeout, "check_same_thread": False})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", self._begin_sqlite)
            return engine
        engine = engine_for(url, pool_size=10, max_overflow=20)
        event.listen(engine, "connect", lambda raw, _: _prepare_postgres(raw, milliseconds(self.busy_timeout)))
        event.listen(engine, "checkin", _note_time)
        event.listen(engine, "checkout", _try_out)
        return engine


def _prepare_sqlite(raw: Any, _: Any) -> None:
    raw.isolation_level = None  # pysqlite must not begin by itself: we say BEGIN IMMEDIATE
    cursor = raw.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def milliseconds(seconds: float) -> int:
    """As PostgreSQL takes them; never 0, which would be for ever."""
    return max(1, int(seconds * 1000))


def _prepare_postgres(raw: Any, patience: int) -> None:
    """Waits end; statements see what was committed before they began; what was committed stays after a power cut."""
    leave_to_parent(raw)
    with raw.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {patience}")
        cursor.execute("SET default_transaction_isolation = 'read committed'")
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    raw.commit()


def _note_time(_: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _try_out(raw: Any, record: Any, _: Any) -> None:
    """Before use after a pause: a server that was restarted meanwhile is met here, where a new line can be had."""
    if time.monotonic() - record.info.get("idle_since", time.monotonic()) < IDLE_SECONDS:
        return
    try:
        raw.execute("SELECT 1")
        raw.rollback()
    except driver_errors() as error:
        raise exc.DisconnectionError("the server closed the line") from error
