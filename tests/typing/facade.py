"""Only mypy reads this: what a host and another plugin can rely on when they type-check against the contract."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, assert_type

import pluggy

from crm_comm_hookspecs import (
    Account,
    AccountSchema,
    AccountType,
    Action,
    Allowance,
    CommError,
    Communication,
    Confirm,
    Context,
    Contribution,
    Credits,
    Diagnosis,
    Editor,
    EmailMessage,
    Failure,
    Field,
    Limit,
    Message,
    Option,
    Order,
    Outcome,
    OutcomePage,
    Page,
    Prepared,
    Preview,
    Progress,
    Query,
    Recipient,
    RecipientStatus,
    Record,
    Reply,
    Request,
    Reservation,
    Result,
    Row,
    SendPage,
    SendReport,
    Settings,
    SmsGateway,
    TextMessage,
    Transport,
    UsagePoint,
    Viewer,
    Window,
    fields_of,
    hookimpl,
    to_json,
)
from crm_comm_hookspecs.testing import FakeGateway, FakeTransport, HostAdapter, ScriptedPlugin, start


def host(pm: pluggy.PluginManager, who: Context) -> None:
    """A host."""
    assert_type(Communication(pm), Communication)
    assert_type(Communication.of(pm), Communication)
    with Communication.load(Settings(database_url="sqlite://"), entry_points=False) as comm:
        assert_type(comm, Communication)
        assert_type(comm.viewers(who), tuple[Viewer, ...])
        assert_type(comm.editors(who), tuple[Editor, ...])
        assert_type(comm.list_rows(who, "accounts", Query(search="x")), Page)
        assert_type(comm.list_rows(who, "accounts").rows, tuple[Row, ...])
        assert_type(comm.open_record(who, "email"), Record)
        assert_type(comm.check(who, "email", "", {"user": "x"}, "user"), Result)
        assert_type(comm.save(who, "email", "1", {}, "v"), Result)
        assert_type(comm.confirm(who, "delete", ["1"]), Confirm | None)
        assert_type(comm.run(who, "delete", ("1",), confirmed="t"), Result)
        assert_type(comm.options(who, "countries", "ger", 5), tuple[Option, ...])
        assert_type(comm.callback(who, {"code": "x"}), Result)
        assert_type(comm.failures, tuple[Failure, ...])
        assert_type(comm.contributions("crm_comm_account_types"), tuple[Contribution, ...])
        assert_type(comm.register(object(), "name"), bool)
        assert_type(comm.settings.smtp_timeout, float)
    request = Request(source="x", token="t", method="POST", url="u", headers={}, body=b"")
    assert_type(comm.receive(request), Reply)
    assert_type(fields_of(AccountSchema, who), tuple[Field, ...])
    assert_type(to_json(who), Any)


def another_plugin(comm: Communication) -> None:
    """A plugin that sends."""
    account = comm.accounts("email", usable=True)[0]
    assert_type(account, Account)
    left = comm.allowance(account.id)
    assert_type(left, Allowance)
    assert_type(left.limit, Limit)
    assert_type(left.limit.window, Window)
    assert_type(left.remaining, int | None)
    people = (Recipient(a) for a in ("a@x.example", "b@x.example"))
    assert_type(comm.prepare(account.id, people), Prepared)
    assert_type(comm.preview(account.id, TextMessage("hi"), people), Preview)
    assert_type(comm.reserve(account.id, 5, key="k"), Reservation)
    assert_type(comm.settle("r", used=3), Allowance)

    def personal(recipient: Recipient) -> Message:
        return EmailMessage(subject=recipient.name)

    def shown(progress: Progress) -> bool:
        return progress.done < 10

    report = comm.send(account.id, personal, people, key="k", campaign="c", on_progress=shown)
    assert_type(report, SendReport)
    assert_type(report.counts, Mapping[RecipientStatus, int])
    assert_type(comm.sends(key="k"), SendPage)
    assert_type(comm.cancel(report.send_id), SendReport)
    assert_type(comm.outcomes(report.send_id, status="skipped"), OutcomePage)
    now = datetime.now(UTC)
    assert_type(comm.usage(account.id, now, now), tuple[UsagePoint, ...])


class Fax:
    """A plugin that implements."""

    @hookimpl
    def crm_comm_account_types(self) -> Iterable[AccountType]:
        editor = Editor(name="fax", title="Fax", schema=AccountSchema, actions=(Action(name="x", label="X"),))
        yield AccountType(key="fax", label="Fax", icon="", channel="fax", editor=editor, connect=connect)


class Line:
    """A transport by shape alone."""

    batch = 5

    def deliver(self, batch: Iterable[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        for recipient, _ in batch:
            yield Outcome(recipient=recipient, status=RecipientStatus.SENT)

    def diagnose(self) -> Diagnosis:
        return Diagnosis(ok=True, steps=())

    def close(self) -> None: ...


def connect(account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
    return Line()


gateway: SmsGateway = FakeGateway()
transport: Transport = FakeTransport()
order: Order = gateway.purchase("k", {})
credits_: Credits = gateway.balance({}, {})
price: Decimal = gateway.quote([], {}, {})
assert_type(start(ScriptedPlugin()), Communication)


def adapted(host: HostAdapter) -> str:
    return host.viewer("accounts")


def wrong(comm: Communication, who: Context) -> None:
    """Every ignore here must be needed: mypy --strict warns about those that are not."""
    comm.viewers("alice")  # type: ignore[arg-type]
    comm.send("1", "text", [], key="k")  # type: ignore[arg-type]
    comm.accounts(chanel="email")  # type: ignore[call-arg]
    comm.reserve("1", 5)  # type: ignore[call-arg]
    Context()  # type: ignore[call-arg]
    Context("alice")  # type: ignore[call-arg]
    who.user = "bob"  # type: ignore[misc]
    bad: Transport = object()  # type: ignore[assignment]
    assert bad
    try:
        comm.cancel("x")
    except CommError as error:
        assert_type(error.code, str)
        assert_type(error.retryable, bool)
        assert_type(error.hint, str)
