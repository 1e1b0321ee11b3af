"""The search through a whole test run finds what is planted, in one process and in parallel ones, and nothing else."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = "pytest_plugins = ['tests.secret_search']\n"
CLEAN = """
def test_nothing_to_see(tmp_path):
    (tmp_path / "crm.db").write_text("a password was set")
    (tmp_path / "typed.secret-input").write_text(CANARY)
"""
HEAD = """
import base64, logging
import pytest
from crm_comm_hookspecs import CommError, Context, Record, hookimpl
from crm_comm_hookspecs.testing import SECRET, start
from tests.secret_search import CANARY, CODE
"""
PLANTED = """
def test_file(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "export.csv").write_text(CANARY + "-1")

def test_code(tmp_path):
    (tmp_path / "crm.db-wal").write_bytes(b"\\0" + CODE.encode() + b"77\\0")

def test_coded(tmp_path):
    (tmp_path / "mail.eml").write_bytes(base64.b64encode(b"\\0ann\\0" + SECRET.encode()))

def test_logged():
    logging.getLogger("crm_comm_plugin.deep").debug("sent %s", CANARY)

def test_trace():
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("smtplib").exception("it broke")

def test_printed():
    print(CANARY)

class Loud:
    @hookimpl
    def crm_comm_open_record(self, context, editor, id):
        if id:
            raise CommError("No", hint=f"Try {CANARY}.")
        return Record(values={"password": CANARY})

def test_answer():
    start(Loud()).open_record(Context(user="ann"), "e")

def test_error():
    with pytest.raises(CommError):
        start(Loud()).open_record(Context(user="ann"), "e", "1")
"""
PLACES = (
    r"\S*export\.csv", r"\S*crm\.db-wal", r"\S*mail\.eml", r"log record of crm_comm_plugin\.deep at .*",
    r"log record of smtplib at .*", r"Captured stdout call of .*test_printed", r"answer of crm_comm_open_record",
    r"error of crm_comm_open_record",
)  # fmt: skip


def run(text: str, processes: str) -> subprocess.CompletedProcess[str]:
    """A test run of its own, outside the folder that this one is searched in."""
    with tempfile.TemporaryDirectory(prefix="comm-planted-") as folder:
        (Path(folder) / "conftest.py").write_text(CONFTEST, encoding="utf-8")
        (Path(folder) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (Path(folder) / "test_planted.py").write_text(HEAD + text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n", processes, f"--basetemp={folder}/temp", folder]
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        env = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, timeout=120, check=False)


@pytest.mark.parametrize("processes", ["0", "2"])
def test_every_plant_is_found_and_fails_a_run_whose_tests_all_pass(processes):
    done = run(PLANTED, processes)
    assert "8 passed" in done.stdout, done.stdout
    assert done.returncode == 1
    places = done.stdout.split("Secrets were found in:\n")[1].splitlines()
    for place in PLACES:
        assert any(re.fullmatch(f"  {place}", line) for line in places), (place, places)


def test_a_clean_run_passes():
    done = run(CLEAN, "0")
    assert (done.returncode, "Secrets" in done.stdout) == (0, False), done.stdout
