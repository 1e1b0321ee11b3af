"""How much a send holds and begins, under transports of every speed, on a clock that the transport moves."""

from datetime import timedelta

import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    AccountSchema,
    AccountType,
    Communication,
    Context,
    Diagnosis,
    Editor,
    EmailMessage,
    Outcome,
    Recipient,
    RecipientStatus,
    Settings,
    hookimpl,
)
from crm_comm_plugin.sending.pace import BEGIN_SECONDS, HoldTime
from tests.sending.worlds import Post, people

ANN = Context(user="ann", permissions=ALL_PERMISSIONS)
SENT, SKIPPED = RecipientStatus.SENT, RecipientStatus.SKIPPED


class Timed(Post):
    """Each recipient takes so long; begun: when each was, and under which hold."""

    def deliver(self, batch):
        office = self.office
        for recipient, message in batch:
            office.begun.append((office.clock(), office.holds[-1]))
            office.clock.forward(seconds=office.seconds)
            yield office.answer(recipient, message)


@pytest.fixture
def timed(world, clock):
    office, reserve = world.office, world.limits.reserve
    office.make, office.clock, office.holds, office.begun = Timed, clock, [], []

    def noted(*arguments):
        office.holds.append(reserve(*arguments))
        return office.holds[-1]

    world.limits.reserve = noted
    return world


@pytest.mark.parametrize("seconds", [3, 40, 119])
def test_nobody_is_begun_who_may_arrive_after_the_hold_in_hand(timed, seconds):
    timed.office.seconds = seconds
    assert timed.send(people(60)).counts == {SENT: 60}
    for begun, hold in timed.office.begun:
        assert begun < hold.held_until - timedelta(seconds=HoldTime().grace)
        assert begun + timedelta(seconds=seconds) < hold.held_until
    assert len(set(timed.office.reached)) == 60
    assert timed.limits.used() <= 60


def test_longer_time_outs_leave_more_time_at_the_end_of_a_hold(timed, clock):
    assert HoldTime.of(30) == HoldTime()
    assert HoldTime.of(1).grace == HoldTime().grace
    assert HoldTime.of(10**9).seconds == 86_400
    hold = HoldTime.of(120)
    assert (hold.seconds, hold.grace) == (BEGIN_SECONDS + 600, 600)


def test_a_slow_transport_holds_little_in_vain(timed):
    timed.office.seconds = 40
    timed.send(people(60))
    later = timed.office.holds[2:]
    assert len(later) > 10
    assert max(hold.granted for hold in later) == 1


def test_a_fast_transport_soon_holds_much(timed):
    timed.office.seconds = 0.0001
    timed.send(people(20_000))
    sizes = [hold.granted for hold in timed.office.holds]
    assert sizes[0] == 250
    assert max(sizes) == 5_000
    assert len(sizes) < 12


def test_a_transport_that_gets_slow_gets_smaller_holds(timed):
    timed.office.seconds = 0.01
    answer = timed.office.answer

    def slower(recipient, message):
        timed.office.seconds = 0.01 if len(timed.office.reached) < 1_000 else 30
        return answer(recipient, message)

    timed.office.answer = slower
    assert timed.send(people(1_300)).counts == {SENT: 1_300}
    sizes = [hold.granted for hold in timed.office.holds]
    assert max(sizes) >= 1_000
    assert sizes[-1] <= 2
    for begun, hold in timed.office.begun:
        assert begun < hold.held_until - timedelta(seconds=HoldTime().grace)


class Snail:
    """The whole of an account type whose provider writes down when it had each recipient."""

    batch = 50

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.arrived, self.rest = clock, seconds, [], 0

    @hookimpl
    def crm_comm_account_types(self):
        class SnailSchema(AccountSchema):
            pass

        editor = Editor(name="snail", title="Snail mail", schema=SnailSchema)
        return [
            AccountType(
                key="snail", label="Snail", icon="mail", channel="email", editor=editor, connect=lambda *_: self
            )
        ]

    def deliver(self, batch):
        for recipient, _ in batch:
            self.clock.forward(seconds=self.seconds)
            self.arrived.append(self.clock())
            yield Outcome(recipient=recipient, status=SENT)

    def diagnose(self):
        return Diagnosis(ok=True, steps=())

    def close(self):
        pass


@pytest.mark.parametrize("seconds", [1, 25, 100])
def test_a_slow_provider_never_gets_more_than_the_count_in_any_window(database_url, tmp_path, clock, seconds):
    snail = Snail(clock, seconds)
    settings = Settings(database_url=database_url, data_dir=str(tmp_path / "data"), clock=clock)
    with Communication.load(settings, entry_points=False) as comm:
        comm.register(snail, "snails")
        values = {"account_name": "Snails", "limitation": "hour", "limitation_count": "20"}
        account = comm.save(ANN, "snail", "", values, "").id
        report = comm.send(
            account, EmailMessage(subject="S", text="T"), [Recipient(f"p{n}@a.de") for n in range(90)], "k"
        )
        for _ in range(30):
            if SKIPPED not in report.counts:
                break
            clock.at = max(clock.at, report.retry_at)
            people = [Recipient(f"p{n}@a.de") for n in range(90)]
            report = comm.send(account, EmailMessage(subject="S", text="T"), people, "k")
        assert report.counts == {SENT: 90}
    times = snail.arrived
    assert len(times) == 90
    most = max(sum(at - timedelta(hours=1) < other <= at for other in times) for at in times)
    assert most <= 20
    if seconds == 1:
        assert most == 20, "what is free is used"
