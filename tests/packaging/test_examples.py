"""The example of another plugin: installed as a distribution of its own, it keeps the contract and does its work."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "fax_plugin"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]

STORY = """
import json, sys
from crm_comm_hookspecs import ALL_PERMISSIONS, CommError, Communication, Context, Recipient, Settings, to_json

folder, data = sys.argv[1:]
who = Context(user="alice", permissions=ALL_PERMISSIONS)
told = {}
with Communication.load(Settings(data_dir=data, secret_backend="database")) as comm:
    told["failures"] = to_json(comm.failures)
    told["editors"] = [editor.name for editor in comm.editors(who)]
    told["new"] = next(a for a in comm.viewers(who)[0].actions if a.name == "new").editors
    form = {"account_name": "Office Fax", "folder": folder, "pin": "S3CRET-4711", "limitation": "day",
            "limitation_count": "3", "active": True}
    told["tested"] = to_json(comm.run(who, "test_connection", (), "fax", form))
    saved = comm.save(who, "fax", "", form, "")
    told["saved"] = to_json(saved)
    record = comm.open_record(who, "fax", saved.id)
    told["record"] = to_json(record)
    told["journal"] = comm.run(who, "print_journal", (saved.id,), "fax", {}).message
    told["elsewhere"] = to_json(comm.save(who, "fax", saved.id, {**record.values, "folder": data}, record.version))
    campaigns = comm.pm.get_plugin("crm_fax.plugin").campaigns
    people = [Recipient(n, name=f"N{i}") for i, n in enumerate(
        ["+49 30 1234561", "0049301234562", "+49/30/1234563", "+49 30 1234564", "+49 30 1234561", "12"])]
    preview = campaigns.plan("spring", saved.id, "Dear {name}, spring is here.", people)
    told["preview"] = [preview.now, preview.total, to_json(preview.rejected)]
    report = campaigns.send("spring")
    told["counts"] = to_json(report.counts)
    outcomes = comm.outcomes(report.send_id).outcomes
    told["outcomes"] = [[o.recipient.address, o.status.value, str(o.reason)] for o in outcomes]
    told["again"] = to_json(campaigns.send("spring").counts)
    told["notices"] = len(campaigns.notices)
    told["question"] = comm.confirm(who, "delete", (saved.id,), "", {}).text
    told["kept"] = to_json(comm.run(who, "delete", (saved.id,), "", {}))
    campaigns.cancel("spring")
    told["deleted"] = to_json(comm.run(who, "delete", (saved.id,), "", {}))
    told["undone"] = to_json(comm.run(who, "undo", (told["deleted"]["undo"],), "", {}))
    told["accounts"] = [a.name for a in comm.accounts("fax")]
print(json.dumps(told))
"""

SUITES = """
from crm_comm_hookspecs import TextMessage
from crm_comm_hookspecs.testing import SECRET, AccountTypeSuite, TransportSuite
from crm_fax.account import connect, fax_type
from crm_fax.transport import FaxTransport
import pathlib, pytest, tempfile

FOLDER = pathlib.Path(tempfile.mkdtemp())


class TestFaxType(AccountTypeSuite):
    def account_type(self):
        return fax_type()

    def values(self):
        return {"account_name": "Fax", "folder": str(FOLDER), "sender_number": "+49 30 1"}

    def secrets(self):
        return {"pin": SECRET}

    def good_addresses(self):
        return ["+49 30 123456", "0049 (30) 123456", "+1 202 555 0123"]

    def bad_addresses(self):
        return ["030 123456", "fax", "+0 123 456 789", "+49301234567890123"]


class TestFaxTransport(TransportSuite):
    def transport(self):
        return FaxTransport(str(FOLDER), SECRET, "")

    def broken(self):
        return FaxTransport(str(FOLDER / "not there"), SECRET, "")

    def message(self):
        return TextMessage("Hello")

    def addresses(self):
        return ["+4930123456", "+4930123457"]

    def arrived(self):
        return len(list(FOLDER.glob("*.fax")))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed by pip into a folder, from a copy so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    run([*PIP, *offline, "--target", str(folder / "target"), str(folder / "source")], folder)
    return folder / "target"


