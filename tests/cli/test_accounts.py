"""`crm-comm accounts`: the whole life of an account from a shell, and secrets that are never arguments or output."""

import json
import os
import pty
import re
import select
import stat
import subprocess
import time

import pytest

from crm_comm_plugin.domain.clock import SystemClock
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger

SECRET = "s3cret-canary-é"


@pytest.fixture
def news(cli) -> dict:
    """An account with a password at a server that nobody listens on."""
    return cli.json(
        *("accounts", "add", "email", "account_name=News", "server=smtp", "host=127.0.0.1", "port=2525"),
        *("security=none", "user=news@example.com", "limitation=day", "limitation_count=500", "--secret", "password=-"),
        stdin=f"{SECRET}\n",
    )


def test_add_list_and_show(cli, news):
    assert news["name"] == "News"
    assert news["sender"] == "news@example.com"
    (listed,) = cli.json("accounts", "list")
    assert listed == news
    table = cli.ok("accounts", "list")
    assert "News" in table
    assert "500" in table
    shown = cli.json("accounts", "show", "news")
    assert shown["values"]["limitation_count"] == 500
    assert "password" in shown["secrets"]
    assert shown["allowance"]["remaining"] == 500
    assert SECRET not in cli.ok("accounts", "show", "News") + json.dumps(shown)


def test_an_empty_list_says_so(cli):
    assert cli.json("accounts", "list") == []
    assert "no accounts" in cli.ok("accounts", "list").lower()


def test_a_secret_is_never_an_argument(cli):
    line = cli.fails("accounts", "add", "email", "account_name=News", f"password={SECRET}", code=2)
    assert "--secret password=" in line
    assert SECRET not in line


def test_a_secret_from_a_file_loses_one_line_break(cli, news, tmp_path):
    file = tmp_path / "secret"
    file.write_text(f" {SECRET} \r\n", encoding="utf-8")
    cli.ok("accounts", "edit", "News", "--secret", f"password={file}")
    file.unlink()  # the search for secrets in what a test run leaves behind is right to object


def test_edit_keeps_what_is_not_named(cli, news):
    cli.ok("accounts", "edit", news["id"], "limitation_count=7")
    values = cli.json("accounts", "show", "News")["values"]
    assert (values["limitation_count"], values["host"]) == (7, "127.0.0.1")


def test_another_host_asks_for_the_password_again(cli, news):
    line = cli.fails("accounts", "edit", "News", "host=example.com")
    assert "password" in line
    assert cli.json("accounts", "show", "News")["values"]["host"] == "127.0.0.1"


def test_wrong_fields_are_all_named_and_nothing_is_stored(cli):
    done = cli("accounts", "add", "email", "account_name=", "server=smtp", "port=70000", "nonsense=1")
    assert done.returncode == 1
    for name in ("account_name", "port", "nonsense"):
        assert f"  {name}: " in done.stderr
    assert cli.json("accounts", "list") == []


def test_an_unknown_name_suggests_the_right_one(cli, news):
    assert "Did you mean 'News'?" in cli.fails("accounts", "show", "Nwes")
    assert "email" in cli.fails("accounts", "add", "mail", "account_name=x")


def test_an_unknown_command_suggests_the_right_one(cli):
    assert "Did you mean 'list'? See: crm-comm accounts --help" in cli.fails("accounts", "lst", code=2)


def test_nothing_leaves_the_machine_from_the_sandbox(cli):
    fields = ("account_name=Out", "server=smtp", "host=192.0.2.1", "port=25", "security=none", "sender=a@x.org")
    cli.ok("accounts", "add", "email", *fields, "--sandbox")
    said = cli("accounts", "test", "Out", "--sandbox").stdout
    assert "connects only to its own machine, and 192.0.2.1 is another one." in said
    assert said.count("192.0.2.1") == 1


def test_show_leaves_out_what_the_form_hides(cli):
    cli.ok(
        "accounts",
        "add",
        "email",
        "account_name=G",
        "server=gmail",
        "user=g@gmail.com",
        "--secret",
        "password=-",
        stdin=SECRET,
    )
    assert "Security" not in cli.ok("accounts", "show", "G")


def test_delete_asks_and_restore_brings_back(cli, news):
    assert "--yes" in cli.fails("accounts", "delete", "News", code=2)
    said = cli.ok("accounts", "delete", "News", "--yes")
    assert f"accounts restore {news['id']}" in said
    assert cli.json("accounts", "list") == []
    (gone,) = cli.json("accounts", "list", "--deleted")
    assert gone["id"] == news["id"]
    cli.ok("accounts", "restore", "News")
    assert cli.json("accounts", "list") == [news]


def test_restore_into_a_taken_name_says_so(cli, news):
    cli.ok("accounts", "delete", "News", "--yes")
    cli.ok("accounts", "add", "email", "account_name=News", "server=smtp", "host=127.0.0.1", "sender=n@example.com")
    cli.fails("accounts", "restore", news["id"])


def test_a_test_says_its_steps_and_fails(cli, news):
    done = cli("accounts", "test", "News")
    assert done.returncode == 1
    assert "127.0.0.1" in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_test_of_a_working_account(cli, mail):
    cli.ok(*mail.account())
    assert cli.ok("accounts", "test", "News").strip()
    assert mail.box.arrived == []


