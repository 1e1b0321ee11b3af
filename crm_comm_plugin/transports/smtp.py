"""The SMTP transport: one line, kept for many messages; each recipient gets one outcome, and none is sent to twice."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_comm_hookspecs import (
    Account,
    Diagnosis,
    MailServer,
    Outcome,
    Reason,
    Recipient,
    RecipientStatus,
    Settings,
    Transport,
)
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.domain.sends import CountedOutcome
from crm_comm_plugin.transports.headers import Unsendable
from crm_comm_plugin.transports.mime import Composer, Mail
from crm_comm_plugin.transports.network import Networks
from crm_comm_plugin.transports.replies import Meaning, Phase, Reply, meaning_of
from crm_comm_plugin.transports.scrub import Scrubber
from crm_comm_plugin.transports.smtp_diagnose import diagnose
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine
from crm_comm_plugin.transports.smtp_open import AGAIN, OpenFailed, open_line
from crm_comm_plugin.transports.smtp_target import Target, Tokens, target_of

BATCH = 50
IDLE_SECONDS = 20.0
"""After so long a line is asked whether it is still there before a message is trusted to it."""
LOST = 3
"""So many recipients in a row at whom the line broke: it is not their fault."""
_WHOLE_ACCOUNT = frozenset({Reason.AUTH, Reason.PROVIDER_LIMIT})

Connect = Callable[[Account, Mapping[str, Any], Mapping[str, str]], Transport]
_SENT, _SKIPPED, _FAILED, _UNKNOWN = (
    RecipientStatus.SENT,
    RecipientStatus.SKIPPED,
    RecipientStatus.FAILED,
    RecipientStatus.UNKNOWN,
)


def smtp_connect(
    settings: Settings, servers: Callable[[], Mapping[str, MailServer]], tokens: Tokens | None = None
) -> Connect:
    """The `connect` of the e-mail account type. servers: the presets as registered now; tokens: where OAuth's are."""
    now = settings.clock or _now
    networks = Networks(settings.allowed_networks, settings.denied_networks)

    def connect(account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        found = target_of(account, values, secrets, servers(), tokens)
        target = replace(found, networks=networks, plain_passwords=settings.allow_plain_passwords)
        return SmtpTransport(target, settings.smtp_timeout, settings.smtp_ca_file, now)

    return connect


class SmtpTransport:
    """The contract's Transport. seconds: the longest wait of each phase; ca_file: further authorities."""

    batch = BATCH

    def __init__(self, target: Target, seconds: float, ca_file: str, now: Callable[[], datetime]) -> None:
        self._target = target
        self._seconds = seconds
        self._ca_file = ca_file
        self._now = now
        self._composer = Composer(target.sender, now)
        self._scrubber = Scrubber(target.user, [target.password])
        self._line: SmtpLine | None = None
        self._closed = False  # opening a line failed
        self._unclean = False  # a transaction may be open
        self._on_line = 0
        self._used_at = 0.0

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        """One message each, one after the other; once there is no hope, the rest of the batch is skipped untried."""
        hopeless: Outcome | None = None
        lost = 0
        for recipient, message in batch:
            if hopeless is not None:
                yield _outcome(recipient, _SKIPPED, hopeless.reason, hopeless.detail, hopeless.code, hopeless.retry_at)
                continue
            self._closed = False
            outcome = self._one(recipient, message)
            lost = lost + 1 if outcome.reason == Reason.UNREACHABLE else 0
            if outcome.reason in _WHOLE_ACCOUNT or self._closed or lost >= LOST:
                hopeless = outcome
            yield outcome

    def diagnose(self) -> Diagnosis:
        """Step by step up to RCPT, nothing is sent."""
        return diagnose(self._target, self._seconds, self._ca_file, self._scrubber)

    def close(self) -> None:
        """Say goodbye."""
        line, self._line = self._line, None
        if line is not None:
            line.leave()

    def _one(self, recipient: Recipient, message: Message) -> Outcome:
        """One message to one recipient. A line that breaks before the recipient was accepted is opened once more."""
        if not self._target.sender:
            return _outcome(recipient, _SKIPPED, Reason.AUTH, "The account has no sender address. Enter one.")
        try:
            mail = self._composer.compose(recipient, message)
        except Unsendable as error:
            return _outcome(recipient, _FAILED, Reason.MESSAGE, str(error))
        broken = LineBroken(Phase.GREETING)
        for _ in range(2):
            try:
                return self._transact(self._ready(), recipient, mail)
            except OpenFailed as failed:
                return self._not_open(recipient, failed)
            except LineBroken as error:
                self._drop()
                broken = error
                if error.phase in (Phase.DATA, Phase.CONTENT):
                    break
        return self._lost(recipient, broken)

    def _ready(self) -> SmtpLine:
        """A line that is open, signed in and clean; raises OpenFailed."""
        line, bound = self._line, self._target.per_connection
        if line is not None and (line.sock is None or 0 < bound <= self._on_line):
            self.close()
        elif line is not None and (self._unclean or time.monotonic() - self._used_at > IDLE_SECONDS):
            try:
                clean = line.ask("RSET", Phase.HELLO).good
            except LineBroken:
                clean = False
            if not clean:
                self._drop()
        if self._line is None:
            self._line = open_line(self._target, self._seconds, self._ca_file)
            self._on_line = 0
        self._unclean = True
        self._on_line += 1
        return self._line

    def _transact(self, line: SmtpLine, recipient: Recipient, mail: Mail) -> Outcome:
        """MAIL, RCPT, DATA, content; raises LineBroken."""
        if refused := self._beforehand(line, recipient, mail):
            return refused
        line.command_encoding = "utf-8" if mail.utf8 else "ascii"
        options = f" SIZE={len(mail.content)}" if line.has_extn("size") else ""
        options += " SMTPUTF8 BODY=8BITMIME" if mail.utf8 else ""
        for command, phase in (
            (f"MAIL FROM:<{mail.sender}>{options}", Phase.SENDER),
            (f"RCPT TO:<{mail.recipient}>", Phase.RECIPIENT),
        ):
            reply = line.ask(command, phase)
            if not reply.good:
                return self._refused(recipient, reply, phase)
        reply = line.ask("DATA", Phase.DATA)
        if reply.code != 354:
            return self._refused(recipient, reply, Phase.DATA)
        reply = line.give(mail.content)
        self._used_at = time.monotonic()
        if not reply.good:
            return self._refused(recipient, reply, Phase.CONTENT)
        self._unclean = False
        return Outcome(recipient=recipient, status=_SENT, code=reply.shown)

    def _beforehand(self, line: SmtpLine, recipient: Recipient, mail: Mail) -> Outcome | None:
        """What the server has said it does not take."""
        size = line.esmtp_features.get("size", "")
        if size.isdecimal() and 0 < int(size[:18]) < len(mail.content):
            self._unclean = False
            return _outcome(
                recipient, _FAILED, Reason.MESSAGE, f"The message is larger than the server's {size} bytes."
            )
        if mail.utf8 and not line.has_extn("smtputf8"):
            self._unclean = False
            detail = "The server does not take addresses with letters outside ASCII."
            if mail.sender.isascii():
                return _outcome(recipient, _FAILED, Reason.REFUSED, detail)
            return _outcome(recipient, _SKIPPED, Reason.AUTH, f"{detail} The account's sender has such letters.")
        return None

    def _refused(self, recipient: Recipient, reply: Reply, phase: Phase) -> Outcome:
        meaning = meaning_of(reply, phase)
        if not 400 <= reply.code < 600:
            raise LineBroken(phase)  # no answer to what was said; after the content it may mean anything
        if reply.closes and meaning.reason == Reason.UNREACHABLE and phase in (Phase.SENDER, Phase.RECIPIENT):
            raise LineBroken(phase)
        kind = CountedOutcome if phase in (Phase.DATA, Phase.CONTENT) else Outcome
        return kind(
            recipient=recipient,
            status=meaning.status,
            reason=meaning.reason,
            detail=self._said(meaning, reply, phase),
            code=reply.shown,
            retry_at=self._at(meaning.wait),
        )

    def _said(self, meaning: Meaning, reply: Reply, phase: Phase) -> str:
        """The sentence, with the server's words; not after the content, which those may quote."""
        words = self._scrubber.words(reply.words)
        return f"{meaning.detail} ({words})" if words and phase is not Phase.CONTENT else meaning.detail

    def _not_open(self, recipient: Recipient, failed: OpenFailed) -> Outcome:
        self._closed = True
        code = failed.reply.shown if failed.reply is not None else ""
        detail = f"{failed.hint.detail} {failed.hint.hint}".strip()
        return _outcome(recipient, _SKIPPED, failed.reason, detail, code, self._at(failed.wait))

    def _lost(self, recipient: Recipient, broken: LineBroken) -> Outcome:
        if broken.phase is Phase.CONTENT:
            return _outcome(recipient, _UNKNOWN)
        kind = CountedOutcome if broken.phase is Phase.DATA else Outcome
        return kind(
            recipient=recipient,
            status=_SKIPPED,
            reason=Reason.UNREACHABLE,
            detail="The line to the server broke before the message was sent.",
            retry_at=self._at(AGAIN),
        )

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _at(self, wait: timedelta | None) -> datetime | None:
        return None if wait is None else self._now() + wait


def _outcome(
    recipient: Recipient,
    status: RecipientStatus,
    reason: Reason | str = "",
    detail: str = "",
    code: str = "",
    retry_at: datetime | None = None,
) -> Outcome:
    return Outcome(recipient=recipient, status=status, reason=reason, detail=detail, code=code, retry_at=retry_at)


def _now() -> datetime:
    return datetime.now(UTC)
