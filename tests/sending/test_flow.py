"""A send from its first recipient to its report, through the public names."""

import pickle
from datetime import timedelta

import pytest

from crm_comm_hookspecs import (
    EmailMessage,
    InvalidInput,
    Outcome,
    Reason,
    Recipient,
    RecipientStatus,
    TextMessage,
    TransportError,
    UnknownAccount,
    to_json,
)
from tests.sending.worlds import MESSAGE, Post, people

SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus


def said(world, report):
    return [(o.recipient.address, str(o.status), o.reason) for o in world.sending().outcomes(report.send_id).outcomes]


def test_everybody_is_reached_once_and_told_in_order(world):
    report = world.send(people(120), campaign="spring")
    assert report.counts == {SENT: 120}
    assert report.finished
    assert report.campaign == "spring"
    assert world.office.reached == [p.address for p in people(120)]
    assert [a for a, _, _ in said(world, report)] == world.office.reached
    assert world.limits.settled() == world.limits.used() == 120
    assert world.usage.total("sent") == 120
    assert world.accounts.touched == ["a"]
    assert all(t.closed for t in world.office.transports)


def test_numbers_that_are_left_out_read_as_zero(world):
    seen = []
    report = world.send(people(3), on_progress=seen.append)
    preview = world.sending().preview("a", MESSAGE, people(3))
    assert report.counts[SKIPPED] == seen[-1].counts[FAILED] == preview.rejected[Reason.DUPLICATE] == 0
    assert pickle.loads(pickle.dumps(report)) == report
    assert to_json(report)["counts"] == {"sent": 3}


def test_names_and_times_come_back_with_outcomes(world, clock):
    report = world.send([Recipient("ann@example.com", "Ann Ó\x07\nX")])
    (outcome,) = world.sending().outcomes(report.send_id).outcomes
    assert outcome.recipient == Recipient("ann@example.com", "Ann Ó  X")
    assert outcome.at == clock()


def test_one_send_has_each_normalised_address_once(world):
    report = world.send(
        [Recipient(a) for a in ("Bob@example.com", " bob@EXAMPLE.com", "eve@example.com", "nobody", "bob@example.com")]
    )
    assert report.counts == {SENT: 2, FAILED: 3}
    assert world.office.reached == ["bob@example.com", "eve@example.com"]
    assert sorted(said(world, report)) == [
        ("bob@example.com", "failed", "duplicate"),
        ("bob@example.com", "failed", "duplicate"),
        ("bob@example.com", "sent", ""),
        ("eve@example.com", "sent", ""),
        ("nobody", "failed", "invalid_address"),
    ]


def test_repeats_across_chunks_and_runs_are_counted_once(world):
    crowd = people(400) * 2 + [Recipient("nobody")] * 2
    first = world.send(crowd)
    assert first.counts == {SENT: 400, FAILED: 402}
    assert world.send(crowd).counts == first.counts
    assert world.send(crowd + crowd).counts == {SENT: 400, FAILED: 402 + 802}
    assert len(world.office.reached) == 400


def test_who_is_over_the_limit_is_skipped_until_capacity_returns(world, clock):
    world.limits.count = 100
    report = world.send(people(1000))
    back = clock() + timedelta(hours=1)
    assert report.counts == {SENT: 100, SKIPPED: 900}
    assert report.retry_at == back
    assert world.limits.notices == [(900, back)]
    assert world.limits.asked < 8
    late = world.sending().outcomes(report.send_id, status="skipped").outcomes
    assert {(o.reason, o.retry_at, o.detail) for o in late} == {
        (Reason.LIMIT, back, "The send limit of the account is reached.")
    }
    clock.forward(minutes=59)
    assert world.send(people(1000)).counts == {SENT: 100, SKIPPED: 900}
    clock.forward(minutes=1)
    assert world.send(people(1000)).counts == {SENT: 200, SKIPPED: 800}
    assert len(set(world.office.reached)) == len(world.office.reached) == 200


def test_what_a_partial_grant_leaves_unused_is_granted_to_the_next(world):
    world.limits.count = 10
    refuse = {f"p{n}@example.com" for n in range(4)}

    def answer(recipient, message):
        if recipient.address in refuse:
            return Outcome(recipient=recipient, status=FAILED, reason=Reason.REFUSED, code="550 5.1.1")
        return world.office.accept(recipient, message)

    world.office.answer = answer
    assert world.send(people(30)).counts == {SENT: 10, FAILED: 4, SKIPPED: 16}


