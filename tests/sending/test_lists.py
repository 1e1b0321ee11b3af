"""Lists of sends and outcomes, dry runs, and what they refuse."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from crm_comm_hookspecs import InvalidInput, Reason, Recipient, RecipientStatus, TextMessage, UnknownAccount
from crm_comm_plugin.sending.cursors import outcomes_cursor, sends_cursor
from tests.sending.worlds import MESSAGE, people


def test_sends_come_newest_first_in_pages(world, clock):
    for number in range(7):
        world.send(people(1), key=f"key {number}", campaign="odd" if number % 2 else "even")
        clock.forward(seconds=number // 3)
    sending = world.sending()
    seen, after = [], ""
    while True:
        page = sending.sends(after=after, limit=2)
        seen += page.sends
        after = page.next
        if not after:
            break
    assert len({s.send_id for s in seen}) == 7
    assert {s.campaign for s in sending.sends(campaign="odd").sends} == {"odd"}
    assert [s.campaign for s in sending.sends(key="key 3").sends] == ["odd"]
    assert sending.sends(account_id="nobody").sends == ()
    assert [s.send_id for s in sending.sends(limit=7).sends] == [s.send_id for s in seen]


def test_outcomes_come_in_pages_by_status(world):
    report = world.send([*people(25), Recipient("x"), Recipient("y")])
    sending = world.sending()
    seen, after = [], ""
    while True:
        page = sending.outcomes(report.send_id, after=after, limit=10)
        seen += page.outcomes
        after = page.next
        if not after:
            break
    assert [o.recipient.address for o in seen] == [*(p.address for p in people(25)), "x", "y"]
    failed = sending.outcomes(report.send_id, status=RecipientStatus.FAILED)
    assert [o.recipient.address for o in failed.outcomes] == ["x", "y"]
    assert failed.next == ""
    assert failed.outcomes[0].detail == "no @"


def test_cursors_belong_to_their_search(world):
    report = world.send(people(5))
    sending = world.sending()
    cursor = sending.outcomes(report.send_id, limit=2).next
    for wrong in (cursor, "x", "é", "AAAA", cursor[:-2], cursor + "A", 7, "W10", "e30"):
        with pytest.raises(InvalidInput, match="cursor"):
            sending.outcomes(report.send_id, status="sent", after=wrong, limit=2)
        with pytest.raises(InvalidInput, match="cursor"):
            sending.sends(after=wrong)


@pytest.mark.parametrize("limit", [0, -1, 10_001, True, 2.0, "5", None])
def test_page_sizes_are_checked(world, limit):
    report = world.send(people(1))
    with pytest.raises(InvalidInput, match="limit"):
        world.sending().outcomes(report.send_id, limit=limit)
    with pytest.raises(InvalidInput, match="limit"):
        world.sending().sends(limit=limit)


@pytest.mark.parametrize("arguments", [{"send_id": "no such"}, {"send_id": None}, {"status": "open"}, {"status": None}])
def test_outcomes_of_nothing_are_refused(world, arguments):
    report = world.send(people(1))
    with pytest.raises(InvalidInput):
        world.sending().outcomes(**({"send_id": report.send_id} | arguments))


def test_prepare_keeps_names_and_fields_and_drops_repeats(world):
    crowd = [
        Recipient("Ann@example.com", "Ann", {"n": 1}),
        Recipient("nobody"),
        Recipient("ann@example.com", "Ann again"),
        Recipient("nobody"),
        Recipient(None),
    ]
    prepared = world.sending().prepare("a", crowd)
    assert [(r.address, r.name, r.fields) for r in prepared.ready] == [("ann@example.com", "Ann", {"n": 1})]
    assert [r.reason for r in prepared.rejected] == [
        Reason.INVALID_ADDRESS,
        Reason.DUPLICATE,
        Reason.DUPLICATE,
        Reason.INVALID_ADDRESS,
    ]
    assert world.limits.asked == 0
    with pytest.raises(UnknownAccount):
        world.sending().prepare("b", crowd)


def test_preview_says_what_would_happen(world, clock):
    world.limits.count = 120
    crowd = [*people(300), *people(5), Recipient("nobody")]
    preview = world.sending().preview("a", MESSAGE, iter(crowd))
    assert (preview.total, preview.now) == (306, 120)
    assert preview.later == ((clock() + timedelta(hours=1), 180),)
    assert preview.rejected == {Reason.DUPLICATE: 5, Reason.INVALID_ADDRESS: 1}
    assert world.sending().sends().sends == ()
    assert world.send(crowd).counts == {
        RecipientStatus.SENT: 120,
        RecipientStatus.SKIPPED: 180,
        RecipientStatus.FAILED: 6,
    }


def test_preview_of_an_inactive_account_sends_nobody(world):
    world.accounts.change(active=False)
    assert world.sending().preview("a", MESSAGE, people(3)).now == 0
    with pytest.raises(InvalidInput):
        world.sending().preview("a", TextMessage("x"), people(3))


def test_preview_of_a_text_answers_its_size(world):
    world.accounts.change(channel="sms")
    preview = world.sending().preview("a", lambda r: TextMessage("x" * 161), people(3))
    assert (preview.text.encoding, preview.text.segments) == ("GSM-7", 2)


@pytest.mark.parametrize("place", [True, None, 1.5, -1, 2**31, "1"])
def test_a_crafted_cursor_of_outcomes_is_refused(world, place):
    send_id = world.send(people(3)).send_id
    with pytest.raises(InvalidInput):
        world.sending().outcomes(send_id, after=outcomes_cursor(place, (send_id, "")))


@pytest.mark.parametrize("id", ["\ud800", "a\0b"])
def test_a_crafted_cursor_of_sends_is_refused(world, clock, id):
    with pytest.raises(InvalidInput):
        world.sending().sends(after=sends_cursor(clock(), id, ("", "", "")))


def test_a_cursor_of_sends_from_before_all_time_finds_none(world):
    world.send(people(1))
    east = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23)))
    assert world.sending().sends(after=sends_cursor(east, "x", ("", "", ""))).sends == ()


def test_a_type_that_answers_with_an_address_alone_costs_nobody_their_name(world):
    world.accounts.kind = replace(world.kind, normalise=lambda recipient, values: Recipient(recipient.address.upper()))
    given = Recipient("a@example.com", "Ann", {"city": "Bonn"})
    (ready,) = world.sending().prepare("a", [given]).ready
    assert (ready.address, ready.name, ready.fields) == ("A@EXAMPLE.COM", "Ann", {"city": "Bonn"})
    seen = []
    world.send([given], message=lambda recipient: seen.append(recipient) or MESSAGE)
    assert [(r.name, r.fields) for r in seen] == [("Ann", {"city": "Bonn"})]


def test_a_type_may_complete_names_and_fields(world):
    better = Recipient("a@example.com", "Ann B.", {"city": "Bonn", "sex": ""})
    world.accounts.kind = replace(world.kind, normalise=lambda recipient, values: better)
    (ready,) = world.sending().prepare("a", [Recipient("a@example.com", "Ann", {"city": "Bonn"})]).ready
    assert (ready.name, ready.fields) == (better.name, better.fields)
