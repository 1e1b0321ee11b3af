"""What every ledger does: memory, SQLite and PostgreSQL give the same answers."""

from datetime import timedelta

import pytest

from crm_comm_hookspecs import KeyReused, Limit, ReservationMismatch, UnknownReservation, Window

A, B = "a" * 32, "b" * 32
HOUR = timedelta(hours=1)


def left(ledger, limits, account=A):
    return ledger.allowances({account: limits})[account].remaining


def take(ledger, limits, units, account=A, **more):
    return ledger.reserve(account, limits, units, **more).reservation


def test_grants_what_is_free_and_says_when_more_is(ledger, clock, hourly):
    first = take(ledger, hourly, 70)
    assert (first.granted, first.retry_at, first.replayed) == (70, None, False)
    assert first.held_until == clock.at + timedelta(seconds=300)
    ledger.settle(first.id, 70)
    clock.forward(minutes=10)
    second = take(ledger, hourly, 50)
    assert (second.requested, second.granted) == (50, 30)
    assert second.retry_at == clock.at + timedelta(minutes=50)


def test_an_entry_counts_until_just_before_a_window_later(ledger, clock, hourly):
    ledger.settle(take(ledger, hourly, 100).id, 100)
    clock.forward(hours=1, microseconds=-1)
    assert take(ledger, hourly, 1).granted == 0
    clock.forward(microseconds=1)
    assert take(ledger, hourly, 101).granted == 100


def test_what_was_not_used_is_free_again_at_once(ledger, hourly):
    hold = take(ledger, hourly, 100)
    assert left(ledger, hourly) == 0
    ledger.settle(hold.id, 40)
    assert left(ledger, hourly) == 60


def test_an_unsettled_hold_counts_as_sent_at_its_end(ledger, clock, hourly):
    start = clock.at
    take(ledger, hourly, 100, hold_seconds=600)
    clock.forward(seconds=600)
    allowance = ledger.allowances({A: hourly})[A]
    assert (allowance.used, allowance.held, allowance.remaining) == (100, 0, 0)
    assert allowance.next_free_at == allowance.full_at == start + timedelta(seconds=600) + HOUR
    clock.at = start + timedelta(seconds=600, microseconds=-1) + HOUR
    assert take(ledger, hourly, 1).granted == 0
    clock.forward(microseconds=1)
    assert take(ledger, hourly, 100).granted == 100


def test_a_late_settle_only_lowers_what_counts(ledger, clock, hourly):
    hold = take(ledger, hourly, 100, hold_seconds=60)
    clock.forward(minutes=30)
    ledger.settle(hold.id, 25)
    assert left(ledger, hourly) == 75
    clock.forward(minutes=31)
    assert left(ledger, hourly) == 100, "it is recorded at its end, not when it was settled"


def test_a_settle_long_after_everything_is_over_changes_nothing(ledger, clock, hourly):
    hold = take(ledger, hourly, 10, key="k", hold_seconds=60)
    clock.forward(days=33)
    ledger.settle(take(ledger, hourly, 7).id, 7)
    ledger.settle(hold.id, 0)
    assert left(ledger, hourly) == 93


def test_the_same_key_replays_settled_or_not(ledger, clock, hourly):
    first = take(ledger, hourly, 120, key="newsletter-7")
    clock.forward(minutes=2)
    again = take(ledger, hourly, 120, key="newsletter-7")
    assert again.replayed
    assert (again.id, again.granted, again.held_until, again.retry_at) == (
        first.id,
        100,
        first.held_until,
        first.retry_at,
    )
    ledger.settle(first.id, 100)
    clock.forward(days=38)
    assert take(ledger, hourly, 120, key="newsletter-7").id == first.id
    assert take(ledger, hourly, 120, key="newsletter-7", account=B).replayed is False


