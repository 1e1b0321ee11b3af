"""The hooks that other plugins call and the plugin answers (section 2 of the contract)."""

from collections.abc import Iterable
from datetime import datetime

from .markers import hookspec
from .messages import MessageSource, Prepared, Recipient
from .rendering import Context
from .working import (
    Account,
    Allowance,
    OnProgress,
    OutcomePage,
    Preview,
    Reservation,
    SendPage,
    SendReport,
    UsagePoint,
)


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
        self, account_id: str, since: datetime, until: datetime, context: Context | None
    ) -> Iterable[UsagePoint] | None:
        """What each campaign did hour by hour, from since to before until (aware UTC datetimes).

        Example: `points = comm.usage(account.id, now - timedelta(days=30), now)`
        """
