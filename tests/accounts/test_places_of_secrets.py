"""Rule 4: a stored secret goes only where it was set for, whatever is sent in check, run and save."""

import pytest

from crm_comm_hookspecs import MailServer, Reason, SecretsUnavailable, TransportError
from tests.accounts.world import ALICE, CUSTOM, GMAIL

EVIL = MailServer(key="acme", label="Acme", host="smtp.evil.example", port=465, security="tls")
ELSEWHERE = [
    {"host": "smtp.evil.example"},
    {"host": "127.0.0.1"},
    {"port": 25},
    {"port": "2525"},
    {"security": "none"},
    {"security": "tls"},
    {"server": "gmail"},
    {"server": "outlook"},
    {"host": "smtp.evil.example", "password": ""},
]


@pytest.mark.parametrize("change", ELSEWHERE)
def test_a_stored_password_is_asked_for_again(world, change):
    key = world.saved(CUSTOM)
    record = world.record(key)
    for values in (change, {**record.values, **change}):
        saved = world.save(key, values, record.version)
        checked = world.accounts.check(ALICE, "email", key, values, next(iter(change)))
        tested = world.run("test_connection", (key,), "email", values)
        for result in (saved, checked, tested):
            assert not result.ok
            assert "belongs to smtp.acme.example:587 with STARTTLS and" in result.errors["password"][0]
        assert not world.save(key, values, "*").ok
    assert world.lines == []
    assert world.record(key).values["host"] == "smtp.acme.example"


@pytest.mark.parametrize("same", [{"host": " SMTP.Acme.Example. "}, {"port": "587"}, {"user": "b@acme.example"}, {}])
def test_the_same_place_in_other_words_needs_no_new_password(world, same):
    key = world.saved(CUSTOM)
    assert world.run("test_connection", (key,), "email", same).ok
    assert world.save(key, same).ok
    assert world.lines == [("smtp.acme.example:587/starttls", {"password": "s3cret-canary-2"})]


def test_a_typed_password_goes_where_it_is_typed_for(world):
    key = world.saved(CUSTOM)
    move = {"host": "mail.acme.example", "password": "s3cret-canary-2"}
    assert world.run("test_connection", (key,), "email", move).ok
    assert world.save(key, move).ok
    assert world.run("test", (key,)).ok
    assert [place for place, _ in world.lines] == ["mail.acme.example:587/starttls"] * 2


def test_clearing_is_no_way_around(world):
    key = world.saved(CUSTOM)
    assert not world.save(key, {"host": "smtp.evil.example", "password": None}).ok
    assert world.save(key, {"host": "smtp.evil.example", "user": ""}).ok
    assert world.secrets.kept == {}
    refused = world.save(key, {"user": "news@acme.example"})
    assert list(refused.errors) == ["password"]


def test_another_kind_of_sign_in_is_no_way_around(world):
    server = MailServer(
        key="both", label="Both", host="smtp.both.example", port=587, security="starttls", sign_in=("password", "oauth")
    )
    world.servers.append(server)
    key = world.saved({**GMAIL, "server": "both"})
    assert world.save(key, {"sign_in": "oauth"}).ok
    assert world.secrets.kept == {}
    assert not world.save(key, {"sign_in": "password"}).ok


def test_a_preset_that_moves_takes_no_password_along(world):
    world.servers.append(MailServer(key="acme", label="Acme", host="smtp.acme.example", port=465, security="tls"))
    key = world.saved({**GMAIL, "server": "acme"})
    world.servers[-1] = EVIL
    with pytest.raises(TransportError) as refused:
        world.accounts.opener.connect(world.store.find(key))
    assert refused.value.reason == "auth"
    assert "smtp.acme.example" in str(refused.value)
    assert "s3cret-canary-2" not in str(refused.value)
    assert world.store.find(key).status == "secret_missing"
    assert not world.run("test", (key,)).ok
    assert not world.save(key, {"account_name": "Other"}).ok
    assert world.lines == []
    assert world.save(key, {"password": "s3cret-canary-2"}).ok
    assert world.run("test", (key,)).ok
    assert world.store.find(key).status == "connected"


