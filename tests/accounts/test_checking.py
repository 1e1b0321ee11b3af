"""Live advice: the server of an address, guesses that say so, the provider's number, names that are taken."""

import pytest

from crm_comm_hookspecs import Limit, MailServer, Window
from tests.accounts.world import ALICE, CUSTOM, GMAIL


def check(world, values, changed, key="", editor="email"):
    return world.accounts.check(ALICE, editor, key, values, changed)


@pytest.mark.parametrize(
    ("user", "server"),
    [("a@gmail.com", "gmail"), ("A@GoogleMail.com", "gmail"), ("a@hotmail.com", "outlook"), ("a@acme.test", "acme")],
)
def test_the_server_follows_from_the_address(world, user, server):
    world.servers.append(
        MailServer(key="acme", label="Acme", host="m.acme.test", port=465, security="tls", domains=("acme.test",))
    )
    for before in ({}, {"server": "smtp"}, {"server": "outlook" if server != "outlook" else "gmail"}):
        assert check(world, {"user": user, **before}, "user").values == {"server": server}
    assert check(world, {"user": user, "server": server}, "user").values == {}
    assert check(world, {"user": user, "server": "smtp"}, "password").values == {}


def test_another_domain_gets_a_guess_that_says_so(world):
    result = check(world, {"user": "help@acme.example"}, "user")
    assert result.values == {"server": "smtp", "host": "smtp.acme.example", "port": 587, "security": "starttls"}
    assert "guess" in result.hints["host"][0]
    later = check(world, {"user": "help@acme.example", **result.values}, "password")
    assert later.values == {}
    assert "guess" in later.hints["host"][0]


def test_what_was_typed_is_never_wiped(world):
    typed = {"user": "help@acme.example", "server": "smtp", "host": "mx.other.example", "port": 2525}
    assert check(world, typed, "user").values == {}
    assert check(world, {"user": "me@company.example", "server": "gmail"}, "user").values == {}
    for server in ("gmail", "outlook", "smtp"):
        assert not set(check(world, {**CUSTOM, "server": server}, "server").values) & {"host", "user", "password"}


@pytest.mark.parametrize("user", ["", "help", "help@", "@acme.example", "a b@c.example", 7, None])
def test_half_an_address_says_nothing_yet(world, user):
    result = check(world, {"user": user}, "user")
    assert result.values == {}
    assert "host" not in result.hints


def test_the_sender_follows_a_user_it_was_equal_to(world):
    key = world.saved(GMAIL)
    record = world.record(key)
    changed = {**record.values, "user": "other@gmail.com"}
    assert check(world, changed, "user", key).values == {"sender": "other@gmail.com"}
    assert check(world, {**changed, "sender": "own@gmail.com"}, "user", key).values == {}


@pytest.mark.parametrize(
    ("security", "port", "expected"), [("tls", 587, 465), ("starttls", 465, 587), ("tls", "", 465)]
)
def test_the_usual_port_goes_with_the_security(world, security, port, expected):
    assert check(world, {**CUSTOM, "security": security, "port": port}, "security").values == {"port": expected}
    assert check(world, {**CUSTOM, "security": security, "port": 2525}, "security").values == {}


def test_465_against_587_is_hinted_at(world):
    assert "465" in check(world, {**CUSTOM, "security": "tls"}, "port").hints["port"][0]


def test_a_window_suggests_the_providers_number_with_its_source(world):
    result = check(world, {**GMAIL, "limitation": "day", "limitation_count": ""}, "limitation")
    assert result.values == {"limitation_count": 500}
    assert "https://support.google.com" in result.hints["limitation_count"][0]
    assert check(world, {**GMAIL, "limitation": "day", "limitation_count": "90"}, "limitation").values == {}
    other = check(world, {**GMAIL, "limitation": "hour", "limitation_count": ""}, "limitation")
    assert other.values == {}
    assert "per day" in other.hints["limitation_count"][0]
    assert "limitation_count" not in check(world, {**CUSTOM, "limitation": "day"}, "limitation").hints


def test_beside_the_password_stands_what_the_server_wants(world):
    assert "app password" in check(world, GMAIL, "server").hints["password"][0]
    assert "password" not in check(world, CUSTOM, "server").hints


def test_a_taken_name_is_told_while_typing(world):
    key = world.saved(GMAIL)
    assert "account_name" in check(world, {"account_name": " NEWS "}, "account_name").errors
    assert check(world, {"account_name": "News"}, "account_name", key).errors == {}
    assert check(world, {"account_name": "Other"}, "account_name").ok


def test_an_empty_form_has_no_mistakes_yet(world):
    assert check(world, {}, "").errors == {}
    assert check(world, dict.fromkeys(GMAIL, ""), "account_name").errors == {}


def test_wrong_values_are_told_while_typing(world):
    assert set(check(world, {**CUSTOM, "port": "abc", "host": "a b"}, "port").errors) == {"port", "host"}


def test_check_stores_nothing(world):
    world.secrets.lock()
    key = world.store.all()
    check(world, GMAIL, "password")
    assert world.store.all() == key
    assert world.events.changes == []


def test_a_limit_without_source_is_suggested_too(world):
    limited = MailServer(
        key="acme", label="Acme", host="m.acme.test", port=465, security="tls", limit=Limit(30, Window.MINUTE)
    )
    world.servers.append(limited)
    result = check(world, {"server": "acme", "limitation": "minute"}, "limitation")
    assert result.values == {"limitation_count": 30}
    assert "Source" not in result.hints["limitation_count"][0]
