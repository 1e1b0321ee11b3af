"""Whatever is wrong with the machine: one clear line with the next step, an exit code, no traceback."""

import contextlib
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.ports import free_port

DATABASE = "crm-comm.db"


@pytest.fixture
def stored(process) -> Path:
    """The path of a database with one account in it."""
    process.ok("accounts", "add", "email", "account_name=News", "server=smtp", "host=127.0.0.1", "sender=n@example.com")
    return process.data / DATABASE


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_an_unreachable_database_server(process):
    line = process.fails("accounts", "list", "--database-url", f"postgresql://crm:hunter2@127.0.0.1:{free_port()}/crm")
    assert "cannot be reached" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"database": "nobody_made_this"}, "no database of that name"),
        ({"username": "nobody_of_this_name"}, "refuses the user"),
        ({"host": "nowhere.invalid", "query": {}}, "cannot be reached"),
        ({"host": "nowhere.invalid", "query": {}, "password": "hunter2"}, "host name"),
        ({"query": {"host": "/nowhere"}}, "cannot be reached"),
        ({"query": {"service": "nobody-wrote-this"}}, "database URL"),
        ({"query": {"nonsense": "hunter2"}}, "database URL"),
    ],
)
def test_what_is_wrong_with_a_database_server_is_told_apart(cli, postgres, change, words):
    url = make_url(postgres()).set(**change).render_as_string(hide_password=False)
    line = cli.fails("accounts", "list", "--database-url", url)
    assert words in line
    assert "hunter2" not in line


def test_a_database_url_of_another_kind(process):
    assert "Use SQLite or PostgreSQL" in process.fails("accounts", "list", "--database-url", "mysql://127.0.0.1/crm")


def test_a_database_server_without_its_driver(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    url = "postgresql://crm:hunter2@127.0.0.1/crm"
    for command in (("accounts", "list"), ("db", "upgrade")):
        line = cli.fails(*command, "--database-url", url)
        assert "pip install 'crm-comm-plugin[postgres]'" in line
    done = cli("doctor", "--database-url", url)
    assert done.returncode == 1
    assert "pip install 'crm-comm-plugin[postgres]'" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_a_data_folder_in_a_home_that_is_not_there(cli):
    assert "CRM_COMM_DATA_DIR" in cli.fails("accounts", "list", "--data-dir", "~nobody-of-this-name/x")


def test_a_database_url_that_is_none(process):
    assert "postgresql://" in process.fails("accounts", "list", "--database-url", "what is this")


def test_a_read_only_database(process, stored):
    url = f"sqlite:///file:{stored}?mode=ro&uri=true"
    line = process.fails("accounts", "edit", "News", "account_name=Other", "--database-url", url)
    assert "read-only" in line
    assert "writable" in line


def test_a_locked_database(process, stored):
    with locked(stored):
        line = process.fails("accounts", "edit", "News", "account_name=Other", CRM_COMM_BUSY_TIMEOUT="0.2")
    assert "try again in a moment" in line


def test_a_file_that_is_no_database(process, stored):
    stored.write_bytes(b"this is not a database" * 1000)
    for leftover in stored.parent.glob(f"{DATABASE}-*"):
        leftover.unlink()
    assert "Restore a copy" in process.fails("accounts", "list")


def test_a_damaged_database(process, stored):
    with contextlib.closing(sqlite3.connect(stored)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    whole = stored.read_bytes()
    stored.write_bytes(whole[:100] + os.urandom(len(whole) - 100))
    assert "damaged" in process.fails("accounts", "list")
    found = process("doctor")
    assert found.returncode == 1
    assert "damaged" in found.stdout


def test_a_newer_database(process, stored):
    with contextlib.closing(sqlite3.connect(stored)) as connection, connection:
        connection.execute("UPDATE crm_comm_alembic_version SET version_num = '9999'")
    line = process.fails("accounts", "list")
    assert "9999" in line
    assert "newer version" in line
    assert "newer version" in process.fails("db", "upgrade")


def test_an_older_database(process, stored):
    with contextlib.closing(sqlite3.connect(stored)) as connection, connection:
        connection.execute("UPDATE crm_comm_alembic_version SET version_num = '0001'")
    assert "crm-comm db upgrade" in process.fails("accounts", "list")


def test_no_keyring(process):
    line = process.fails(
        *("accounts", "add", "email", "account_name=News", "server=smtp", "host=127.0.0.1"),
        *("user=news@example.com", "--secret", "password=-"),
        stdin="hunter2\n",
        CRM_COMM_SECRET_BACKEND="keyring.backends.fail.Keyring",
    )
    assert "keyring" in line
    assert "hunter2" not in line


def test_a_keyring_that_does_not_exist(process):
    found = process("doctor", CRM_COMM_SECRET_BACKEND="no.such.Keyring")
    assert found.returncode == 1
    assert "no.such.Keyring" in found.stdout
    assert "Traceback" not in found.stderr


def test_a_data_folder_that_cannot_be_written(process, tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert str(file) in process.fails("accounts", "list", "--data-dir", str(file / "data"))
    found = process("doctor", "--data-dir", str(file / "data"))
    assert found.returncode == 1
    assert "CRM_COMM_DATA_DIR" in found.stdout


def test_a_port_in_use(process):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = process.fails("serve", "--sandbox", "--port", str(port))
    assert str(port) in line
    assert "serve --help" in line


@pytest.mark.real
def test_a_full_disk(process, tmp_path):
    """A file system of 1 MB in a mount namespace of its own."""
    process.data.mkdir()
    script = (
        f'mount -t tmpfs -o size=1m tmpfs {process.data} && head -c 900k /dev/zero > {process.data}/ballast; exec "$@"'
    )
    flags = "-m" if os.geteuid() == 0 else "-rm"
    command = ["unshare", flags, "sh", "-c", script, "sh", *process.command, "accounts", "list"]
    done = subprocess.run(command, env=process.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"Error: .*(disk is full|space).*\n", done.stderr), done.stderr


@pytest.mark.parametrize("name", ["SMTP_TIMEOUT", "SANDBOX"])
def test_an_environment_variable_that_cannot_be_read(process, name):
    assert f"CRM_COMM_{name}" in process.fails("accounts", "list", **{f"CRM_COMM_{name}": "soon"})


def test_debug_shows_the_traceback(process):
    done = process("accounts", "list", "--debug", CRM_COMM_SMTP_TIMEOUT="soon")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
