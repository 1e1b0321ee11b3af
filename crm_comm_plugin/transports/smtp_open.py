"""From a target to a line that is signed in: step by step, so that the step that fails can be named."""

import socket
import ssl
from collections.abc import Callable
from datetime import timedelta

from crm_comm_hookspecs import Reason, TransportError
from crm_comm_plugin.transports import smtp_hints as hints
from crm_comm_plugin.transports.network import AddressRefused, peer_is_loopback, reach
from crm_comm_plugin.transports.replies import Meaning, Phase, Reply, meaning_of
from crm_comm_plugin.transports.smtp_hints import Hint
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine
from crm_comm_plugin.transports.smtp_sign_in import mechanisms, with_password, with_token
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
        judged = target.networks.judged(target.host, target.port)
    except AddressRefused as error:
        raise OpenFailed(CONNECT, hints.refused_network(str(error)), wait=None) from None
    except (OSError, UnicodeError):
        raise OpenFailed(RESOLVE, hints.resolving(target)) from None
    passed(RESOLVE, "")
    try:
        connected = reach(judged, seconds, seconds)
    except OSError as error:
        raise OpenFailed(CONNECT, hints.connecting(target, isinstance(error, TimeoutError))) from None
    passed(CONNECT, "")
    return connected


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
    if reply.code < 0:
        raise OpenFailed(Phase.GREETING, hints.no_smtp(), reply)
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
    if target.sign_in != PASSWORD and target.token is None:
        hint = Hint("Signing in with OAuth is not possible with this server here.", "sign_in", "Choose a password.")
        raise OpenFailed(Phase.SIGN_IN, hint, reason=Reason.AUTH, wait=None)
    private = line.encrypted or peer_is_loopback(line.sock)
    if not private and not target.plain_passwords:
        raise OpenFailed(Phase.SIGN_IN, hints.password_in_clear(), reason=Reason.AUTH, wait=None)
    if not mechanisms(line, target.token is not None):
        raise OpenFailed(Phase.SIGN_IN, hints.no_sign_in(target), reason=Reason.AUTH, wait=None)
    try:
        reply = _asked_in(line, target)
    except LineBroken:
        hint = Hint("The line broke while signing in.", "", "Try again in a few minutes.")
        raise OpenFailed(Phase.SIGN_IN, hint) from None
    if not reply.good:
        meaning = meaning_of(reply, Phase.SIGN_IN)
        refused = hints.token(target, meaning) if target.token else hints.sign_in(target, meaning)
        hint = refused if meaning.reason == Reason.AUTH else hints.not_now(meaning.detail)
        raise OpenFailed(Phase.SIGN_IN, hint, reply, meaning.reason, meaning.wait)
    passed(Phase.SIGN_IN, "" if private else "It went unencrypted, as the setting allow_plain_passwords allows.")


def _asked_in(line: SmtpLine, target: Target) -> Reply:
    """With a password; or with a token, and once more with a new one, since a token may end at any moment."""
    if target.token is None:
        return with_password(line, target.user, target.password)
    token = _token(target, "")
    reply = with_token(line, target.user, token, target.host, target.port)
    if reply.code != 535 or line.sock is None:
        return reply
    return with_token(line, target.user, _token(target, token), target.host, target.port)


def _token(target: Target, rejected: str) -> str:
    try:
        return target.token(rejected) if target.token is not None else ""
    except TransportError as error:
        hint = Hint(error.message, "sign_in", error.hint)
        wait = None if error.reason == Reason.AUTH else AGAIN
        raise OpenFailed(Phase.SIGN_IN, hint, reason=error.reason, wait=wait) from None


def _refused(step: str, meaning: Meaning, reply: Reply) -> OpenFailed:
    hint = Hint(meaning.detail, "", "Try again in a few minutes.")
    return OpenFailed(step, hint, reply, meaning.reason, meaning.wait)


def _cipher(connected: socket.socket) -> str:
    return str(connected.version() or "") if isinstance(connected, ssl.SSLSocket) else ""
