"""A ledger over each store, on a clock that the test moves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.upgrade import ensure_schema
from tests.limits.memory_ledger import MemoryLedger

STORES = ("memory", "sqlite", "postgresql")


@pytest.fixture(params=STORES)
def make_ledger(request: pytest.FixtureRequest, clock, tmp_path: Path):
    """Makes a ledger; the same database for each call within a test."""
    databases: list[Database] = []
    if request.param == "memory":
        yield lambda ceiling=None: MemoryLedger(InjectedClock(clock).reading, ceiling)
        return
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        create: Callable[[], str] = request.getfixturevalue("postgres")
        url = create()

    def make(ceiling=None):
        databases.append(Database(url, on_open=ensure_schema))
        return SqlLedger(databases[-1], InjectedClock(clock).reading, ceiling)

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def ledger(make_ledger):
    return make_ledger()


@pytest.fixture
def hourly() -> tuple[Limit, ...]:
    return (Limit(100, Window.HOUR),)
