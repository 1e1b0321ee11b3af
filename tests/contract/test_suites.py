"""The suites that ship with the contract, run on its own fakes and on the host without a web framework."""

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crm_comm_hookspecs import (
    AccountType,
    CommError,
    Communication,
    EmailMessage,
    MailServer,
    Outcome,
    Reason,
    RecipientStatus,
    Request,
    Result,
    SmsGateway,
    Transport,
    TransportError,
)
from crm_comm_hookspecs.conditions import as_text
from crm_comm_hookspecs.testing import (
    ALICE,
    SECRET,
    AccountTypeSuite,
    FakeGateway,
    FakeTransport,
    HostSuite,
    MailServerSuite,
    NullTransport,
    ScriptedPlugin,
    SmsGatewaySuite,
    TransportSuite,
    start,
)

from .plugins import account_type, server

ROOT = Path(__file__).parents[2]


class TestNullTransport(TransportSuite):
    def transport(self) -> Transport:
        return NullTransport()


class TestFakeTransport(TransportSuite):
    @pytest.fixture(autouse=True)
    def _one(self) -> None:
        self.fake = FakeTransport(refuse={"eve@example.org": (RecipientStatus.FAILED, Reason.REFUSED)})

    def transport(self) -> Transport:
        return self.fake

    def arrived(self) -> int:
        return len(self.fake.delivered)

    def broken(self) -> Transport:
        return Broken()


class Broken(NullTransport):
    def deliver(self, batch: Any) -> Iterable[Outcome]:
        raise TransportError(Reason.UNREACHABLE)

    def diagnose(self) -> Any:
        raise TransportError(Reason.AUTH)


class TestFakeGateway(SmsGatewaySuite):
    def gateway(self) -> SmsGateway:
        return FakeGateway()

    def report_request(self) -> Request:
        return Request(
            source="fake", token="t", method="POST", url="h", headers={}, body=b"+4930123 delivered\n+49 undelivered"
        )  # fmt: skip


class TestLesserGateway(SmsGatewaySuite):
    def gateway(self) -> SmsGateway:
        return FakeGateway(capabilities=["balance"])


class TestPlainType(AccountTypeSuite):
    def account_type(self) -> AccountType:
        return account_type("pigeon")

    def values(self) -> Mapping[str, Any]:
        return {"account_name": "Pigeons"}


class TestServers(MailServerSuite):
    def servers(self) -> Iterable[MailServer]:
        return [server("acme"), server("other")]


@pytest.fixture
def host_example() -> Iterable[ModuleType]:
    path = ROOT / "examples" / "host_without_web" / "host.py"
    spec = importlib.util.spec_from_file_location("host_without_web", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["host_without_web"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["host_without_web"]


class Adapter:
    """Drives the terminal host: what it prints is what is seen; an error is printed as its main does."""

    html = False

    def __init__(self, module: ModuleType, comm: Communication) -> None:
        self.asked, self.answers, self.yes = "", dict[str, str](), True
        self.labels = {field.name: field.label for editor in comm.editors(ALICE) for field in editor.fields}
        self.real = module.Host(comm, self._ask)

    def _ask(self, question: str, kind: str) -> str:
        if kind == "question":
            self.asked = question
            return "y" if self.yes else "n"
        return self.answers.get(question.removesuffix(": "), "")

    def viewer(self, name: str, search: str = "") -> str:
        try:
            return str(self.real.viewer(name, search))
        except CommError as error:
            return str(error)

    def editor(self, name: str, id: str = "") -> str:
        return str(self.real.editor(name, id))

    def check(self, editor: str, id: str, values: Mapping[str, Any], changed: str) -> None:
        return None

    def save(self, editor: str, id: str, values: Mapping[str, Any]) -> str:
        self.answers = {self.labels[name]: as_text(value) for name, value in values.items()}
        return str(self.real.save(editor, id))

    def run(self, action: str, ids: Iterable[str], *, viewer: str = "accounts", yes: bool = True) -> str:
        self.yes = yes
        return self.asked + str(self.real.run(action, *ids)) + self.asked


class TestHostWithoutWeb(HostSuite):
    @pytest.fixture(autouse=True)
    def _module(self, host_example: ModuleType) -> None:
        self.module = host_example

    def host(self, comm: Communication) -> Adapter:
        return Adapter(self.module, comm)


class Careless:
    """A host with one mistake of each kind."""

    html = True

    def __init__(self, comm: Communication) -> None:
        self.comm = comm

    def viewer(self, name: str, search: str = "") -> str:
        return "Ann <b>& Co</b>"

    editor = viewer  # type: ignore[assignment]

    def check(self, editor: str, id: str, values: Mapping[str, Any], changed: str) -> str:
        return str(values)

    def save(self, editor: str, id: str, values: Mapping[str, Any]) -> str:
        from crm_comm_hookspecs.testing import ALICE

        self.comm.save(ALICE, editor, "", values)
        return str(values)

    def run(self, action: str, ids: Iterable[str], *, viewer: str = "accounts", yes: bool = True) -> str:
        from crm_comm_hookspecs.testing import ALICE

        return self.comm.run(ALICE, action, tuple(ids)).message


class OnlyLast:
    """A live form that shows whatever answer came last."""

    def __init__(self) -> None:
        self.shown = ""

    def type(self, changed: str, values: Mapping[str, Any]) -> object:
        return object()

    def answer(self, ticket: object, result: Result) -> None:
        self.shown = str(result.hints)

    def seen(self) -> str:
        return self.shown


def test_a_careless_host_is_caught_at_every_point() -> None:
    class Suite(HostSuite):
        def host(self, comm: Communication) -> Careless:
            return Careless(comm)

        def live(self, comm: Communication) -> OnlyLast:
            return OnlyLast()

    tests = [name for name in dir(Suite) if name.startswith("test_")]
    passed = []
    for name in tests:
        try:
            getattr(Suite(), name)()
        except (AssertionError, IndexError, KeyError, ValueError):
            continue
        passed.append(name)
    assert len(tests) >= 12
    assert passed == ["test_an_action_without_a_question_is_run"]


def test_careless_transports_types_and_gateways_are_caught() -> None:
    class Chatty(NullTransport):
        def __repr__(self) -> str:
            return f"<Chatty {SECRET}>"

        def deliver(self, batch: Any) -> Iterable[Outcome]:
            return [Outcome(recipient=batch[0][0], status=RecipientStatus.SKIPPED)]

        def close(self) -> None:
            self.closed = 1 / (0 if hasattr(self, "closed") else 1)

    class Suite(TransportSuite):
        def transport(self) -> Transport:
            return Chatty()

        def broken(self) -> Transport:
            return NullTransport()

    passed = []
    for name in (name for name in dir(Suite) if name.startswith("test_")):
        try:
            getattr(Suite(), name)()
        except (AssertionError, IndexError, ZeroDivisionError):
            continue
        passed.append(name)
    assert passed == [
        "test_diagnose_says_step_by_step_that_it_works_and_sends_nothing",
        "test_it_is_a_transport",
    ]


def test_a_fake_transport_breaks_when_told_to() -> None:
    from crm_comm_hookspecs import Recipient

    transport = FakeTransport(break_after=1)
    batch = [(Recipient(a), EmailMessage(subject="x")) for a in ("a", "b")]
    seen = []
    with pytest.raises(TransportError):
        seen.extend(transport.deliver(batch))
    assert [r.address for r, _ in transport.delivered] == ["a"]


def test_the_scripted_plugin_starts_as_the_own_plugin() -> None:
    plugin = ScriptedPlugin()
    assert start(plugin).failures == ()
