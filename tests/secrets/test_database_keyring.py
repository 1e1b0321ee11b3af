"""The keyring over the database: what keyring's own conformance suite asks, and what happens to hostile rows."""

import copy
import multiprocessing
import os
import pickle
import threading
from dataclasses import replace

import keyring.backend
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring.errors import PasswordSetError
from keyring.testing.backend import BackendBasicTests

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.secrets.cipher import seal, unseal
from crm_comm_plugin.secrets.database_keyring import DatabaseKeyring
from crm_comm_plugin.secrets.key_sources import KeySources
from crm_comm_plugin.secrets.keys import Keys, parse_keys
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.secret_rows import SealedSecretRows
from tests.secrets.conftest import KEY_A, KEY_B


def make(database, *keys):
    sources = KeySources("", None, lambda name: ",".join(keys or (KEY_A,)) if name == "CRM_COMM_SECRET_KEY" else "")
    return DatabaseKeyring(SealedSecretRows(database), sources)


class TestConformance(BackendBasicTests):
    @pytest.fixture(autouse=True)
    def _init_properties(self, database):
        self.database = database
        self.keyring = self.init_keyring()
        self.credentials_created = set()
        yield
        self.cleanup()

    def init_keyring(self):
        return make(self.database)


def test_other_users_of_keyring_in_this_process_never_get_it():
    assert DatabaseKeyring not in set(keyring.backend.KeyringBackend.get_viable_backends())


def test_the_database_holds_neither_the_password_nor_its_length(database):
    ring = make(database)
    rows = SealedSecretRows(database)
    sizes = set()
    for number, password in enumerate(["", "hunter2", "hunter2-hunter2", "x" * 63]):
        ring.set_password("crm-comm", str(number), password)
        row = rows.find("crm-comm", str(number))
        assert password == "" or password.encode() not in row.data
        sizes.add(len(row.data))
    assert len(sizes) == 1


def test_a_long_password_and_any_character_come_back(database):
    ring = make(database)
    for password in ("x" * 500_000, "a\0b", "\U0001f511" * 1000, "\n", "ends in zero\0\0", "\x80"):
        ring.set_password("service", "user", password)
        assert ring.get_password("service", "user") == password


def test_what_no_text_has_is_refused_without_showing_it(database):
    ring = make(database)
    for service, user, password in (
        ("s", "u", "hunter2\udc80"),
        ("s\0", "u", "hunter2"),
        ("s", "u" * 256, "hunter2"),
        ("s", "u", "hunter2" * 200_000),
    ):
        with pytest.raises(PasswordSetError) as caught:
            ring.set_password(service, user, password)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__context__ is None
    assert ring.get_password("s\0", "u") is None


def rows_of(database):
    ring = make(database)
    ring.set_password("one", "user", "first")
    ring.set_password("two", "user", "second")
    rows = SealedSecretRows(database)
    return ring, rows, rows.find("one", "user"), rows.find("two", "user")


def test_rows_changed_by_somebody_do_not_open(database):
    ring, rows, one, two = rows_of(database)
    for data in (
        two.data,  # swapped
        one.data[:-1],
        one.data[:20],
        b"",
        b"\x02" + one.data[1:],
        one.data[:-1] + bytes([one.data[-1] ^ 1]),
        one.data + b"\0",
    ):
        rows.put(replace(one, data=data))
        with pytest.raises(SecretsUnavailable, match="changed or damaged") as caught:
            ring.get_password("one", "user")
        assert caught.value.code == "wrong_key"
    assert ring.get_password("two", "user") == "second"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=st.text(st.characters(exclude_categories=["Cs"])),
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=4, max_size=4),
)
def test_a_sealed_row_opens_only_where_it_belongs(secret, names):
    keys = Keys(parse_keys(KEY_A, "test"))
    row = seal(keys.first, names[0], names[1], secret.encode())
    assert unseal(keys, row).decode() == secret
    if names[:2] != names[2:]:
        with pytest.raises(SecretsUnavailable):
            unseal(keys, replace(row, service=names[2], username=names[3]))


def test_another_key_is_named_by_its_id_and_what_to_do(database):
    make(database, KEY_A).set_password("s", "u", "hunter2")
    with pytest.raises(SecretsUnavailable, match="another key") as caught:
        make(database, KEY_B).get_password("s", "u")
    assert caught.value.code == "wrong_key"
    assert caught.value.hint
    assert KEY_A not in str(caught.value)
    assert make(database, KEY_B, KEY_A).get_password("s", "u") == "hunter2"


def test_every_write_is_whole_whoever_comes_last(database):
    values = [str(number) * 3000 for number in range(8)]
    start = threading.Barrier(8)

    def write(value):
        ring = make(database)
        start.wait()
        for _ in range(10):
            ring.set_password("shared", "user", value)
            assert ring.get_password("shared", "user") in values
            ring.set_password("own", value[0], value)

    threads = [threading.Thread(target=write, args=[value]) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert make(database).get_password("shared", "user") in values
    assert [make(database).get_password("own", value[0]) for value in values] == values


def write_many(url, name):
    database = Database(url, busy_timeout=60)
    ring = make(database)
    for number in range(25):
        ring.set_password(name, str(number), f"{name} {number}")
    database.close()


def test_processes_write_side_by_side(database, database_url):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_many, args=[database_url, f"p{number}"]) for number in range(3)]
    database.engine()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    ring = make(database)
    for process in range(3):
        for number in range(25):
            assert ring.get_password(f"p{process}", str(number)) == f"p{process} {number}"


def test_nothing_shows_a_key(database):
    ring = make(database)
    ring.set_password("s", "u", "hunter2")
    keys = ring._keys
    row = SealedSecretRows(database).find("s", "u")
    for thing in (ring, keys, keys.first, row, copy.copy(ring), vars(ring)):
        for text in (repr(thing), str(thing), f"{thing}"):
            assert KEY_A not in text
            assert repr(keys.first.reveal()) not in text
            assert "hunter2" not in text
    for thing in (ring, keys, keys.first):
        with pytest.raises(TypeError, match="never pickled"):
            pickle.dumps(thing)


def test_the_environment_cannot_replace_its_parts(database, monkeypatch):
    monkeypatch.setitem(os.environ, "KEYRING_PROPERTY__SOURCES", "x")
    monkeypatch.setitem(os.environ, "KEYRING_PROPERTY__ROWS", "x")
    ring = make(database)
    ring.set_password("s", "u", "p")
    assert ring.get_password("s", "u") == "p"
