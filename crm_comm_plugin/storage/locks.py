"""Who runs a send now: a lock that ends with its process, on files beside SQLite or in PostgreSQL itself."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, exc, text

from crm_comm_hookspecs import SendInProgress, StorageUnavailable
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.explaining import explained
from crm_comm_plugin.storage.places import sqlite_path

PATIENCE = 0.2
"""Seconds before somebody counts as alive: a look at the lock by `cancel` takes it for a moment."""
_LOCK_NOT_AVAILABLE = "55P03"


class SqlSendLocks:
    """The SendLocks port. Losing the line to PostgreSQL loses the lock: then the run's owner token still fences it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def hold(self, send_id: str) -> Iterator[None]:
        """Hold it; raises SendInProgress when somebody alive does."""
        with self._file(send_id) if self._database.is_sqlite else self._advisory(send_id):
            yield

    @contextmanager
    def _file(self, send_id: str) -> Iterator[None]:
        from filelock import FileLock, Timeout

        self._database.engine()  # makes the folder and checks the schema first
        path = self._folder() / f"{_digest(send_id).hex()}.lock"
        lock = FileLock(path, timeout=PATIENCE, poll_interval=0.01, thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise _in_progress() from None
        except OSError as error:
            raise StorageUnavailable(
                "The lock of this send cannot be made.", hint=f"Make the folder {path.parent} writable."
            ) from error
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()  # while it is held: whoever comes next makes a new one, and the owner token fences
            lock.release()

    def _folder(self) -> Path:
        """The same one for everybody, also for who opens the file through a link."""
        path = sqlite_path(self._database.url) or Path()
        return Path(f"{path.resolve()}-locks")

    @contextmanager
    def _advisory(self, send_id: str) -> Iterator[None]:
        number = int.from_bytes(_digest(send_id)[:8], "big", signed=True)
        with self._session() as session:
            try:
                session.execute(text(f"SET lock_timeout = {int(PATIENCE * 1000)}"))
                session.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
            except exc.DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") == _LOCK_NOT_AVAILABLE:
                    raise _in_progress() from None
                raise explained(error) from error
            yield

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        """A connection of its own, which ends with the block and its locks with it, also when the line is broken."""
        try:
            session = self._database.engine().connect()
        except exc.DBAPIError as error:
            raise explained(error) from error
        with session:
            try:
                yield session.execution_options(isolation_level="AUTOCOMMIT")
            finally:
                session.invalidate()


def _digest(send_id: str) -> bytes:
    return hashlib.sha256(send_id.encode()).digest()[:16]


def _in_progress() -> SendInProgress:
    return SendInProgress("This send is running already.")
