"""What other plugins ask of the limit: typed errors that charge nothing, notices, pace, usage, inactive accounts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crm_comm_hookspecs import (
    CommError,
    InvalidInput,
    KeyReused,
    Limit,
    MailServer,
    Notice,
    ReservationMismatch,
    UnknownAccount,
    UnknownReservation,
    UsagePoint,
    Window,
)
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.limits.limiter import LedgerLimiter
from crm_comm_plugin.limits.rules import Rules, ceiling_of
from crm_comm_plugin.limits.service import Limits
from crm_comm_plugin.storage.accounts import StoredAccounts
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.usage import UsageRows

A = "a" * 32


class Plugins:
    """The Registry and Events ports: one server with a pace, and everything that is told."""

    def __init__(self):
        self.told: list[Notice] = []

    def servers(self):
        pace = Limit(30, Window.MINUTE)
        return {"paced": MailServer(key="paced", label="", host="", port=465, security="tls", pace=pace)}

    def limit_reached(self, notice):
        self.told.append(notice)


class World:
    def __init__(self, database, clock):
        self.clock, self.plugins = clock, Plugins()
        self.accounts, self.usage = StoredAccounts(database), UsageRows(database)
        self.ledger = SqlLedger(database, InjectedClock(clock).reading)
        self.limiter = LedgerLimiter(ledger=self.ledger, rules=Rules(self.plugins), events=self.plugins)
        self.limits = Limits(accounts=self.accounts, ledger=self.ledger, limiter=self.limiter, usage=self.usage)
        self.account = StoredAccount(
            id=A,
            type="email",
            channel="email",
            name="News",
            values={"limitation": "hour", "limitation_count": 100},
            created_at=clock.at,
            updated_at=clock.at,
        )
        self.accounts.insert(self.account)

    def change(self, **parts):
        self.account = self.accounts.update(replace(self.account, **parts), None, ())


@pytest.fixture
def world(database, clock):
    return World(database, clock)


BAD_RESERVES = {
    "no units": {"units": 0},
    "negative units": {"units": -5},
    "too many units": {"units": 10_000_001},
    "a part of a unit": {"units": 2.5},
    "units as text": {"units": "5"},
    "units as a truth": {"units": True},
    "huge units": {"units": 10**400},
    "no key": {"key": ""},
    "long key": {"key": "k" * 201},
    "key with NUL": {"key": "a\0b"},
    "key with a surrogate": {"key": "\ud800"},
    "key is no text": {"key": None},
    "campaign is no text": {"campaign": 7},
    "long campaign": {"campaign": "c" * 201},
    "campaign with NUL": {"campaign": "\0"},
    "short hold": {"hold_seconds": 0.99},
    "long hold": {"hold_seconds": 86_401},
    "hold is no number": {"hold_seconds": float("nan")},
    "endless hold": {"hold_seconds": float("inf")},
    "hold beyond all floats": {"hold_seconds": 10**400},
    "hold as text": {"hold_seconds": "300"},
    "hold as a truth": {"hold_seconds": True},
}


def test_bad_input_is_refused_and_charges_nothing(world):
    for what, bad in BAD_RESERVES.items():
        with pytest.raises(InvalidInput) as refused:
            world.limits.reserve(**{"account_id": A, "units": 5, "key": "k", **bad})
        assert refused.value.hint, what
        assert len(str(refused.value)) < 200, what
    assert world.limits.allowance(A).remaining == 100
    assert world.limits.reserve(A, 5, "k").granted == 5


def test_an_unknown_account_is_told_so(world):
    for one in ("b" * 32, "", "a\0", "é", None, 7, "*", "a" * 500):
        for call in (
            lambda one=one: world.limits.reserve(one, 5, "k"),
            lambda one=one: world.limits.allowance(one),
            lambda one=one: world.limits.usage(one, world.clock.at, world.clock.at),
        ):
            with pytest.raises(UnknownAccount):
                call()


def test_an_unknown_reservation_is_told_so(world):
    world.limits.reserve(A, 5, "k")
    for one in ("", "x", None, 7, f"{A}.k0000000z{'0' * 32}", f"{'b' * 32}.k00000001{'0' * 32}", "\0"):
        with pytest.raises(UnknownReservation):
            world.limits.settle(one, 0)
    assert world.limits.allowance(A).held == 5


def test_settling_with_another_number_is_refused(world):
    hold = world.limits.reserve(A, 5, "k")
    for used in (-1, 1.0, True, "1", None):
        with pytest.raises(InvalidInput):
            world.limits.settle(hold.id, used)
    for used in (6, 10**40, 10**5_000):
        with pytest.raises(ReservationMismatch):
            world.limits.settle(hold.id, used)
    assert world.limits.allowance(A).held == 5
    assert world.limits.settle(hold.id, 5).used == 5


def test_the_extremes_work(world):
    world.change(values={})
    first = world.limits.reserve(A, 10_000_000, "k" * 200, "c" * 200, 86_400)
    assert first.granted == 10_000_000
    assert world.limits.reserve(A, 1, "ключ 🔑", hold_seconds=1).held_until == world.clock.at + timedelta(seconds=1)
    assert world.limits.settle(first.id, 0).remaining is None


def test_settle_answers_what_is_left(world):
    hold = world.limits.reserve(A, 300, "k")
    assert (hold.granted, hold.requested) == (100, 300)
    allowance = world.limits.settle(hold.id, 60)
    assert (allowance.used, allowance.held, allowance.remaining) == (60, 0, 40)
    world.accounts.delete([A], world.clock.at, "alice")
    assert world.limits.settle(hold.id, 60).used == 60, "its account was deleted meanwhile"


def test_an_inactive_account_grants_nothing(world):
    hold = world.limits.reserve(A, 5, "before")
    world.change(active=False)
    none = world.limits.reserve(A, 5, "k")
    assert (none.granted, none.retry_at) == (0, None)
    assert world.limits.settle(none.id, 0).held == 5
    assert world.limits.reserve(A, 5, "before").id == hold.id
    assert world.plugins.told == []


def test_the_providers_pace_is_one_more_limit(world):
    world.change(values={**world.account.values, "server": "paced"})
    hold = world.limits.reserve(A, 50, "k")
    assert (hold.granted, hold.retry_at) == (30, world.clock.at + timedelta(seconds=360))
    assert [part.limit for part in world.limits.settle(hold.id, 30).limits] == [
        Limit(100, Window.HOUR),
        Limit(30, Window.MINUTE),
    ]


def test_notices_come_once_per_window(world):
    def reserve(units, key):
        hold = world.limits.reserve(A, units, key, "spring")
        world.limits.settle(hold.id, hold.granted)
        return hold

    reserve(79, "a")
    assert world.plugins.told == []
    for n in range(3):
        reserve(1, f"b{n}")
        assert [(n.level, n.skipped, n.campaign) for n in world.plugins.told] == [("warning", 0, "spring")]
    refused = reserve(30, "c")
    reserve(30, "c")
    reserve(30, "d")
    assert [(n.level, n.skipped, n.retry_at) for n in world.plugins.told[1:]] == [("reached", 12, refused.retry_at)]
    world.clock.forward(hours=2)
    reserve(300, "e")
    assert [n.level for n in world.plugins.told[2:]] == ["reached"]
    world.change(values={"limitation": "hour", "limitation_count": 200})
    reserve(70, "f")
    assert [n.level for n in world.plugins.told[3:]] == ["warning"]


def test_a_send_tells_of_what_it_skipped_once(world):
    hold = world.limiter.reserve(world.account, 250, "spring", 300)
    world.limiter.settle(hold.id, hold.granted)
    for _ in range(3):
        world.limiter.skipped(world.account, "spring", 150, world.clock.at)
    world.limiter.skipped(world.account, "spring", 0, None)
    notice = Notice(account_id=A, campaign="spring", skipped=150, retry_at=world.clock.at, level="reached")
    assert world.plugins.told == [notice]


def test_the_pace_alone_tells_nobody(world):
    world.change(values={"server": "paced"})
    hold = world.limits.reserve(A, 300, "k")
    world.limits.settle(hold.id, 30)
    assert world.plugins.told == []


def test_the_pace_does_not_use_up_the_notice_of_the_accounts_own_limit(world):
    world.change(values={**world.account.values, "server": "paced"})
    for n in range(3):
        hold = world.limits.reserve(A, 40, f"k{n}")
        world.limits.settle(hold.id, 30)
        world.clock.forward(seconds=61)
    assert world.plugins.told == []
    hold = world.limits.reserve(A, 40, "last")
    world.limits.reserve(A, 40, "once more")
    assert [(n.level, n.skipped, n.retry_at) for n in world.plugins.told] == [("reached", 30, hold.retry_at)]


def test_a_provider_that_stops_below_the_count_again_and_again_gives_a_hint(world):
    for n in range(3):
        hold = world.limiter.reserve(world.account, 40, "", 300)
        world.limiter.settle(hold.id, 40)
        assert world.limiter.hints([world.account]) == {}
        until = world.limiter.provider_limit(world.account, None, "550 5.4.5")
        world.limiter.provider_limit(world.account, None, "550 5.4.5")
        assert world.limiter.closures([world.account])[A].until == until, n
        world.clock.forward(hours=2)
    assert world.limiter.closures([world.account]) == {}
    assert world.limiter.hints([world.account]) == {A: 40}
    world.change(values={"limitation": "hour", "limitation_count": 40})
    assert world.limiter.hints([world.account]) == {}


def test_the_ceiling_as_a_setting():
    assert ceiling_of("") is None
    assert ceiling_of(" 500/day ") == Limit(500, Window.DAY)
    assert ceiling_of("30 per Minute") == Limit(30, Window.MINUTE)
    for text in ("500", "day", "-5/day", "5/week", "5.5/day", "1_000/day", "٥/day", "5/day;", "9" * 10 + "/day"):
        with pytest.raises(InvalidInput, match="500/day"):
            ceiling_of(text)


def test_usage_of_ones_own_sender_is_counted_with_the_settle(world):
    start = world.clock.at
    hold = world.limits.reserve(A, 130, "k", "spring")
    world.clock.forward(minutes=61)
    for _ in range(2):
        world.limits.settle(hold.id, 60)
    points = world.limits.usage(A, start, world.clock.at)
    assert points == (
        UsagePoint(at=start, campaign="spring", skipped=30),
        UsagePoint(at=start + timedelta(hours=1), campaign="spring", sent=60),
    )


def test_usage_adds_up_in_bounded_space(world):
    at = world.clock.at + timedelta(minutes=20)
    for n in range(50):
        world.usage.add(A, UsagePoint(at=at, campaign=f"c{n:02}", sent=1, failed=2, unknown=3))
    world.usage.add(A, UsagePoint(at=at, campaign="c07", skipped=4))
    world.usage.add(A, UsagePoint(at=at, campaign="none"))
    points = world.limits.usage(A, at, at + timedelta(hours=1))
    assert len(points) == 21
    assert points[0] == UsagePoint(at=world.clock.at, campaign="(others)", sent=30, failed=60, unknown=90)
    assert points[8] == UsagePoint(at=world.clock.at, campaign="c07", sent=1, skipped=4, failed=2, unknown=3)


def test_usage_is_kept_for_400_days(world):
    start = world.clock.at
    world.usage.add(A, UsagePoint(at=start, campaign="old", sent=1))
    world.clock.forward(days=399)
    world.limits.settle(world.limits.reserve(A, 5, "k").id, 5)
    assert len(world.limits.usage(A, start, world.clock.at + timedelta(hours=1))) == 2
    world.clock.forward(days=2)
    world.limits.settle(world.limits.reserve(A, 5, "l").id, 5)
    assert [p.sent for p in world.limits.usage(A, start, world.clock.at + timedelta(hours=1))] == [5, 5]


def test_usage_takes_aware_times_only(world):
    for bad in (datetime(2026, 1, 1), None, "2026-01-01", 0):
        for since, until in ((bad, world.clock.at), (world.clock.at, bad)):
            with pytest.raises(InvalidInput):
                world.limits.usage(A, since, until)


def test_usage_takes_any_range(world):
    assert world.limits.usage(A, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)) == ()
    assert world.limits.usage(A, world.clock.at, world.clock.at - timedelta(days=1)) == ()


def test_every_error_is_of_the_contract(world):
    world.limits.reserve(A, 5, "k")
    with pytest.raises(CommError):
        world.limits.reserve(A, 6, "k")
    with pytest.raises(KeyReused, match="5 recipients, not 6"):
        world.limits.reserve(A, 6, "k")
