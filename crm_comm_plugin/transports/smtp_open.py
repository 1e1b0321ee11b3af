"""From a target to a line that is signed in: step by step, so that the step that fails can be named."""

import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta

from crm_comm_hookspecs import Reason
from crm_comm_plugin.transports import smtp_hints as hints
from crm_comm_plugin.transports.replies import Meaning, Phase, Reply, meaning_of
from crm_comm_plugin.transports.smtp_hints import Hint
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine
from crm_comm_plugin.transports.smtp_sign_in import mechanisms, with_password
from crm_comm_plugin.transports.smtp_target import PASSWORD, Target

RESOLVE, CONNECT = "resolve", "connect"
AGAIN = timedelta(minutes=5)
Passed = Callable[[str, str], None]


class OpenFailed(Exception):
    """No line. step: where it ended; hint: what to say; reply: the server's, if any; reason, wait: for outcomes."""

    def __init__(
        self,
        step: str,
        hint: Hint,
        reply: Reply | None = None,
        reason: Reason = Reason.UNREACHABLE,
        wait: timedelta | None = AGAIN,
    ) -> None:
        super().__init__(step)
        self.step = step
        self.hint = hint
        self.reply = reply
        self.reason = reason
        self.wait = wait


def open_line(target: Target, seconds: float, ca_file: str, passed: Passed = lambda step, detail: None) -> SmtpLine:
    """Resolve, connect, encrypt, greet, sign in. passed(step, detail) after each; raises OpenFailed."""
    context = _context(ca_file)
    connected = _connected(target, seconds, passed)
    if target.security == "tls":
        connected = _wrapped(connected, target, context)
        passed(Phase.TLS, _cipher(connected))
    line = SmtpLine(connected, target.host, seconds)
    try:
        _greet(line, target, passed)
        if target.security == "starttls":
            _start_tls(line, target, context, passed)
        _sign_in(line, target, passed)
    except BaseException:
        line.close()
        raise
    return line


def _connected(target: Target, seconds: float, passed: Passed) -> socket.socket:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OpenFailed(RESOLVE, hints.resolving(target)) from None
    passed(RESOLVE, "")
    deadline, timed_out = time.monotonic() + seconds, False
    for family, kind, protocol, _, address in found:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        connected = socket.socket(family, kind, protocol)
        try:
            connected.settimeout(left)
            connected.connect(address)
            connected.settimeout(seconds)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connected.close()
            timed_out = isinstance(error, TimeoutError)
            continue
        passed(CONNECT, "")
        return connected
    raise OpenFailed(CONNECT, hints.connecting(target, timed_out))


def _context(ca_file: str) -> ssl.SSLContext:
    """The system's authorities, and those of the setting besides; names and dates are always checked."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError):
            hint = Hint(
                "The file of smtp_ca_file cannot be read.", "", "It must be readable and hold PEM certificates."
            )
            raise OpenFailed(Phase.TLS, hint) from None
    return context


def _wrapped(connected: socket.socket, target: Target, context: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(connected, server_hostname=target.host)
    except ssl.SSLError as error:
        connected.close()
        raise OpenFailed(Phase.TLS, hints.certificate(target, error), wait=None) from None
    except (OSError, ValueError) as error:
        connected.close()
        hint = hints.certificate(target, ssl.SSLError()) if not isinstance(error, TimeoutError) else None
        raise OpenFailed(Phase.TLS, hint or hints.connecting(target, timed_out=True)) from None


def _greet(line: SmtpLine, target: Target, passed: Passed) -> None:
    try:
        reply = line.greeting()
        if reply.good:
            reply = line.hello()
    except LineBroken as broken:
        raise OpenFailed(Phase.GREETING, hints.greeting(target, broken.timed_out)) from None
    if not reply.good:
        raise _refused(Phase.GREETING, meaning_of(reply, Phase.GREETING), reply)
    passed(Phase.GREETING, "")


def _start_tls(line: SmtpLine, target: Target, context: ssl.SSLContext, passed: Passed) -> None:
    if not line.has_extn("starttls"):
        raise OpenFailed(Phase.TLS, hints.no_starttls(target), wait=None)
    try:
        reply = line.encrypt(context)
        if reply.good:
            reply = line.hello()
    except ssl.SSLError as error:
        raise OpenFailed(Phase.TLS, hints.certificate(target, error), wait=None) from None
    except LineBroken:
        hint = Hint(
            "The line broke while it was being encrypted.", "security", "Try TLS with port 465, or again later."
        )
        raise OpenFailed(Phase.TLS, hint) from None
    if not reply.good:
        raise _refused(Phase.TLS, meaning_of(reply, Phase.TLS), reply)
    passed(Phase.TLS, _cipher(line.sock))


def _sign_in(line: SmtpLine, target: Target, passed: Passed) -> None:
    if not target.user:
        return
    if target.sign_in != PASSWORD:
        hint = Hint("Signing in with OAuth is not possible with this server here.", "sign_in", "Choose a password.")
        raise OpenFailed(Phase.SIGN_IN, hint, reason=Reason.AUTH, wait=None)
    if not line.encrypted and not _is_loopback(line.sock):
        raise OpenFailed(Phase.SIGN_IN, hints.password_in_clear(), reason=Reason.AUTH, wait=None)
    if not mechanisms(line):
        raise OpenFailed(Phase.SIGN_IN, hints.no_sign_in(target), reason=Reason.AUTH, wait=None)
    try:
        reply = with_password(line, target.user, target.password)
    except LineBroken:
        hint = Hint("The line broke while signing in.", "", "Try again in a few minutes.")
        raise OpenFailed(Phase.SIGN_IN, hint) from None
    if not reply.good:
        meaning = meaning_of(reply, Phase.SIGN_IN)
        hint = hints.sign_in(target, meaning.detail, reply) if meaning.reason == Reason.AUTH else Hint(meaning.detail)
        raise OpenFailed(Phase.SIGN_IN, hint, reply, meaning.reason, meaning.wait)
    passed(Phase.SIGN_IN, "")


def _refused(step: str, meaning: Meaning, reply: Reply) -> OpenFailed:
    hint = Hint(meaning.detail, "", "Try again in a few minutes.")
    return OpenFailed(step, hint, reply, meaning.reason, meaning.wait)


def _cipher(connected: socket.socket) -> str:
    return str(connected.version() or "") if isinstance(connected, ssl.SSLSocket) else ""


def _is_loopback(connected: socket.socket) -> bool:
    """Asked of the socket itself, so that no DNS answer can say otherwise."""
    import ipaddress

    peer = str(connected.getpeername()[0]).partition("%")[0]
    address = ipaddress.ip_address(peer)
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