def test_capacity_that_returns_during_the_send_is_asked_for_again(world, clock):
    world.limits.count = 100

    def slow():
        yield from people(500)
        clock.forward(hours=1)
        yield from people(50, start=500)

    assert world.send(slow()).counts == {SENT: 200, SKIPPED: 350}


def test_a_blocked_account_asks_the_ledger_once(world):
    world.limits.count = 0
    assert world.send(people(20_000)).counts == {SKIPPED: 20_000}
    assert world.limits.asked <= 2
    assert world.office.transports == []


def test_a_provider_limit_closes_the_account_and_skips_the_rest(world, clock):
    def answer(recipient, message):
        if len(world.office.reached) == 30:
            return Outcome(recipient=recipient, status=SKIPPED, reason=Reason.PROVIDER_LIMIT, code="550 5.4.5")
        return world.office.accept(recipient, message)

    world.office.answer = answer
    report = world.send(people(600))
    assert report.counts == {SENT: 30, SKIPPED: 570}
    assert report.retry_at == clock() + timedelta(hours=6)
    outcomes = world.sending().outcomes(report.send_id, status="skipped").outcomes
    assert {(o.reason, o.retry_at) for o in outcomes} == {(Reason.PROVIDER_LIMIT, report.retry_at)}
    assert world.accounts.statuses == [("a", "paused")]
    assert world.limits.settled() == world.limits.used() == 30
    again = world.send(people(600))
    assert again.counts == {SENT: 30, SKIPPED: 570}
    assert len(world.office.transports) == 1


def test_a_failed_sign_in_skips_the_rest_and_marks_the_account(world):
    world.office.answer = lambda r, m: Outcome(
        recipient=r, status=SKIPPED, reason=Reason.AUTH, detail="Wrong password."
    )
    report = world.send(people(600))
    assert report.counts == {SKIPPED: 600}
    assert world.accounts.statuses == [("a", "auth_failed")]
    assert sum(world.office.batches) <= 50
    world.office.answer = world.office.accept
    assert world.send(people(600)).counts == {SENT: 600}


def test_the_first_success_takes_a_bad_status_back(world):
    world.accounts.change(status="auth_failed")
    world.send(people(3))
    assert world.accounts.statuses == [("a", "connected")]


def test_a_server_that_is_gone_is_not_asked_for_each_recipient(world):
    asked = []

    def answer(recipient, message):
        asked.append(recipient)
        return Outcome(recipient=recipient, status=SKIPPED, reason=Reason.UNREACHABLE)

    world.office.answer = answer
    assert world.send(people(600)).counts == {SKIPPED: 600}
    assert len(asked) == 3


def test_an_inactive_account_skips_everybody(world):
    world.accounts.change(active=False)
    report = world.send(people(5))
    assert {(s, r) for _, s, r in said(world, report)} == {("skipped", "inactive")}
    assert world.limits.asked == 0


def test_switching_the_account_off_stops_a_running_send(world):
    def crowd():
        yield from people(250)
        world.accounts.change(active=False)
        yield from people(250, start=250)

    assert world.send(crowd()).counts == {SENT: 250, SKIPPED: 250}


def test_deleting_the_account_stops_a_running_send(world):
    def crowd():
        yield from people(250)
        del world.accounts.kept["a"]
        yield from people(10, start=250)

    report = world.send(crowd())
    assert report.counts == {SENT: 250, SKIPPED: 10}


def test_progress_can_stop_the_send(world):
    seen = []

    def stop(progress):
        seen.append(progress)
        return sum(progress.counts.values()) < 16

    report = world.send(people(300), on_progress=stop)
    assert report.counts == {SENT: 16, SKIPPED: 284}
    assert not report.finished
    assert seen[0].total == 300
    assert {r for _, s, r in said(world, report) if s == "skipped"} == {Reason.INTERRUPTED}
    assert world.limits.used() == 16
    last = world.send(iter(people(300)), on_progress=seen.append)
    assert last.counts == {SENT: 300}
    assert last.finished
    assert (seen[-1].done, seen[-1].total, seen[-1].counts) == (300, None, {SENT: 300})


