"""Which limits an account has: its own pair, its provider's pace, and the ceiling of the installation."""

import re
from collections.abc import Mapping, Sequence

from crm_comm_hookspecs import InvalidInput, Limit, MailServer, Window
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports.events import Registry

_CEILING = re.compile(r"\s*([0-9]{1,9})\s*(?:/|per)\s*(minute|hour|day|month)\s*", re.IGNORECASE)
CEILING_HINT = "Write it as 500/day; minute, hour, day and month are known."


class Rules:
    """The limits of accounts, as plugins have registered their servers now."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def of(self, account: StoredAccount) -> tuple[Limit, ...]:
        """All limits of an account but the installation's."""
        return self.of_all((account,))[account.id]

    def of_all(self, accounts: Sequence[StoredAccount]) -> dict[str, tuple[Limit, ...]]:
        """The same for many, by id; plugins are asked for their servers once."""
        servers = self._registry.servers() if any("server" in account.values for account in accounts) else {}
        return {account.id: (*own(account), *_pace(account, servers)) for account in accounts}


def _pace(account: StoredAccount, servers: Mapping[str, MailServer]) -> tuple[Limit, ...]:
    key = account.values.get("server")
    server = servers.get(key) if isinstance(key, str) else None
    return (server.pace,) if server is not None and server.pace is not None and _limits(server.pace) else ()


def own(account: StoredAccount) -> tuple[Limit, ...]:
    """The account's own pair, when it limits anything."""
    limit = account.limit()
    return (limit,) if _limits(limit) else ()


def _limits(limit: Limit | None) -> bool:
    return limit is not None and limit.count is not None and limit.window is not Window.NONE


def ceiling_of(text: str) -> Limit | None:
    """The setting `installation_limit`, for example "500/day"; None when it is empty. Raises InvalidInput."""
    if not text.strip():
        return None
    match = _CEILING.fullmatch(text)
    if match is None:
        raise InvalidInput("The setting installation_limit cannot be read.", hint=CEILING_HINT)
    return Limit(int(match[1]), Window(match[2].lower()))
