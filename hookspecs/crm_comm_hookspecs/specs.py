"""CommSpecs: every hook of the contract, one typed method each. Arguments are passed by keyword.

No argument has a default: builds of pluggy that call themselves 1.7.0 treat those in three different ways.
"""

from collections.abc import Iterable

from .extending import AccountType, MailServer, SmsGateway
from .hostspecs import HostSpecs
from .markers import hookspec
from .messages import MessageSource
from .servicespecs import ServiceSpecs
from .working import Change, Notice, OnProgress, Usage

__all__ = ["CommSpecs", "ExtensionSpecs", "HostSpecs", "MessageSource", "OnProgress", "ServiceSpecs"]


class ExtensionSpecs:
    """Section 3: other plugins implement, the plugin calls."""

    @hookspec
    def crm_comm_account_types(self) -> Iterable[AccountType]:
        """Further kinds of accounts.

        Example: `return [AccountType(key="fax", label="Fax", channel="fax", icon="", editor=..., connect=...)]`
        """
        return ()

    @hookspec
    def crm_comm_mail_servers(self) -> Iterable[MailServer]:
        """Further presets of mail providers.

        Example: `return [MailServer(key="acme", label="Acme", host="smtp.acme.example", port=465, security="tls")]`
        """
        return ()

    @hookspec
    def crm_comm_sms_gateways(self) -> Iterable[SmsGateway]:
        """Further SMS gateways.

        Example: `return [AcmeGateway()]`
        """
        return ()

    @hookspec
    def crm_comm_account_usages(self, account_id: str) -> Iterable[Usage]:
        """What uses this account; a blocking one stops its deletion.

        Example: `return [Usage("Campaign “Spring”", "/campaigns/7")]`
        """
        return ()

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
