"""The log: exact at window edges, bounded, hardly ever later than an exact one, and never too early."""

from collections import deque
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.domain.ledger_log import FINE, KEEP, LENGTHS, LONGEST, SECOND, WINDOWS, Log
from tests.conftest import MovingClock
from tests.limits.lanes import lane
from tests.limits.memory_ledger import MemoryLedger

A = "a" * 32
BYTES = 8_192
START = 1_800_000_000 * SECOND


def size(ledger):
    return sum(len(part) for part in ledger.rows[A])


SATURATED = {
    "one window": (Window.DAY,),
    "the longest": (Window.MONTH,),
    "the shortest": (Window.MINUTE,),
    "pace and day": (Window.MINUTE, Window.DAY),
    "hour and month": (Window.HOUR, Window.MONTH),
}


@pytest.mark.parametrize("windows", SATURATED.values(), ids=SATURATED)
def test_steady_saturation_costs_under_half_a_percent(windows):
    slow = LENGTHS[windows[-1]]
    step, count, log = slow // 5_000, 1_000_000, Log()
    sent, now = 0, START
    for n in range(1, 25_001):
        now += step
        units = count - log.used(windows[-1], now)
        if units > 0:
            log.add(now, units if n > 5_000 else min(units, count // 5_000))
        if len(log) > KEEP + 24:
            log.compact(now, windows)
        sent += units if n > 10_000 and units > 0 else 0
    assert sent >= 0.995 * 3 * count
    assert len(log) <= KEEP + 24


def test_a_job_that_runs_again_a_window_later_is_not_delayed(clock):
    ledger = MemoryLedger(InjectedClock(clock).reading)
    daily = (Limit(1_000, Window.DAY),)
    for day in range(40):
        start = clock.at
        for part in range(100):
            hold = ledger.reserve(A, daily, 10).reservation
            ledger.settle(hold.id, hold.granted)
            assert hold.granted == 10, (day, part)
            clock.forward(seconds=3)
        clock.at = start + timedelta(days=1)


@pytest.mark.parametrize("seconds", [0.05, 1, 60, 5_000])
def test_the_state_stays_small_however_long_it_runs(seconds):
    clock = MovingClock()
    ledger = MemoryLedger(InjectedClock(clock).reading)
    limits = (Limit(10_000_000, Window.MONTH), Limit(1_000_000, Window.HOUR), Limit(100_000, Window.MINUTE))
    largest = 0
    for n in range(3_000):
        ledger.settle(ledger.reserve(A, limits, 1 + n % 7, hold_seconds=60).reservation.id, 1)
        if n % 5 == 0:
            ledger.reserve(A, limits, 3, hold_seconds=60)
        clock.forward(seconds=seconds * (1 + n % 3))
        largest = max(largest, size(ledger))
    assert largest <= BYTES


entries = st.lists(st.tuples(st.integers(1, 9_000), st.integers(1, 50)), min_size=1, max_size=900)


@lane(quick=40, ci=2000)
@given(
    entries=entries,
    unit=st.sampled_from([SECOND // 100, SECOND, 60 * SECOND]),
    windows=st.sets(st.sampled_from(WINDOWS), max_size=3),
    later=st.integers(0, 2 * LONGEST),
)
def test_merging_never_gives_back_early_and_hardly_late(entries, unit, windows, later):
    log, exact, now = Log(), deque(), START
    for step, units in entries:
        now += step * unit
        log.add(now, units)
        exact.append((now, units))
        if len(log) > KEEP + 24:
            log.compact(now, windows)
            assert len(log) <= KEEP
    now += later
    for window in WINDOWS:
        least = sum(units for at, units in exact if at > now - LENGTHS[window])
        assert log.used(window, now) >= least, "never early"
        if window in windows:
            slack = 2 * FINE[window]
            assert log.used(window, now) <= sum(u for at, u in exact if at > now - LENGTHS[window] - slack)
    assert log.used(Window.MONTH, now) <= sum(units for _, units in exact)


def test_a_changed_window_still_knows_the_past_after_merging(clock):
    ledger = MemoryLedger(InjectedClock(clock).reading)
    hourly, monthly = (Limit(1_000, Window.HOUR),), (Limit(10_000, Window.MONTH),)
    for _ in range(3_000):
        ledger.settle(ledger.reserve(A, hourly, 1).reservation.id, 1)
        clock.forward(minutes=10)
    assert ledger.allowances({A: monthly})[A].used == 3_000
    clock.forward(days=15)
    assert 2_304 <= ledger.allowances({A: monthly})[A].used <= 2_304 + 62 * 6


def test_the_same_instant_is_one_entry():
    log = Log([(5, 2), (5, 3), (4, 1)])
    assert list(zip(log.at, log.units, strict=True)) == [(4, 1), (5, 5)]
