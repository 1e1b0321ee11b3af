"""One line to an SMTP server, used by one thread at a time: jobs go in, one outcome for each recipient comes out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_comm_hookspecs import Outcome, Reason, Recipient, RecipientStatus
from crm_comm_plugin.domain.sends import CountedOutcome
from crm_comm_plugin.transports.replies import TOO_MANY_LINES, Meaning, Phase, Reply, meaning_of
from crm_comm_plugin.transports.scrub import Scrubber
from crm_comm_plugin.transports.smtp_hints import Hint
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine
from crm_comm_plugin.transports.smtp_open import AGAIN, OpenFailed, open_line
from crm_comm_plugin.transports.smtp_talk import Talk
from crm_comm_plugin.transports.smtp_target import Target

IDLE_SECONDS = 20.0
"""After so long a line is asked whether it is still there before a message is trusted to it."""
_SURPLUS = frozenset({452, 552})
"""Too many recipients for one message (RFC 5321 section 4.5.3.1.10)."""
_COUNTED = frozenset({Phase.DATA, Phase.CONTENT})
_SENT, _SKIPPED, _FAILED, _UNKNOWN = (
    RecipientStatus.SENT,
    RecipientStatus.SKIPPED,
    RecipientStatus.FAILED,
    RecipientStatus.UNKNOWN,
)
Outcomes = list[Outcome]
People = Sequence[Recipient]


@dataclass(frozen=True, slots=True)
class Job:
    """One message for one recipient, or for several at once. utf8: an address needs SMTPUTF8 (RFC 6531)."""

    recipients: tuple[Recipient, ...]
    sender: str
    content: bytes = field(repr=False)
    utf8: bool = False


class Lane:
    """A line that is opened when it is needed, and again when it breaks. seconds: the longest wait of each phase."""

    def __init__(
        self, target: Target, seconds: float, ca_file: str, now: Callable[[], datetime], scrubber: Scrubber
    ) -> None:
        self._target, self._seconds, self._ca_file = target, seconds, ca_file
        self._now, self._scrubber = now, scrubber
        self._line: SmtpLine | None = None
        self.closed = False  # opening the line failed in the last job
        self.untried = True  # nobody of the last job was tried at all
        self._unclean = False  # a transaction may be open
        self._on_line = 0
        self._used_at = 0.0
        self._most = target.per_message

    def run(self, job: Job) -> Outcomes:
        """Deliver a job; what the server takes no more of in one message goes in another one."""
        self.closed, self.untried = False, True
        done: Outcomes = []
        left: People = job.recipients
        while left and not self.closed:
            now, later = left[: self._most], left[self._most :]
            outcomes, again = self._tried(job, now)
            done += outcomes
            left = [*again, *later]
        return [*done, *(_like(done[-1], recipient) for recipient in left)]

    @property
    def is_open(self) -> bool:
        """True while there is a line."""
        line = self._line
        return line is not None and line.sock is not None

    def close(self) -> None:
        """Say goodbye."""
        line, self._line = self._line, None
        if line is not None:
            line.leave()

    def _tried(self, job: Job, people: People) -> tuple[Outcomes, People]:
        """One message. A line that breaks before anything can have been delivered is opened once more."""
        broken = LineBroken(Phase.GREETING)
        for _ in range(2):
            try:
                return self._transact(self._ready(), job, people)
            except OpenFailed as failed:
                return self._not_open(people, failed), ()
            except LineBroken as error:
                self._drop()
                broken = error
        return self._lost(people, broken), ()

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

    def _transact(self, line: SmtpLine, job: Job, people: People) -> tuple[Outcomes, People]:
        """MAIL, RCPT, DATA, content. Answers outcomes, and who must go in another message; raises LineBroken."""
        self.untried = False
        if refused := self._beforehand(line, job, people):
            return refused, ()
        talk = Talk(line, job.sender, [r.address for r in people], len(job.content), job.utf8)
        reply = talk.sender()
        if not reply.good:
            return self._turned_away(talk, reply, people), ()
        done, taken, surplus = self._recipients(talk, people)
        if not taken:
            talk.give_up()
            return done, ()
        phase = Phase.DATA
        try:
            reply = talk.data()
            if reply.code == 354 and line.has_more():
                raise LineBroken(phase)
            if reply.code == 354:
                phase = Phase.CONTENT
                reply = line.give(job.content)
                self._used_at = time.monotonic()
                if reply.good:
                    self._unclean = False
                    return [*done, *(_outcome(r, _SENT, code=reply.shown) for r in taken)], surplus
            return [*done, *(self._refused(recipient, reply, phase) for recipient in taken)], surplus
        except LineBroken as broken:
            self._drop()
            return [*done, *self._lost(taken, broken)], surplus

    def _turned_away(self, talk: Talk, reply: Reply, people: People) -> Outcomes:
        """MAIL was refused. A line that is one too many is as one that was never opened: others may go on."""
        meaning = meaning_of(reply, Phase.SENDER)
        if meaning is TOO_MANY_LINES:
            self._drop()
            self.untried = True
            raise OpenFailed(Phase.SENDER, Hint(meaning.detail), reply, meaning.reason, meaning.wait)
        outcomes = [self._refused(recipient, reply, Phase.SENDER) for recipient in people]
        talk.give_up()
        return outcomes

    def _recipients(self, talk: Talk, people: People) -> tuple[Outcomes, list[Recipient], list[Recipient]]:
        """(outcomes of the refused, the taken, those that are too many for one message)."""
        done: Outcomes = []
        taken: list[Recipient] = []
        surplus: list[Recipient] = []
        for recipient in people:
            reply = talk.recipient()
            if reply.good:
                taken.append(recipient)
            elif taken and reply.code in _SURPLUS and reply.enhanced[1:] in ("", ".5.3"):
                surplus.append(recipient)
                self._most = min(self._most, len(taken))
            else:
                done.append(self._refused(recipient, reply, Phase.RECIPIENT))
        return done, taken, surplus

    def _beforehand(self, line: SmtpLine, job: Job, people: People) -> Outcomes:
        """What the server has said it does not take."""
        size = line.esmtp_features.get("size", "")
        if size.isdecimal() and 0 < int(size[:18]) < len(job.content):
            self._unclean = False
            detail = f"The message is larger than the server's {size} bytes."
            return [_outcome(recipient, _FAILED, Reason.MESSAGE, detail) for recipient in people]
        if not job.utf8 or line.has_extn("smtputf8"):
            return []
        self._unclean = False
        detail = "The server does not take addresses with letters outside ASCII."
        if job.sender.isascii():
            return [_outcome(recipient, _FAILED, Reason.REFUSED, detail) for recipient in people]
        detail = f"{detail} The account's sender has such letters."
        return [_outcome(recipient, _SKIPPED, Reason.AUTH, detail) for recipient in people]

    def _refused(self, recipient: Recipient, reply: Reply, phase: Phase) -> Outcome:
        meaning = meaning_of(reply, phase)
        if not 400 <= reply.code < 600:
            raise LineBroken(phase)  # no answer to what was said; after the content it may mean anything
        if reply.closes and meaning.reason == Reason.UNREACHABLE and phase in (Phase.SENDER, Phase.RECIPIENT):
            raise LineBroken(phase)
        kind = CountedOutcome if phase in _COUNTED else Outcome
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

    def _not_open(self, people: People, failed: OpenFailed) -> Outcomes:
        self.closed = True
        code = failed.reply.shown if failed.reply is not None else ""
        detail = f"{failed.hint.detail} {failed.hint.hint}".strip()
        at = self._at(failed.wait)
        return [_outcome(recipient, _SKIPPED, failed.reason, detail, code, at) for recipient in people]

    def _lost(self, people: People, broken: LineBroken) -> Outcomes:
        if broken.phase is Phase.CONTENT:
            return [_outcome(recipient, _UNKNOWN) for recipient in people]
        detail = "The line to the server broke before the message was sent."
        kind, at = CountedOutcome if broken.phase is Phase.DATA else Outcome, self._at(AGAIN)
        return [
            kind(recipient=r, status=_SKIPPED, reason=Reason.UNREACHABLE, detail=detail, retry_at=at) for r in people
        ]

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


def _like(outcome: Outcome, recipient: Recipient) -> Outcome:
    """The same for somebody who was not tried."""
    o = outcome
    return _outcome(recipient, o.status, o.reason, o.detail, o.code, o.retry_at)
