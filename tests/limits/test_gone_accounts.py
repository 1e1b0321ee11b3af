"""What the ledger keeps of an account that is deleted, restored, or gone for good."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Communication,
    Context,
    Settings,
    UnknownAccount,
    UnknownReservation,
)
from crm_comm_plugin.storage.database import Database

ANN = Context(user="ann", permissions=ALL_PERMISSIONS)
VALUES = {"account_name": "News", "server": "smtp", "host": "mail.example.com", "sender": "news@example.com"}
LIMITED = {**VALUES, "limitation": "month", "limitation_count": "100"}


@pytest.fixture
def start(database_url, tmp_path, clock):
    """Starts anew, as after a restart: then what was deleted long ago is cleared up."""
    folder = str(tmp_path / "data")

    def start():
        return Communication.load(Settings(database_url=database_url, data_dir=folder, clock=clock), entry_points=False)

    return start


@pytest.fixture
def kept(database_url):
    """How many rows each table of the ledger has of an account."""
    database = Database(database_url)

    def kept(account_id):
        tables = ("ledger", "ledger_holds", "ledger_keys", "usage")
        with database.read() as connection:
            return [
                connection.execute(
                    text(f"SELECT count(*) FROM crm_comm_{table} WHERE account_id = :id"), {"id": account_id}
                ).scalar_one()
                for table in tables
            ]

    yield kept
    database.close()


def saved(comm):
    result = comm.save(ANN, "email", "", LIMITED, "")
    assert result.ok, result
    return result.id


def test_the_ledger_survives_a_deletion_and_a_restore(start, clock):
    with start() as comm:
        account = saved(comm)
        comm.settle(comm.reserve(account, 60, "first").id, 60)
        held = comm.reserve(account, 30, "second")
        comm.run(ANN, "delete", (account,))
        with pytest.raises(UnknownAccount):
            comm.reserve(account, 5, "third")
        comm.settle(held.id, 10)
    clock.forward(days=29)
    with start() as comm:
        assert comm.run(ANN, "restore", (account,)).ok
        allowance = comm.allowance(account)
        assert (allowance.used, allowance.held, allowance.remaining) == (70, 0, 30)
        assert comm.reserve(account, 60, "first").replayed
        clock.forward(days=2)
        assert comm.allowance(account).remaining == 100


def test_what_is_gone_for_good_is_forgotten_when_no_window_and_no_key_needs_it(start, clock, kept):
    with start() as comm:
        account, other = saved(comm), comm.save(ANN, "email", "", {**LIMITED, "account_name": "Other"}, "").id
        for one in (account, other):
            comm.settle(comm.reserve(one, 60, "first").id, 60)
            comm.reserve(one, 5, "second", hold_seconds=86_400)
        comm.run(ANN, "delete", (account,))
        unsettled = comm.reserve(other, 1, "third").id
    clock.forward(days=31)
    with start() as comm:
        assert not comm.run(ANN, "restore", (account,)).ok
    assert kept(account) == [1, 0, 2, 1]
    clock.forward(days=8, hours=23)
    with start() as comm:
        comm.accounts()
    assert kept(account)[0] == 1, "its keys may still be needed"
    clock.forward(days=1, minutes=2)
    with start() as comm:
        comm.accounts()
        assert kept(account) == [0, 0, 0, 0]
        assert kept(other)[0] == 1
        assert comm.allowance(other).remaining == 100
        with pytest.raises(UnknownReservation):
            comm.settle(unsettled.replace(other, account), 0)


def test_the_ceiling_remembers_what_a_forgotten_account_sent(database_url, tmp_path, clock):
    settings = {"database_url": database_url, "data_dir": str(tmp_path), "clock": clock}
    limited = Settings(**settings, installation_limit="100/month")
    with Communication.load(limited, entry_points=False) as comm:
        account = saved(comm)
        clock.forward(days=30)
        comm.run(ANN, "delete", (account,))
        other = saved(comm)
        comm.settle(comm.reserve(other, 60, "k").id, 60)
        comm.run(ANN, "delete", (other,))
    clock.forward(days=30, hours=20)
    with Communication.load(limited, entry_points=False) as comm:
        last = saved(comm)
        assert comm.allowance(last).remaining == 40
        clock.at += timedelta(hours=5)
        assert comm.allowance(last).remaining == 100
