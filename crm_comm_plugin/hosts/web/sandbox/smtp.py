"""The sandbox's SMTP server: accepts any user, keeps what arrives, and fails as its switches say."""

import asyncio
import email
import email.policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from crm_comm_plugin.hosts.web.running import bound
from crm_comm_plugin.hosts.web.sandbox.state import State

MAX_SIZE = 30 * 1024 * 1024
SLOW_SECONDS = 1.0
MAX_TEXT = 100_000
_WANTED = ("Reply-To", "List-Unsubscribe")


class Handler:
    """What happens in each phase (aiosmtpd calls these by name)."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        """Count the recipient as Gmail does: per user, in any 24 hours."""
        if not self._state.take(f"mail:{user_of(session)}"):
            return "550 5.4.5 Daily user sending limit exceeded."
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, late or not at all if a switch says so."""
        if self._state.on("slow"):
            await asyncio.sleep(SLOW_SECONDS)
        if self._state.on("drop"):
            if isinstance(server.transport, asyncio.Transport):
                server.transport.abort()
            return "421 4.3.0 Dropped"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        headers = tuple((name, str(message[name])) for name in _WANTED if message[name])
        sender = str(message["From"] or envelope.mail_from or "")
        self._state.arrive(
            "email", sender, tuple(envelope.rcpt_tos), str(message["Subject"] or ""), text_of(message), headers=headers
        )
        return "250 2.0.0 OK"


class SmtpServer(Controller):
    """On loopback only, without TLS."""

    def __init__(self, state: State, host: str, port: int) -> None:
        self._state = state
        # Its own check of a port in use is a bare OSError after a thread was started: ask first, in words.
        probe = bound(host, port, "The sandbox's SMTP server")
        chosen = int(probe.getsockname()[1])
        probe.close()
        super().__init__(Handler(state), hostname=host, port=chosen)

    def factory(self) -> SMTP:
        """A session's protocol. A password may come in clear text: nobody else is on this line."""
        return SMTP(
            self.handler,
            hostname="sandbox.test",
            ident="Sandbox",
            data_size_limit=MAX_SIZE,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=self.loop,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if self._state.on("wrong_password") or not isinstance(data, LoginPassword) or not data.password:
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=data.login.decode("utf-8", "replace"))


def user_of(session: Session) -> str:
    """Who signed in, or nobody."""
    return str(session.auth_data) if session.authenticated else ""


def text_of(message: EmailMessage) -> str:
    """The readable part of a message."""
    body = message.get_body(("plain", "html")) if isinstance(message, EmailMessage) else None
    if body is None:
        return ""
    try:
        return str(body.get_content())[:MAX_TEXT]
    except (LookupError, ValueError):
        return "(This text cannot be decoded.)"
