"""Signing in as the server offers: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195); with OAuth XOAUTH2, OAUTHBEARER.

XOAUTH2 is described by Google and Microsoft, OAUTHBEARER by RFC 7628.
"""

import base64
import hmac
from collections.abc import Generator

from crm_comm_plugin.transports.replies import Phase, Reply
from crm_comm_plugin.transports.smtp_line import SmtpLine

Answers = Generator[str, str, None]
"""What is sent, one by one; gets the server's challenges, first yields the initial response, "" = none."""

_ON_CIPHER = ("PLAIN", "LOGIN", "CRAM-MD5")
_IN_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")
_BY_TOKEN = ("XOAUTH2", "OAUTHBEARER")
_NOT_THIS_WAY = frozenset({500, 501, 502, 503, 504, 534, 538})
"""Replies about the mechanism, so that another one may work; a 535 is about the password, and is not repeated."""


def mechanisms(line: SmtpLine, token: bool = False) -> tuple[str, ...]:
    """The ways that both sides know, the best first. token: those that take an OAuth token."""
    offered = set(line.esmtp_features.get("auth", "").upper().replace("=", " ").split())
    known = _BY_TOKEN if token else _ON_CIPHER if line.encrypted else _IN_CLEAR
    return tuple(way for way in known if way in offered)


def with_token(line: SmtpLine, user: str, token: str, host: str, port: int) -> Reply:
    """Sign in with an OAuth token; answers the last reply. There must be a mechanism. Raises LineBroken."""
    ways = {"XOAUTH2": _xoauth2(user, token), "OAUTHBEARER": _oauthbearer(user, token, host, port)}
    reply = Reply(504)
    for way in mechanisms(line, token=True):
        reply = _answered(line, way, ways[way])
        if reply.good or reply.closes or reply.code not in _NOT_THIS_WAY:
            break
    return reply


def with_password(line: SmtpLine, user: str, password: str) -> Reply:
    """Sign in; answers the last reply. There must be a mechanism. Raises LineBroken."""
    reply = Reply(504)
    for way in mechanisms(line):
        reply = _tried(line, way, user, password)
        if reply.good or reply.closes or reply.code not in _NOT_THIS_WAY:
            break
    return reply


def _tried(line: SmtpLine, way: str, user: str, password: str) -> Reply:
    return _answered(line, way, {"PLAIN": _plain, "LOGIN": _login, "CRAM-MD5": _cram_md5}[way](user, password))


def _answered(line: SmtpLine, way: str, answers: Answers) -> Reply:
    first = next(answers)
    reply = line.ask(f"AUTH {way} {first}" if first else f"AUTH {way}", Phase.SIGN_IN)
    for _ in range(3):
        if reply.code != 334:
            break
        try:
            reply = line.ask(answers.send(reply.words), Phase.SIGN_IN)
        except StopIteration:
            return line.ask("*", Phase.SIGN_IN)  # it asks for more than this way has: call it off
    return reply


def _plain(user: str, password: str) -> Answers:
    yield _coded(f"\0{user}\0{password}".encode(errors="replace"))


def _login(user: str, password: str) -> Answers:
    yield ""
    yield _coded(user.encode(errors="replace"))
    yield _coded(password.encode(errors="replace"))


def _cram_md5(user: str, password: str) -> Answers:
    challenge = yield ""
    try:
        digest = hmac.new(password.encode(errors="replace"), base64.b64decode(challenge), "md5").hexdigest()
    except ValueError:
        return
    yield _coded(f"{user} {digest}".encode(errors="replace"))


def _xoauth2(user: str, token: str) -> Answers:
    yield _coded(f"user={user}\x01auth=Bearer {token}\x01\x01".encode(errors="replace"))
    yield ""  # after a refusal the server says why in a challenge, and gives its reply to an empty answer


def _oauthbearer(user: str, token: str, host: str, port: int) -> Answers:
    name = user.replace("=", "=3D").replace(",", "=2C")
    opening = f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"
    yield _coded(opening.encode(errors="replace"))
    yield _coded(b"\x01")


def _coded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