def test_reopening_what_is_not_paused_says_so(cli, news):
    assert "not paused" in cli.ok("accounts", "reopen", "News")
    cli.fails("accounts", "reopen", "Nobody")


def test_what_the_provider_stopped_is_reopened_after_asking(cli, news):
    database = Database(f"sqlite:///{cli.data / 'crm-comm.db'}")
    SqlLedger(database, SystemClock().reading).close(news["id"], None, "Daily limit of Example Mail", None)
    database.close()
    assert cli.json("allowance", "News")["remaining"] == 0
    assert "--yes" in cli.fails("accounts", "reopen", "News", code=2)
    assert cli.json("allowance", "News")["remaining"] == 0
    assert "“News” may send again" in cli.ok("accounts", "reopen", "News", "--yes")
    assert cli.json("allowance", "News")["remaining"] == 500


def test_export_holds_no_secret_and_import_asks_for_it(cli, news, tmp_path):
    file = tmp_path / "accounts.json"
    cli.ok("accounts", "export", str(file))
    text = file.read_text(encoding="utf-8")
    assert SECRET not in text
    assert json.loads(text)["accounts"][0]["secrets"] == ["password"]
    assert file.stat().st_mode & 0o077 == 0

    other = {"CRM_COMM_DATA_DIR": str(tmp_path / "other")}
    done = cli("accounts", "import", str(file), **other)
    assert done.returncode == 1
    assert "password" in done.stderr
    secrets = json.dumps({"News": {"password": SECRET}})
    said = cli.ok("accounts", "import", str(file), "--secrets", "-", stdin=secrets, **other)
    assert "Added 1" in said
    shown = cli.json("accounts", "show", "News", **other)
    assert shown["values"] == cli.json("accounts", "show", "News")["values"]
    assert "left 1" in cli.ok("accounts", "import", str(file), **other)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "crm-comm accounts", "version": 2}', "[" * 100_000])
def test_import_refuses_what_export_did_not_write(cli, tmp_path, text):
    file = tmp_path / "accounts.json"
    file.write_text(text)
    cli.fails("accounts", "import", str(file))


def test_what_is_no_file_is_written_to_and_never_replaced(cli, news, tmp_path):
    """`--outcomes /dev/null`, run by root, must not make a file of that name."""
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file.json"
    os.mkfifo(pipe)
    link.symlink_to(file)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    cli.ok("accounts", "export", str(pipe))
    written = os.read(reader, 65536)
    os.close(reader)
    assert json.loads(written)["accounts"]
    assert pipe.is_fifo()
    cli.ok("accounts", "export", str(link))
    assert link.is_symlink()
    assert json.loads(file.read_text())["accounts"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("target", ["nowhere/accounts.json", "."])
def test_a_file_that_cannot_be_written_is_named_as_it_was_given(cli, news, target):
    line = cli.fails("accounts", "export", target)
    assert re.fullmatch(rf"Error: [A-Z][a-z ]+: ({re.escape(target)}|{re.escape(str(cli.data.parent))})\n", line), line


def test_a_missing_file_is_named(cli):
    assert "nowhere.json" in cli.fails("accounts", "import", "nowhere.json")
    assert "nowhere.json" in cli.fails("accounts", "export", "nowhere/nowhere.json")


def test_names_from_elsewhere_cannot_command_the_terminal(cli):
    done = cli("accounts", "show", "\x1b[2Jgone[red]")
    assert "\x1b" not in done.stdout + done.stderr
    assert "[red]" in done.stderr


def test_a_person_is_asked_field_by_field(cli, process):
    """On a terminal: answers as somebody would type them; the secret is not echoed."""
    answers = {
        "Account Name": "News",
        "Server (": "smtp",
        "Host": "127.0.0.1",
        "User": "news@example.com",
        "Password": SECRET,
    }
    shown = at_a_terminal(process, ["accounts", "add", "email"], answers)
    assert "Added: News" in shown
    assert SECRET not in shown
    assert cli.json("accounts", "show", "News")["values"]["host"] == "127.0.0.1"


def at_a_terminal(process, arguments, answers) -> str:
    """Runs the command on a pseudo terminal and answers its questions by their first words; Enter for the others."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [*process.command, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=process.environment(TERM="dumb"),
        start_new_session=True,
    )
    os.close(theirs)
    shown, asked, deadline = "", 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            shown += os.read(ours, 65536).decode(errors="replace")
        except OSError:
            break
        question = shown[asked:].rstrip(" ")
        if question.endswith((":", ":\r\n")) and question.strip():
            line = question.strip().splitlines()[-1]
            asked = len(shown)
            os.write(ours, (next((v for k, v in answers.items() if line.startswith(k)), "") + "\n").encode())
    running.kill() if time.monotonic() >= deadline else running.wait(10)
    os.close(ours)
    return shown


def test_an_option_may_be_named_by_its_label(cli):
    cli.ok("accounts", "add", "email", "account_name=A", "server=custom smtp", "host=h.example", "sender=a@example.com")
    assert cli.json("accounts", "show", "A")["values"]["server"] == "smtp"
