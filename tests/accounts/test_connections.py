"""Test Connection: on what is typed, with the stored secret; what it says, and what the account's state becomes."""

import pytest

from crm_comm_hookspecs import InvalidInput, Reason, TransportError, UnknownAccount, UnknownAction
from tests.accounts.world import ALICE, BOB, CUSTOM, GMAIL


def test_it_works_before_the_first_save(world):
    result = world.run("test_connection", (), "email", {k: v for k, v in CUSTOM.items() if k != "account_name"})
    assert result.ok
    assert "✓ Sign in" in result.message
    assert world.store.all() == ()
    assert world.closed == 1


def test_the_failing_step_names_the_field_and_what_to_try(world):
    result = world.run("test_connection", (), "email", {**CUSTOM, "password": "wr0ng-canary"})
    assert not result.ok
    assert "✗ Sign in" in result.message
    assert "Check the password." in result.errors["password"][0]
    assert "\n  Check the password." in result.message
    assert "wr0ng-canary" not in repr(result)


def test_an_empty_secret_means_the_stored_one(world):
    key = world.saved(CUSTOM)
    assert world.run("test_connection", (key,), "email", {**CUSTOM, "password": ""}).ok
    assert world.lines[-1][1] == {"password": "s3cret-canary-2"}


def test_mistakes_come_before_connecting(world):
    result = world.run("test_connection", (), "email", {**CUSTOM, "port": "x"})
    assert list(result.errors) == ["port"]
    assert world.lines == []


def test_a_test_of_what_is_stored_sets_the_state(world):
    key = world.saved(CUSTOM)
    world.run("test_connection", (key,), "email", {**CUSTOM, "password": "wrong"})
    assert world.store.find(key).status == "untested"
    assert world.run("test_connection", (key,), "email", {"password": ""}).ok
    assert world.store.find(key).status == "connected"
    assert world.events.kinds[-1] == "status"
    world.secrets.kept.update(dict.fromkeys(world.secrets.kept, "changed at the provider"))
    assert not world.run("test", (key,)).ok
    assert world.store.find(key).status == "auth_failed"
    assert "535" in world.store.find(key).status_detail
    world.secrets.kept.update(dict.fromkeys(world.secrets.kept, "s3cret-canary-2"))
    assert world.run("test", (key,)).refresh
    assert world.store.find(key).status == "connected"


def test_a_server_that_cannot_be_reached_is_no_failed_sign_in(world):
    key = world.saved(CUSTOM)
    world.run("test", (key,))
    world.trouble = TransportError("Nobody answers there.", hint="Check host and port.")
    result = world.run("test", (key,))
    assert "Check host and port." in result.message + repr(result.errors)
    assert world.store.find(key).status == "connected"


def test_a_pause_by_the_provider_is_not_ended_by_a_test(world):
    key = world.saved(CUSTOM)
    world.clock.forward(minutes=1)
    world.store.set_status(key, "paused", "over its limit", world.clock.at.replace(hour=12))
    assert world.run("test", (key,)).ok
    assert world.store.find(key).status == "paused"


@pytest.mark.parametrize("trouble", [ValueError("boom s3cret-canary-2"), SystemError("x")])
def test_a_broken_transport_is_told_and_does_not_break_the_form(world, trouble):
    world.trouble = trouble
    result = world.run("test_connection", (), "email", CUSTOM)
    assert not result.ok
    assert "s3cret-canary-2" not in repr(result)
    assert world.closed == 1


def test_refused_at_once(world):
    world.trouble = TransportError("No.", reason=Reason.AUTH, code="at_once")
    assert not world.run("test_connection", (), "email", CUSTOM).ok


def test_only_one_account_at_a_time_and_only_known_ones(world):
    key = world.saved(GMAIL)
    for ids in ((), (key, "other")):
        with pytest.raises(InvalidInput):
            world.run("test", ids)
    with pytest.raises(UnknownAccount):
        world.run("test", ("unknown",))
    with pytest.raises(UnknownAccount):
        world.run("test_connection", ("unknown",), "email", CUSTOM)
    with pytest.raises(UnknownAction):
        world.run("explode", (key,), "email", CUSTOM)
    with pytest.raises(InvalidInput):
        world.accounts.run(ALICE, "test", key, "", {}, "")


def test_what_others_change_meanwhile_does_not_matter_for_a_test(world):
    key = world.saved(CUSTOM)
    world.save(key, {"account_name": "Bob's"}, context=BOB)
    assert world.run("test_connection", (key,), "email", {**CUSTOM, "password": ""}).ok
