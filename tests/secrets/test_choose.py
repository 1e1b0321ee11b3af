"""Which keyring is chosen, and that the choice never flips by itself."""

import subprocess
import sys

import pytest

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.secrets import backends
from tests.secrets.conftest import KEY_A, MEMORY, OTHER
from tests.secrets.keyrings import MemoryKeyring


@pytest.fixture
def platform(monkeypatch):
    """The platform's keyring is the one in memory."""
    monkeypatch.setitem(backends.PLATFORM, sys.platform, MEMORY)
    return {"PYTHON_KEYRING_BACKEND": ""}


def test_auto_takes_the_platforms_keyring_where_it_works(make_store, platform):
    store = make_store(key=KEY_A, **platform)
    assert store.state().backend == MEMORY
    assert MemoryKeyring.entries == {}
    store.write("a", "password", "hunter2")
    assert list(MemoryKeyring.entries.values()) == ["hunter2"]


@pytest.mark.parametrize("fault", ["forgets", "limit", "priority"])
def test_auto_takes_the_database_where_it_does_not(make_store, platform, monkeypatch, fault):
    monkeypatch.setattr(MemoryKeyring, fault, {"forgets": True, "limit": 1, "priority": None}[fault])
    if fault == "priority":
        monkeypatch.setitem(backends.PLATFORM, sys.platform, "keyring.backends.fail.Keyring")
    store = make_store(key=KEY_A, **platform)
    assert (store.state().state, store.state().backend) == ("ok", "database")


def test_a_keyring_switched_off_for_python_is_left_alone(make_store, platform):
    for name in (
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "keyrings.alt.file.EncryptedKeyring",
    ):
        assert make_store(key=KEY_A, PYTHON_KEYRING_BACKEND=name).state().backend == "database"
    assert make_store(key=KEY_A, PYTHON_KEYRING_BACKEND=MEMORY).state().backend == MEMORY


def test_a_keyring_switched_off_by_keyrings_own_file_is_left_alone(make_store, platform, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "python_keyring").mkdir()
    config = tmp_path / "python_keyring" / "keyringrc.cfg"
    config.write_text("[backend]\ndefault-keyring=keyring.backends.null.Keyring\nkeyring-path=/evil\n")
    assert make_store(key=KEY_A, **platform).state().backend == "database"
    assert "/evil" not in sys.path
    for broken in ("[backend", "\xff", "[other]\n"):
        config.write_text(broken, encoding="latin-1")
        assert make_store(key=KEY_A, **platform).state().backend == MEMORY


def test_once_secrets_are_in_the_database_a_keyring_that_appears_changes_nothing(make_store, platform):
    ref = make_store(key=KEY_A).write("a", "password", "hunter2")
    store = make_store(key=KEY_A, **platform)
    store.write("a", "password", "hunter3")
    assert (store.state().backend, store.read(ref)) == ("database", "hunter2")
    assert MemoryKeyring.entries == {}


def test_once_secrets_are_in_the_keyring_a_session_without_it_says_so(make_store, platform, monkeypatch):
    ref = make_store(key=KEY_A, **platform).write("a", "password", "hunter2")
    monkeypatch.setitem(backends.PLATFORM, sys.platform, "keyring.backends.fail.Keyring")
    elsewhere = make_store(key=KEY_A)
    assert (elsewhere.state().state, elsewhere.state().backend) == ("missing", MEMORY)
    for call in (lambda: elsewhere.read(ref), lambda: elsewhere.write("a", "password", "x")):
        with pytest.raises(SecretsUnavailable) as caught:
            call()
        assert caught.value.code == "missing"
    monkeypatch.setitem(backends.PLATFORM, sys.platform, MEMORY)
    assert make_store(key=KEY_A).read(ref) == "hunter2"


def test_a_locked_platform_keyring_is_no_reason_for_less_unless_a_key_was_set(make_store, platform):
    MemoryKeyring.locked = True
    assert make_store(key=KEY_A, **platform).state().backend == "database"


def test_when_the_last_secret_is_gone_the_choice_is_free_again(make_store, platform):
    store = make_store(key=KEY_A)
    store.remove(store.write("a", "password", "hunter2"))
    assert make_store(key=KEY_A, **platform).state().backend == MEMORY


def test_a_setting_wins_and_old_secrets_are_still_read(make_store, platform):
    ref = make_store(MEMORY).write("a", "password", "hunter2")
    store = make_store("database", key=KEY_A, **platform)
    assert store.read(ref) == "hunter2"
    store.write("a", "password", "hunter3")
    assert store.status().stored == {MEMORY: 1, "database": 1}


@pytest.mark.parametrize(
    "name",
    ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring", "keyring.backends.chainer.ChainerBackend",
     "os.path.join", "no.such", "x", "..", "tests.secrets.conftest.key"],
)  # fmt: skip
def test_what_keeps_nothing_or_is_no_keyring_is_refused(make_store, name):
    store = make_store(name, key=KEY_A)
    assert store.state().state == "missing"
    with pytest.raises(SecretsUnavailable) as caught:
        store.write("a", "password", "hunter2")
    assert caught.value.code == "missing"
    assert caught.value.hint


def test_a_name_in_the_database_never_says_which_code_runs(make_store, database):
    ref = make_store(OTHER).write("a", "password", "hunter2")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE crm_comm_secret_journal SET backend = 'this.Zen'")
    with pytest.raises(SecretsUnavailable, match=r"this\.Zen"):
        make_store(key=KEY_A).read(ref)
    assert "this" not in sys.modules


def test_nothing_is_chosen_or_imported_before_first_use(make_store, platform, monkeypatch):
    monkeypatch.setattr(backends.Backends, "platform", lambda _: pytest.fail("chosen too early"))
    make_store(**platform)


def test_heavy_libraries_wait_for_the_first_secret():
    code = (
        "import sys, crm_comm_plugin.secrets.build as build; "
        "print(sorted({'keyring', 'cryptography', 'secretstorage', 'sqlalchemy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
