"""The whole story through hooks alone, in order: an executable sequence diagram of host, plugin and another plugin."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pluggy
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Communication,
    Context,
    EmailMessage,
    NotPermitted,
    NotStarted,
    Query,
    Recipient,
    RecipientStatus,
    Request,
    Result,
    Settings,
    UnknownAccount,
    Usage,
)
from crm_comm_hookspecs.adoption import HOOKS
from crm_comm_hookspecs.testing import FakeClock, RecordingPlugin

ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)
GUEST = Context(user="guest")
PASSWORD = "s3cret-canary-app"
REGISTRY = {"crm_comm_account_types", "crm_comm_mail_servers", "crm_comm_sms_gateways"}


class Relay:
    """A mail server with STARTTLS and sign-in that keeps what arrives."""

    def __init__(self, ca: trustme.CA) -> None:
        import ssl

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("localhost").configure_cert(context)
        self.arrived: list[str] = []
        self.controller = _FreePort(
            self, hostname="localhost", port=0, tls_context=context, require_starttls=True, authenticator=self.sign_in,
            auth_required=True,
        )  # fmt: skip

    def sign_in(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        return AuthResult(success=login.password == PASSWORD.encode(), handled=False)

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.arrived += envelope.rcpt_tos
        return "250 OK"

    @property
    def port(self) -> int:
        return int(self.controller.server.sockets[0].getsockname()[1])


class _FreePort(Controller):
    """Controller that may be given port 0."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    relay = Relay(ca)
    relay.controller.start()
    yield relay
    relay.controller.stop()


class Diagram:
    """What was called, in order, as pluggy's monitoring saw it."""

    def __init__(self, pm: pluggy.PluginManager) -> None:
        self.lines: list[str] = []
        self.seen: set[str] = set()
        pm.add_hookcall_monitoring(self._before, lambda *_: None)

    def _before(self, hook: str, impls: list[Any], arguments: dict[str, Any]) -> None:
        self.seen |= {hook} if impls else set()
        if hook not in REGISTRY and impls:
            line = hook.removeprefix("crm_comm_")
            if not self.lines or self.lines[-1] != line:
                self.lines.append(line)

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


def cell(comm: Communication, name: str, **query: Any) -> str:
    (row,) = comm.list_rows(ALICE, "accounts", Query(**query)).rows
    return str(getattr(row.cells[name], "text", row.cells[name]))


def letter(recipient: Recipient) -> EmailMessage:
    return EmailMessage(subject="Spring", text=f"Dear {recipient.name}")


def good(result: Result) -> Result:
    assert result.ok, result
    return result


