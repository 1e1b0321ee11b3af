"""The mail servers that an account's values mean: a preset, or the custom one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import MailServer
from crm_comm_plugin.accounts.presets import PRESETS
from crm_comm_plugin.domain.addresses import domain_of

__all__ = ["CUSTOM", "CUSTOM_LABEL", "PRESETS", "preset_for", "resolved"]

CUSTOM = "smtp"
CUSTOM_LABEL = "Custom SMTP"
_TENANTS = "onmicrosoft.com"
"""Each organisation at Microsoft 365 has a domain below it; nobody has an address at it."""


def preset_for(address: str, servers: Iterable[MailServer]) -> MailServer | None:
    """The preset whose domains an address belongs to."""
    domain = domain_of(address).lower()
    if domain.endswith(f".{_TENANTS}"):
        domain = _TENANTS
    return next((server for server in servers if domain in server.domains), None)


def resolved(values: Mapping[str, Any], servers: Mapping[str, MailServer]) -> MailServer | None:
    """The server that an account's values mean, a custom one included; None when its preset is not there any more."""
    key = str(values.get("server") or "")
    if key != CUSTOM:
        return servers.get(key)
    host, port, security = values.get("host"), values.get("port"), values.get("security")
    if not (isinstance(host, str) and host and isinstance(port, int) and isinstance(security, str)):
        return None
    return replace(_CUSTOM, host=host, port=port, security=security)


_CUSTOM = MailServer(key=CUSTOM, label=CUSTOM_LABEL, host="", port=587, security="starttls")