def test_a_key_is_pruned_after_longest_window_and_a_week(ledger, clock, hourly):
    first = take(ledger, hourly, 5, key="k")
    clock.forward(days=41)
    ledger.settle(take(ledger, hourly, 1).id, 1)
    with pytest.raises(UnknownReservation):
        ledger.settle(first.id, 5)
    fresh = take(ledger, hourly, 5, key="k")
    assert not fresh.replayed
    assert fresh.id != first.id
    with pytest.raises(UnknownReservation):
        ledger.settle(first.id, 5)


def test_another_number_under_the_same_key_is_refused(ledger, hourly):
    take(ledger, hourly, 5, key="k")
    with pytest.raises(KeyReused):
        take(ledger, hourly, 6, key="k")
    assert left(ledger, hourly) == 95


def test_settling_twice(ledger, hourly):
    hold = take(ledger, hourly, 10, key="k")
    ledger.settle(hold.id, 4)
    ledger.settle(hold.id, 4)
    assert left(ledger, hourly) == 96
    with pytest.raises(ReservationMismatch):
        ledger.settle(hold.id, 5)
    with pytest.raises(ReservationMismatch):
        ledger.settle(take(ledger, hourly, 10, key="l").id, 11)
    with pytest.raises(ReservationMismatch):
        ledger.settle(take(ledger, hourly, 10).id, 11)


@pytest.mark.parametrize("id", ["", "x", "a" * 32 + ".k", f"{A}.k00000000{'0' * 32}", f"{A}.h00000000{'0' * 32}", "é"])
def test_a_foreign_reservation_is_unknown(ledger, hourly, id):
    take(ledger, hourly, 1)
    with pytest.raises(UnknownReservation):
        ledger.settle(id, 0)


def test_several_limits_at_once_the_smallest_grants(ledger, clock):
    limits = (Limit(100, Window.DAY), Limit(30, Window.MINUTE))
    ledger.settle(take(ledger, limits, 50).id, 30)
    allowance = ledger.allowances({A: limits})[A]
    assert (allowance.limit, allowance.remaining) == (limits[1], 0)
    assert [part.remaining for part in allowance.limits] == [70, 0]
    for _ in range(3):
        clock.forward(minutes=1)
        hold = take(ledger, limits, 50)
        ledger.settle(hold.id, hold.granted)
    assert ledger.allowances({A: limits})[A].limit == limits[0]
    assert take(ledger, limits, 1).granted == 0


def test_without_a_limit_everything_is_granted_and_still_known(ledger, clock, hourly):
    hold = take(ledger, (), 10_000_000)
    assert (hold.granted, hold.retry_at) == (10_000_000, None)
    ledger.settle(hold.id, 60)
    assert ledger.allowances({A: ()})[A].remaining is None
    assert left(ledger, hourly) == 40, "a limit set later knows the past"


def test_count_0_blocks(ledger):
    blocked = (Limit(0, Window.DAY),)
    hold = take(ledger, blocked, 5)
    assert (hold.granted, hold.retry_at) == (0, None)
    allowance = ledger.allowances({A: blocked})[A]
    assert (allowance.remaining, allowance.next_free_at) == (0, None)


def test_a_lowered_count_grants_nothing_and_never_less(ledger, clock):
    ledger.settle(take(ledger, (Limit(100, Window.HOUR),), 80).id, 80)
    lowered = (Limit(50, Window.HOUR),)
    assert take(ledger, lowered, 5).granted == 0
    assert left(ledger, lowered) == 0
    clock.forward(hours=1)
    assert take(ledger, lowered, 60).granted == 50


def test_another_window_knows_the_past(ledger, clock):
    for _ in range(5):
        ledger.settle(take(ledger, (Limit(10, Window.HOUR),), 10).id, 10)
        clock.forward(hours=1)
    daily = (Limit(60, Window.DAY),)
    assert left(ledger, daily) == 10
    clock.forward(hours=19)
    assert left(ledger, daily) == 20


