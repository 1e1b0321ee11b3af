"""Where an SMTP transport goes to: an account's values, with its preset's server, and its secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_comm_hookspecs import Account, MailServer, Reason, TransportError
from crm_comm_plugin.domain.addresses import is_address, normalise_address
from crm_comm_plugin.transports.network import Networks

CUSTOM = "smtp"
CUSTOM_CONNECTIONS = 3
"""What a server of unknown habits takes from one client; where it takes fewer, the transport goes on with those."""
CUSTOM_PER_MESSAGE = 100
"""Recipients that every server takes in one message (RFC 5321 section 4.5.3.1.8)."""
PASSWORD = "password"  # noqa: S105 - a way to sign in, not a secret
OAUTH = "oauth"

Tokens = Callable[[str, Mapping[str, Any], str], str]
"""(account id, values, the token that was refused or "") -> an access token; raises TransportError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server and who signs in there. sender "" = the account has none yet. per_connection 0 = no bound.

    token: asks for an OAuth token, given the one that was refused; networks: where may be connected to;
    plain_passwords: secrets may go unencrypted to other machines.
    """

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    sign_in: str = PASSWORD
    sender: str = ""
    preset: str = CUSTOM
    help: str = ""
    per_connection: int = 0
    per_message: int = 1
    connections: int = 1
    token: Callable[[str], str] | None = field(default=None, repr=False)
    networks: Networks = field(default_factory=Networks)
    plain_passwords: bool = False


def target_of(
    account: Account,
    values: Mapping[str, Any],
    secrets: Mapping[str, str],
    servers: Mapping[str, MailServer],
    tokens: Tokens | None = None,
) -> Target:
    """The target of an account; raises TransportError when its preset is gone or its server is not given."""
    preset = str(values.get("server") or CUSTOM)
    found = servers.get(preset) if preset != CUSTOM else None
    host, port, security = _server(values, found)
    user = str(values.get("user") or "")
    return Target(
        host=host,
        port=port,
        security=security,
        user=user,
        password=str(secrets.get("password") or ""),
        sign_in=str(values.get("sign_in") or PASSWORD),
        sender=_sender(str(account.sender or values.get("sender") or ""), user),
        preset=preset,
        help=found.help if found else "",
        per_connection=found.per_connection if found else 0,
        connections=max(1, found.connections) if found else CUSTOM_CONNECTIONS,
        per_message=max(1, found.per_message) if found else CUSTOM_PER_MESSAGE,
        token=_source(account, {**values, "host": host, "port": port, "security": security}, tokens),
    )


def _server(values: Mapping[str, Any], found: MailServer | None) -> tuple[str, int, str]:
    """(host, port, security); raises TransportError."""
    if found is not None:
        return found.host, found.port, found.security
    host, port, security = values.get("host"), values.get("port"), values.get("security")
    if not host or not port or security not in {"starttls", "tls", "none"}:
        raise TransportError(
            "The account's mail server is not known here.",
            reason=Reason.UNREACHABLE,
            retryable=False,
            hint="Open the account and choose its server again.",
        )
    return str(host), int(port), str(security)


def _source(account: Account, values: Mapping[str, Any], tokens: Tokens | None) -> Callable[[str], str] | None:
    if tokens is None or values.get("sign_in") != OAUTH:
        return None
    return lambda rejected: tokens(account.id, values, rejected)


def _sender(sender: str, user: str) -> str:
    for text in (sender, user):
        if is_address(text):
            return normalise_address(text)
    return ""
