"""Section 2 of the contract: what other plugins call, and what the plugin itself registers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from crm_comm_hookspecs import (
    Account,
    AccountType,
    Allowance,
    Context,
    MailServer,
    OutcomePage,
    Prepared,
    Preview,
    Recipient,
    Reservation,
    SendPage,
    SendReport,
    SmsGateway,
    UsagePoint,
    hookimpl,
)
from crm_comm_plugin.plugin.permissions import require_trust, sees_foreign_words

if TYPE_CHECKING:
    from crm_comm_hookspecs.specs import MessageSource, OnProgress
    from crm_comm_plugin.wiring import Parts


class ServiceHooks(ABC):
    """Trusted code passes no context; anybody else needs the permission to send."""

    @abstractmethod
    def parts(self) -> "Parts":
        """What the hooks run on."""

    @hookimpl(tryfirst=True)
    def crm_comm_accounts(self, channel: str, usable: bool, context: Context | None) -> Iterable[Account]:
        require_trust(context)
        return self.parts().accounts.accounts(channel, usable)

    @hookimpl(tryfirst=True)
    def crm_comm_allowance(self, account_id: str, context: Context | None) -> Allowance:
        require_trust(context)
        return self.parts().limits.allowance(account_id)

    @hookimpl(tryfirst=True)
    def crm_comm_prepare(self, account_id: str, recipients: Iterable[Recipient], context: Context | None) -> Prepared:
        require_trust(context)
        return self.parts().sending.prepare(account_id, recipients)

    @hookimpl(tryfirst=True)
    def crm_comm_preview(
        self,
        account_id: str,
        message: "MessageSource",
        recipients: Iterable[Recipient],
        context: Context | None,
    ) -> Preview:
        require_trust(context)
        return self.parts().sending.preview(account_id, message, recipients)

    @hookimpl(tryfirst=True)
    def crm_comm_reserve(
        self,
        account_id: str,
        units: int,
        key: str,
        campaign: str,
        hold_seconds: float,
        context: Context | None,
    ) -> Reservation:
        require_trust(context)
        return self.parts().limits.reserve(account_id, units, key, campaign, hold_seconds)

    @hookimpl(tryfirst=True)
    def crm_comm_settle(self, reservation_id: str, used: int, context: Context | None) -> Allowance:
        require_trust(context)
        return self.parts().limits.settle(reservation_id, used)

    @hookimpl(tryfirst=True)
    def crm_comm_send(
        self,
        account_id: str,
        message: "MessageSource",
        recipients: Iterable[Recipient],
        key: str,
        campaign: str,
        on_progress: "OnProgress | None",
        context: Context | None,
    ) -> SendReport:
        require_trust(context)
        return self.parts().sending.send(account_id, message, recipients, key, campaign, on_progress)

    @hookimpl(tryfirst=True)
    def crm_comm_sends(
        self, account_id: str, campaign: str, key: str, after: str, limit: int, context: Context | None
    ) -> SendPage:
        require_trust(context)
        return self.parts().sending.sends(account_id, campaign, key, after, limit)

    @hookimpl(tryfirst=True)
    def crm_comm_cancel(self, send_id: str, context: Context | None) -> SendReport:
        require_trust(context)
        return self.parts().sending.cancel(send_id)

    @hookimpl(tryfirst=True)
    def crm_comm_outcomes(
        self, send_id: str, status: str, after: str, limit: int, context: Context | None
    ) -> OutcomePage:
        require_trust(context)
        return self.parts().sending.outcomes(send_id, status, after, limit, sees_foreign_words(context))

    @hookimpl(tryfirst=True)
    def crm_comm_usage(
        self, account_id: str, since: datetime, until: datetime, context: Context | None
    ) -> Iterable[UsagePoint]:
        require_trust(context)
        return self.parts().limits.usage(account_id, since, until)

    @hookimpl(tryfirst=True)
    def crm_comm_account_types(self) -> Iterable[AccountType]:
        return self.parts().account_types

    @hookimpl(tryfirst=True)
    def crm_comm_mail_servers(self) -> Iterable[MailServer]:
        return self.parts().mail_servers

    @hookimpl(tryfirst=True)
    def crm_comm_sms_gateways(self) -> Iterable[SmsGateway]:
        return self.parts().sms_gateways
