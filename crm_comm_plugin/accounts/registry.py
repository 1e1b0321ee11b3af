"""The Registry port over the hooks: account types, mail servers and SMS gateways as they are registered now."""

import logging
from collections.abc import Callable
from typing import Any

from crm_comm_hookspecs import AccountType, Contribution, MailServer, SmsGateway
from crm_comm_plugin.accounts.servers import CUSTOM

Contributions = Callable[[str, str], tuple[Contribution, ...]]
MAX_KEY = 100
"""Longest key of a type and longest channel that can be stored with an account."""

_log = logging.getLogger(__name__)


class HookRegistry:
    """Asks every time, because plugins come and go. contributions: (hook, key attribute) -> what is usable of it."""

    def __init__(self, contributions: Contributions) -> None:
        self._contributions = contributions

    def types(self) -> dict[str, AccountType]:
        """Account types by key, ours first; the facade has refused those that do not fit together."""
        found = self._found("crm_comm_account_types")
        return {key: kind for key, kind in found.items() if _storable(kind)}

    def servers(self) -> dict[str, MailServer]:
        """Mail server presets by key, ours first. "smtp" is the custom server and nobody's preset."""
        found = self._found("crm_comm_mail_servers")
        if found.pop(CUSTOM, None) is not None:
            _log.warning("A plugin registers the mail server %r, which is the custom one; it is left out.", CUSTOM)
        return found

    def gateways(self) -> dict[str, SmsGateway]:
        """SMS gateways by key, ours first."""
        return self._found("crm_comm_sms_gateways")

    def _found(self, hook: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for contribution in self._contributions(hook, "key"):
            found.setdefault(contribution.value.key, contribution.value)
        return found


def _storable(type: AccountType) -> bool:
    fits = type.key == type.editor.name and max(len(type.key), len(type.channel)) <= MAX_KEY
    if not fits:
        _log.warning("Account type %.100r is left out: key and channel have at most %d characters.", type.key, MAX_KEY)
    return fits
