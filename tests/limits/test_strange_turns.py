"""What a hostile reader tried on the ledger: keys that accounts share, very late settles, clocks, crafted ids."""

from datetime import UTC, datetime, timedelta

import pytest

from crm_comm_hookspecs import Limit, UnknownReservation, Window
from crm_comm_plugin.domain.ledger_ids import Ref
from crm_comm_plugin.domain.ledger_log import KEEP

A, B = "a" * 32, "b" * 32
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def left(ledger, limits, account=A):
    return ledger.allowances({account: limits})[account].remaining


def take(ledger, limits, units, account=A, **more):
    return ledger.reserve(account, limits, units, **more).reservation


def test_accounts_that_use_the_same_key_are_apart_in_the_ceiling(make_ledger, hourly):
    ledger = make_ledger(ceiling=Limit(120, Window.DAY))
    first = take(ledger, hourly, 10, key="newsletter-7")
    second = take(ledger, hourly, 90, key="newsletter-7", account=B)
    ledger.settle(second.id, 0)
    assert left(ledger, (), account="c" * 32) == 110
    ledger.settle(first.id, 10)
    assert left(ledger, (), account="c" * 32) == 110


def test_accounts_that_use_the_same_key_and_run_out_are_apart_in_the_ceiling(make_ledger, clock, hourly):
    ledger = make_ledger(ceiling=Limit(120, Window.DAY))
    first, second = (take(ledger, hourly, 30, key="k", account=one) for one in (A, B))
    clock.forward(minutes=6)
    assert left(ledger, (), account="c" * 32) == 60
    take(ledger, hourly, 1)
    ledger.settle(first.id, 10)
    ledger.settle(second.id, 20)
    assert left(ledger, (), account="c" * 32) == 120 - 30 - 1


def test_a_very_late_settle_takes_nothing_from_others(ledger, clock):
    monthly = (Limit(1_000, Window.MONTH),)
    old = take(ledger, monthly, 500, key="old", hold_seconds=60)
    clock.forward(days=31, minutes=2)
    for _ in range(KEEP + 40):  # the log forgets what no window sees any more
        ledger.settle(take(ledger, monthly, 1).id, 1)
        clock.forward(seconds=1)
    assert left(ledger, monthly) == 1_000 - KEEP - 40
    ledger.settle(old.id, 0)
    assert left(ledger, monthly) == 1_000 - KEEP - 40


def test_a_key_is_forgotten_together_with_what_was_held_by_it(ledger, clock, hourly):
    take(ledger, hourly, 5, key="k", hold_seconds=86_400)
    clock.forward(days=38)
    while take(ledger, hourly, 5, key="k", hold_seconds=60).replayed:
        clock.forward(hours=5)
        take(ledger, hourly, 1)
    clock.forward(minutes=2)
    assert ledger.allowances({A: hourly})[A].used == 5, "the new one ran out beside the old one"
    take(ledger, hourly, 1)
    assert take(ledger, hourly, 5, key="k").replayed


def test_a_key_that_is_used_again_meets_nothing_of_old_in_the_ceiling(make_ledger, clock, hourly):
    ledger = make_ledger(ceiling=Limit(120, Window.DAY))
    take(ledger, hourly, 5, key="k", hold_seconds=60)
    clock.forward(days=38, hours=23)
    take(ledger, hourly, 1, account=B)  # the ceiling's book is pruned now, the account's two hours later
    clock.forward(hours=2)
    take(ledger, hourly, 1)
    assert not take(ledger, hourly, 5, key="k", hold_seconds=60).replayed
    clock.forward(minutes=2)
    assert left(ledger, (), account=B) == 120 - 1 - 1 - 5
    assert take(ledger, hourly, 1, account=B).granted == 1, "everybody is blocked"


def test_a_key_that_is_forgotten_just_now_does_not_answer_once_more(ledger, clock, hourly):
    take(ledger, hourly, 5, key="k", hold_seconds=60)
    clock.forward(days=60)
    anew = take(ledger, hourly, 5, key="k", hold_seconds=60)
    assert not anew.replayed
    assert take(ledger, hourly, 5, key="k", hold_seconds=60).id == anew.id
    ledger.settle(anew.id, 3)
    assert left(ledger, hourly) == 97


def test_a_reservation_that_is_forgotten_just_now_is_not_settled_any_more(ledger, clock, hourly):
    old = take(ledger, hourly, 5, key="k", hold_seconds=60)
    clock.forward(days=60)
    for _ in range(2):
        with pytest.raises(UnknownReservation):
            ledger.settle(old.id, 3)


def test_a_hold_made_before_the_clock_was_wrong_is_not_cut_short(ledger, clock, hourly):
    start = clock.at
    hold = take(ledger, hourly, 100, hold_seconds=3_600)
    clock.at = start + timedelta(minutes=59)
    take(ledger, hourly, 1)
    clock.at = start + timedelta(minutes=1)
    assert ledger.reset_clock() == 1
    clock.at = hold.held_until + HOUR - timedelta(microseconds=1)  # its sender may send until held_until
    assert take(ledger, hourly, 1).granted == 0, "what was sent at the last moment left the window too early"
    clock.forward(microseconds=1)
    assert take(ledger, hourly, 100).granted == 100


def test_many_holds_made_before_the_clock_was_wrong_are_not_cut_short(ledger, clock, hourly):
    start = clock.at
    holds = [take(ledger, hourly, 1, hold_seconds=3_600) for _ in range(100)]
    clock.at = start + timedelta(minutes=59)
    take(ledger, hourly, 1)
    clock.at = start + timedelta(minutes=1)
    assert ledger.reset_clock() == 1
    clock.at = holds[-1].held_until - timedelta(microseconds=1) + HOUR
    assert take(ledger, hourly, 1).granted == 0
    clock.forward(microseconds=1)
    assert take(ledger, hourly, 100).granted == 100


def test_a_late_settle_after_a_clock_was_put_right_takes_nothing_from_others(ledger, clock, hourly):
    start = clock.at
    hold = take(ledger, hourly, 50, key="k", hold_seconds=60)
    clock.at = start + timedelta(minutes=10)
    take(ledger, hourly, 1, key="wakes")
    clock.at = start
    ledger.reset_clock()
    clock.at = start + timedelta(minutes=15)
    ledger.settle(take(ledger, hourly, 40).id, 40)
    ledger.settle(hold.id, 0)
    assert left(ledger, hourly) == 100 - 40 - 1


@pytest.mark.parametrize("shift", [1, 4, 8, 12])
def test_an_id_made_of_parts_of_another_is_unknown(ledger, clock, shift):
    daily = (Limit(1_000, Window.DAY),)
    ledger.settle(take(ledger, daily, 1).id, 1)
    hold = take(ledger, daily, 300)
    known = Ref.parse(hold.id)
    until = (hold.held_until - EPOCH) // timedelta(microseconds=1)
    kept = known.token + (300).to_bytes(4, "big") + until.to_bytes(8, "big")
    crafted = Ref(A, kept[shift : shift + 16], int.from_bytes(kept[shift + 16 : shift + 20], "big"))
    for _ in range(2):
        with pytest.raises(UnknownReservation):
            ledger.settle(str(crafted), 0)
        take(ledger, daily, 1, key=f"{shift}")  # now the hold is in the state, no longer in the journal
    assert ledger.allowances({A: daily})[A].held == 301
    assert [take(ledger, daily, 400).granted for _ in range(2)] == [400, 298]
