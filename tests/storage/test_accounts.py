"""Accounts in the database: versions, names, deletion, the audit trail, on SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_comm_hookspecs import UnknownAccount
from crm_comm_plugin.domain.accounts import SecretRef, name_key
from crm_comm_plugin.domain.ports import NameTaken, StaleVersion
from crm_comm_plugin.storage.accounts import StoredAccounts
from tests.storage.account_makers import AT, make

LATER = AT + timedelta(hours=1)


@pytest.fixture
def store(database):
    return StoredAccounts(database)


def test_what_is_stored_comes_back_equal(store):
    account = make(
        "Café ☕",
        values={"server": "gmail", "limitation_count": 250, "port": None, "odd": "a\ud800\0b"},
        secrets={"password": SecretRef(ref="r1", set_at=AT, bound={"host": "smtp.gmail.com"})},
        status="paused",
        status_until=LATER,
        last_used_at=LATER,
    )
    store.insert(account)
    assert store.find(account.id) == account
    assert store.secret_refs() == {"r1"}


def test_a_name_is_taken_whatever_its_spelling(store):
    store.insert(make("Straße"))
    with pytest.raises(NameTaken):
        store.insert(make("  STRASSE "))
    other = make("Other")
    store.insert(other)
    with pytest.raises(NameTaken):
        store.update(replace(other, name="strasse"), 1, ("account_name",))
    assert store.find(other.id) == other
    assert store.name_owner(name_key("STRASSE")) != ""
    assert store.name_owner("free") == ""


def test_a_name_of_a_hundred_wide_letters_fits_into_the_index(store):
    account = make("\ufdfa" * 100)
    store.insert(account)
    assert store.name_owner(name_key(account.name)) == account.id
    with pytest.raises(NameTaken):
        store.insert(make("\ufdfa" * 100))


def test_a_save_over_another_one_is_refused_unless_meant(store):
    account = make("News")
    store.insert(account)
    second = store.update(replace(account, name="Bob's", updated_by="bob"), 1, ("account_name",))
    assert second.version == 2
    with pytest.raises(StaleVersion) as stale:
        store.update(replace(account, name="Carol's"), 1, ("account_name",))
    assert stale.value.current == second
    assert store.update(replace(account, name="Carol's"), None, ("account_name",)).version == 3


def test_a_save_leaves_status_and_last_use_alone_unless_told(store):
    account = make("News")
    store.insert(account)
    store.set_status(account.id, "auth_failed", "535", None)
    store.touch(account.id, LATER)
    assert store.update(replace(account, sender="x@y.z"), 1, ("sender",)).status == "auth_failed"
    changed = store.update(replace(account, sender="y@y.z"), 2, ("sender",), status="untested")
    assert (changed.status, changed.status_detail, changed.last_used_at) == ("untested", "", LATER)


def test_a_deleted_account_frees_its_name_and_comes_back(store):
    account, twin = make("News"), make("News")
    store.insert(account)
    assert store.delete([account.id, "unknown"], LATER, "bob") == (account.id,)
    assert store.delete([account.id], LATER, "bob") == ()
    assert store.find(account.id) is None
    assert store.find(account.id, deleted=True).deleted_by == "bob"
    store.insert(twin)
    with pytest.raises(NameTaken):
        store.restore(account.id, LATER, "bob")
    store.delete([twin.id], LATER, "bob")
    assert store.restore(account.id, LATER, "bob")
    assert not store.restore(account.id, LATER, "bob")
    assert store.find(account.id).deleted_at is None
    with pytest.raises(UnknownAccount):
        store.update(twin, None, ())


def test_every_write_leaves_its_trace(store):
    account = make("News", values={"server": "gmail"})
    store.insert(account)
    store.update(replace(account, updated_by="bob", updated_at=LATER), 1, ("server", "password"))
    store.delete([account.id], LATER, "carol\0\ud800")
    store.restore(account.id, LATER, "dave")
    found = [(entry.kind, entry.user, entry.fields) for entry in store.history(account.id)]
    assert found == [
        ("restored", "dave", ()),
        ("deleted", "carol?", ()),
        ("changed", "bob", ("server", "password")),
        ("created", "alice", ("server",)),
    ]
    assert len(store.history(account.id, 2)) == 2


def test_what_was_deleted_long_ago_is_forgotten_with_its_secrets(store):
    old, young = make("Old", secrets={"password": SecretRef(ref="r1", set_at=AT)}), make("Young")
    for account in (old, young):
        store.insert(account)
    store.delete([old.id], AT, "bob")
    store.delete([young.id], LATER, "bob")
    assert store.purge(AT) == ()
    assert [(account.id, account.secrets["password"].ref) for account in store.purge(LATER)] == [(old.id, "r1")]
    assert store.find(old.id, deleted=True) is None
    assert store.find(young.id, deleted=True) is not None
    assert store.history(old.id)[0].kind == "purged"


def test_only_another_status_is_news(store):
    account = make("News")
    store.insert(account)
    assert store.set_status(account.id, "paused", "over its limit", LATER)
    assert not store.set_status(account.id, "paused", "over its limit again", LATER)
    found = store.find(account.id)
    assert (found.status, found.status_detail, found.status_until) == ("paused", "over its limit again", LATER)
    assert found.version == 1
    assert not store.set_status("unknown", "paused", "", None)


def test_last_use_never_goes_back(store):
    account = make("News")
    store.insert(account)
    store.touch(account.id, LATER)
    store.touch(account.id, AT)
    assert store.find(account.id).last_used_at == LATER


def test_accounts_of_a_channel_in_the_order_of_their_names(store):
    for name, channel in (("b", "email"), ("Ä", "email"), ("C", "sms")):
        store.insert(make(name, channel=channel))
    assert [a.name for a in store.all("email")] == ["Ä", "b"]
    assert [a.name for a in store.all()] == ["Ä", "b", "C"]
    assert store.all("\0") == ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.one_of(st.text(), st.integers(), st.none(), st.binary())))
def test_no_id_is_hostile_enough_to_break_the_database(store, ids):
    assert store.find_many(ids) == ()
    assert store.delete(ids, AT, "x") == ()
    assert not any(store.restore(one, AT, "x") for one in ids)


def test_many_ids_come_in_the_order_asked(store):
    made = [make(f"n{n}") for n in range(600)]
    with ThreadPoolExecutor(1) as pool:
        list(pool.map(store.insert, made[:5]))
    ids = [account.id for account in reversed(made)] + ["twice", made[0].id]
    assert [account.id for account in store.find_many(ids)] == [account.id for account in reversed(made[:5])]


def test_of_many_who_take_one_name_at_once_exactly_one_gets_it(store):
    def take(number):
        try:
            store.insert(make("News"))
        except NameTaken:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(24))) == 1
    assert len(store.all()) == 1


def test_of_many_who_save_one_version_at_once_exactly_one_does(store):
    account = make("News")
    store.insert(account)

    def save(number):
        try:
            store.update(replace(account, sender=f"{number}@y.z"), 1, ("sender",))
        except StaleVersion:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(save, range(24))) == 1
    assert store.find(account.id).version == 2
