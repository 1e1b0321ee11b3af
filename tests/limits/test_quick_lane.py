"""The quick lane of PostgreSQL: used when plain sums decide, left when they do not, and never to be deceived."""

import pytest

from crm_comm_hookspecs import Limit, ReservationMismatch, UnknownReservation, Window
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.domain.ledger import MOST_INLINE
from crm_comm_plugin.domain.ledger_ids import Ref
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.ledger_shelf import SqlShelf
from crm_comm_plugin.storage.upgrade import ensure_schema

A = "a" * 32
DAILY = (Limit(1_000, Window.DAY),)


class Counted:
    """Counts how often the long way is gone."""

    def __init__(self, plant):
        self.long, opened = 0, SqlShelf.open

        def counting(shelf, *arguments):
            self.long += 1
            opened(shelf, *arguments)

        plant.setattr(SqlShelf, "open", counting)


@pytest.fixture
def database(postgres):
    database = Database(postgres(), on_open=ensure_schema)
    yield database
    database.close()


@pytest.fixture
def counted(monkeypatch):
    return Counted(monkeypatch)


@pytest.fixture(params=["server", "caller"])
def ledger(request, database, clock):
    return SqlLedger(database, InjectedClock(clock).reading if request.param == "caller" else None)


def reserve(ledger, units, limits=DAILY, **more):
    return ledger.reserve(A, limits, units, **more).reservation


def left(ledger, limits=DAILY):
    return ledger.allowances({A: limits})[A].remaining


def test_the_long_way_is_gone_once_and_then_seldom(ledger, counted):
    for _ in range(60):
        ledger.settle(reserve(ledger, 5).id, 3)
    assert left(ledger) == 1_000 - 180
    assert counted.long <= 1 + 120 // 40


def test_near_the_limit_the_long_way_decides(ledger, counted):
    reserve(ledger, 1)
    before = counted.long
    assert [reserve(ledger, 200).granted for _ in range(6)] == [200, 200, 200, 200, 199, 0]
    assert counted.long == before + 3


def test_another_limit_is_not_decided_by_the_sums_of_the_first(ledger, counted):
    reserve(ledger, 100)
    before = counted.long
    assert reserve(ledger, 100, (Limit(150, Window.HOUR),)).granted == 50
    assert counted.long == before + 1


def test_more_holds_than_fit_into_the_row(ledger):
    holds = [reserve(ledger, 1) for _ in range(3 * MOST_INLINE)]
    assert left(ledger) == 1_000 - 3 * MOST_INLINE
    for hold in holds:
        ledger.settle(hold.id, 0)
    assert left(ledger) == 1_000


def test_only_what_is_held_can_be_settled(ledger):
    reserve(ledger, 1)
    hold = reserve(ledger, 5)
    known = Ref.parse(hold.id)
    for token, units in ((bytes(16), 1), (bytes(16), 0), (known.token[1:] + b"x", 5), (known.token, 4)):
        with pytest.raises((UnknownReservation, ReservationMismatch)):
            ledger.settle(str(Ref(A, token, units)), 5)
    with pytest.raises(ReservationMismatch):
        ledger.settle(hold.id, 6)
    ledger.settle(hold.id, 5)
    with pytest.raises(UnknownReservation):
        ledger.settle(hold.id, 5)
    assert left(ledger) == 994


def test_a_hold_that_ran_out_is_left_to_the_long_way(database, clock):
    ledger = SqlLedger(database, InjectedClock(clock).reading)
    reserve(ledger, 1)
    hold = reserve(ledger, 5, hold_seconds=60)
    clock.forward(seconds=61)
    ledger.settle(hold.id, 2)
    assert left(ledger) == 997
    clock.forward(days=1, seconds=-1)
    assert left(ledger) == 999, "what was used counts from the end of the hold"


def test_a_closed_account_grants_nothing_by_the_quick_lane(ledger, clock):
    reserve(ledger, 1)
    ledger.close(A, None, "over", DAILY[0])
    assert reserve(ledger, 1).granted == 0


def test_a_statement_that_was_forgotten_is_prepared_again(ledger, database, counted):
    for _ in range(3):
        reserve(ledger, 1)
    with database.one_statement() as raw:
        raw.execute("DEALLOCATE ALL")
    before = counted.long
    assert reserve(ledger, 1).granted == 1
    assert counted.long == before


def test_two_ledgers_share_connections(database, clock):
    first, second = SqlLedger(database), SqlLedger(database)
    for _ in range(3):
        assert reserve(first, 1).granted == reserve(second, 1).granted == 1