def test_cancel_is_seen_before_the_next_batch(world):
    def answer(recipient, message):
        if len(world.office.reached) == 5:
            world.sending().cancel(world.sending().sends().sends[0].send_id)
        return world.office.accept(recipient, message)

    world.office.answer = answer
    report = world.send(people(300))
    assert report.counts == {SENT: 16, SKIPPED: 284}
    assert not report.finished
    world.office.answer = world.office.accept
    assert world.send(people(300)).counts == {SENT: 300}


def test_cancel_of_what_is_over_changes_nothing(world):
    report = world.send(people(3))
    assert world.sending().cancel(report.send_id) == report
    with pytest.raises(InvalidInput):
        world.sending().cancel("no such")


def test_each_recipient_can_have_a_message_of_its_own(world):
    texts = {}

    def answer(recipient, message):
        texts[recipient.address] = message.text
        return world.office.accept(recipient, message)

    world.office.answer = answer
    world.send(people(3), lambda r: EmailMessage(subject="Hi", text=f"Dear {r.name}"))
    assert texts["p1@example.com"] == "Dear Person 1"


@pytest.mark.parametrize("junk", [lambda r: None, lambda r: 1 / 0, lambda r: TextMessage("x"), lambda r: "hello"])
def test_a_message_that_cannot_be_made_fails_its_recipient_only(world, junk):
    report = world.send(people(3), lambda r: junk(r) if r.address.startswith("p1") else MESSAGE)
    assert report.counts == {SENT: 2, FAILED: 1}
    (failed,) = world.sending().outcomes(report.send_id, status="failed").outcomes
    assert failed.reason == Reason.MESSAGE
    assert failed.recipient.address == "p1@example.com"
    assert world.limits.used() == 2


def test_the_secret_content_of_an_error_is_not_kept(world):
    def leak(recipient):
        raise ValueError("one-time code 123456")

    report = world.send(people(1), leak)
    (failed,) = world.sending().outcomes(report.send_id).outcomes
    assert "123456" not in repr(failed)
    assert "ValueError" in failed.detail


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"key": ""}, "key"),
        ({"key": "  "}, "key"),
        ({"key": 7}, "key"),
        ({"key": "x" * 201}, "200"),
        ({"key": "a\x00b"}, "control"),
        ({"key": "\ud800"}, "control"),
        ({"campaign": None}, "campaign"),
        ({"message": TextMessage("hi")}, "EmailMessage"),
        ({"message": None}, "message"),
        ({"recipients": "ann@example.com"}, "recipients"),
        ({"recipients": None}, "recipients"),
        ({"recipients": ["ann@example.com"]}, "Recipient"),
        ({"on_progress": 3}, "on_progress"),
    ],
)
def test_callers_mistakes_raise(world, arguments, words):
    call = {"recipients": people(1), "message": MESSAGE, "key": "k"} | arguments
    with pytest.raises(InvalidInput, match=words):
        world.sending().send("a", **call)
    assert world.office.reached == []


def test_an_unknown_account_raises(world):
    with pytest.raises(UnknownAccount):
        world.sending().send("nobody", MESSAGE, people(1), "k")


@pytest.mark.parametrize("address", ["", " ", "x" * 5000, "a\x00b", "\ud800@x", "é" * 400, None, 7, "a\nb@c"])
def test_hostile_addresses_fail_alone(world, address):
    report = world.send([Recipient(address), *people(2)])
    assert report.counts == {SENT: 2, FAILED: 1}
    assert world.send([Recipient(address), *people(2)]).counts == report.counts
    assert len(world.sending().outcomes(report.send_id).outcomes) == 3


def test_a_normaliser_that_breaks_leaves_recipients_free_for_later(world):
    from dataclasses import replace

    world.accounts.kind = replace(world.kind, normalise=lambda r, v: 1 / 0)
    assert world.send(people(3)).counts == {SKIPPED: 3}
    world.accounts.kind = replace(world.kind, normalise=None)
    assert world.send(people(3)).counts == {SENT: 3}


