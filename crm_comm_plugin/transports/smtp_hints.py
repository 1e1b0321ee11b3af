"""What may be wrong when a mail server does not answer as hoped: which field, and what to try next."""

import ssl
from dataclasses import dataclass

from crm_comm_plugin.transports import replies
from crm_comm_plugin.transports.replies import Meaning
from crm_comm_plugin.transports.smtp_target import Target

_EXPIRED, _SELF_SIGNED, _SELF_SIGNED_CHAIN, _NO_ISSUER, _UNVERIFIED, _OTHER_NAME, _OTHER_IP = 10, 18, 19, 20, 21, 62, 64
_NOT_YET = 9


@dataclass(frozen=True, slots=True)
class Hint:
    """A sentence on what happened, the field to look at, and the next step."""

    detail: str
    field: str = ""
    hint: str = ""


def resolving(target: Target) -> Hint:
    """The name of the server is not known."""
    return Hint(
        f"No server of the name {target.host} is known.",
        "host",
        "Check the spelling, and that this machine has internet.",
    )


def connecting(target: Target, timed_out: bool) -> Hint:
    """Nothing answers."""
    if timed_out:
        return Hint(
            f"{target.host} does not answer on port {target.port}.",
            "port",
            "Try 587 with STARTTLS or 465 with TLS. If both stay silent, a firewall or the network blocks them.",
        )
    return Hint(
        f"{target.host} takes no connections on port {target.port}.",
        "port",
        "Try 587 with STARTTLS or 465 with TLS, and check the server's name.",
    )


def certificate(target: Target, error: ssl.SSLError) -> Hint:
    """The server's certificate, or its way of speaking TLS, is not acceptable."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else -1
    if code in (_OTHER_NAME, _OTHER_IP):
        detail = f"The server's certificate is for another name than {target.host}."
        return Hint(detail, "host", "Enter the name that the provider gives for its mail server.")
    if code in (_EXPIRED, _NOT_YET):
        detail = "The server's certificate has expired." if code == _EXPIRED else "The certificate is not valid yet."
        return Hint(detail, "host", "The server's administrator must renew it. Check this machine's clock as well.")
    if code in (_SELF_SIGNED, _SELF_SIGNED_CHAIN, _NO_ISSUER, _UNVERIFIED):
        return Hint(
            "The server's certificate is self-signed, or from an authority that is not known here.",
            "host",
            "If it is your own server, an administrator can set smtp_ca_file to its authority.",
        )
    if code >= 0:
        return Hint("The server's certificate is not valid.", "host", "Ask the server's administrator.")
    return Hint(
        f"The server does not speak TLS on port {target.port}.",
        "security",
        "Choose STARTTLS (usually port 587), or TLS with port 465.",
    )


def greeting(target: Target, timed_out: bool) -> Hint:
    """It is connected, and then silent or gone."""
    if target.security != "tls" and (timed_out or target.port == 465):
        return Hint(
            "The server is connected but does not greet.",
            "security",
            "Port 465 wants TLS from the start: choose TLS, or port 587 with STARTTLS.",
        )
    return Hint("The server closed the line before it greeted.", "host", "Check server and port, and try again later.")


def no_smtp() -> Hint:
    """What greets does not do so with a number."""
    return Hint(
        "What answers there is no SMTP server.",
        "host",
        "Enter server and port for sending, not those for IMAP or POP3.",
    )


def no_starttls(target: Target) -> Hint:
    """STARTTLS was chosen and is not offered."""
    return Hint(
        "The server does not offer STARTTLS on this port.", "security", "Choose TLS with port 465, or try port 587."
    )


def password_in_clear() -> Hint:
    """A password would go over an unencrypted line."""
    return Hint("The password was not sent, because the line is not encrypted.", "security", "Choose STARTTLS or TLS.")


def refused_network(text: str) -> Hint:
    """Our own settings forbid it."""
    return Hint(text, "host", "Ask your administrator: allowed_networks, denied_networks or the sandbox forbids it.")


def token(target: Target, meaning: Meaning) -> Hint:
    """An OAuth token was not accepted, even a new one."""
    if meaning is replies.NO_SMTP:
        return _switched_off(meaning.detail)
    of_passwords = meaning in (replies.PASSWORD, replies.NOT_SIGNED_IN)
    about = "The server does not accept this sign-in." if of_passwords else meaning.detail
    return Hint(about, "sign_in", f"Check that {target.user} is the account that signed in, and sign in again.")


def no_sign_in(target: Target) -> Hint:
    """The server offers no way to sign in that we know."""
    if target.security == "none":
        return Hint("The server offers no sign-in on this line.", "security", "Choose STARTTLS or TLS.")
    if target.token is not None:
        return Hint("The server offers no sign-in with OAuth.", "sign_in", "Choose a password, or check the server.")
    return Hint(
        "The server offers no sign-in with a password.", "user", "Leave the user empty, or check server and port."
    )


def not_now(detail: str) -> Hint:
    """The server could not look at the sign-in; RFC 4954 section 6: this is no reason to ask for a new password."""
    hint = "Try again in a few minutes. If it stays so, check user and sign-in: some servers answer like this to both."
    return Hint(detail, "", hint)


def sign_in(target: Target, meaning: Meaning) -> Hint:
    """User and password were not accepted."""
    detail = meaning.detail
    if meaning is replies.NO_SMTP:
        return _switched_off(detail)
    if meaning is replies.ENCRYPT:
        return Hint(detail, "security", "Choose STARTTLS or TLS.")
    if meaning is replies.NO_PASSWORDS:
        return Hint(detail, "password", target.help or "Choose the provider itself as server, and OAuth to sign in.")
    if meaning is replies.APP_PASSWORD:
        return Hint(detail, "password", target.help or "Make one on the provider's web page and enter it here.")
    hint = "Check both. Many providers want an app password here, made on their web page."
    return Hint(detail, "password", f"{hint} {target.help}".strip() if target.help else hint)


def _switched_off(detail: str) -> Hint:
    """The provider takes no mail by SMTP from this mailbox; neither another password nor OAuth helps."""
    return Hint(detail, "user", "Ask whoever is its administrator there to allow authenticated SMTP for this mailbox.")
