"""What an account and a key cost in the tables themselves: bounded, whatever callers do."""

import pytest
from sqlalchemy import text

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.domain.ledger_moves import CAMPAIGN_BYTES
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger

A = "a" * 32
MONTHLY = (Limit(10_000_000, Window.MONTH), Limit(100_000, Window.HOUR))
KEYS = 300
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


@pytest.mark.parametrize(("campaign", "most"), [("Spring 2026", 300), ("é" * 200, 300 + CAMPAIGN_BYTES)])
def test_a_key_costs_at_most_300_bytes_and_its_campaign_what_is_kept_of_it(database, clock, campaign, most):
    ledger = SqlLedger(database, InjectedClock(clock).reading)
    before = used_by_keys(database)
    for n in range(KEYS):
        hold = ledger.reserve(A, MONTHLY, 1, key=f"{n:0200}", campaign=campaign).reservation
        ledger.settle(hold.id, 1)
    assert 0 < used_by_keys(database) - before <= most * KEYS


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
