"""Rotation and moves: complete, resumable wherever they die, and right while others work."""

import itertools
import threading

import pytest

from crm_comm_hookspecs import InvalidInput, SecretsUnavailable
from crm_comm_plugin.storage.secret_rows import SealedSecretRows, SecretJournalRows
from tests.secrets.conftest import KEY_A, KEY_B, MEMORY, OTHER, key
from tests.secrets.keyrings import MemoryKeyring, OtherKeyring
from tests.secrets.test_store import DiesAt, Killed, wants


def write_many(store, count=8):
    return {
        store.write(f"a{n}", "password", f"secret {n} " * (n * 40)): f"secret {n} " * (n * 40) for n in range(count)
    }


def read_all(store, refs):
    return {ref: store.read(ref) for ref in refs}


def test_rotation_puts_everything_under_the_first_key(make_store):
    refs = write_many(make_store(key=KEY_A))
    both = make_store(key=f"{KEY_B},{KEY_A}")
    uses = {use.first: use.secrets for use in both.status().keys}
    assert uses == {True: 0, False: 8}
    assert any("rotate" in finding.hint for finding in both.describe())
    report = both.rotate()
    assert (report.done, report.failed) == (8, 0)
    assert both.rotate().done == 0
    assert read_all(make_store(key=KEY_B), refs) == refs
    assert make_store(key=KEY_A).state().state == "wrong_key"


@pytest.mark.parametrize("after", [False, True])
def test_rotation_may_die_anywhere(make_store, database, monkeypatch, after):
    monkeypatch.setattr("crm_comm_plugin.secrets.database_keyring.DatabaseKeyring.reencrypt.__defaults__", (2,))
    refs = write_many(make_store(key=KEY_A))
    deaths = 0
    for budget in itertools.count():
        rows = DiesAt(SealedSecretRows(database), itertools.count(budget, -1), after)
        try:
            make_store(key=f"{KEY_B},{KEY_A}", rows=rows).rotate()
            break
        except Killed:
            deaths += 1
            assert read_all(make_store(key=f"{KEY_B},{KEY_A}"), refs) == refs
    assert deaths > 2
    assert read_all(make_store(key=KEY_B), refs) == refs


def test_rotation_leaves_what_it_cannot_read(make_store):
    lost = make_store(key=key("lost")).write("a", "password", "hunter2")
    good = make_store(key=KEY_A).write("a", "password", "hunter3")
    report = make_store(key=f"{KEY_B},{KEY_A}").rotate()
    assert (report.done, report.failed) == (1, 1)
    assert "key" in report.hint
    assert make_store(key=KEY_B).read(good) == "hunter3"
    assert make_store(key=key("lost")).read(lost) == "hunter2"


def test_rotation_never_overwrites_what_was_written_meanwhile(make_store, database):
    ref = make_store(key=KEY_A).write("a", "password", "old")
    rows = SealedSecretRows(database)

    class Late(DiesAt):
        def swap(self, pairs):
            make_store(key=KEY_A)._backends.database().set_password(f"crm-comm/{ref}", "secret", "new")
            return rows.swap(pairs)

    both = f"{KEY_B},{KEY_A}"
    make_store(key=both, rows=Late(rows, itertools.repeat(1))).rotate()
    assert make_store(key=both).read(ref) == "new"


def test_a_running_process_sees_a_rotation_of_the_key_file(make_store, tmp_path):
    path = tmp_path / "keys"
    path.write_text(KEY_A)
    path.chmod(0o600)
    running, reader, admin = (make_store(key_file=path) for _ in range(3))
    ref = running.write("a", "password", "hunter2")
    assert reader.read(ref) == "hunter2"
    path.write_text(f"{KEY_B}\n{KEY_A}\n")
    admin.rotate()
    later = running.write("a", "password", "hunter3")
    path.write_text(KEY_B)
    assert (running.read(ref), running.read(later)) == ("hunter2", "hunter3")
    assert (reader.read(ref), reader.read(later)) == ("hunter2", "hunter3")
    assert admin.state().state == "ok"


def test_rotation_without_anything_or_without_a_key(make_store, database):
    assert make_store().rotate().done == 0
    make_store(key=KEY_A).write("a", "password", "hunter2")
    with pytest.raises(SecretsUnavailable) as caught:
        make_store().rotate()
    assert caught.value.code == "missing"


