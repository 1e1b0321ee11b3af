"""How the ledger talks to each driver: SQLite at once, PostgreSQL in pipelines of one round trip each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from crm_comm_plugin.storage.database import Database

Statement = tuple[str, Sequence[Any]]
Rows = list[tuple[Any, ...]]


class Line(Protocol):
    """One transaction on a driver's connection. Statements are written with ? for values."""

    quick: bool
    """The database locks rows, and has a quick lane beside (ledger_quick.py)."""

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

    def ask(self, *statements: Statement) -> list[Rows]:
        """Run statements; their rows."""
        return [self._raw.execute(sql, values).fetchall() for sql, values in statements]

    def tell(self, sql: str, values: Sequence[Any]) -> None:
        """Run a statement."""
        self._raw.execute(sql, values)


class PostgresLine:
    """Pipelined: what is asked together goes together, what is told waits for the next question or the commit."""

    quick = True

    def __init__(self, raw: Any, pipeline: Any) -> None:
        self._raw = raw
        self._pipeline = pipeline

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

    def ask(self, *statements: Statement) -> list[Rows]:
        """Run statements; their rows."""
        return [self._raw.execute(sql.replace("?", "%s"), values).fetchall() for sql, values in statements]

    def tell(self, sql: str, values: Sequence[Any]) -> None:
        """Run a statement."""
        self._raw.execute(sql.replace("?", "%s"), values)


@contextmanager
def writing(database: Database) -> Iterator[Line]:
    """A transaction that writes."""
    with database.write_raw() as raw:
        if database.is_sqlite:
            yield SqliteLine(raw)
            return
        with raw.pipeline() as pipeline:
            yield PostgresLine(raw, pipeline)
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
