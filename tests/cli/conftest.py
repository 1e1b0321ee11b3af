"""The command, in this process or in one of its own, on a data folder of its own; and a mail server to send to."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aiosmtpd.controller import Controller

from crm_comm_plugin.cli.app import run
from tests.ports import free_port
from tests.secret_search import search

COMMAND = (sys.executable, "-c", "import sys; from crm_comm_plugin.cli import main; sys.exit(main())")


Done = subprocess.CompletedProcess[str]


def searched(done: Done, arguments: tuple[str, ...]) -> Done:
    """What a command printed, after a look for secrets."""
    search(f"{done.stdout}\n{done.stderr}", f"output of crm-comm {' '.join(arguments[:2])}")
    return done


@dataclass
class Shell:
    """Runs `crm-comm` in a process of its own; data: the folder its database lies in."""

    data: Path
    command: tuple[str, ...] = COMMAND

    def __call__(self, *arguments: str, stdin: str = "", **env: str) -> Done:
        done = subprocess.run(
            [*self.command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=self.environment(**env),
            cwd=self.data.parent,
            timeout=120,
            check=False,
        )
        return searched(done, arguments)

    def environment(self, **env: str) -> dict[str, str]:
        base = {k: v for k, v in os.environ.items() if not k.startswith("CRM_COMM_")}
        ours = {
            "CRM_COMM_DATA_DIR": str(self.data),
            "CRM_COMM_SECRET_BACKEND": "database",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "NO_COLOR": "1",
        }
        return {**base, **ours, **env}

    def ok(self, *arguments: str, **options: str) -> str:
        """The output of a command that must succeed."""
        done = self(*arguments, **options)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    def json(self, *arguments: str, **options: str) -> Any:
        return json.loads(self.ok(*arguments, "--json", **options))

    def fails(self, *arguments: str, code: int = 1, **options: str) -> str:
        """The one line on stderr of a command that must fail without a traceback."""
        done = self(*arguments, **options)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr + done.stdout
        assert done.stderr.startswith("Error: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr


class QuickShell(Shell):
    """Runs it in this process: the same code from the list of arguments on, without the start of Python each time."""

    def __call__(self, *arguments: str, stdin: str = "", **env: str) -> Done:
        streams = [io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8") for text in (stdin, "", "")]
        given, out, err = streams
        with (
            mock.patch.dict(os.environ, self.environment(**env), clear=True),
            mock.patch.multiple(sys, stdin=given, stdout=out, stderr=err),
            contextlib.chdir(self.data.parent),
        ):
            code = run(arguments)
        for stream in (out, err):
            stream.flush()
        texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
        return searched(subprocess.CompletedProcess(arguments, code, *texts), arguments)


@pytest.fixture
def cli(tmp_path: Path) -> Shell:
    """`crm-comm`, quick."""
    return QuickShell(tmp_path / "data")


@pytest.fixture
def process(tmp_path: Path) -> Shell:
    """`crm-comm` in a process of its own, on the same data as `cli`."""
    return Shell(tmp_path / "data")


class Mailbox:
    """What arrived; refuse: a reply for an address instead of taking it."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, bytes]] = []
        self.refuse: dict[str, str] = {}
        self.on_data: Callable[[], None] | None = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.arrived += [(address, envelope.content) for address in envelope.rcpt_tos]
        if self.on_data is not None:
            self.on_data()
        return "250 OK"


@dataclass
class MailServer:
    port: int
    box: Mailbox

    def account(self, name: str = "News", **more: str) -> list[str]:
        """Arguments that add an account at this server."""
        values = {
            "account_name": name,
            "server": "smtp",
            "host": "127.0.0.1",
            "port": str(self.port),
            "security": "none",
            "sender": "news@example.com",
            **more,
        }
        return ["accounts", "add", "email", *(f"{k}={v}" for k, v in values.items())]


@pytest.fixture
def mail() -> Iterator[MailServer]:
    box = Mailbox()
    port = free_port()  # aiosmtpd connects to the port it was given, so 0 will not do
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield MailServer(port, box)
    controller.stop()
