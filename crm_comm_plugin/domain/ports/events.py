"""The ports to other plugins: what they registered, and what they are told."""

from typing import Protocol

from crm_comm_hookspecs import AccountType, Change, MailServer, Notice, SmsGateway, Usage


class Events(Protocol):
    """What other plugins are told, and asked about an account."""

    def account_changed(self, change: Change) -> None:
        """`crm_comm_account_changed`."""
        ...

    def limit_reached(self, notice: Notice) -> None:
        """`crm_comm_limit_reached`."""
        ...

    def account_usages(self, account_id: str) -> tuple[Usage, ...]:
        """`crm_comm_account_usages`."""
        ...


class Registry(Protocol):
    """What plugins, ours first, have registered now. Keys are unique."""

    def types(self) -> dict[str, AccountType]:
        """Account types by key, in order."""
        ...

    def servers(self) -> dict[str, MailServer]:
        """Mail server presets by key, in order."""
        ...

    def gateways(self) -> dict[str, SmsGateway]:
        """SMS gateways by key, in order."""
        ...
