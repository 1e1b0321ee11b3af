"""The code in docs/plugin-authors.md runs, top to bottom, in a CRM with one account and a mail server."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Settings
from crm_comm_hookspecs.adoption import HOOKS
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugin-authors.md"
ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)


class Sink:
    def __init__(self) -> None:
        self.arrived: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.arrived += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[Controller]:
    port = free_port()  # aiosmtpd connects to the port it was given, so 0 will not do
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


def test_the_code_on_the_page_runs(tmp_path: Path, sink: Controller) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 7
    settings = Settings(data_dir=str(tmp_path), secret_backend="database")
    with Communication.load(settings, entry_points=False) as comm:
        form = {
            "account_name": "Sales", "server": "smtp", "host": "127.0.0.1", "port": sink.port, "security": "none",
            "user": "", "sender": "sales@example.org", "limitation": "day", "limitation_count": 1000,
        }  # fmt: skip
        saved = comm.save(ALICE, "email", "", form)
        assert saved.ok, saved
        space: dict[str, Any] = {"comm": comm}
        for block in blocks:
            exec(compile(block, PAGE.name, "exec"), space)
        assert sink.handler.arrived == ["ann@example.org", "bob@example.org"]
        assert space["preview"].now == 2
        assert space["left"].used == 302
        assert space["skipped"] == ()
        assert [e.name for e in comm.editors(ALICE)][-1] == "pigeon"
        assert not comm.run(ALICE, "delete", (saved.id,)).ok, "the watcher says that a campaign uses it"
        assert comm.failures == ()
    suite = space["TestPigeons"]
    for name in [name for name in dir(suite) if name.startswith("test_")]:
        getattr(suite(), name)()


def test_the_page_names_no_hook_that_does_not_exist() -> None:
    for page in (PAGE, ROOT / "docs" / "testing-your-host.md", ROOT / "examples" / "fax_plugin" / "README.md"):
        assert set(re.findall(r"crm_comm_(?!hookspecs|plugin)\w+", page.read_text(encoding="utf-8"))) <= set(HOOKS)


def test_the_page_for_hosts_shows_the_adapter_as_it_is() -> None:
    from crm_comm_hookspecs.testing import HostAdapter

    text = (ROOT / "docs" / "testing-your-host.md").read_text(encoding="utf-8")
    for name in [name for name in vars(HostAdapter) if not name.startswith("_")]:
        assert re.search(rf"\b{name}\b", text), name
