"""A forecast comes true when nothing else sends, for any number asked."""

from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.clock import InjectedClock
from tests.conftest import MovingClock
from tests.limits.lanes import lane
from tests.limits.memory_ledger import MemoryLedger

A = "a" * 32
MOST_STEPS = 20
COUNTS = {Window.MINUTE: 20, Window.HOUR: 60, Window.DAY: 200, Window.MONTH: 400}

limit = st.sampled_from(sorted(COUNTS)).flatmap(lambda w: st.builds(Limit, st.integers(1, COUNTS[w]), st.just(w)))
past = st.lists(st.tuples(st.integers(0, 7_200), st.integers(1, 40), st.booleans()), max_size=12)


def sent_really(ledger, clock, limits, units):
    """Sends as soon as anything is free; [(when, how many)]."""
    steps = []
    while units:
        hold = ledger.reserve(A, limits, units).reservation
        if hold.granted:
            ledger.settle(hold.id, hold.granted)
            steps.append((clock.at, hold.granted))
            units -= hold.granted
        if units:
            clock.at = max(ledger.allowances({A: limits})[A].next_free_at, clock.at)
    return steps


def assert_comes_true(ledger, clock, limits, units):
    start = clock.at
    now, later = ledger.forecast(A, limits, units)
    assert len(later) <= MOST_STEPS
    assert now + sum(count for _, count in later) == units
    assert [at for at, _ in later] == sorted({at for at, _ in later})
    steps = sent_really(ledger, clock, limits, units)
    assert now == sum(count for at, count in steps if at <= start)
    promised = now
    for at, count in later:
        promised += count
        assert promised == sum(count for when, count in steps if when <= at), at
        assert at in [when for when, _ in steps]


@lane(quick=40, ci=1000)
@given(
    limits=st.lists(limit, min_size=1, max_size=3, unique_by=lambda x: x.window), past=past, units=st.integers(1, 900)
)
@example(limits=[Limit(5, Window.MINUTE), Limit(100, Window.HOUR)], past=[], units=900)
@example(limits=[Limit(5, Window.MINUTE), Limit(90, Window.DAY)], past=[(30, 9, False)], units=880)
@example(limits=[Limit(1, Window.HOUR), Limit(289, Window.MONTH)], past=[], units=302)
@example(limits=[Limit(100, Window.HOUR), Limit(10, Window.HOUR)], past=[], units=900)
def test_what_it_says_is_what_happens(limits, past, units):
    clock = MovingClock()
    ledger = MemoryLedger(InjectedClock(clock).reading)
    for seconds, count, settled in past:
        clock.forward(seconds=seconds)
        hold = ledger.reserve(A, (), count).reservation
        if settled:
            ledger.settle(hold.id, count)
    assert_comes_true(ledger, clock, tuple(limits), units)


def test_a_closed_account_goes_on_when_it_opens(ledger, clock):
    limits = (Limit(10, Window.HOUR),)
    opens = clock.at + timedelta(hours=5)
    ledger.close(A, opens, "over", limits[0])
    assert ledger.forecast(A, limits, 15) == (0, ((opens, 10), (opens + timedelta(hours=1), 5)))
    assert ledger.forecast(A, (), 15) == (0, ((opens, 15),))


def test_the_ceiling_is_a_gate_too(make_ledger, clock):
    ledger = make_ledger(ceiling=Limit(4, Window.DAY))
    ledger.settle(ledger.reserve("b" * 32, (), 3).reservation.id, 3)
    start = clock.at
    now, later = ledger.forecast(A, (Limit(10, Window.HOUR),), 9)
    assert (now, later) == (1, ((start + timedelta(days=1), 4), (start + timedelta(days=2), 4)))


def test_any_number_is_answered_at_once(ledger, clock):
    limits = (Limit(30, Window.MINUTE), Limit(2_000, Window.DAY))
    now, later = ledger.forecast(A, limits, 10_000_000)
    assert now == 30
    assert len(later) <= MOST_STEPS
    assert now + sum(count for _, count in later) == 10_000_000
    assert later[-1][0] == clock.at + timedelta(days=4999, minutes=66)


def test_what_can_never_go_is_not_promised(ledger):
    assert ledger.forecast(A, (Limit(0, Window.DAY),), 5) == (0, ())
    assert ledger.forecast(A, (), 5) == (5, ())
