"""`crm-comm send|outcomes|allowance`: a CSV goes out under the limit, and its exit code says whether to everybody."""

import csv
import io
import os
import signal
import subprocess
from pathlib import Path

import pytest

from crm_comm_plugin.cli.outcomes import harmless
from crm_comm_plugin.cli.output import plain

LETTER = ("--subject", "November", "--text", "Hello!")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text("email,name\nann@example.com,Ann\nbob@example.com,Bob\ncleo@example.com,Cleo\n", encoding="utf-8")
    return file


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_everybody_is_sent_to(cli, mail, people):
    cli.ok(*mail.account())
    said = cli.ok("send", "News", str(people), *LETTER)
    assert "sent 3" in said
    assert [address for address, _ in mail.box.arrived] == ["ann@example.com", "bob@example.com", "cleo@example.com"]


def test_the_limit_skips_and_says_so(cli, mail, people, tmp_path):
    cli.ok(*mail.account(limitation="day", limitation_count="2"))
    outcomes = tmp_path / "outcomes.csv"
    done = cli("send", "News", str(people), *LETTER, "--outcomes", str(outcomes))
    assert done.returncode == 3
    assert "sent 2, skipped 1" in done.stdout
    assert "same command again" in done.stdout
    found = rows_of(outcomes.read_text(encoding="utf-8"))
    assert [(row["address"], row["status"], row["reason"]) for row in found] == [
        ("ann@example.com", "sent", ""),
        ("bob@example.com", "sent", ""),
        ("cleo@example.com", "skipped", "limit"),
    ]
    assert found[2]["retry_at"].endswith("Z")
    assert cli.json("allowance", "News")["remaining"] == 0


def test_the_same_command_goes_on_and_reaches_nobody_twice(cli, mail, people):
    cli.ok(*mail.account(limitation="day", limitation_count="2"))
    assert cli("send", "News", str(people), *LETTER).returncode == 3
    cli.ok("accounts", "edit", "News", "limitation_count=10")
    done = cli("send", "News", str(people), *LETTER)
    assert done.returncode == 0, done.stderr
    assert "goes on" in done.stderr
    assert sorted(address for address, _ in mail.box.arrived) == [
        "ann@example.com",
        "bob@example.com",
        "cleo@example.com",
    ]


def test_a_key_of_its_own_sends_again(cli, mail, people):
    cli.ok(*mail.account())
    cli.ok("send", "News", str(people), *LETTER)
    cli.ok("send", "News", str(people), *LETTER, "--key", "once more")
    assert len(mail.box.arrived) == 6


def test_recipients_and_letter_from_stdin(cli, mail, tmp_path):
    cli.ok(*mail.account())
    letter = tmp_path / "letter.txt"
    letter.write_text("Grüße", encoding="utf-8-sig")
    report = cli.json(
        "send", "News", "-", "--subject", "Hi", "--text-file", str(letter), stdin="email\nann@example.com\n"
    )
    assert report["counts"]["sent"] == 1
    assert "Gr=C3=BC=C3=9Fe" in mail.box.arrived[0][1].decode("ascii", "replace") or mail.box.arrived


def test_a_preview_sends_nothing(cli, mail, people):
    cli.ok(*mail.account(limitation="day", limitation_count="2"))
    said = cli.ok("send", "News", str(people), *LETTER, "--preview")
    assert "3 recipients, 2 would be sent to now" in said
    assert "1 more from" in said
    assert mail.box.arrived == []


def test_an_attachment_arrives(cli, mail, people, tmp_path):
    cli.ok(*mail.account())
    file = tmp_path / "plan.pdf"
    file.write_bytes(b"%PDF-1.4")
    cli.ok("send", "News", str(people), *LETTER, "--attach", str(file))
    assert b'filename="plan.pdf"' in mail.box.arrived[0][1]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "--subject"),
        (("--subject", "x"), "--text"),
        (("--subject", "x", "--text", "y", "--text-file", "z"), "not both"),
    ],
)
def test_a_letter_that_is_not_whole(cli, mail, people, options, word):
    cli.ok(*mail.account())
    assert word in cli.fails("send", "News", str(people), *options, code=2)


