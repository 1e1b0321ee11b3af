"""The facade's half for other plugins: one typed method per hook of the contract's section 2."""

from collections.abc import Iterable
from datetime import datetime

from .asking import Asking
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


class ServiceSide(Asking):
    """What other plugins call. context None is trusted code, in English."""

    def accounts(self, channel: str = "", usable: bool = True, context: Context | None = None) -> tuple[Account, ...]:
        """The accounts of a channel ("" = all); usable: only those that can send now."""
        answer: tuple[Account, ...] = self._service(
            "crm_comm_accounts", channel=channel, usable=usable, context=context
        )
        return answer

    def allowance(self, account_id: str, context: Context | None = None) -> Allowance:
        """How much of an account's limits is left."""
        answer: Allowance = self._service("crm_comm_allowance", account_id=account_id, context=context)
        return answer

    def prepare(self, account_id: str, recipients: Iterable[Recipient], context: Context | None = None) -> Prepared:
        """Normalise, validate and drop duplicates; sends nothing."""
        answer: Prepared = self._service(
            "crm_comm_prepare", account_id=account_id, recipients=recipients, context=context
        )
        return answer

    def preview(
        self,
        account_id: str,
        message: MessageSource,
        recipients: Iterable[Recipient],
        context: Context | None = None,
    ) -> Preview:
        """A dry run; charges and stores nothing."""
        answer: Preview = self._service(
            "crm_comm_preview", account_id=account_id, message=message, recipients=recipients, context=context
        )
        return answer

    def reserve(
        self,
        account_id: str,
        units: int,
        key: str,
        campaign: str = "",
        hold_seconds: float = 300,
        context: Context | None = None,
    ) -> Reservation:
        """Set capacity aside; the same key returns the first answer."""
        answer: Reservation = self._service(
            "crm_comm_reserve",
            account_id=account_id,
            units=units,
            key=key,
            campaign=campaign,
            hold_seconds=hold_seconds,
            context=context,
        )
        return answer

    def settle(self, reservation_id: str, used: int, context: Context | None = None) -> Allowance:
        """Say how much was used; the rest is free again at once."""
        answer: Allowance = self._service("crm_comm_settle", reservation_id=reservation_id, used=used, context=context)
        return answer

    def send(
        self,
        account_id: str,
        message: MessageSource,
        recipients: Iterable[Recipient],
        key: str,
        campaign: str = "",
        on_progress: OnProgress | None = None,
        context: Context | None = None,
    ) -> SendReport:
        """Send to everybody under the limit; the same key continues that send."""
        answer: SendReport = self._service(
            "crm_comm_send",
            account_id=account_id,
            message=message,
            recipients=recipients,
            key=key,
            campaign=campaign,
            on_progress=on_progress,
            context=context,
        )
        return answer

    def sends(
        self,
        account_id: str = "",
        campaign: str = "",
        key: str = "",
        after: str = "",
        limit: int = 50,
        context: Context | None = None,
    ) -> SendPage:
        """The sends that match, newest first."""
        answer: SendPage = self._service(
            "crm_comm_sends",
            account_id=account_id,
            campaign=campaign,
            key=key,
            after=after,
            limit=limit,
            context=context,
        )
        return answer

    def cancel(self, send_id: str, context: Context | None = None) -> SendReport:
        """Stop a send after what is in flight, from any process."""
        answer: SendReport = self._service("crm_comm_cancel", send_id=send_id, context=context)
        return answer

    def outcomes(
        self,
        send_id: str,
        status: str = "",
        after: str = "",
        limit: int = 1000,
        context: Context | None = None,
    ) -> OutcomePage:
        """What became of each recipient, a page at a time."""
        answer: OutcomePage = self._service(
            "crm_comm_outcomes", send_id=send_id, status=status, after=after, limit=limit, context=context
        )
        return answer

    def usage(
        self, account_id: str, since: datetime, until: datetime, context: Context | None = None
    ) -> tuple[UsagePoint, ...]:
        """What each campaign did hour by hour."""
        answer: tuple[UsagePoint, ...] = self._service(
            "crm_comm_usage", account_id=account_id, since=since, until=until, context=context
        )
        return answer
