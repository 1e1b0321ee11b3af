"""How the ledger talks to each driver: SQLite at once, PostgreSQL in pipelines of one round trip each."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from crm_comm_plugin.storage.database import Database, milliseconds

Statement = tuple[str, Sequence[Any]]
Row = Sequence[Any]
Rows = list[tuple[Any, ...]]


class Line(Protocol):
    """One transaction on a driver's connection. Statements are written with ? for values."""

    quick: bool
    """The database locks rows, and has a quick lane beside (ledger_quick.py)."""

    def patience(self) -> AbstractContextManager[object]:
        """Within it, statements that wait for locks: each no longer than the caller has left."""
        ...

    def ask(self, *statements: Statement) -> list[Rows]:
        """Run statements one after the other, each seeing what was committed before it began; their rows."""
        ...

    def tell(self, sql: str, values: Sequence[Any]) -> None:
        """A statement whose answer nobody waits for; in order, done before the commit."""
        ...


class SqliteLine:
    """Straight to the file. The write lock was taken by BEGIN IMMEDIATE."""

    quick = False

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def patience(self) -> AbstractContextManager[object]:
        """Nothing: who has the file waits for nobody."""
        return nullcontext()

    def ask(self, *statements: Statement) -> list[Rows]:
        """Run statements; their rows."""
        return [self._raw.execute(sql, values).fetchall() for sql, values in statements]

    def tell(self, sql: str, values: Sequence[Any]) -> None:
        """Run a statement."""
        self._raw.execute(sql, values)


class PostgresLine:
    """Pipelined: what is asked together goes together, what is told waits for the next question or the commit.

    began: when the caller's call did, by time.monotonic(). seconds: how long it may wait in all.
    """

    quick = True

    def __init__(self, raw: Any, pipeline: Any, began: float, seconds: float) -> None:
        self._raw = raw
        self._pipeline = pipeline
        self._began = began
        self._seconds = seconds

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Once a good part of the time is gone, the server is told how much is left."""
        waited = time.monotonic() - self._began
        if waited < self._seconds * 0.1:
            yield
            return
        self._raw.execute(f"SET LOCAL statement_timeout = {milliseconds(self._seconds - waited)}")
        yield
        self._raw.execute(f"SET LOCAL statement_timeout = {milliseconds(self._seconds)}")

    def ask(self, *statements: Statement) -> list[Rows]:
        """Run statements in one round trip; their rows."""
        cursors = [self._raw.execute(sql.replace("?", "%s"), values) for sql, values in statements]
        self._pipeline.sync()
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]

    def tell(self, sql: str, values: Sequence[Any]) -> None:
        """Put a statement into the pipeline."""
        self._raw.execute(sql.replace("?", "%s"), values)


class PlainLine:
    """PostgreSQL one statement at a time: for who asks but once, a pipeline costs more than it saves."""

    quick = True

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def patience(self) -> AbstractContextManager[object]:
        """Nothing: who reads waits for nobody."""
        return nullcontext()

    def ask(self, *statements: Statement) -> list[Rows]:
        """Run statements; their rows."""
        return [self._raw.execute(sql.replace("?", "%s"), values).fetchall() for sql, values in statements]

    def tell(self, sql: str, values: Sequence[Any]) -> None:
        """Run a statement."""
        self._raw.execute(sql.replace("?", "%s"), values)


@contextmanager
def writing(database: Database, began: float | None = None) -> Iterator[Line]:
    """A transaction that writes. began: when the caller's waiting did, by time.monotonic(); None = now."""
    began = time.monotonic() if began is None else began
    with database.write_raw() as raw:
        if database.is_sqlite:
            yield SqliteLine(raw)
            return
        with raw.pipeline() as pipeline:
            yield PostgresLine(raw, pipeline, began, database.busy_timeout)
            raw.commit()


@contextmanager
def reading(database: Database) -> Iterator[Line]:
    """Statements that only read."""
    if database.is_sqlite:
        with database.read_raw() as raw:
            yield SqliteLine(raw)
        return
    with database.one_statement() as raw:
        yield PlainLine(raw)
