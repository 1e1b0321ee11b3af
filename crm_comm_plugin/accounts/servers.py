"""The mail servers this plugin knows by itself. Each number has its source and the month in which it was read."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import Limit, MailServer, Window
from crm_comm_plugin.domain.addresses import domain_of

CUSTOM = "smtp"
CUSTOM_LABEL = "Custom SMTP"

PRESETS = (
    MailServer(
        key="gmail",
        label="Gmail",
        host="smtp.gmail.com",
        port=587,
        security="starttls",
        domains=("gmail.com", "googlemail.com"),
        limit=Limit(500, Window.DAY),
        per_message=100,
        help="Gmail wants an app password here, not your usual one. It needs 2-step verification.",
        help_url="https://support.google.com/accounts/answer/185833",
        source="https://support.google.com/mail/answer/22839",
        as_of="2026-11",
    ),
    MailServer(
        key="outlook",
        label="Outlook",
        host="smtp-mail.outlook.com",
        port=587,
        security="starttls",
        domains=("outlook.com", "hotmail.com", "live.com", "msn.com"),
        limit=Limit(300, Window.DAY),
        per_message=100,
        help="Outlook.com takes an app password at most; for many accounts it has switched passwords off.",
        help_url="https://support.microsoft.com/account-billing/5896ed9b-4263-e681-128a-a6f2979a7944",
        source="https://support.microsoft.com/office/279ee200-594c-40f0-9ec8-bb6af7735c2e",
        as_of="2026-11",
    ),
)


def preset_for(address: str, servers: Iterable[MailServer]) -> MailServer | None:
    """The preset whose domains an address belongs to."""
    domain = domain_of(address).lower()
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