def test_a_preset_that_is_gone_is_told(world):
    world.servers.append(EVIL)
    key = world.saved({**GMAIL, "server": "acme"})
    world.servers.pop()
    assert not world.run("test", (key,)).ok
    with pytest.raises(TransportError):
        world.accounts.opener.connect(world.store.find(key))
    assert "server" in world.save(key, {"account_name": "Other"}).errors


def test_an_account_whose_preset_is_gone_keeps_its_state_and_works_again_with_it(world):
    """A plugin that is being updated must not look like a lost password."""
    acme = MailServer(key="acme", label="Acme", host="smtp.acme.example", port=465, security="tls")
    world.servers.append(acme)
    key = world.saved({"account_name": "A", "user": "u@acme.example", "password": "wr0ng-canary", "server": "acme"})
    world.accounts.opener.set_status(key, "connected")
    world.servers.remove(acme)
    result = world.run("test", (key,))
    assert not result.ok
    assert "The mail server “acme” is not installed here. Install its plugin again" in result.message
    assert "password" not in result.errors
    with pytest.raises(TransportError, match="not installed") as error:
        world.accounts.opener.connect(world.store.find(key))
    assert error.value.reason == Reason.UNREACHABLE
    assert world.store.find(key).status == "connected"
    world.servers.append(acme)
    world.accounts.opener.connect(world.store.find(key))
    assert world.lines[-1][1] == {"password": "wr0ng-canary"}


def test_no_answer_holds_the_secret(world):
    key = world.saved(CUSTOM)
    seen = [
        world.record(key),
        world.accounts.check(ALICE, "email", key, {**CUSTOM, "host": "x y"}, "password"),
        world.run("test_connection", (key,), "email", {"password": "wr0ng"}),
        world.run("test_connection", (key,), "email", {**CUSTOM, "host": "!"}),
        world.save(key, {"password": "n3w", "port": "x"}),
        world.accounts.confirm(ALICE, "delete", (key,), "", {}),
        world.events.changes,
        world.store.history(key),
        world.store.find(key),
    ]
    assert not any(secret in repr(seen) for secret in ("s3cret-canary-2", "wr0ng", "n3w"))


def test_a_lost_secret_is_named_and_the_account_stays(world):
    key = world.saved(CUSTOM)
    world.secrets.kept.clear()
    with pytest.raises(TransportError) as lost:
        world.accounts.opener.connect(world.store.find(key))
    assert (lost.value.reason, lost.value.retryable) == ("auth", False)
    assert world.store.find(key).status == "secret_missing"
    assert world.events.changes[-1].kind == "status"
    assert "password" in world.run("test", (key,)).errors
    assert "password" in world.run("test_connection", (key,), "email", {}).errors
    assert world.save(key, {"account_name": "Still editable"}).ok


def test_a_locked_keyring_is_not_a_lost_secret(world):
    key = world.saved(CUSTOM)
    world.secrets.lock()
    with pytest.raises(SecretsUnavailable):
        world.accounts.opener.connect(world.store.find(key))
    for result in (world.run("test", (key,)), world.run("test_connection", (key,), "email", {})):
        assert not result.ok
        assert "Unlock it" in result.message
    assert world.store.find(key).status == "untested"


def test_a_sender_that_read_the_account_before_a_save_gets_the_new_secret_with_the_new_server(world):
    key = world.saved(CUSTOM)
    before = world.store.find(key)
    world.save(key, {"host": "mail.acme.example", "password": "s3cret-canary-2"})
    world.accounts.opener.connect(before)
    assert world.lines == [("mail.acme.example:587/starttls", {"password": "s3cret-canary-2"})]
    assert world.store.find(key).status == "untested"
