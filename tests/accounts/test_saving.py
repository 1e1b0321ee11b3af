"""Saving: defaults, names, partial forms, versions and conflicts, secrets that cannot be written."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from crm_comm_hookspecs import Context, Query, UnknownAccount, UnknownEditor
from tests.accounts.world import ALICE, BOB, CUSTOM, GMAIL


def test_a_new_account_has_defaults_and_is_told_of(world):
    key = world.saved()
    record = world.record(key)
    assert record.values["sender"] == "news@gmail.com"
    assert record.values["active"] is True
    assert record.values["limitation"] == "none"
    assert "password" not in record.values
    assert record.secrets == {"password": "set on Nov 24, 2026"}
    (change,) = world.events.changes
    assert (change.kind, change.user, change.account_id) == ("created", "alice", key)
    assert "password" in change.fields
    assert world.secrets.kept[world.store.find(key).secrets["password"].ref] == "s3cret-canary-2"


def test_a_record_opens_with_dates_in_the_persons_language(world):
    key = world.saved()
    german = Context(user="g", locale="de-DE", timezone="Europe/Berlin")
    assert world.accounts.open_record(german, "email", key).secrets == {"password": "set on 24.11.2026"}
    for locale in ("", "xx", "de_DE.UTF-8", "zh-Hant-TW", "\0", None):
        odd = Context(user="g", locale=locale, timezone="Nowhere/At all")
        assert world.accounts.open_record(odd, "email", key).secrets["password"].startswith("set on ")


def test_what_is_not_sent_stays_as_it_is(world):
    key = world.saved({**CUSTOM, "limitation": "day", "limitation_count": "250", "active": False})
    assert world.save(key, {"account_name": "Other"}).ok
    values = world.record(key).values
    assert (values["host"], values["limitation_count"], values["active"]) == ("smtp.acme.example", 250, False)
    assert world.save(key, {"active": "true", "password": ""}).ok
    assert world.record(key).values["active"] is True
    assert world.record(key).secrets


@pytest.mark.parametrize("spelling", ["news", " NEWS ", "N\u0065\u0301ws".replace("\u0301", ""), "Ｎｅｗｓ"])
def test_a_taken_name_is_an_error_at_its_field(world, spelling):
    world.saved()
    result = world.accounts.save(ALICE, "email", "", {**CUSTOM, "account_name": spelling}, "")
    assert not result.ok
    assert list(result.errors) == ["account_name"]
    assert len(world.secrets.kept) == 1


def test_an_account_may_keep_its_own_name(world):
    key = world.saved()
    assert world.save(key, {"account_name": "NEWS"}).ok


def test_a_second_person_is_told_who_changed_what(world):
    key = world.saved()
    version = world.record(key).version
    world.clock.forward(hours=1)
    assert world.save(key, {"account_name": "Bob's", "active": False}, context=BOB).ok
    result = world.save(key, {"account_name": "Alice's"}, version)
    assert (result.ok, result.conflict) == (False, True)
    assert "bob" in result.message
    assert "Account Name" in result.message
    assert "Active" in result.message
    assert "10:00" in result.message.replace("\u202f", " ")
    assert world.record(key).values["account_name"] == "Bob's"
    assert world.save(key, {"account_name": "Alice's"}, "*").ok
    assert world.record(key).values["account_name"] == "Alice's"
    assert world.record(key).values["active"] is False


@pytest.mark.parametrize("version", ["", "0", "2", "x", "9" * 5000, "\0"])
def test_no_other_version_saves(world, version):
    key = world.saved()
    assert world.save(key, {"account_name": "Other"}, version).conflict
    assert world.record(key).values["account_name"] == "News"


def test_a_deleted_account_is_not_saved_over(world):
    key = world.saved()
    version = world.record(key).version
    world.accounts.run(BOB, "delete", (key,), "", {}, "")
    for chosen in (version, "*"):
        result = world.save(key, {"account_name": "Other"}, chosen)
        assert result.conflict
        assert "bob" in result.message


def test_what_is_not_there_is_the_callers_mistake(world):
    key = world.saved()
    with pytest.raises(UnknownAccount):
        world.save("f" * 32, {}, "*")
    with pytest.raises(UnknownAccount):
        world.save(key, {}, "1", editor="sms")
    with pytest.raises(UnknownEditor):
        world.save("", {}, "", editor="fax")
    with pytest.raises(UnknownAccount):
        world.record("\0")


def test_nothing_changed_is_nothing_written(world):
    key = world.saved()
    assert world.save(key, {"account_name": "News", "password": ""}).ok
    assert world.record(key).version == "1"
    assert world.events.kinds == ["created"]


def test_a_locked_keyring_loses_nothing_of_what_was_typed(world):
    world.secrets.lock()
    result = world.accounts.save(ALICE, "email", "", GMAIL, "")
    assert not result.ok
    assert "locked" in result.errors["password"][0]
    assert "Unlock it" in result.errors["password"][0]
    assert world.store.all() == ()


def test_an_account_can_be_edited_while_the_keyring_is_locked(world):
    key = world.saved()
    world.secrets.lock()
    assert world.save(key, {"account_name": "Other"}).ok
    assert not world.save(key, {"password": "new"}).ok
    world.secrets.broken = None
    assert world.run("test", (key,)).ok


def test_an_old_secret_goes_and_a_new_one_counts(world):
    key = world.saved()
    world.clock.forward(days=1)
    assert world.save(key, {"password": "other"}).ok
    assert list(world.secrets.kept.values()) == ["other"]
    assert world.record(key).secrets == {"password": "set on Nov 25, 2026"}


def test_a_required_secret_cannot_be_cleared(world):
    key = world.saved()
    assert list(world.save(key, {"password": None}).errors) == ["password"]
    assert world.record(key).secrets


def test_without_a_user_there_is_no_password(world):
    key = world.saved(CUSTOM)
    assert list(world.save(key, {"user": "", "password": "x"}).errors) == ["user"]
    result = world.save(key, {"user": ""})
    assert result.ok
    assert world.record(key).secrets == {}
    assert world.secrets.kept == {}


def test_a_server_without_sign_in_needs_no_user(world):
    key = world.saved(
        {"account_name": "Open", "server": "smtp", "host": "relay.acme.example", "sender": "a@acme.example"}
    )
    assert world.record(key).values["user"] == ""
    refused = world.accounts.save(ALICE, "email", "", {"account_name": "G", "server": "gmail"}, "")
    assert set(refused.errors) == {"user"}


def test_an_account_without_a_sender_is_stored_with_a_warning(world):
    result = world.accounts.save(ALICE, "email", "", {**CUSTOM, "user": "news"}, "")
    assert result.ok
    assert "sender" in result.hints


def test_a_preset_hides_host_and_port_and_forgets_them(world):
    key = world.saved({**GMAIL, "host": "evil.example", "port": "x", "security": "none"})
    assert world.record(key).values["host"] == ""
    assert world.accounts.opener.values_of(world.store.find(key))["host"] == "smtp.gmail.com"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"limitation": "day"}, "limitation_count"),
        ({"limitation": "day", "limitation_count": ""}, "limitation_count"),
        ({"limitation": "day", "limitation_count": "2.5"}, "limitation_count"),
        ({"limitation": "day", "limitation_count": 2.7}, "limitation_count"),
        ({"limitation": "day", "limitation_count": "1_000"}, "limitation_count"),
        ({"limitation": "day", "limitation_count": True}, "limitation_count"),
        ({"limitation": "day", "limitation_count": 10_000_001}, "limitation_count"),
        ({"limitation": "day", "limitation_count": -1}, "limitation_count"),
        ({"limitation": "week"}, "limitation"),
        ({"server": "yahoo!"}, "server"),
        ({"server": ""}, "server"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": ""}, "port"),
        ({"host": "a b"}, "host"),
        ({"host": ""}, "host"),
        ({"host": "http://smtp.acme.example"}, "host"),
        ({"security": "ssl"}, "security"),
        ({"sender": "nobody"}, "sender"),
        ({"sender": "a@b.example\r\nBcc: c@d.example"}, "sender"),
        ({"user": "a\nb"}, "user"),
        ({"account_name": ""}, "account_name"),
        ({"account_name": "x" * 101}, "account_name"),
        ({"account_name": "<b>News</b>"}, "account_name"),
        ({"account_name": "\u200b"}, "account_name"),
        ({"account_name": "\u115f"}, "account_name"),
        ({"password": 7}, "password"),
        ({"evil": "x"}, "evil"),
    ],
)
def test_each_mistake_is_told_at_its_field(world, values, field):
    result = world.accounts.save(ALICE, "email", "", {**CUSTOM, **values}, "")
    assert not result.ok
    assert set(result.errors) == {field}
    assert all(text and "s3cret-canary-2" not in text for texts in result.errors.values() for text in texts)
    assert world.store.all() == ()
    assert world.secrets.kept == {}


@pytest.mark.parametrize("values", [None, [], "x", 7, {1: 2, None: 3}])
def test_what_is_no_form_is_told_so(world, values):
    assert not world.accounts.save(ALICE, "email", "", values, "").ok
    assert not world.accounts.check(ALICE, "email", "", values, "user").ok or not values


def test_overwriting_while_others_save_keeps_what_they_changed(world):
    key = world.saved()

    def overwrite(number):
        return world.accounts.save(ALICE, "email", key, {"password": f"new{number}"}, "*").ok

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(overwrite, range(4)))
    stored = world.store.find(key)
    assert stored.version == 5
    assert list(world.secrets.kept) == [stored.secrets["password"].ref]


def test_a_changed_password_makes_the_account_untested_and_a_new_name_does_not(world):
    key = world.saved()
    world.run("test", (key,))
    world.save(key, {"account_name": "Other"})
    assert world.store.find(key).status == "connected"
    world.save(key, {"password": "new"})
    assert world.store.find(key).status == "untested"


def test_the_history_names_fields_and_never_their_values(world):
    key = world.saved()
    world.clock.forward(minutes=5)
    world.save(key, {"password": "s3cret", "account_name": "Other"}, context=BOB)
    newest = world.store.history(key)[0]
    assert (newest.user, newest.kind, newest.fields) == ("bob", "changed", ("account_name", "password"))
    assert newest.at == world.clock.at
    assert "s3cret" not in repr(world.store.history(key))


def test_accounts_of_other_plugins_are_listed_for_them(world):
    key = world.saved({**GMAIL, "active": False})
    assert world.accounts.accounts("", usable=True) == ()
    (account,) = world.accounts.accounts("email", usable=False)
    assert (account.id, account.status, account.sender) == (key, "inactive", "news@gmail.com")
    assert world.accounts.accounts("sms", usable=False) == ()
    world.save(key, {"active": True})
    assert len(world.accounts.accounts("email", usable=True)) == 1
    world.accounts.opener.set_status(key, "auth_failed", "535")
    assert world.accounts.accounts("email", usable=True) == ()
    world.accounts.opener.set_status(key, "paused", "", world.clock.at + timedelta(hours=1))
    assert world.accounts.accounts("email", usable=True)[0].status == "paused"
    world.clock.forward(hours=1)
    assert world.accounts.accounts("email", usable=True)[0].status == "connected"


def test_actions_follow_permissions(world):
    def names(*permissions):
        context = replace(ALICE, permissions=frozenset(permissions))
        actions = [a.name for a in world.accounts.viewer(context).actions]
        return actions, [a.name for e in world.accounts.editors(context) for a in e.actions]

    assert names() == ([], [])
    assert names("communication.view") == ([], [])
    toolbar, own = names("communication.edit")
    assert toolbar == ["new", "edit", "test", "refresh_credits", "reopen"]
    assert own == ["test_connection", "send_test"]
    assert names("communication.delete") == (["delete"], [])
    assert names(*ALICE.permissions)[0] == ["new", "edit", "delete", "test", "refresh_credits", "reopen"]


def test_the_viewer_is_the_contracts(world):
    viewer = world.accounts.viewer(ALICE)
    assert (viewer.name, viewer.title) == ("accounts", "Communication Accounts")
    assert [c.name for c in viewer.columns] == ["name", "type", "status", "usage", "last_used"]
    assert {c.name for c in viewer.columns if c.sortable} == {"name", "type", "last_used"}
    new = viewer.actions[0]
    assert (new.kind, new.editors) == ("create", ("email", "sms"))
    assert world.accounts.list_rows(ALICE, Query()).rows == ()
