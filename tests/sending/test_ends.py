"""How holds and stops end: holds that cannot be settled at once, a limit by another clock, a line that tells one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crm_comm_hookspecs import Busy, Outcome, Reason, RecipientStatus, TransportError
from crm_comm_plugin.sending import pace
from tests.sending.worlds import people

SENT, SKIPPED = RecipientStatus.SENT, RecipientStatus.SKIPPED


class Died(BaseException):
    """The process is gone."""


def fail_first(world, name, error):
    """The first call of a limiter's method raises, the others work."""
    work, errors = getattr(world.limits, name), [error]

    def call(*arguments):
        if errors:
            raise errors.pop()
        return work(*arguments)

    setattr(world.limits, name, call)


def test_a_hold_that_could_not_be_settled_at_once_is_settled_on_the_way_out(world):
    world.limits.count = 100
    world.office.answer = lambda recipient, _: (_ for _ in ()).throw(TransportError("gone", reason=Reason.UNREACHABLE))
    fail_first(world, "settle", Busy("Somebody else is writing."))
    with pytest.raises(Busy):
        world.send(people(90))
    world.office.answer = world.office.accept
    unknown = world.sending().sends().sends[0].counts[RecipientStatus.UNKNOWN]
    assert 0 < world.limits.used() == unknown < 90, "what was held in vain counts as sent"
    assert world.send(people(90)).counts == {RecipientStatus.UNKNOWN: unknown, SENT: 90 - unknown}


def test_a_dead_run_is_cleared_up_by_the_next_when_the_first_try_was_in_vain(world):
    world.limits.count = 100
    settle, end = world.limits.settle, world.sends.end

    def die(*arguments):
        raise Died

    world.limits.settle = world.sends.end = die
    with pytest.raises(Died):
        world.send(people(90), on_progress=lambda progress: False)
    world.limits.settle, world.sends.end = settle, end
    fail_first(world, "settle", Busy("Somebody else is writing."))
    with pytest.raises(Busy):
        world.send(people(90))
    world.send([])
    assert 0 < world.limits.used() < 90, "what the dead run held in vain counts as sent"


@pytest.mark.parametrize("cleared", [True, False], ids=["cleared up", "cut off"])
def test_who_was_handed_over_to_a_run_that_died_is_never_sent_to_again(world, cleared):
    """By the run itself on its way out, or by the one that takes over."""
    reached, recover = [], world.outcomes.recover

    def dies(recipient, message):
        reached.append(recipient.address)
        if len(reached) == 5:
            raise Died
        return world.office.accept(recipient, message)

    def die(*arguments):
        raise Died

    world.office.answer = dies
    if not cleared:
        world.outcomes.recover = die
    with pytest.raises(Died):
        world.send(people(90))
    world.outcomes.recover = recover
    report = world.send(people(90))
    assert report.counts[RecipientStatus.UNKNOWN] >= 1
    assert report.counts.total() == 90
    assert len(reached) == len(set(reached)), "somebody was sent to twice"


@pytest.mark.parametrize("behind", [timedelta(minutes=10), timedelta(hours=3), timedelta(minutes=-10)])
def test_a_limit_told_by_a_clock_that_is_wrong_is_waited_for_as_long(world, clock, behind):
    """The server of the database need not agree with this machine about the time."""
    world.limits.count, world.limits.window = 10, timedelta(minutes=5)
    reserve = world.limits.reserve

    def told(*arguments):
        assert world.limits.asked < 20, "the ledger is asked without end"
        hold = reserve(*arguments)
        at = None if hold.retry_at is None else hold.retry_at - behind
        return replace(hold, held_until=hold.held_until - behind, retry_at=at)

    world.limits.reserve = told

    def slow():
        yield from people(pace.FIRST_CHUNK)
        clock.forward(minutes=4, seconds=59)
        yield from people(1, start=1_000)
        assert len(world.office.reached) == 10
        asked = world.limits.asked
        clock.forward(seconds=1)
        yield from people(30, start=2_000)
        assert world.limits.asked == asked, "asked again before the time"

    report = world.send(slow())
    assert report.counts == {SENT: 20, SKIPPED: pace.FIRST_CHUNK + 31 - 20}
    assert report.retry_at == clock.at - behind


def test_a_refusal_between_two_who_could_not_be_reached_shows_that_the_server_is_there(world):
    tried = []

    def answer(recipient, message):
        tried.append(recipient.address)
        if len(tried) % 3:
            return Outcome(recipient=recipient, status=SKIPPED, reason=Reason.UNREACHABLE)
        return Outcome(recipient=recipient, status=RecipientStatus.FAILED, reason=Reason.REFUSED)

    world.office.answer = answer
    report = world.send(people(12))
    assert len(tried) == 12
    assert report.counts == {SKIPPED: 8, RecipientStatus.FAILED: 4}


def test_a_line_that_says_limit_stops_the_send_whatever_time_it_tells(world, clock):
    tries = []

    def refuse(office):
        tries.append(1)
        assert len(tries) < 20, "the line is opened without end"
        raise TransportError("over the limit", clock.at, reason=Reason.LIMIT)

    world.office.make = refuse
    report = world.send(people(400))
    assert report.counts == {SKIPPED: 400}
    assert len(tries) == 1
    assert report.finished
