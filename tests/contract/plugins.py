"""Plugins of every kind for the contract's tests: a good one, an own one of fakes, and those that break."""

from collections.abc import Iterable, Mapping
from typing import Any

from crm_comm_hookspecs import (
    Account,
    AccountSchema,
    AccountType,
    Action,
    Allowance,
    Column,
    CommError,
    Context,
    Editor,
    Limit,
    MailServer,
    Option,
    Page,
    Query,
    Record,
    Reply,
    Request,
    Result,
    Row,
    Viewer,
    Window,
    fields_of,
    hookimpl,
)
from crm_comm_hookspecs.testing import NullTransport

ALICE = Context(user="alice", permissions=frozenset({"communication.view"}))


def viewer(name: str = "accounts", *actions: str) -> Viewer:
    return Viewer(
        name=name,
        title=name.title(),
        columns=(Column(name="name", label="Name"),),
        actions=tuple(Action(name=action, label=action) for action in actions),
    )


def editor(name: str = "email") -> Editor:
    return Editor(name=name, title=name.title(), schema=AccountSchema, fields=fields_of(AccountSchema))


def account_type(key: str = "fax") -> AccountType:
    return AccountType(
        key=key, label=key, icon="", channel=key, editor=editor(key), connect=lambda *_: NullTransport()
    )  # fmt: skip


def server(key: str = "acme") -> MailServer:
    return MailServer(key=key, label=key, host=f"smtp.{key}.example", port=465, security="tls")


class OwnPlugin:
    """Answers as the real plugin does for its own names, with constants."""

    __name__ = "own"

    def __init__(self) -> None:
        self.calls: list[str] = []

    @hookimpl
    def crm_comm_shutdown(self) -> None:
        self.calls.append("shutdown")

    @hookimpl
    def crm_comm_viewers(self, context: Context) -> Iterable[Viewer]:
        return [viewer("accounts", "new", "delete")]

    @hookimpl
    def crm_comm_editors(self, context: Context) -> Iterable[Editor]:
        yield editor("email")

    @hookimpl
    def crm_comm_account_types(self) -> Iterable[AccountType]:
        return [account_type("email")]

    @hookimpl
    def crm_comm_mail_servers(self) -> Iterable[MailServer]:
        return [server("gmail")]

    @hookimpl
    def crm_comm_list_rows(self, context: Context, viewer: str, query: Query) -> Page | None:
        if viewer != "accounts":
            return None
        return Page(rows=(Row(id="1", editor="email", cells={"name": "Sales"}),), total=1)

    @hookimpl
    def crm_comm_open_record(self, editor: str, id: str) -> Record | None:
        return Record(values={}, id=id) if editor == "email" else None

    @hookimpl
    def crm_comm_save(self, editor: str, values: Mapping[str, Any]) -> Result | None:
        if values.get("account_name") == "boom":
            raise CommError("It broke.", hint="Ours.")
        return Result(id="1") if editor == "email" else None

    @hookimpl
    def crm_comm_options(self, source: str, query: str, limit: int) -> Iterable[Option] | None:
        return (Option(str(n), str(n)) for n in range(3)) if source == "countries" else None

    @hookimpl
    def crm_comm_receive(self, request: Request) -> Reply | None:
        return Reply(204) if request.source == "own" else None

    @hookimpl
    def crm_comm_accounts(self, channel: str) -> Iterable[Account]:
        account = Account(
            id="1", name="Sales", type="email", channel="email", active=True, sender="", status="untested"
        )
        return [account] if channel in {"", "email"} else []

    @hookimpl
    def crm_comm_allowance(self, account_id: str) -> Allowance:
        return Allowance(account_id=account_id, limit=Limit(5, Window.DAY), used=0, held=0, remaining=5)


class FaxPlugin:
    """Another plugin as it should be."""

    def __init__(self) -> None:
        self.comm: Any = None
        self.heard: list[Any] = []

    @hookimpl
    def crm_comm_startup(self, settings: Any, comm: Any) -> None:
        self.comm = comm
        self.heard.append("startup")

    @hookimpl
    def crm_comm_shutdown(self) -> None:
        self.heard.append("shutdown")

    @hookimpl
    def crm_comm_account_types(self) -> Iterable[AccountType]:
        yield account_type("fax")

    @hookimpl
    def crm_comm_account_changed(self, change: Any) -> None:
        self.heard.append(change)

    @hookimpl
    def crm_comm_run(self, action: str) -> Result | None:
        return Result(message="faxed") if action == "fax" else None


def breaking(hook: str, answer: Any) -> object:
    """A plugin with one hook that calls `answer`."""

    class Breaking:
        __name__ = f"breaking_{hook}"

    def implementation(self: Any) -> Any:
        return answer()

    setattr(Breaking, hook, hookimpl(implementation))
    return Breaking()
