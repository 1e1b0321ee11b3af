"""What an SMTP server's reply means for a recipient, an account, or the line. Meaning decides, never the class alone.

Sources: RFC 5321, RFC 3463 (enhanced codes), RFC 4954 (sign-in), and the providers' pages of November 2026.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from crm_comm_hookspecs import Reason, RecipientStatus

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b[ -]*")
MAX_WORDS = 300


class Phase(StrEnum):
    """What the reply answers. CONTENT: the whole message after its last dot."""

    GREETING = "greeting"
    HELLO = "hello"
    TLS = "TLS"
    SIGN_IN = "sign-in"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"
    CONTENT = "content"


class Scope(StrEnum):
    """Whom a reply is about."""

    RECIPIENT = "recipient"
    ACCOUNT = "account"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply. code -1: no number. words: its text in one clean line, without the enhanced code."""

    code: int
    words: str = ""
    enhanced: str = ""

    @property
    def good(self) -> bool:
        """A positive completion."""
        return 200 <= self.code < 300

    @property
    def for_good(self) -> bool:
        """Refused for ever."""
        return 500 <= self.code < 600

    @property
    def closes(self) -> bool:
        """The server hangs up, or cannot be followed any more."""
        return self.code == 421 or not 200 <= self.code < 600

    @property
    def shown(self) -> str:
        """As in an outcome's code: "550 5.1.1"."""
        return f"{self.code} {self.enhanced}".strip() if self.code > 0 else ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a refusal means. wait: when another try makes sense, if that is known; detail: a sentence for people."""

    status: RecipientStatus
    reason: Reason
    detail: str
    scope: Scope = Scope.RECIPIENT
    wait: timedelta | None = None


def read_reply(code: int, text: bytes) -> Reply:
    """A reply as smtplib gives it."""
    words = " ".join(text.decode("utf-8", "replace").split())
    if not words.isprintable():
        words = "".join(c if c.isprintable() else " " for c in words)
    words = words[: MAX_WORDS * 2]
    found = _ENHANCED.match(words)
    enhanced = found.group(1) if found and found.group(1)[0] == str(code)[0] else ""
    if enhanced:
        words = " ".join(words.replace(enhanced, " ").split())
    return Reply(code, words[:MAX_WORDS].strip(" -"), enhanced)


def meaning_of(reply: Reply, phase: Phase) -> Meaning:
    """What a reply that is not positive means when it answers this phase."""
    for rule in _RULES:
        if rule.fits(reply, phase):
            return rule.meaning
    return _by_class(reply, phase)


_SKIPPED, _FAILED = RecipientStatus.SKIPPED, RecipientStatus.FAILED
_MINUTES, _HOUR = timedelta(minutes=10), timedelta(hours=1)


def _over(detail: str, wait: timedelta | None = None) -> Meaning:
    return Meaning(_SKIPPED, Reason.PROVIDER_LIMIT, detail, Scope.ACCOUNT, wait)


def _person(detail: str) -> Meaning:
    return Meaning(_SKIPPED, Reason.AUTH, detail, Scope.ACCOUNT)


_OVER = _over("The provider says that the account is over its sending limit.")
_OVER_PEAK = _over("The provider says that the account sends too fast.", _MINUTES)
TOO_MANY_LINES = _over("The provider says that the account has too many connections at once.", timedelta(minutes=2))
_UNUSUAL = _over("The provider stopped the account because of unusual activity. Look at its web page.")
PASSWORD = _person("The server does not accept user and password.")
APP_PASSWORD = _person("The server wants an app password instead of the usual one.")
NO_PASSWORDS = _person("The server takes no passwords any more: sign in with OAuth.")
NO_SMTP = _person("Sending by SMTP is switched off at the provider, for this mailbox or the whole organisation.")
ENCRYPT = _person("The server wants an encrypted line: choose STARTTLS or TLS.")
NOT_SIGNED_IN = _person("The server sends only for those who sign in: enter user and password.")
_SENDER = _person("The server does not let this account send under its sender address.")
_NOT_FROM_HERE = Meaning(_SKIPPED, Reason.UNREACHABLE, "The server takes no mail from this machine.", Scope.LINE, _HOUR)
_TOO_MANY = Meaning(
    _SKIPPED, Reason.REFUSED, "The server takes no more recipients in one message.", Scope.LINE, timedelta(minutes=1)
)
_TOO_LARGE = Meaning(_FAILED, Reason.MESSAGE, "The message is larger than the server takes.")


@dataclass(frozen=True, slots=True)
class _Rule:
    """codes, enhanced, words: patterns that must all match; phases: where it counts, empty = everywhere."""

    meaning: Meaning
    codes: str = ""
    enhanced: str = ""
    words: str = ""
    phases: frozenset[Phase] = frozenset()

    def fits(self, reply: Reply, phase: Phase) -> bool:
        """True when all of it matches."""
        return (
            (not self.phases or phase in self.phases)
            and bool(re.fullmatch(self.codes or ".*", str(reply.code)))
            and bool(re.fullmatch(self.enhanced or ".*", reply.enhanced))
            and bool(re.search(self.words, reply.words, re.IGNORECASE))
        )


_KIND = r"(sending|relay|submission|hourly|daily)\W+((?!receiv)\w+\W+){0,2}(limit|quota)"
_QUOTA = rf"{_KIND}\w*\W+(\w+\W+){{0,4}}(exceed|reach)|(exceeded|reached)\W+(\w+\W+){{0,2}}{_KIND}"
_NO_RELAY = (
    r"relay(ing)? (access )?(is )?(denied|disallowed|not (allowed|permitted))"
    r"|not authenticated|authenticat\w+ (is )?required"
)

_NOT_AS = (
    r"sender address rejected|send ?as ?denied|(allowed|permissions?) to send as|not owned by user"
    r"|not authori[sz]ed to send from|sender is not allowed to relay"
    r"|\bfrom:? address (is )?(not (one of|verified)|does not match)"
)
_CLIENT = r"client host (rejected|\[\S*\] (rejected|blocked))|helo command rejected"
_ENVELOPE = frozenset({Phase.SENDER, Phase.RECIPIENT, Phase.DATA, Phase.CONTENT})
"""What a server has against sender or client it may say at any of these: Postfix waits for a recipient."""

_RULES: tuple[_Rule, ...] = (
    _Rule(_SENDER, codes="5..", words=_NOT_AS, phases=_ENVELOPE),
    _Rule(_SENDER, codes="5..", enhanced=r"5\.1\.[78]", phases=_ENVELOPE),
    _Rule(_SENDER, codes="5..", words="relaying disallowed", phases=frozenset({Phase.SENDER, Phase.CONTENT})),  # Zoho
    _Rule(_NOT_FROM_HERE, codes="[45]..", words=_CLIENT, phases=_ENVELOPE),
    _Rule(_OVER, enhanced=r"5\.4\.5", words=r"limit|quota"),  # Gmail, Workspace
    _Rule(_OVER, enhanced=r"5\.7\.1", words=r"smtp relay (limit|quota|sending)"),  # Workspace's relay
    _Rule(_OVER_PEAK, enhanced=r"4\.2\.1", words=r"peak smtp relay"),
    _Rule(_OVER, enhanced=r"5\.2\.0", words=r"submissionquotaexceeded"),  # Exchange Online
    _Rule(TOO_MANY_LINES, codes="4..", enhanced=r"4\.3\.2", words=r"(concurrent connections?|sender thread) limit"),
    _Rule(_UNUSUAL, enhanced=r"5\.2\.0", words=r"outboundspam"),  # Outlook.com: an account it does not trust yet
    _Rule(_OVER, enhanced=r"5\.7\.705", words=r"threshold"),  # Exchange Online: the organisation
    _Rule(_OVER_PEAK, enhanced=r"5\.2\.25[1-5]"),  # Exchange Online: repeated errors
    _Rule(_UNUSUAL, enhanced=r"5\.4\.6", words=r"unusual (sending )?activity"),  # Zoho
    _Rule(_OVER, codes="4..", words=r"mail send limit exceeded"),  # IONOS
    _Rule(_OVER, enhanced=r"(?!.\.2\.2).*", words=_QUOTA, phases=_ENVELOPE),
    _Rule(NO_SMTP, enhanced=r"5\.7\.139", words=r"SmtpClientAuth\w* is disabled"),  # Exchange Online
    _Rule(NO_PASSWORDS, enhanced=r"5\.7\.(30|139)", words=r"basic authentication|password|security defaults"),
    _Rule(APP_PASSWORD, codes="53[45]", words=r"application.?specific|app.?password"),
    _Rule(ENCRYPT, codes="530", words=r"starttls|tls|encrypt"),
    _Rule(ENCRYPT, codes="538"),
    _Rule(NOT_SIGNED_IN, codes="530"),
    _Rule(PASSWORD, codes="53[45]"),
    _Rule(NOT_SIGNED_IN, codes="5..", words=_NO_RELAY),
    _Rule(PASSWORD, codes="5..", phases=frozenset({Phase.SIGN_IN})),
    _Rule(_TOO_MANY, enhanced=r"[45]\.5\.3", phases=frozenset({Phase.RECIPIENT})),
    _Rule(_TOO_LARGE, codes="5..", enhanced=r"5\.3\.4", phases=_ENVELOPE),
    _Rule(
        _TOO_LARGE, codes="552", enhanced="", words=r"size|large|big", phases=frozenset({Phase.SENDER, Phase.CONTENT})
    ),
)

_SUBJECTS: tuple[tuple[str, str], ...] = (
    (r".\.1\.[1]", "There is no such mailbox."),
    (r".\.1\.(2|10)", "There is no mail server for this domain."),
    (r".\.1\.[78]", "The server does not take the account's sender address now."),
    (r".\.1\.[0-9]+", "The server does not take this address."),
    (r".\.2\.1", "The mailbox is switched off."),
    (r".\.2\.2", "The mailbox is full."),
    (r".\.2\.3|.\.3\.4", "The message is larger than this recipient's server takes."),
    (r".\.4\.[0-9]+", "The recipient's server could not be reached."),
    (r".\.7\.[0-9]+", "The server does not allow this by its rules."),
)


def _by_class(reply: Reply, phase: Phase) -> Meaning:
    """The enhanced code's subject (RFC 3463) says what it is about, the first digit whether it is for good."""
    if phase in (Phase.GREETING, Phase.HELLO, Phase.TLS, Phase.SIGN_IN) or reply.closes:
        return Meaning(_SKIPPED, Reason.UNREACHABLE, "The server does not take mail now.", Scope.LINE, _MINUTES)
    if phase == Phase.SENDER:
        return _sender(reply)
    about = next((text for pattern, text in _SUBJECTS if re.fullmatch(pattern, reply.enhanced)), "")
    if not reply.for_good:
        detail = about or "The server asks to try again later."
        return Meaning(_SKIPPED, Reason.REFUSED, detail, wait=_HOUR if reply.enhanced == "4.2.2" else _MINUTES)
    if phase == Phase.RECIPIENT or reply.enhanced.startswith(("5.1.", "5.2.")):
        return Meaning(_FAILED, Reason.REFUSED, about or "The server refused this recipient.")
    return Meaning(_FAILED, Reason.MESSAGE, "The server refused the message.")


def _sender(reply: Reply) -> Meaning:
    if reply.for_good:
        return _SENDER
    return Meaning(_SKIPPED, Reason.UNREACHABLE, "The server does not take mail now.", Scope.LINE, _MINUTES)
