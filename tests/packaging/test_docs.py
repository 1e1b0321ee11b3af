"""Docs in step with the code: every command, setting and make target is documented and exists; README's code runs."""

import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import typer
from aiosmtpd.controller import Controller

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Settings
from crm_comm_plugin.cli.app import EPILOG, make_app
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
ADMINISTRATORS = (ROOT / "docs" / "administrators.md").read_text(encoding="utf-8")


def commands(command=None, path: str = "crm-comm") -> Iterator[str]:
    """Every command that does something, as somebody types it."""
    command = command or typer.main.get_command(make_app())
    inner = getattr(command, "commands", {})
    if not inner:
        yield path
    for name, child in inner.items():
        yield from commands(child, f"{path} {name}")


def texts() -> Iterator[tuple[str, str]]:
    """(file, text) of all that people read: pages, and the hints in the code."""
    for path in [
        *PAGES,
        *sorted((ROOT / "crm_comm_plugin").rglob("*.py")),
        *sorted((ROOT / "hookspecs").rglob("*.py")),
    ]:
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_every_command_is_in_the_table_and_nothing_else():
    documented = re.findall(r"^\| `(crm-comm [^`]+)` \|", ADMINISTRATORS, re.MULTILINE)
    assert sorted(documented) == sorted(commands())


def test_every_command_that_is_named_somewhere_exists():
    known = set(commands())
    groups = {" ".join(name.split()[:2]) for name in known}
    wrong = set()
    for file, text in texts():
        for named in re.findall(r"(?:`|: |^|\| )crm-comm ((?:[a-z]+ ?)+)", text, re.MULTILINE):
            words = named.split()
            good = any(f"crm-comm {' '.join(words[:n])}" in known for n in (1, 2)) or f"crm-comm {words[0]}" in groups
            if not good:
                wrong.add((file, named))
    assert wrong == set()


def test_every_setting_is_in_the_table_with_its_variable_and_default():
    rows = re.findall(r"^\| `(\w+)` \| (\S*) ?\| ([^|]+) \|", ADMINISTRATORS, re.MULTILINE)
    documented = {name: (variable.strip("`"), default.strip()) for name, variable, default in rows}
    assert set(documented) == {field.name for field in fields(Settings)}
    for field in fields(Settings):
        variable, default = documented[field.name]
        assert variable == ("" if field.name == "clock" else f"CRM_COMM_{field.name.upper()}")
        if default.startswith("`"):
            assert default.strip("`") == str(field.default).lower()
        else:
            assert field.default in ("", None)


def test_every_exit_code_is_documented():
    codes = re.findall(r"(\d+) [a-z]", EPILOG)
    assert re.findall(r"^\| (\d+) \|", ADMINISTRATORS, re.MULTILINE) == codes


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {target for _, text in texts() for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)}
    assert named <= targets
    assert {"serve", "test", "check", "test-real", "bench", "help", "clean"} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        there = page if not target else (page.parent / target).resolve()
        assert there.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_every_page_is_reached_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    missing = [page.name for page in PAGES if page.parent.name == "docs" and page.name != "index.md"]
    assert [name for name in missing if f"({name})" not in index] == []


class Sink:
    def __init__(self) -> None:
        self.arrived: list[str] = []

    async def handle_DATA(self, server, session, envelope) -> str:
        self.arrived += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[Controller]:
    port = free_port()  # aiosmtpd connects to the port it was given, so 0 will not do
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


def test_the_code_in_readme_runs(tmp_path, monkeypatch, sink, capsys):
    """Both snippets one after the other, as a reader would, with an account in between."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CRM_COMM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_COMM_DATA_DIR", str(tmp_path))
    enable, send = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    for snippet in (enable, send):
        code = [line for line in snippet.splitlines() if line and not line.startswith(("import", "from"))]
        assert len(code) <= 5
    names: dict[str, object] = {}
    exec(enable, names)
    comm = names["comm"]
    assert isinstance(comm, Communication)
    try:
        assert [form.name for form in names["forms"]][:1] == ["email"]
        add_account(comm, sink.port)
        exec(send, names)
        assert names["report"].counts["sent"] == 2
        assert sink.handler.arrived == ["ann@example.com", "bob@example.com"]
        assert "sent" in capsys.readouterr().out
    finally:
        comm.shutdown()


def add_account(comm: Communication, port: int) -> None:
    values = {
        "account_name": "News",
        "server": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "news@example.com",
    }
    saved = comm.save(Context(user="alice", permissions=ALL_PERMISSIONS), "email", "", values)
    assert saved.ok, saved.errors