def test_a_csv_without_an_address_column_is_explained_before_anything_is_sent(cli, mail, tmp_path):
    cli.ok(*mail.account())
    file = tmp_path / "people.csv"
    file.write_text("first,second\nAnn,Smith\n")
    line = cli.fails("send", "News", str(file), *LETTER)
    assert "column" in line
    assert mail.box.arrived == []


def test_an_unwritable_outcomes_file_is_noticed_before_anything_is_sent(cli, mail, people):
    cli.ok(*mail.account())
    cli.fails("send", "News", str(people), *LETTER, "--outcomes", "nowhere/outcomes.csv")
    assert mail.box.arrived == []


def test_outcomes_lists_sends_and_recipients(cli, mail, people):
    cli.ok(*mail.account(limitation="day", limitation_count="1"))
    assert "Nothing was sent" in cli.ok("outcomes")
    report = cli("send", "News", str(people), *LETTER, "--campaign", "autumn", "--json")
    assert report.returncode == 3
    (send,) = cli.json("outcomes", "--account", "News", "--campaign", "autumn")
    assert send["counts"]["skipped"] == 2
    assert "autumn" in cli.ok("outcomes")
    assert "cleo@example.com" in cli.ok("outcomes", send["send_id"])
    page = cli.json("outcomes", send["send_id"], "--status", "sent")
    assert [o["recipient"]["address"] for o in page["outcomes"]] == ["ann@example.com"]
    assert len(rows_of(cli.ok("outcomes", send["send_id"], "--csv", "-", "--status", "skipped"))) == 2
    assert "--status is one of" in cli.fails("outcomes", send["send_id"], "--status", "lost", code=2)


def test_the_skipped_as_csv_can_be_sent_to(cli, mail, people, tmp_path):
    cli.ok(*mail.account(limitation="day", limitation_count="1"))
    cli("send", "News", str(people), *LETTER)
    (send,) = cli.json("outcomes")
    skipped = tmp_path / "skipped.csv"
    cli.ok("outcomes", send["send_id"], "--csv", str(skipped), "--status", "skipped")
    assert cli.json("send", "News", str(skipped), *LETTER, "--key", "two", "--preview")["total"] == 2


def test_ctrl_c_stops_after_what_is_in_flight(cli, mail, tmp_path):
    """The first message that arrives interrupts the sender; the rest is skipped, and the next run goes on."""
    cli.ok(*mail.account())
    many = tmp_path / "many.csv"
    many.write_text("email\n" + "".join(f"p{n}@example.com\n" for n in range(400)))
    process = subprocess.Popen(
        [*cli.command, "send", "News", str(many), *LETTER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=cli.environment(),
    )
    mail.box.on_data = lambda: len(mail.box.arrived) == 5 and os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Stopping after what is in flight" in err
    assert "Traceback" not in err
    assert len(mail.box.arrived) < 400
    mail.box.on_data = None
    cli.ok("send", "News", str(many), *LETTER)
    assert len(mail.box.arrived) == len({address for address, _ in mail.box.arrived}) == 400


def test_allowance_of_all_accounts(cli, mail):
    cli.ok(*mail.account(limitation="hour", limitation_count="1000"))
    cli.ok(*mail.account("Unlimited"))
    said = cli.ok("allowance", "--locale", "de")
    assert "1.000" in said
    assert "no limit" in said
    assert len(cli.json("allowance")) == 2


def test_a_server_cannot_command_the_terminal(cli, mail, people):
    cli.ok(*mail.account())
    mail.box.refuse = {"bob@example.com": "550 5.1.1 \x1b[2J\x1b]0;gone\x07 no such user"}
    done = cli("send", "News", str(people), *LETTER)
    assert done.returncode == 3
    (send,) = cli.json("outcomes")
    shown = cli.ok("outcomes", send["send_id"]) + done.stdout + done.stderr
    assert "no such user" in shown
    assert not [c for c in shown if ord(c) < 32 and c != "\n"]


def test_what_is_printed_holds_no_control_characters():
    assert plain("a\x1b[2Jb\x9b\u202ec\nd") == "a\ufffd[2Jb\ufffd\ufffdc\nd"


@pytest.mark.parametrize(
    ("text", "kept"), [("=1+1", "'=1+1"), ("+49 170", "+49 170"), ("@x", "'@x"), ("-cmd", "'-cmd")]
)
def test_no_cell_is_taken_for_a_formula(text, kept):
    assert harmless(text) == kept
