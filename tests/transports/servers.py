"""Mail servers for the tests: real ones by aiosmtpd, and scripted ones that misbehave at any point."""

import socket
import threading
from contextlib import suppress
from typing import ClassVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from crm_comm_hookspecs import Account, Settings
from crm_comm_plugin.transports.smtp import smtp_connect
from tests.ports import free_port

USER, PASSWORD = "ann@example.com", "Geheim-7Wörter"


class Sink:
    """Keeps what arrives; rcpt and data map a recipient to a reply, or None."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.rcpt = lambda address: None
        self.data = lambda recipients: None
        self.sender = lambda address: None
        self.sessions = set()

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.sessions.add(session.peer)
        if reply := self.sender(address):
            return reply
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if reply := self.rcpt(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        if reply := self.data(envelope.rcpt_tos):
            return reply
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 2.0.0 queued as ABC"


class Server(Controller):
    """An SMTP server on a free loopback port. security: none | starttls | tls."""

    def __init__(self, security="none", context=None, users=True, handler=None, **more) -> None:
        self.sink = handler or Sink()
        self.signed_in: list[str] = []
        options = dict(more)
        if users:
            options |= {"authenticator": self._check, "auth_required": True, "auth_require_tls": security == "starttls"}
        if security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        ssl_context = context if security == "tls" else None
        super().__init__(self.sink, hostname="127.0.0.1", port=free_port(), ssl_context=ssl_context, **options)
        self.security = security

    def _check(self, server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
        if known:
            self.signed_in.append(mechanism)
        return AuthResult(success=known, handled=known)


class Script:
    """A server that says what its script says: one entry per command, a reply or `DROP`, and notes what it was told.

    steps: {command: [reply, ...]}: the last of a list is repeated. DROP closes the line instead of a reply; HANG says
    nothing. "CONTENT" is the reply after the last dot; "GREETING" the first words.
    """

    DROP, HANG = "DROP", "HANG"
    USUAL: ClassVar = {
        "GREETING": ["220 hello"],
        "EHLO": ["250-here\r\n250-SIZE 1000000\r\n250-SMTPUTF8\r\n250 8BITMIME"],
        "MAIL": ["250 2.1.0 ok"],
        "RCPT": ["250 2.1.5 ok"],
        "DATA": ["354 go"],
        "CONTENT": ["250 2.0.0 taken"],
        "RSET": ["250 ok"],
        "QUIT": ["221 bye"],
    }

    def __init__(self, **steps) -> None:
        self.steps = {name: list(replies) for name, replies in {**self.USUAL, **steps}.items()}
        self.told: list[str] = []
        self.taken: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _next(self, name: str) -> str:
        replies = self.steps.get(name, ["500 5.5.1 what?"])
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def _say(self, connection, name) -> str:
        reply = self._next(name)
        if reply == self.DROP:
            raise ConnectionAbortedError
        if reply != self.HANG:
            connection.sendall(reply.encode("utf-8", "surrogateescape") + b"\r\n")
        return reply

    def _serve(self, connection) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as lines:
            self._say(connection, "GREETING")
            for line in lines:
                command = line.decode("utf-8", "replace").strip()
                self.told.append(command)
                name = command.split(" ")[0].upper()
                reply = self._say(connection, name)
                if name == "DATA" and reply.startswith("354"):
                    content = []
                    for part in lines:
                        if part == b".\r\n":
                            break
                        content.append(part)
                    else:
                        return
                    if self.steps["CONTENT"][0].startswith("250"):
                        self.taken.append(b"".join(content))
                    reply = self._say(connection, "CONTENT")
                if reply.startswith("421") or name == "QUIT":
                    return


def transport(
    port, security="none", user="", password=PASSWORD, sender="ann@example.com", host="127.0.0.1", **settings
):
    """A line of an account with a server of its own."""
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender=sender, status="untested")
    values = {"server": "smtp", "host": host, "port": port, "security": security, "user": user, "sign_in": "password"}
    connect = smtp_connect(Settings(**({"smtp_timeout": 5.0} | settings)), dict)
    return connect(account, values, {"password": password} if user else {})