def test_many_live_holds_are_kept_beside_and_expire(ledger, clock, hourly):
    holds = [take(ledger, hourly, 2, hold_seconds=100 + n) for n in range(40)]
    assert left(ledger, hourly) == 20
    for hold in holds[::2]:
        ledger.settle(hold.id, 1)
    assert left(ledger, hourly) == 40
    clock.forward(seconds=120)
    assert ledger.allowances({A: hourly})[A].held == 20
    take(ledger, hourly, 1)
    clock.forward(seconds=3480)
    assert left(ledger, hourly) == 39 + 20
    for hold in holds[1::2]:
        ledger.settle(hold.id, 0)
    assert left(ledger, hourly) == 99


def test_the_ceiling_is_shared_by_all_accounts(make_ledger, clock, hourly):
    ledger = make_ledger(ceiling=Limit(120, Window.DAY))
    ledger.settle(take(ledger, hourly, 100).id, 100)
    second = take(ledger, hourly, 100, account=B, key="k", hold_seconds=60)
    assert (second.granted, second.retry_at) == (20, clock.at + timedelta(days=1))
    assert ledger.allowances({B: hourly})[B].limit == Limit(120, Window.DAY)
    clock.forward(minutes=2)
    assert take(ledger, hourly, 5, account="c" * 32).granted == 0
    ledger.settle(second.id, 5)
    assert take(ledger, hourly, 50, account="c" * 32).granted == 15


def test_time_never_runs_backwards(ledger, clock, hourly):
    start = clock.at
    ledger.settle(take(ledger, hourly, 60).id, 60)
    clock.at = start - timedelta(days=2)
    assert left(ledger, hourly) == 40
    ledger.settle(take(ledger, hourly, 40).id, 40)
    assert take(ledger, hourly, 1).granted == 0
    clock.at = start + timedelta(minutes=59)
    assert left(ledger, hourly) == 0
    clock.at = start + HOUR
    assert left(ledger, hourly) == 100


def test_a_wrong_future_is_taken_back(ledger, clock, hourly):
    now = clock.at
    clock.at = now + timedelta(days=900)
    ledger.settle(take(ledger, hourly, 60).id, 60)
    for _ in range(20):
        take(ledger, hourly, 1)
    clock.at = now
    assert left(ledger, hourly) == 20
    assert ledger.reset_clock() == 1
    assert ledger.reset_clock() == 0
    assert left(ledger, hourly) == 20, "what lay in the future counts from now on"
    clock.forward(hours=1, seconds=300)
    assert left(ledger, hourly) == 100


def test_closing_grants_nothing_until_then(ledger, clock, hourly):
    until = clock.at + timedelta(hours=3)
    closure = ledger.close(A, until, "452 over the limit", hourly[0])
    assert (closure.until, closure.strikes, closure.in_force) == (until, 1, True)
    hold = take(ledger, hourly, 5)
    assert (hold.granted, hold.retry_at) == (0, until)
    assert ledger.allowances({A: hourly})[A].next_free_at == until
    assert ledger.closures([A, B])[A].reason == "452 over the limit"
    ledger.reopen(A)
    assert not ledger.closures([A])[A].in_force
    assert take(ledger, hourly, 5).granted == 5


def test_back_off_doubles_up_to_a_day_and_forgets(ledger, clock, hourly):
    waits = []
    for _ in range(9):
        closure = ledger.close(A, None, "", hourly[0])
        assert ledger.close(A, None, "", hourly[0]) == closure, "many threads hear the same reply"
        waits.append(int((closure.until - clock.at).total_seconds() // 60))
        clock.at = closure.until + timedelta(seconds=5)
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]
    clock.forward(days=2)
    assert ledger.close(A, None, "", hourly[0]).strikes == 1


def test_forgetting_an_account(ledger, hourly):
    hold = take(ledger, hourly, 5, key="k")
    ledger.forget([A])
    assert left(ledger, hourly) == 100
    with pytest.raises(UnknownReservation):
        ledger.settle(hold.id, 5)
