"""What an account and a key cost in the tables themselves: bounded, whatever callers do."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.usage import UsageRows

A = "a" * 32
MONTHLY = (Limit(10_000_000, Window.MONTH), Limit(100_000, Window.HOUR))
KEYS = 1_000
SQLITE_PAGES = "SELECT sum(pgsize) FROM dbstat WHERE name = 'crm_comm_ledger_keys'"
POSTGRES_PAGES = "SELECT pg_total_relation_size('crm_comm_ledger_keys')"


def used_by_keys(database: Database) -> int:
    """Bytes of the table and its index, without what dead rows leave until the server sweeps."""
    if database.is_sqlite:
        with database.read() as connection:
            return int(connection.execute(text(SQLITE_PAGES)).scalar_one())
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM FULL crm_comm_ledger_keys"))
        return int(connection.execute(text(POSTGRES_PAGES)).scalar_one())


@pytest.mark.parametrize("campaign", ["Spring 2026", "é" * 200])
def test_a_key_costs_at_most_300_bytes(database, clock, campaign):
    ledger = SqlLedger(database, InjectedClock(clock).reading)
    before = used_by_keys(database)
    for n in range(KEYS):
        hold = ledger.reserve(A, MONTHLY, 1, key=f"{n:0200}", campaign=campaign).reservation
        ledger.settle(hold.id, 1)
    assert 0 < used_by_keys(database) - before <= 300 * KEYS


def test_long_labels_stay_apart_in_the_history(database, clock):
    ledger = SqlLedger(database, InjectedClock(clock).reading)
    for n, label in enumerate("Newsletter of the northern branch, autumn and winter, " + end for end in ("A", "B")):
        ledger.settle(ledger.reserve(A, MONTHLY, 1, key=str(n), campaign=label).reservation.id, 1)
    points = UsageRows(database).read(A, clock.at - timedelta(hours=1), clock.at + timedelta(hours=1))
    assert [(point.campaign[:20], point.sent) for point in points] == [("Newsletter of the no", 1)] * 2


def test_an_account_costs_at_most_8_kilobytes_in_each_database(database, clock):
    ledger, largest = SqlLedger(database, InjectedClock(clock).reading), 0
    size = "SELECT length(state) + length(past) + length(journal) FROM crm_comm_ledger"
    for n in range(500):
        ledger.settle(ledger.reserve(A, MONTHLY, 1 + n % 7, hold_seconds=60).reservation.id, 1)
        if n % 5 == 0:
            ledger.reserve(A, MONTHLY, 3, hold_seconds=60)
        clock.forward(seconds=1_000 * (1 + n % 3))
        if n % 7 == 0:
            with database.read() as connection:
                largest = max(largest, connection.execute(text(size)).scalar_one())
    assert 2_000 < largest <= 8_192
    tables = ("ledger", "ledger_keys")
    with database.read() as connection:
        counts = [connection.execute(text(f"SELECT count(*) FROM crm_comm_{t}")).scalar_one() for t in tables]
    assert counts == [1, 0], "the small holds of a send keep no key"
