"""Keyset pages: nothing missed, nothing twice, with ties, in each order, while others insert."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from crm_comm_plugin.domain.ports import AccountQuery
from crm_comm_plugin.storage.account_rows import all_columns
from crm_comm_plugin.storage.account_tables import accounts
from crm_comm_plugin.storage.accounts import StoredAccounts
from tests.storage.account_makers import AT, make


@pytest.fixture
def store(database):
    return StoredAccounts(database)


def walk(store, limit=7, between=lambda page: None, **query):
    found, after = [], None
    while True:
        page = store.page(AccountQuery(after=after, limit=limit, **query))
        found += page.accounts
        between(page)
        if page.next is None:
            return found
        after = page.next


def fill(store, count=40):
    for n in range(count):
        used = AT + timedelta(minutes=n % 3) if n % 4 else None
        kind = "email" if n % 2 else "sms"
        store.insert(make(f"Account {n % 10} {n:03d}", type=kind, channel=kind, last_used_at=used))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["name", "type", "last_used"])
def test_pages_hold_every_account_once_and_in_order(store, sort, descending):
    fill(store)
    found = walk(store, sort=sort, descending=descending)
    keys = {
        "name": lambda a: (a.name.casefold(), a.id),
        "type": lambda a: (a.type, a.id),
        "last_used": lambda a: (a.last_used_at or AT - timedelta(days=1), a.id),
    }
    assert [a.id for a in found] == [a.id for a in sorted(store.all(), key=keys[sort], reverse=descending)]


def test_what_others_insert_meanwhile_neither_hides_nor_doubles_anything(store):
    fill(store)
    before = {a.id for a in store.all()}
    numbers = iter(range(100))

    def insert(page):
        number = next(numbers)
        store.insert(make(f"Account {number % 10} x{number}"))
        store.insert(make(f"A first one {number}"))

    found = [a.id for a in walk(store, sort="name", between=insert)]
    assert len(found) == len(set(found))
    assert before <= set(found)


def test_search_finds_words_in_names_and_senders_without_accents_or_case(store):
    store.insert(make("Ärzte-Newsletter", sender="praxis@münchen.example"))
    store.insert(make("Rechnungen 100%", sender="+4915123456"))

    def names(search):
        return [a.name for a in store.page(AccountQuery(search=search)).accounts]

    assert names("arzte") == ["Ärzte-Newsletter"]
    assert names("LETTER Praxis") == ["Ärzte-Newsletter"]
    assert names("letter rechnungen") == []
    assert names("0%") == ["Rechnungen 100%"]
    assert names("_") == []
    assert names("+4915") == ["Rechnungen 100%"]
    assert names("\0") == names("") == ["Ärzte-Newsletter", "Rechnungen 100%"]
    assert names("\ud800'--") == []


def test_the_total_is_exact_up_to_a_thousand(store, database):
    with database.write() as connection:
        connection.execute(insert(accounts), [all_columns(make(f"n {n}")) for n in range(1000)])
    page = store.page(AccountQuery())
    assert (len(page.accounts), page.total) == (50, 1000)
    assert store.page(AccountQuery(search="n 99")).total == 19
    store.insert(make("one more"))
    assert store.page(AccountQuery()).total is None
    assert store.page(AccountQuery(after=page.next)).total is None


def test_deleted_accounts_have_a_list_of_their_own(store):
    fill(store, 6)
    ids = [a.id for a in store.all()]
    store.delete(ids[:2], AT, "bob")
    store.delete(ids[2:3], AT + timedelta(days=2), "bob")
    assert [a.id for a in walk(store)] == ids[3:]
    assert [a.id for a in walk(store, limit=1, deleted_since=AT)] == ids[:3]
    assert [a.id for a in walk(store, deleted_since=AT + timedelta(days=1))] == [ids[2]]
