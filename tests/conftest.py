"""Parts that all tests share: a fresh database of each kind, a clock that a test moves."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.upgrade import ensure_schema

pytest_plugins = ["tests.secret_search"]

# How fast a machine makes examples says nothing about the code.
hypothesis.settings.register_profile("any machine", suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("any machine")

# Tests never touch the keyring of whoever runs them.
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


class MovingClock:
    """A clock that a test moves: `Settings(clock=clock)`."""

    def __init__(self, at: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **parts: float) -> datetime:
        self.at += timedelta(**parts)
        return self.at


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """One PostgreSQL for all tests of a process; every row that a test leaves is searched for secrets."""
    from tests.postgres_server import PostgresServer
    from tests.secret_search import search

    server = PostgresServer(lambda table, row: search(row, f"table {table}"))
    yield server
    server.stop()


@pytest.fixture
def postgres(postgres_server: Any) -> Iterator[Callable[[], str]]:
    """Answers the URL of an empty PostgreSQL database with the schema, as often as it is called."""
    taken: list[str] = []

    def take() -> str:
        taken.append(postgres_server.take())
        return taken[-1]

    yield take
    for url in taken:
        postgres_server.give_back(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'crm.db'}"
    create: Callable[[], str] = request.getfixturevalue("postgres")
    return create()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database with its schema."""
    database = Database(database_url, on_open=ensure_schema)
    yield database
    database.close()
