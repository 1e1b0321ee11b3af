"""The list: states, usage and times in words, cursors that belong to one list, hostile queries."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_comm_hookspecs import ALL_PERMISSIONS, Badge, Context, InvalidInput, Meter, Query
from crm_comm_plugin.domain.ports.credits import CreditsLeft
from tests.accounts.world import ALICE, CUSTOM, GMAIL

BERLIN = Context(user="g", permissions=ALL_PERMISSIONS, locale="de", timezone="Europe/Berlin")


def cells(world, key, context=ALICE):
    rows = world.accounts.list_rows(context, Query()).rows
    return next(row for row in rows if row.id == key).cells


def limited(world, count="500", window="day", used=0, free_in=timedelta(hours=5, minutes=5)):
    key = world.saved({**GMAIL, "limitation": window, "limitation_count": count})
    world.limiter.used[key] = (used, world.clock.at + free_in)
    return key


@pytest.mark.parametrize(("used", "level"), [(0, "ok"), (399, "ok"), (400, "warn"), (499, "warn"), (500, "bad")])
def test_usage_is_amber_from_80_percent_and_red_at_100(world, used, level):
    meter = cells(world, limited(world, used=used))["usage"]
    assert (meter.value, meter.max, meter.text, meter.level) == (used, 500, f"{used} of 500 today", level)


def test_usage_says_when_capacity_returns_in_the_persons_words(world):
    key = limited(world, count="12000", used=12000)
    assert cells(world, key)["usage"].text == "12,000 of 12,000 today"
    assert cells(world, key)["usage"].hint == "12,000 free again at 2:05\u202fPM"
    german = cells(world, key, BERLIN)["usage"]
    assert german.text == "12.000 of 12.000 today"
    assert german.hint == "12.000 free again at 15:05"
    world.limiter.used[key] = (132, world.clock.at + timedelta(days=2))
    assert cells(world, key, BERLIN)["usage"].hint == "All free again at Do. 10:00"


@pytest.mark.parametrize(
    ("window", "words"), [("minute", "this minute"), ("hour", "this hour"), ("day", "today"), ("month", "this month")]
)
def test_each_window_has_its_words(world, window, words):
    assert cells(world, limited(world, window=window, used=1))["usage"].text == f"1 of 500 {words}"


def test_a_count_of_0_blocks_and_no_window_is_no_limit(world):
    meter = cells(world, limited(world, count="0"))["usage"]
    assert (meter.text, meter.hint, meter.level) == ("0 of 0 today", "Blocked by a count of 0", "bad")
    assert meter.max > 0
    key = world.saved({**CUSTOM, "account_name": "Free"})
    assert cells(world, key)["usage"] == "No limit"


@pytest.mark.parametrize(
    ("status", "badge"),
    [
        ("connected", Badge(text="Connected", level="ok")),
        ("untested", Badge(text="Never tested")),
        ("auth_failed", Badge(text="Sign-in failed", level="bad")),
        ("no_credits", Badge(text="No credits", level="warn")),
        ("secret_missing", Badge(text="Secret missing", level="bad")),
    ],
)
def test_each_state_has_its_badge(world, status, badge):
    key = world.saved()
    world.store.set_status(key, status, "", None)
    assert cells(world, key)["status"] == badge
    world.save(key, {"active": False})
    assert cells(world, key)["status"] == Badge(text="Inactive")


def test_a_pause_says_until_when(world):
    key = world.saved()
    until = world.clock.at + timedelta(hours=2)
    world.store.set_status(key, "paused", "", until)
    assert cells(world, key, BERLIN)["status"] == Badge(text="Paused until 12:00", level="warn")
    world.clock.forward(hours=2)
    assert cells(world, key)["status"].text == "Connected"


def test_credits_stand_beside_the_usage(world):
    class Desk:
        code_problem = None

        def left(self, ids):
            left = CreditsLeft(balance=Decimal(1840), unit="credits", as_of=world.clock.at, level="warn")
            return dict.fromkeys(ids, left)

    accounts = world.make(credits=Desk())
    key = accounts.save(ALICE, "sms", "", {"account_name": "Texts"}, "").id
    world.saved()
    rows = {row.id: row.cells["usage"] for row in accounts.list_rows(BERLIN, Query()).rows}
    assert rows[key] == Badge(text="1.840 credits left, read 10:00", level="warn")
    accounts.save(ALICE, "sms", key, {"limitation": "day", "limitation_count": 5}, "*")
    meter = next(row.cells["usage"] for row in accounts.list_rows(BERLIN, Query()).rows if row.id == key)
    assert isinstance(meter, Meter)
    assert "1.840 credits left" in meter.hint


def test_last_use_is_a_time_or_nothing(world):
    key = world.saved()
    assert cells(world, key)["last_used"] == ""
    world.clock.forward(hours=1)
    world.accounts.opener.touch(key)
    assert cells(world, key)["last_used"] == world.clock.at


def test_usage_of_a_page_is_asked_for_once(world):
    for n in range(5):
        world.saved({**CUSTOM, "account_name": f"n{n}"})
    world.limiter.calls = 0
    world.accounts.list_rows(ALICE, Query())
    assert world.limiter.calls == 1


def walk(world, query):
    found = []
    while True:
        page = world.accounts.list_rows(ALICE, query)
        found += [row.cells["name"] for row in page.rows]
        assert page.total == 7
        if not page.next:
            return found
        query = replace(query, after=page.next)


@pytest.mark.parametrize("sort", ["", "name", "type", "last_used"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_follow_each_other(world, sort, descending):
    for n in range(7):
        world.saved({**CUSTOM, "account_name": f"n{n}"})
    found = walk(world, Query(sort=sort, descending=descending, limit=2))
    assert sorted(found) == [f"n{n}" for n in range(7)]
    if sort in ("", "name"):
        assert found == sorted(found, reverse=descending)


@pytest.mark.parametrize(
    "other", [{"search": "n"}, {"sort": "type"}, {"descending": True}, {"deleted": True}, {"sort": "last_used"}]
)
def test_a_cursor_belongs_to_one_list(world, other):
    for n in range(3):
        world.saved({**CUSTOM, "account_name": f"n{n}"})
    page = world.accounts.list_rows(ALICE, Query(limit=1))
    with pytest.raises(InvalidInput):
        world.accounts.list_rows(ALICE, Query(limit=1, after=page.next, **other))
    assert len(world.accounts.list_rows(ALICE, Query(limit=2, after=page.next)).rows) == 2


@pytest.mark.parametrize(
    "query",
    [
        Query(limit=0),
        Query(limit=501),
        Query(limit=-1),
        Query(limit="50"),
        Query(limit=True),
        Query(sort="password"),
        Query(sort=None),
        Query(search=None),
        Query(search="x" * 201),
        Query(after="x"),
        Query(after=7),
        Query(after="\0"),
        Query(after="ü" * 9),
        Query(after="A" * 100_000),
    ],
)
def test_odd_queries_are_the_callers_mistake(world, query):
    with pytest.raises(InvalidInput) as refused:
        world.accounts.list_rows(ALICE, query)
    assert refused.value.hint


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=st.text(min_size=1), search=st.text(max_size=200))
def test_no_cursor_and_no_search_breaks_the_list(world, after, search):
    with pytest.raises(InvalidInput):
        world.accounts.list_rows(ALICE, Query(after=after))
    assert world.accounts.list_rows(ALICE, Query(search=search)).rows == ()


def test_deleted_ones_are_listed_apart(world):
    key = world.saved()
    world.run("delete", (key,))
    (row,) = world.accounts.list_rows(BERLIN, Query(deleted=True)).rows
    assert row.cells["status"].text == "Deleted 10:00"
    assert world.accounts.list_rows(BERLIN, Query()).rows == ()
