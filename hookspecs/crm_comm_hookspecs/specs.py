"""CommSpecs: every hook of the contract, one typed method each. Arguments are passed by keyword."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .extending import AccountType, MailServer, SmsGateway
from .markers import hookspec
from .rendering import Confirm, Context, Editor, Option, Page, Query, Record, Reply, Request, Result, Viewer
from .settings import Settings
from .working import (
    Account,
    Allowance,
    Change,
    Message,
    Notice,
    OutcomePage,
    Prepared,
    Preview,
    Progress,
    Recipient,
    Reservation,
    SendPage,
    SendReport,
    Usage,
    UsagePoint,
)

if TYPE_CHECKING:
    from .facade import Communication

MessageSource = Message | Callable[[Recipient], Message]
OnProgress = Callable[[Progress], "bool | None"]


class HostSpecs:
    """Section 1: the host calls, the plugin answers."""

    @hookspec(historic=True)
    def crm_comm_startup(self, settings: Settings, comm: "Communication") -> None:
        """Hands every plugin its Communication, also those registered later.

        Example: `@hookimpl def crm_comm_startup(self, comm): self.comm = comm`
        """

    @hookspec
    def crm_comm_shutdown(self) -> None:
        """The host stops: close what is open.

        Example: `@hookimpl def crm_comm_shutdown(self): self.pool.close()`
        """

    @hookspec
    def crm_comm_viewers(self, context: Context) -> Iterable[Viewer]:
        """The lists that the host can show to this person.

        Example: `for viewer in comm.viewers(context): menu.add(viewer.title, viewer.name)`
        """

    @hookspec
    def crm_comm_editors(self, context: Context) -> Iterable[Editor]:
        """The forms that the host can show to this person, their fields resolved.

        Example: `editor = next(e for e in comm.editors(context) if e.name == "email")`
        """

    @hookspec(firstresult=True)
    def crm_comm_list_rows(self, context: Context, viewer: str, query: Query) -> Page | None:
        """One page of a viewer's rows.

        Example: `page = comm.list_rows(context, "accounts", Query(search="sales"))`
        """

    @hookspec(firstresult=True)
    def crm_comm_open_record(self, context: Context, editor: str, id: str) -> Record | None:
        """What an editor opens with; id "" is a new record with its defaults.

        Example: `record = comm.open_record(context, "email", row.id)`
        """

    @hookspec(firstresult=True)
    def crm_comm_check(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], changed: str
    ) -> Result | None:
        """Advice while somebody types; stores nothing. changed: the field that changed last.

        Example: `hints = comm.check(context, "email", "", {"user": "a@gmail.com"}, "user").values`
        """

    @hookspec(firstresult=True)
    def crm_comm_save(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], version: str
    ) -> Result | None:
        """Validate and store; a stale version is a conflict, "*" overwrites on purpose.

        Example: `result = comm.save(context, "email", record.id, form, record.version)`
        """

    @hookspec(firstresult=True)
    def crm_comm_confirm(
        self, context: Context, action: str, ids: tuple[str, ...], editor: str, values: Mapping[str, Any]
    ) -> Confirm | None:
        """The question to ask before an action, with what is at stake now.

        Example: `question = comm.confirm(context, "delete", (row.id,), "", {})`
        """

    @hookspec(firstresult=True)
    def crm_comm_run(
        self,
        context: Context,
        action: str,
        ids: tuple[str, ...],
        editor: str,
        values: Mapping[str, Any],
        confirmed: str,
    ) -> Result | None:
        """Run a toolbar action on ids, or an editor's action on its unsaved values.

        Example: `result = comm.run(context, "test_connection", (record.id,), "email", form)`
        """

    @hookspec(firstresult=True)
    def crm_comm_options(self, context: Context, source: str, query: str, limit: int) -> Iterable[Option] | None:
        """The options of a combobox that match; query "=VALUE" gives the label of a stored value.

        Example: `comm.options(context, "countries", "+49", 10)`
        """

    @hookspec(firstresult=True)
    def crm_comm_callback(self, context: Context, params: Mapping[str, str]) -> Result | None:
        """A browser comes back from another site: a sign-in or a purchase.

        Example: `result = comm.callback(context, dict(request.query_params))`
        """

    @hookspec(firstresult=True)
    def crm_comm_receive(self, request: Request) -> Reply | None:
        """A service calls: a delivery report.

        Example: `reply = comm.receive(Request(source="clicksend", token=token, method="POST", ...))`
        """


class ServiceSpecs:
    """Section 2: other plugins call, the plugin answers. context None is trusted code, in English."""

    @hookspec(firstresult=True)
    def crm_comm_accounts(self, channel: str, usable: bool, context: Context | None) -> Iterable[Account] | None:
        """The accounts of a channel ("" = all); usable: only those that can send now.

        Example: `account = comm.accounts("email")[0]`
        """

    @hookspec(firstresult=True)
    def crm_comm_allowance(self, account_id: str, context: Context | None) -> Allowance | None:
        """How much of an account's limits is left.

        Example: `left = comm.allowance(account.id).remaining`
        """

    @hookspec(firstresult=True)
    def crm_comm_prepare(
        self, account_id: str, recipients: Iterable[Recipient], context: Context | None
    ) -> Prepared | None:
        """Normalise, validate and drop duplicates; sends nothing.

        Example: `bad = comm.prepare(account.id, recipients).rejected`
        """

    @hookspec(firstresult=True)
    def crm_comm_preview(
        self,
        account_id: str,
        message: MessageSource,
        recipients: Iterable[Recipient],
        context: Context | None,
    ) -> Preview | None:
        """A dry run: who is refused, how many go now and the rest by when; charges and stores nothing.

        Example: `preview = comm.preview(account.id, message, recipients)`
        """

    @hookspec(firstresult=True)
    def crm_comm_reserve(
        self,
        account_id: str,
        units: int,
        key: str,
        campaign: str,
        hold_seconds: float,
        context: Context | None,
    ) -> Reservation | None:
        """Set capacity aside for a sender of your own; the same key returns the first answer.

        Example: `hold = comm.reserve(account.id, 300, key="newsletter-7")`
        """

    @hookspec(firstresult=True)
    def crm_comm_settle(self, reservation_id: str, used: int, context: Context | None) -> Allowance | None:
        """Say how much was used; the rest is free again at once.

        Example: `comm.settle(hold.id, used=120)`
        """

    @hookspec(firstresult=True)
    def crm_comm_send(
        self,
        account_id: str,
        message: MessageSource,
        recipients: Iterable[Recipient],
        key: str,
        campaign: str,
        on_progress: OnProgress | None,
        context: Context | None,
    ) -> SendReport | None:
        """Send to everybody under the limit; the same key continues that send.

        Example: `report = comm.send(account.id, message, recipients, key="newsletter-7")`
        """

    @hookspec(firstresult=True)
    def crm_comm_sends(
        self, account_id: str, campaign: str, key: str, after: str, limit: int, context: Context | None
    ) -> SendPage | None:
        """The sends that match, newest first: running, interrupted, finished.

        Example: `report = comm.sends(key="newsletter-7").sends[0]`
        """

    @hookspec(firstresult=True)
    def crm_comm_cancel(self, send_id: str, context: Context | None) -> SendReport | None:
        """Stop a send after what is in flight, from any process.

        Example: `comm.cancel(report.send_id)`
        """

    @hookspec(firstresult=True)
    def crm_comm_outcomes(
        self, send_id: str, status: str, after: str, limit: int, context: Context | None
    ) -> OutcomePage | None:
        """What became of each recipient, a page at a time.

        Example: `skipped = comm.outcomes(report.send_id, status="skipped").outcomes`
        """

    @hookspec(firstresult=True)
    def crm_comm_usage(
        self, account_id: str, since: Any, until: Any, context: Context | None
    ) -> Iterable[UsagePoint] | None:
        """What each campaign did hour by hour, from since to before until (aware UTC datetimes).

        Example: `points = comm.usage(account.id, now - timedelta(days=30), now)`
        """


class ExtensionSpecs:
    """Section 3: other plugins implement, the plugin calls."""

    @hookspec
    def crm_comm_account_types(self) -> Iterable[AccountType]:
        """Further kinds of accounts.

        Example: `return [AccountType(key="fax", label="Fax", channel="fax", icon="", editor=..., connect=...)]`
        """

    @hookspec
    def crm_comm_mail_servers(self) -> Iterable[MailServer]:
        """Further presets of mail providers.

        Example: `return [MailServer(key="acme", label="Acme", host="smtp.acme.example", port=587, security="starttls")]`
        """

    @hookspec
    def crm_comm_sms_gateways(self) -> Iterable[SmsGateway]:
        """Further SMS gateways.

        Example: `return [AcmeGateway()]`
        """

    @hookspec
    def crm_comm_account_usages(self, account_id: str) -> Iterable[Usage]:
        """What uses this account; a blocking one stops its deletion.

        Example: `return [Usage("Campaign “Spring”", "/campaigns/7")]`
        """

    @hookspec
    def crm_comm_account_changed(self, change: Change) -> None:
        """An account was created, changed, deleted, restored, or its status changed.

        Example: `cache.pop(change.account_id, None)`
        """

    @hookspec
    def crm_comm_limit_reached(self, notice: Notice) -> None:
        """An account is near its limit (80 %) or at it; once per account and window.

        Example: `notify_admins(f"{notice.account_id}: {notice.skipped} skipped")`
        """


class CommSpecs(HostSpecs, ServiceSpecs, ExtensionSpecs):
    """All hooks of the contract."""
