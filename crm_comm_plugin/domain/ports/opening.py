"""The port through which sending opens accounts: what is stored of one, its type, and a line to send through."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from crm_comm_hookspecs import AccountType, Transport
from crm_comm_plugin.domain.accounts import StoredAccount


class AccountOpener(Protocol):
    """Accounts as sending and credits see them."""

    def find(self, account_id: str) -> StoredAccount:
        """One account; raises UnknownAccount, also for a deleted one."""
        ...

    def type_of(self, account: StoredAccount) -> AccountType:
        """Its type; raises UnknownEditor when the plugin that registered it is gone."""
        ...

    def values_of(self, account: StoredAccount) -> Mapping[str, Any]:
        """All values without secrets; of an e-mail account with host, port and security as its preset says."""
        ...

    def secrets_of(self, account: StoredAccount) -> Mapping[str, str]:
        """Its secrets by field. Raises SecretsUnavailable, or TransportError (reason auth) when one is lost, or belongs
        to another server than the account now has."""
        ...

    def connect(self, account: StoredAccount) -> Transport:
        """A line of its own, not yet connected; raises as `secrets_of` and `type_of` do."""
        ...

    def set_status(self, account_id: str, status: str, detail: str = "", until: datetime | None = None) -> None:
        """What was seen of the account; tells `crm_comm_account_changed` when it is another status than before."""
        ...

    def touch(self, account_id: str) -> None:
        """The account was used now."""
        ...