def run(command: list[str], cwd: Path, **environment: str) -> str:
    known = {**os.environ, "PYTHONSAFEPATH": "1", **environment}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=known, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the story told, run in a process of its own that finds the plugin by its entry point."""
    folder = tmp_path_factory.mktemp("faxes")
    data = tmp_path_factory.mktemp("data")
    (folder.parent / "story.py").write_text(STORY)
    script = str(folder.parent / "story.py")
    told = json.loads(run([sys.executable, script, str(folder), str(data)], data, PYTHONPATH=str(installed)))
    told["files"] = sorted(path.read_text(encoding="utf-8") for path in folder.glob("*.fax"))
    told["text"] = json.dumps(told)
    return told


def test_it_imports_the_contract_alone() -> None:
    found = set()
    for path in (EXAMPLE / "crm_fax").glob("*.py"):
        found |= set(re.findall(r"^(?:from|import) ([a-zA-Z_]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert {name for name in found if name not in sys.stdlib_module_names} == {"crm_comm_hookspecs"}


def test_it_keeps_the_contract(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_fax.py").write_text(SUITES)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fax.py"]
    out = run(command, tmp_path, PYTHONPATH=str(installed))
    assert re.search(r"\b1[89] passed", out), out


def test_its_account_type_is_offered_beside_ours(told: dict[str, Any]) -> None:
    assert told["failures"] == []
    assert told["editors"] == ["email", "sms", "fax"]
    assert "fax" in told["new"]


def test_its_account_is_tested_saved_and_opened_without_its_secret(told: dict[str, Any]) -> None:
    assert told["tested"]["ok"], told["tested"]
    assert told["saved"]["ok"], told["saved"]
    assert set(told["record"]["secrets"]) == {"pin"}
    assert "pin" not in told["record"]["values"]
    assert "S3CRET" not in told["text"]
    assert told["journal"] == "0 faxes wait in the folder."


def test_its_secret_is_bound_to_its_folder(told: dict[str, Any]) -> None:
    assert not told["elsewhere"]["ok"]
    assert "pin" in told["elsewhere"]["errors"]


def test_its_campaign_is_sent_under_the_limit_and_only_once(told: dict[str, Any]) -> None:
    assert told["preview"] == [3, 6, {"duplicate": 1, "invalid_number": 1}]
    assert told["counts"] == {"sent": 3, "skipped": 1, "failed": 2} | {
        k: v for k, v in told["counts"].items() if k == "unknown" and v == 0
    }
    assert told["again"] == told["counts"]
    assert len(told["files"]) == 3
    assert told["files"][0].startswith("To: +4930123456")
    assert "Dear N0, spring is here." in "".join(told["files"])
    reasons = {address: reason for address, _, reason in told["outcomes"]}
    assert reasons["+49301234564"] == "limit"
    assert told["notices"] >= 1


def test_its_campaign_stops_the_deletion_of_its_account(told: dict[str, Any]) -> None:
    assert "spring" in told["question"]
    assert not told["kept"]["ok"]
    assert told["deleted"]["ok"]
    assert told["undone"]["ok"]
    assert told["accounts"] == ["Office Fax"]


def host(data: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples" / "host_without_web" / "host.py"), *arguments]
    known = {**os.environ, "CRM_COMM_DATA_DIR": str(data), "CRM_COMM_SECRET_BACKEND": "database"}
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=known, cwd=data, check=False)


def test_the_host_without_a_web_framework_shows_and_saves_real_accounts(tmp_path: Path) -> None:
    assert "Communication Accounts" in host(tmp_path, "viewer", "accounts").stdout
    assert "Server Limitation" in host(tmp_path, "editor", "email").stdout
    typed = ["Reception", *[""] * 12]
    saved = host(tmp_path, "save", "sms", stdin="\n".join(typed) + "\n")
    assert saved.returncode == 0, saved.stderr
    assert "Reception" in host(tmp_path).stdout, saved.stdout + saved.stderr


@pytest.mark.parametrize("arguments", [("viewer", "nothing"), ("editor", "nothing"), ("run", "nothing", "1")])
def test_the_host_without_a_web_framework_says_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = host(tmp_path, *arguments)
    assert done.returncode == 1
    assert "'nothing'" in done.stderr
    assert "Traceback" not in done.stderr
