"""Loading the plugin into a host brings nothing that a host may never need."""

import os
import statistics
import subprocess
import sys

import pytest

from benchmarks.loading import LAZY, LIBRARIES, PLUGIN, seconds

WHAT = "\nimport sys; print(*[name for name in {names!r} if name in sys.modules])"


def loaded_by(code: str) -> list[str]:
    """Which of the lazy libraries a fresh interpreter has after this code."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("CRM_COMM_")}
    code += WHAT.format(names=LAZY)
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env
    ).stdout.split()


def test_what_is_heavy_waits_for_its_first_use(tmp_path):
    assert {"phonenumbers", "babel", "alembic", "keyring.backends"} <= set(LAZY)
    assert loaded_by(PLUGIN.format(folder=str(tmp_path))) == []
    assert list(tmp_path.iterdir()) == [], "no database, no key file"


def test_what_is_heavy_would_be_seen():
    assert loaded_by("import babel, phonenumbers, keyring") == ["phonenumbers", "babel", "keyring.backends"]


@pytest.mark.slow
def test_loading_takes_at_most_1_3_of_what_it_stands_on(tmp_path):
    plugin = PLUGIN.format(folder=str(tmp_path))
    seconds(plugin), seconds(LIBRARIES)  # caches of compiled files
    assert statistics.median(seconds(plugin) / seconds(LIBRARIES) for _ in range(7)) <= 1.3
