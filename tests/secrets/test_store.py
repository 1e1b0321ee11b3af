"""The secret store: new references, nothing lost whenever the process dies, states with the next step."""

import itertools
import pickle
import threading

import pytest

from crm_comm_hookspecs import InvalidInput, SecretsUnavailable
from crm_comm_plugin.secrets.key_file import KEY_FILE
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.secret_rows import SealedSecretRows, SecretJournalRows
from tests.secrets.conftest import KEY_A, KEY_B, MEMORY, OTHER
from tests.secrets.keyrings import MemoryKeyring


class Killed(BaseException):
    """The process dies here."""


class DiesAt:
    """Passes calls on to a port, and dies before or after the nth of them."""

    def __init__(self, inner, budget, after=False):
        self._inner, self._budget, self._after = inner, budget, after

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        def call(*args, **named):
            if not self._after and next(self._budget) <= 0:
                raise Killed
            answer = method(*args, **named)
            if self._after and next(self._budget) <= 0:
                raise Killed
            return answer

        return call


def wants(*refs):
    return lambda: frozenset(refs)


@pytest.fixture(params=["database", MEMORY])
def kept(request, make_store):
    """A store of each kind."""
    return make_store(request.param, key=KEY_A)


def test_each_write_has_a_new_reference(kept):
    first = kept.write("account", "password", "hunter2")
    second = kept.write("account", "password", "hunter3")
    assert first != second
    assert (kept.read(first), kept.read(second)) == ("hunter2", "hunter3")
    kept.remove(first)
    kept.remove(first)
    assert (kept.read(first), kept.read(second)) == (None, "hunter3")
    assert kept.read("nothing") is None
    kept.remove("nothing")


@pytest.mark.parametrize("secret", ["", "a", "x" * 599, "x" * 601, "\U0001f511" * 5000, " spaces \n", "a\0b"])
def test_any_text_of_any_length_comes_back(kept, secret):
    MemoryKeyring.limit = 2_560
    ref = kept.write("account", "password", secret)
    assert kept.read(ref) == secret
    kept.remove(ref)
    assert MemoryKeyring.entries == {}


@pytest.mark.parametrize("secret", ["x" * 60_001, "hunter2\ud800"])
def test_what_cannot_be_kept_is_refused_without_showing_it(kept, secret):
    with pytest.raises(InvalidInput) as caught:
        kept.write("account", "password", secret)
    assert secret[:7] not in str(caught.value)


def test_orphans_go_after_ten_minutes_and_what_is_wanted_stays(kept, clock):
    orphan = kept.write("a", "password", "hunter2")
    wanted = kept.write("b", "password", "hunter3")
    clock.forward(minutes=9)
    assert kept.sweep(wants(wanted)) == 0
    clock.forward(minutes=2)
    fresh = kept.write("c", "password", "hunter4")
    assert kept.sweep(wants(wanted)) == 1
    assert [kept.read(ref) for ref in (orphan, wanted, fresh)] == [None, "hunter3", "hunter4"]
    assert kept.status().stored == {kept.state().backend: 2}


def test_a_sweep_that_cannot_ask_removes_nothing(kept, clock):
    ref = kept.write("a", "password", "hunter2")
    clock.forward(hours=1)

    def broken():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        kept.sweep(broken)
    assert kept.read(ref) == "hunter2"


def test_an_account_saved_while_sweeping_keeps_its_secret(kept, clock):
    ref = kept.write("a", "password", "hunter2")
    clock.forward(hours=1)
    saved = []

    def asked():
        clock.forward(hours=-3)  # a clock that is set back must not make it look old
        saved.append(kept.write("b", "password", "hunter3"))
        return frozenset([ref])

    assert kept.sweep(asked) == 0
    assert [kept.read(found) for found in (ref, *saved)] == ["hunter2", "hunter3"]


@pytest.mark.parametrize("backend", ["database", MEMORY])
@pytest.mark.parametrize("after", [False, True])
def test_a_death_at_any_step_of_a_save_leaves_the_old_secret_or_the_new(make_store, database, clock, backend, after):
    """Write new, point the account to it, remove the old: as accounts do."""
    honest = make_store(backend, key=KEY_A)
    for budget in range(30):
        account = {"ref": honest.write("a", "password", "old")}
        steps = itertools.count(budget, -1)
        dying = make_store(
            backend,
            key=KEY_A,
            rows=DiesAt(SealedSecretRows(database), steps, after),
            journal=DiesAt(SecretJournalRows(database), steps, after),
        )
        try:
            old, account["ref"] = account["ref"], dying.write("a", "password", "new")
            dying.remove(old)
            survived = True
        except Killed:
            survived = False
        assert honest.read(account["ref"]) in ("old", "new")
        clock.forward(minutes=11)
        honest.sweep(wants(account["ref"]))
        assert honest.read(account["ref"]) in ("old", "new")
        status = honest.status()
        assert (status.stored, status.waiting) == ({backend: 1}, 0)
        entries = MemoryKeyring.entries if backend == MEMORY else SealedSecretRows(database).counts()
        assert len(entries) == 1
        honest.remove(account["ref"])
        if survived:
            break
    assert survived
    assert budget > 2


def test_a_keyring_that_forgets_is_noticed_before_the_old_secret_goes(make_store):
    store = make_store(MEMORY)
    MemoryKeyring.forgets = True
    with pytest.raises(SecretsUnavailable, match="something else came back"):
        store.write("a", "password", "hunter2")
    assert store.status().stored == {}


