"""What status and the doctor say, in plain words."""

import os
import sys

import pytest

from crm_comm_plugin.secrets import backends
from crm_comm_plugin.secrets.key_file import KEY_FILE
from tests.secrets.conftest import KEY_A, KEY_B, MEMORY


def told(store):
    return [(finding.level, finding.text, finding.hint) for finding in store.describe()]


def one(store, part):
    (found,) = [line for line in told(store) if part in line[1]]
    return found


def test_the_key_beside_the_data_and_its_limits(make_store, data_dir):
    store = make_store(embedded=True)
    assert str(data_dir / KEY_FILE) in one(store, "first password makes")[1]
    store.write("a", "password", "hunter2")
    level, text, hint = one(store, "does not protect against")
    assert (level, "read the data folder" in text, "security.md" in hint) == ("info", True, True)
    if os.name == "posix":
        (data_dir / KEY_FILE).chmod(0o640)
        assert one(store, "Others may read")[0] == "warn"


def test_a_key_elsewhere(make_store, tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY_A)
    path.chmod(0o600)
    assert "administrator" in one(make_store(key_file=path), "protects against")[1]
    assert "every program started" in one(make_store(key=KEY_A), "can be seen")[1]


def test_every_trouble_has_a_next_step(make_store):
    make_store(key=KEY_A).write("a", "password", "hunter2")
    for store in (make_store(), make_store(key=KEY_B), make_store("no.such"), make_store(key="bad")):
        level, _, hint = told(store)[0]
        assert (level, bool(hint)) == ("bad", True)


def test_keys_in_use_old_and_lost(make_store):
    make_store(key=KEY_A).write("a", "password", "hunter2")
    make_store(key=KEY_B).write("a", "password", "hunter3")
    uses = make_store(key=KEY_B).status().keys
    assert [(use.source, use.first, use.secrets) for use in uses] == [
        ("CRM_COMM_SECRET_KEY", True, 1),
        ("", False, 1),
    ]
    assert "rotate" in one(make_store(key=f"{KEY_B},{KEY_A}"), "older key")[2]


def test_several_places_and_a_foreign_keyring(make_store):
    make_store(MEMORY).write("a", "password", "hunter2")
    store = make_store("database", key=KEY_A)
    store.write("a", "password", "hunter3")
    both = make_store(MEMORY, key=KEY_A)
    assert one(both, "several places")[2] == f"Run `crm-comm secrets move {MEMORY}`."
    assert "own documentation" in one(both, "MemoryKeyring is")[1]


def test_the_platforms_keyring(make_store, monkeypatch):
    monkeypatch.setitem(backends.PLATFORM, sys.platform, MEMORY)
    store = make_store(PYTHON_KEYRING_BACKEND="")
    store.write("a", "password", "hunter2")
    assert one(store, "sign-in")[0] == "ok"


@pytest.mark.parametrize("backend", ["database", MEMORY])
def test_a_healthy_store_has_no_bad_finding(make_store, backend):
    store = make_store(backend, key=KEY_A)
    store.write("a", "password", "hunter2")
    assert {level for level, _, _ in told(store)} <= {"ok", "info"}
