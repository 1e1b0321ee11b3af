"""The real Secret Service: GNOME Keyring in D-Bus sessions of its own, without a screen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crm_comm_plugin.secrets.secret_service import NAME

pytestmark = pytest.mark.real
UNLOCK = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
START = "gnome-keyring-daemon --start --components=secrets >/dev/null"


@pytest.fixture
def login(tmp_path):
    """Runs the story in a new session: login("story", unlocked=True). The keyring's own files live on between them."""

    def run(what, *words, prepare=UNLOCK):
        (tmp_path / "run").mkdir(mode=0o700, exist_ok=True)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "XDG_RUNTIME_DIR": str(tmp_path / "run"),
            "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path]),
            "LANG": "C.UTF-8",
        }
        script = Path(__file__).parent / "secret_service_story.py"
        command = [sys.executable, "-W", "error", str(script), str(tmp_path / "crm.db"), what, *words]
        done = subprocess.run(
            ["dbus-run-session", "--", "sh", "-c", f'{prepare}; exec "$@"', "sh", *command],
            env=environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_auto_picks_it_and_names_it_when_locked_or_gone(login):
    first = login("story")
    works, reads, kept, locked, *refused = first["answers"]
    assert works == {"state": "ok", "backend": NAME, "kept": 10}
    assert reads == {"read": "hunter2", "long": True}
    assert kept == {"kept": True}
    assert locked["state"] == "locked"
    assert "Unlock" in locked["hint"]
    assert refused == [{"code": "locked"}, {"code": "locked"}]
    words = first["words"]
    assert login("later", *words)["answers"] == [{"state": "ok", "backend": NAME}, {"read": "hunter2"}]
    assert login("later", *words, prepare=START)["answers"] == [
        {"state": "locked", "backend": NAME},
        {"code": "locked"},
    ]
    gone = login("later", *words, prepare="unset DBUS_SESSION_BUS_ADDRESS")["answers"]
    assert gone == [{"state": "missing", "backend": NAME}, {"code": "missing"}]
    assert login("move", *words)["answers"] == [
        {"done": 1, "failed": 0, "kept": 0, "read": "hunter2"},
        {"backend": "database"},
    ]
    assert login("later", *words)["answers"] == [{"state": "ok", "backend": "database"}, {"read": "hunter2"}]


def test_on_a_first_start_a_locked_one_is_named_and_an_empty_one_passed_by(login):
    empty = login("fresh", prepare=START)["answers"][0]
    assert (empty["state"], empty["backend"]) == ("ok", "database")
    assert login("fresh")["answers"][0]["backend"] == NAME
    locked = login("fresh", prepare=START)["answers"][0]
    assert (locked["state"], locked["backend"]) == ("locked", NAME)
    assert "secret_backend" in locked["hint"]