def test_the_whole_story(database_url: str, tmp_path: Path, relay: Relay) -> None:
    clock, other = FakeClock(), RecordingPlugin("campaigns")
    pm = pluggy.PluginManager("some_crm")
    pm.register(other, "campaigns")
    settings = Settings(
        database_url=database_url, data_dir=str(tmp_path), secret_backend="database", clock=clock,
        smtp_ca_file=str(tmp_path / "ca.pem"),
    )  # fmt: skip

    # A host enables the plugin.
    comm = Communication(pm, settings, entry_points=False)
    assert comm.failures == ()
    assert other.comm is comm
    diagram = Diagram(pm)

    # It renders what there is, for those who may see it.
    (viewer,) = comm.viewers(ALICE)
    assert (viewer.name, viewer.title) == ("accounts", "Communication Accounts")
    assert [c.name for c in viewer.columns] == ["name", "type", "status", "usage", "last_used"]
    assert [e.name for e in comm.editors(ALICE)] == ["email", "sms"]
    assert comm.viewers(GUEST) == comm.editors(GUEST) == ()
    with pytest.raises(NotPermitted):
        comm.list_rows(GUEST, "accounts")
    assert diagram.take() == ["viewers", "editors", "viewers", "editors", "list_rows"]

    # Somebody fills in a new account, gets advice, tests it, mistypes, and saves.
    new = comm.open_record(ALICE, "email")
    assert new.id == ""
    assert new.values["active"] is True
    advice = comm.check(ALICE, "email", "", {"user": "ann@gmail.com"}, "user")
    assert advice.values.get("server") == "gmail"
    assert [o.value for o in comm.options(ALICE, "countries", "+49")] == ["DE"]
    form = {
        "account_name": "Sales", "user": "sales@example.org", "password": PASSWORD, "server": "smtp",
        "host": "localhost", "port": str(relay.port), "security": "starttls", "limitation": "day", "active": True,
    }  # fmt: skip
    tested = comm.run(ALICE, "test_connection", (), "email", form)
    assert tested.ok, tested
    assert not comm.run(ALICE, "test_connection", (), "email", {**form, "password": "wrong"}).ok
    mistyped = comm.save(ALICE, "email", "", {**form, "limitation_count": "1_000"})
    assert set(mistyped.errors) == {"limitation_count"}
    saved = good(comm.save(ALICE, "email", "", {**form, "limitation_count": "3"}))
    assert [(c.kind, c.account_id, c.user) for c in other.told("changed")] == [("created", saved.id, "alice")]
    assert not comm.save(ALICE, "email", "", {**form, "account_name": "  sALES "}).ok, "the name is taken"
    assert not comm.save(GUEST, "email", "", form).ok
    assert diagram.take() == [
        "open_record", "check", "options", "run", "save", "account_changed", "save",
    ]  # fmt: skip

    # It is in the list; its secret never comes back; nobody gets it sent elsewhere; the second of two is told.
    assert cell(comm, "name") == "Sales"
    record = comm.open_record(ALICE, "email", saved.id)
    assert set(record.secrets) == {"password"}
    assert PASSWORD not in repr(record)
    moved = {**record.values, "host": "127.0.0.1"}
    assert "password" in comm.save(ALICE, "email", saved.id, moved, record.version).errors
    good(comm.save(ALICE, "email", saved.id, {**record.values, "sender": "team@example.org"}, record.version))
    late = comm.save(ALICE, "email", saved.id, record.values, record.version)
    assert (late.ok, late.conflict) == (False, True)
    assert "alice" in late.message
    diagram.take()

    # Another plugin sees whom it will reach, and sends under the limit.
    (account,) = comm.accounts("email")
    assert (account.id, account.name, account.channel) == (saved.id, "Sales", "email")
    assert comm.allowance(account.id).remaining == 3
    people = [Recipient(f"p{n}@example.org", f"P{n}", {"n": n}) for n in range(4)]
    people += [Recipient("p0@EXAMPLE.org"), Recipient("no address")]
    ready = comm.prepare(account.id, people)
    assert [(r.name, r.fields) for r in ready.ready[:2]] == [("P0", {"n": 0}), ("P1", {"n": 1})]
    assert sorted(str(r.reason) for r in ready.rejected) == ["duplicate", "invalid_address"]
    preview = comm.preview(account.id, letter, people)
    assert (preview.now, preview.total) == (3, 6)
    assert sum(units for _, units in preview.later) == 1
    report = comm.send(account.id, letter, people, key="spring", campaign="Spring")
    counts = {status: report.counts.get(status, 0) for status in RecipientStatus}
    assert counts == {"sent": 3, "skipped": 1, "failed": 2, "unknown": 0}
    assert sorted(relay.arrived) == ["p0@example.org", "p1@example.org", "p2@example.org"]
    assert other.told("limit")
    assert {n.level for n in other.told("limit")} <= {"warning", "reached"}
    assert comm.allowance(account.id).remaining == 0
    (skipped,) = comm.outcomes(report.send_id, status="skipped").outcomes
    assert (skipped.recipient.address, skipped.reason) == ("p3@example.org", "limit")
    assert skipped.retry_at is not None
    assert comm.sends(key="spring").sends[0].send_id == report.send_id
    assert comm.cancel(report.send_id).counts == report.counts, "it is over: nothing to stop"
    called = diagram.take()
    assert called[:5] == ["accounts", "allowance", "prepare", "preview", "send"]
    assert "limit_reached" in called
    assert called[-4:] == ["allowance", "outcomes", "sends", "cancel"]

    # The same call again sends nothing twice; when the window has passed it reaches the rest.
    again = comm.send(account.id, letter, people, key="spring", campaign="Spring")
    assert again.counts == report.counts
    assert len(relay.arrived) == 3
    clock.forward(hours=25)
    rest = comm.send(account.id, letter, people, key="spring", campaign="Spring")
    assert rest.send_id == report.send_id
    assert rest.counts[RecipientStatus.SENT] == 4
    assert relay.arrived[3:] == ["p3@example.org"]
    points = comm.usage(account.id, clock.at.replace(hour=0), clock.forward(hours=1))
    assert sum(point.sent for point in points if point.campaign == "Spring") >= 1

    # Somebody who sends by other means keeps to the same limit.
    hold = comm.reserve(account.id, 5, key="own")
    assert (hold.granted, comm.reserve(account.id, 5, key="own").replayed) == (2, True)
    assert comm.settle(hold.id, used=1).remaining == 1
    diagram.take()

    # A browser comes back that nobody waits for, and a service calls with a token that nobody has.
    assert not comm.callback(ALICE, {"state": "made up"}).ok
    call = Request(source="credits", token="made-up", method="POST", url="https://crm.example", headers={}, body=b"{}")
    assert comm.receive(call).status == 404
    assert diagram.take() == ["callback", "receive"]

    # Deleting says what is at stake, is stopped by who needs the account, can be undone, and restored later.
    other.usages = [Usage("Campaign Spring")]
    question = comm.confirm(ALICE, "delete", (account.id,))
    assert question is not None
    assert "Sales" in question.text + question.title
    assert "Campaign Spring" in question.text
    assert not comm.run(ALICE, "delete", (account.id,)).ok
    other.usages = []
    deleted = good(comm.run(ALICE, "delete", (account.id,)))
    assert comm.accounts("email", usable=False) == ()
    with pytest.raises(UnknownAccount):
        comm.send(account.id, letter, people, key="spring")
    good(comm.run(ALICE, "undo", (deleted.undo,), "", {}))
    assert [a.name for a in comm.accounts("email", usable=False)] == ["Sales"]
    good(comm.run(ALICE, "delete", (account.id,)))
    assert cell(comm, "name", deleted=True) == "Sales"
    good(comm.run(ALICE, "restore", (account.id,)))
    assert comm.allowance(account.id).used == 2, "its ledger survives"
    kinds = [change.kind for change in other.told("changed") if change.kind != "status"]
    assert kinds == ["created", "changed", "deleted", "restored", "deleted", "restored"]
    assert "account_usages" in diagram.take()

    # It stops; the next start finds everything still there.
    comm.shutdown()
    assert len(other.told("shutdown")) == 1
    with pytest.raises(NotStarted):
        comm.accounts()
    with Communication(pm, settings, entry_points=False) as anew:
        assert [a.name for a in anew.accounts("email", usable=False)] == ["Sales"]
        assert anew.send(account.id, letter, people, key="spring").counts == rest.counts
    assert len(other.told("startup")) == 2
    assert diagram.seen == set(HOOKS), "the story walks through every hook"
    assert comm.failures == ()