class Raising(Post):
    def deliver(self, batch):
        for number, (recipient, message) in enumerate(batch):
            if number == 3:
                raise TransportError("gone", self.office.until, reason=Reason.UNREACHABLE)
            yield self.office.answer(recipient, message)


def test_a_line_that_fails_leaves_who_was_handed_over_unknown(world, clock):
    world.office.make, world.office.until = Raising, clock() + timedelta(minutes=5)
    report = world.send(people(600))
    assert report.counts == {SENT: 3, UNKNOWN: 13, SKIPPED: 584}
    assert report.retry_at == world.office.until
    assert {(r) for _, s, r in said(world, report) if s == "skipped"} == {Reason.UNREACHABLE}
    assert world.limits.used() == 16


class Strange(Post):
    """Foreign, repeated, wrong and missing outcomes."""

    batch = "many"

    def deliver(self, batch):
        stranger = Recipient("stranger@example.com")
        yield Outcome(recipient=stranger, status=SENT)
        yield "sent"
        yield None
        for recipient, _ in batch:
            if recipient.address == "p0@example.com":
                yield Outcome(recipient=recipient, status=SENT)
                yield Outcome(recipient=recipient, status=FAILED)
            if recipient.address == "p1@example.com":
                yield Outcome(recipient=recipient, status="delivered", detail=4)
            if recipient.address == "p2@example.com":
                yield Outcome(recipient=recipient, status="sent", retry_at=4, at="now", reason=None, code=b"2")


def test_a_strange_transport_cannot_spoil_the_books(world):
    world.office.make = Strange
    report = world.send(people(4))
    assert said(world, report) == [
        ("p0@example.com", "sent", ""),
        ("p1@example.com", "unknown", ""),
        ("p2@example.com", "sent", ""),
        ("p3@example.com", "unknown", ""),
    ]
    assert world.limits.used() == 4


@pytest.mark.parametrize("broken", [lambda self, batch: None, lambda self, batch: 1 / 0, lambda self, batch: []])
def test_a_transport_that_says_nothing_leaves_unknown(world, broken):
    world.office.make = type("Broken", (Post,), {"deliver": broken})
    assert world.send(people(1)).counts == {UNKNOWN: 1}


def test_connecting_can_fail_for_now(world, clock):
    def refuse(office):
        raise TransportError(reason=Reason.AUTH, message="The password is lost.")

    world.office.make = refuse
    report = world.send(people(4))
    assert report.counts == {SKIPPED: 4}
    assert {o.reason for o in world.sending().outcomes(report.send_id).outcomes} == {Reason.AUTH}
    assert all(isinstance(o.reason, Reason) for o in world.sending().outcomes(report.send_id).outcomes)
    assert world.limits.used() == 0
    assert world.accounts.statuses == [("a", "auth_failed")]


class Slow(Post):
    def deliver(self, batch):
        for recipient, message in batch:
            self.office.starts.append(self.office.clock())
            yield self.office.answer(recipient, message)
            self.office.clock.forward(seconds=40)


def test_nobody_is_begun_after_the_hold_is_over(world, clock):
    """Slow enough that every hold runs out: the sender stops, holds again, and goes on."""
    world.office.make, world.office.starts, world.office.clock = Slow, [], clock
    holds = []
    reserve = world.limits.reserve

    def noted(*arguments):
        holds.append(reserve(*arguments))
        return holds[-1]

    world.limits.reserve = noted
    report = world.send(people(40))
    assert report.counts == {SENT: 40}
    assert len(holds) > 5
    for start in world.office.starts:
        assert any(h.held_until - timedelta(seconds=300) <= start < h.held_until for h in holds)
    assert len(set(world.office.reached)) == 40
    assert max(h.granted for h in holds[1:]) <= 40


def test_credits_that_run_out_skip_the_rest(world):
    world.office.answer = lambda r, m: Outcome(recipient=r, status=SKIPPED, reason=Reason.CREDITS)
    assert world.send(people(40)).counts == {SKIPPED: 40}
    assert world.accounts.statuses == [("a", "no_credits")]


def test_a_message_refused_after_its_recipient_was_accepted_counts_as_used(world):
    world.office.answer = lambda r, m: Outcome(recipient=r, status=FAILED, reason=Reason.MESSAGE, code="554 5.6.0")
    world.send(people(4))
    assert world.limits.used() == 4