def test_a_keyring_that_fails_half_way_leaves_nothing_and_tells_nothing(make_store):
    store = make_store(MEMORY)
    MemoryKeyring.fail_after = 2
    with pytest.raises(SecretsUnavailable) as caught:
        store.write("a", "password", "hunter2" * 1000)
    assert caught.value.code == "missing"
    assert "hunter2" not in repr(caught.value) + str(caught.value)
    assert caught.value.__context__ is None
    assert MemoryKeyring.entries == {}
    assert store.status().stored == {}


def test_a_locked_keyring_is_named_and_loses_nothing(make_store, clock):
    store = make_store(MEMORY)
    ref = store.write("a", "password", "hunter2")
    other = store.write("a", "password", "hunter3")
    MemoryKeyring.locked = True
    for call in (lambda: store.read(ref), lambda: store.write("a", "password", "x")):
        with pytest.raises(SecretsUnavailable, match="locked") as caught:
            call()
        assert (caught.value.code, caught.value.retryable) == ("locked", True)
        assert "Unlock" in caught.value.hint
        assert "hunter2" not in str(caught.value)
    store.remove(other)
    assert store.read(other) is None
    assert store.status().waiting == 2  # the removed one, and the line of the write that failed
    MemoryKeyring.locked = False
    assert store.read(ref) == "hunter2"
    assert store.sweep(wants(ref)) == 2
    assert len(MemoryKeyring.entries) == 1


def test_missing_key_on_a_server_says_what_to_set(make_store):
    store = make_store()
    state = store.state()
    assert (state.state, state.backend) == ("missing", "database")
    assert "CRM_COMM_SECRET_KEY_FILE" in state.hint
    with pytest.raises(SecretsUnavailable) as caught:
        store.write("a", "password", "hunter2")
    assert (caught.value.code, caught.value.hint) == ("missing", state.hint)
    assert store.status().stored == {}


def test_a_wrong_key_is_named_and_the_right_one_brings_everything_back(make_store):
    ref = make_store(key=KEY_A).write("a", "password", "hunter2")
    wrong = make_store(key=KEY_B)
    assert wrong.state().state == "wrong_key"
    assert "1 of 1" in wrong.state().detail
    with pytest.raises(SecretsUnavailable) as caught:
        wrong.read(ref)
    assert caught.value.code == "wrong_key"
    assert wrong.sweep(wants(ref)) == 0
    fresh = wrong.write("a", "password", "entered again")
    assert wrong.read(fresh) == "entered again"
    both = make_store(key=f"{KEY_B},{KEY_A}")
    assert (both.read(ref), both.read(fresh), both.state().state) == ("hunter2", "entered again", "ok")


def test_embedded_makes_a_key_when_first_needed_and_never_a_second(make_store, data_dir):
    store = make_store(embedded=True)
    assert store.state().state == "ok"
    assert not data_dir.exists()
    ref = store.write("a", "password", "hunter2")
    key_file = data_dir / KEY_FILE
    text = key_file.read_text()
    key_file.unlink()
    again = make_store(embedded=True)
    assert again.state().state == "missing"
    assert str(key_file) in again.state().detail
    with pytest.raises(SecretsUnavailable) as caught:
        again.write("a", "password", "hunter3")
    assert caught.value.code == "missing"
    assert not key_file.exists()
    key_file.write_text(text)
    key_file.chmod(0o600)
    assert again.read(ref) == "hunter2"


def test_a_configured_key_takes_over_from_the_embedded_one(make_store, data_dir):
    ref = make_store(embedded=True).write("a", "password", "hunter2")
    configured = make_store(embedded=True, key=KEY_A)
    assert configured.read(ref) == "hunter2"
    assert configured.rotate().done == 1
    (data_dir / KEY_FILE).unlink()
    assert make_store(key=KEY_A).read(ref) == "hunter2"


def test_the_state_never_raises(clock, make_store, tmp_path):
    broken = Database(f"sqlite:///{tmp_path}/no/such/folder/x.db")
    store = make_store(rows=SealedSecretRows(broken), journal=SecretJournalRows(broken))
    state = store.state()
    assert (state.state, bool(state.detail), bool(state.hint)) == ("missing", True, True)
    assert make_store("no.such.Keyring").state().state == "missing"
    assert make_store("os.path").state().state == "missing"
    broken.close()


def test_readers_and_writers_side_by_side(kept):
    refs = [kept.write("a", "password", f"secret {number}") for number in range(6)]
    failures = []

    def work(number):
        try:
            for _ in range(5):
                assert kept.read(refs[number]) == f"secret {number}"
                extra = kept.write("a", "password", f"extra {number}")
                assert kept.read(extra) == f"extra {number}"
                kept.remove(extra)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(kept.status().stored.values()) == 6


def test_nothing_of_it_shows_a_secret(kept):
    ref = kept.write("a", "password", "hunter2")
    for thing in (kept, vars(kept), vars(kept._backends), kept.state(), kept.status(), kept.describe(), ref):
        for text in (repr(thing), str(thing)):
            assert "hunter2" not in text
            assert KEY_A not in text
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(kept)


def test_secrets_in_a_backend_that_is_no_longer_set_are_named(make_store):
    ref = make_store(OTHER).write("a", "password", "hunter2")
    store = make_store(MEMORY)
    with pytest.raises(SecretsUnavailable, match="OtherKeyring") as caught:
        store.read(ref)
    assert caught.value.code == "missing"
    assert OTHER in caught.value.hint
    assert (store.state().state, store.state().backend) == ("missing", OTHER)
