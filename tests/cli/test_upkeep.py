"""`crm-comm secrets|clock|db|doctor`: what an operator does to a running installation."""

import base64
import contextlib
import json
import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm_comm_hookspecs import Communication, Settings
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.upgrade import HEAD, upgrade

SECRET = "s3cret-canary-geheim"


@pytest.fixture
def stored(cli) -> str:
    """The id of an account with a password."""
    account = cli.json(
        *("accounts", "add", "email", "account_name=News", "server=smtp", "host=127.0.0.1", "port=2525"),
        *("security=none", "user=news@example.com", "--secret", "password=-"),
        stdin=SECRET,
    )
    return account["id"]


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def test_status_says_where_secrets_are(cli, stored):
    status = cli.json("secrets", "status")
    assert status["state"]["state"] == "ok"
    assert status["stored"] == {"database": 1}
    said = cli.ok("secrets", "status")
    assert "Stored in database: 1" in said
    assert SECRET not in said + json.dumps(status)


def test_rotate_encrypts_with_the_new_key(cli, stored):
    own = cli.data / "crm_comm_secret_key"
    own.write_text(f"{new_key()}\n{own.read_text()}")
    assert "1 secrets" in cli.ok("secrets", "rotate")
    assert [key["secrets"] for key in cli.json("secrets", "status")["keys"]] == [1, 0]
    own.write_text(own.read_text().splitlines()[0])
    assert cli.json("secrets", "status")["state"]["state"] == "ok"


def test_a_lost_key_is_named_and_the_account_stays(cli, stored):
    (cli.data / "crm_comm_secret_key").write_text(new_key())
    assert cli.json("accounts", "list")[0]["id"] == stored
    found = cli("doctor")
    assert found.returncode == 1
    assert "another key" in found.stdout
    cli.fails("secrets", "rotate")


def test_move_to_a_keyring_that_is_not_there(cli, stored):
    cli.fails("secrets", "move", "keyring.backends.fail.Keyring")
    assert cli.json("secrets", "status")["stored"] == {"database": 1}


def test_clock_reset_asks_and_takes_a_wrong_future_back(cli, stored):
    later = datetime.now(UTC) + timedelta(days=400)
    url = f"sqlite:///{cli.data / 'crm-comm.db'}"
    cli.ok("accounts", "edit", "News", "limitation=day", "limitation_count=5")
    with Communication.load(Settings(database_url=url, secret_backend="database", clock=lambda: later)) as comm:
        comm.settle(comm.reserve(stored, 5, "future").id, 5)
    found = cli("doctor")
    assert found.returncode == 1
    assert "crm-comm clock reset" in found.stdout
    assert "--yes" in cli.fails("clock", "reset", code=2)
    assert "1 accounts were ahead" in cli.ok("clock", "reset", "--yes")
    allowance = cli.json("allowance", "News")
    assert allowance["remaining"] == 0
    assert datetime.fromisoformat(allowance["full_at"]) < datetime.now(UTC) + timedelta(days=2)
    assert not [f for f in cli.json("doctor") if f["what"] == "Clock" and f["level"] == "bad"]


def test_an_older_database_is_copied_and_upgraded(cli):
    cli.data.mkdir()
    path = cli.data / "crm-comm.db"
    older = Database(f"sqlite:///{path}")
    upgrade(older, "0001")
    older.close()
    assert "crm-comm db upgrade" in cli.fails("accounts", "list")
    said = cli.ok("db", "upgrade")
    (copy,) = cli.data.glob("crm-comm.db.before-*")
    assert str(copy) in said
    assert revision(copy) == "0001"
    assert revision(path) == HEAD
    assert cli.json("accounts", "list") == []
    assert "nothing is left to do" in cli.ok("db", "upgrade")


def test_an_upgrade_waits_as_long_as_it_is_told(cli):
    cli.data.mkdir()
    path = cli.data / "crm-comm.db"
    older = Database(f"sqlite:///{path}")
    upgrade(older, "0001")
    older.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert "busy" in cli.fails("db", "upgrade", CRM_COMM_BUSY_TIMEOUT="0.2")
        assert time.monotonic() - began < 8
    assert revision(path) == "0001"
    assert list(cli.data.glob("*before*")) == []


def revision(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT version_num FROM crm_comm_alembic_version").fetchone()
    return found


def test_commands_and_doctor_on_postgresql(cli, postgres):
    url = postgres()
    where = ("--database-url", url, "--data-dir", str(cli.data))
    cli.ok("accounts", "add", "email", "account_name=News", "server=smtp", "host=h.example", "sender=n@e.com", *where)
    assert [account["name"] for account in cli.json("accounts", "list", *where)] == ["News"]
    assert "nothing is left to do" in cli.ok("db", "upgrade", *where)
    findings = cli.json("doctor", *where)
    assert not [finding for finding in findings if finding["level"] == "bad"]
    assert any("postgresql" in finding["text"] for finding in findings)


def test_doctor_hides_the_password_of_a_database_url(cli):
    done = cli("doctor", "--database-url", "postgresql://crm:hunter2@127.0.0.1:1/crm")
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert "cannot be reached" in done.stdout


def test_doctor_hides_a_password_among_the_options_of_a_url(cli, postgres):
    url = postgres()
    done = cli("doctor", "--database-url", f"{url}{'&' if '?' in url else '?'}sslpassword=hunter2")
    assert "hunter2" not in done.stdout + done.stderr
    assert "postgresql" in done.stdout


def test_doctor_looks_at_the_folder_where_the_data_lies(cli, tmp_path, postgres):
    elsewhere = {"CRM_COMM_DATA_DIR": "", "HOME": str(tmp_path / "home"), "XDG_DATA_HOME": ""}
    file = tmp_path / "srv" / "crm.db"

    def folders(url):
        findings = json.loads(cli("doctor", "--json", "--database-url", url, **elsewhere).stdout)
        return [finding["text"] for finding in findings if finding["what"] == "Data folder"]

    assert folders(f"sqlite:///{file}") == [str(file.parent)]
    assert folders(postgres()) == []


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SMTP_CA_FILE", "/nowhere/ca.pem", "smtp_ca_file"),
        ("BASE_URL", "http://crm.example", "https://"),
        ("SECRET_KEY_FILE", "/nowhere/key", "/nowhere/key"),
        ("SECRET_KEY", "short", "CRM_COMM_SECRET_KEY"),
    ],
)
def test_doctor_names_settings_that_cannot_work(cli, variable, value, words):
    done = cli("doctor", **{f"CRM_COMM_{variable}": value})
    assert done.returncode == 1
    assert words in done.stdout


@pytest.mark.parametrize(("value", "level"), [("true", ["warn"]), ("false", [])])
def test_doctor_shows_that_passwords_may_go_unencrypted(cli, value, level):
    findings = json.loads(cli("doctor", "--json", CRM_COMM_ALLOW_PLAIN_PASSWORDS=value).stdout)
    assert [f["level"] for f in findings if "allow_plain_passwords" in f["text"]] == level


def test_doctor_finds_accounts_that_wait_for_somebody(cli, stored):
    (cli.data / "crm_comm_secret_key").unlink()
    assert cli("accounts", "test", "News").returncode == 1
    assert cli("doctor").returncode == 1