@pytest.mark.parametrize(("source", "target"), [("database", MEMORY), (MEMORY, "database"), (MEMORY, OTHER)])
def test_a_move_takes_everything_along(make_store, source, target):
    refs = write_many(make_store(source, key=KEY_A))
    store = make_store(source, key=KEY_A)
    report = store.move(target)
    assert (report.done, report.failed) == (8, 0)
    assert target in report.hint
    moved = make_store(target, key=KEY_A)
    assert read_all(moved, refs) == refs
    status = moved.status()
    assert (status.stored, status.waiting) == ({target: 8}, 0)
    if source == MEMORY:
        assert MemoryKeyring.entries == {}
    assert store.move(target).done == 0


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("source", "target"), [("database", MEMORY), (MEMORY, "database")])
def test_a_move_may_die_anywhere(make_store, database, clock, source, target, after):
    refs = write_many(make_store(source, key=KEY_A), 3)
    deaths = 0
    for budget in itertools.count():
        steps = itertools.count(budget, -1)
        dying = make_store(
            source,
            key=KEY_A,
            rows=DiesAt(SealedSecretRows(database), steps, after),
            journal=DiesAt(SecretJournalRows(database), steps, after),
        )
        try:
            dying.move(target)
            break
        except Killed:
            deaths += 1
            assert read_all(make_store(MEMORY, key=KEY_A), refs) == refs
    assert deaths > 5
    clock.forward(minutes=11)
    store = make_store(MEMORY, key=KEY_A)
    store.sweep(wants(*refs))
    assert read_all(store, refs) == refs
    assert (store.status().stored, store.status().waiting) == ({target: 3}, 0)
    assert (len(MemoryKeyring.entries) > 0, bool(SealedSecretRows(database).counts())) == (
        target == MEMORY,
        target == "database",
    )


class Meanwhile:
    """A journal during one of whose calls somebody else does something."""

    def __init__(self, inner, name, before=None, after=None):
        self._inner, self._name, self._before, self._after = inner, name, before, after

    def __getattr__(self, name):
        return getattr(self._inner, name) if name != self._name else self._call

    def _call(self, *args):
        before, self._before = self._before, None
        if before is not None:
            before()
        answer = getattr(self._inner, self._name)(*args)
        after, self._after = self._after, None
        if after is not None:
            after()
        return answer


@pytest.mark.parametrize("target", ["database", OTHER])
@pytest.mark.parametrize("erased", [True, False])
def test_a_secret_removed_while_it_moves_is_gone(make_store, database, clock, target, erased):
    other, rows = make_store(MEMORY, key=KEY_A), SecretJournalRows(database)
    ref = other.write("a", "password", "hunter2")
    journal = Meanwhile(rows, "switch", before=lambda: other.remove(ref) if erased else rows.doom([ref]))
    assert make_store(MEMORY, key=KEY_A, journal=journal).move(target).done == 0
    assert other.read(ref) is None
    assert (MemoryKeyring.entries, OtherKeyring.entries, SealedSecretRows(database).counts()) == ({}, {}, {})


def test_a_secret_that_two_move_at_once_is_kept_once(make_store, database, clock):
    other = make_store(MEMORY, key=KEY_A)
    ref = other.write("a", "password", "hunter2")
    journal = Meanwhile(SecretJournalRows(database), "switch", before=lambda: other.move("database"))
    assert make_store(MEMORY, key=KEY_A, journal=journal).move(OTHER).failed == 0
    reader = make_store(OTHER, key=KEY_A)
    assert reader.read(ref) == "hunter2"
    clock.forward(minutes=11)
    reader.sweep(wants(ref))
    assert reader.read(ref) == "hunter2"
    assert len(MemoryKeyring.entries) + len(OtherKeyring.entries) + len(SealedSecretRows(database).counts()) == 1


def test_a_secret_that_moves_while_it_is_read_is_found(make_store, database):
    other = make_store(MEMORY, key=KEY_A)
    ref = other.write("a", "password", "hunter2")
    journal = Meanwhile(SecretJournalRows(database), "live", after=lambda: other.move("database"))
    assert make_store(MEMORY, key=KEY_A, journal=journal).read(ref) == "hunter2"


def test_moves_in_both_directions_and_removals_at_once_lose_nothing(make_store):
    refs = write_many(make_store(MEMORY, key=KEY_A), 12)
    gone = list(refs)[::3]
    failures = []

    def run(work):
        try:
            work()
        except BaseException as error:
            failures.append(error)

    stores = [make_store(MEMORY, key=KEY_A) for _ in range(4)]
    jobs = [
        lambda: stores[0].move("database"),
        lambda: stores[1].move(MEMORY),
        lambda: [stores[2].remove(ref) for ref in gone],
        lambda: [stores[3].read(ref) for _ in range(5) for ref in refs],
    ]
    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    kept = {ref: (None if ref in gone else secret) for ref, secret in refs.items()}
    assert read_all(make_store(MEMORY, key=KEY_A), refs) == kept


def test_a_move_away_from_a_locked_keyring_loses_nothing(make_store):
    store = make_store(MEMORY, key=KEY_A)
    refs = write_many(store, 2)
    MemoryKeyring.locked = True
    report = store.move("database")
    assert (report.done, report.failed) == (0, 2)
    assert "Unlock" in report.hint
    MemoryKeyring.locked = False
    assert read_all(store, refs) == refs


def test_a_move_to_a_keyring_that_does_not_work_starts_nothing(make_store):
    store = make_store(MEMORY, key=KEY_A)
    refs = write_many(store, 2)
    OtherKeyring.forgets = True
    with pytest.raises(SecretsUnavailable):
        store.move(OTHER)
    for wrong in ("", "no keyring", "nodots", "a.b; import os", "keyring.backends.null.Keyring"):
        with pytest.raises((SecretsUnavailable, InvalidInput)):
            store.move(wrong)
    with pytest.raises(SecretsUnavailable):
        make_store(MEMORY).move("database")
    assert read_all(store, refs) == refs
    assert store.status().stored == {MEMORY: 2}
