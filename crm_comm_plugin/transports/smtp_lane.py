"""One line to an SMTP server, used by one thread at a time: jobs go in, one outcome for each recipient comes out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from crm_comm_hookspecs import Recipient
from crm_comm_plugin.domain.scrub import Scrubber
from crm_comm_plugin.transports.replies import TOO_MANY_LINES, Phase, Reply, meaning_of
from crm_comm_plugin.transports.smtp_hints import Hint
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine
from crm_comm_plugin.transports.smtp_open import OpenFailed, open_line
from crm_comm_plugin.transports.smtp_talk import Talk
from crm_comm_plugin.transports.smtp_target import Target
from crm_comm_plugin.transports.smtp_verdicts import Job, Outcomes, People, Verdicts, beforehand, refusal

IDLE_SECONDS = 20.0
"""After so long a line is asked whether it is still there before a message is trusted to it."""
_SURPLUS = frozenset({452, 552})
"""Too many recipients for one message (RFC 5321 section 4.5.3.1.10); X.5.3 says so beside any code (RFC 3463)."""


class Lane:
    """A line that is opened when it is needed, and again when it breaks. seconds: the longest wait of each phase."""

    def __init__(
        self, target: Target, seconds: float, ca_file: str, now: Callable[[], datetime], scrubber: Scrubber
    ) -> None:
        self._target, self._seconds, self._ca_file = target, seconds, ca_file
        self._verdicts = Verdicts(now, scrubber)
        self._line: SmtpLine | None = None
        self.closed = False  # opening the line failed for the last message
        self.untried = True  # nobody of the last message was tried at all
        self._unclean = False  # a transaction may be open
        self._on_line = 0
        self._used_at = 0.0
        self._most = target.per_message
        self._last_part = True  # nothing of the job in hand is left for another message
        self._more: Callable[[], Job | None] = lambda: None
        self._next: Job | None = None  # taken already, told nobody of
        self._ahead: Talk | None = None  # its envelope, if that is on its way; no content is

    def run(self, more: Callable[[], Job | None]) -> Iterator[tuple[Job, Outcomes]]:
        """Deliver jobs until there are no more; each message comes back as a job with its outcomes when they are known.

        Where the server offers PIPELINING one further job is taken while the server thinks about the one in hand.
        """
        self._more = more
        try:
            while (job := self._taken()) is not None:
                yield from self._delivered(job)
        except BaseException:
            self._next = None
            self._drop()  # it may wait for a message
            raise

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

    def _taken(self) -> Job | None:
        job, self._next = self._next, None
        return job if job is not None else self._more()

    def _delivered(self, job: Job) -> Iterator[tuple[Job, Outcomes]]:
        """What the server takes no more of in one message goes in another one: a job for each, so that one that could
        not be tried holds nobody who was."""
        left: People = job.recipients
        while left:
            now, later = left[: self._most], left[self._most :]
            self._last_part = not later
            outcomes, again = self._tried(job, now)
            left = [*again, *later]
            if self.closed:
                outcomes = [*outcomes, *(refusal(recipient, outcomes[-1]) for recipient in left)]
                now, left = [*now, *left], ()
            part = job if len(now) == len(job.recipients) else replace(job, recipients=tuple(now))
            yield part, outcomes

    def _tried(self, job: Job, people: People) -> tuple[Outcomes, People]:
        """One message. A line that breaks before anything can have been delivered is opened once more."""
        self.closed, self.untried = False, True
        broken = LineBroken(Phase.GREETING)
        for _ in range(2):
            try:
                return self._transact(job, people)
            except OpenFailed as failed:
                self.closed = True
                return self._verdicts.not_open(people, failed), ()
            except LineBroken as error:
                self._drop()
                broken = error
        return self._verdicts.lost(people, broken), ()

    def _transact(self, job: Job, people: People) -> tuple[Outcomes, People]:
        """MAIL, RCPT, DATA, content. Answers outcomes, and who must go in another message; raises LineBroken."""
        talk = self._begun_ahead()
        if talk is None:
            line = self._ready()
            self.untried = False
            if refused := beforehand(line, job, people):
                self._unclean = False
                return refused, ()
            talk = Talk(line, job.sender, [r.address for r in people], len(job.content), job.utf8)
            talk.begin()
        reply = talk.sender()
        if not reply.good:
            if talk.after_refusal:  # it may be about the message before: a new line, and nothing is left of that
                raise LineBroken(Phase.SENDER)
            return self._turned_away(talk, reply, people), ()
        done, taken, surplus = self._recipients(talk, people)
        if not taken:
            talk.give_up()
            return done, ()
        try:
            return [*done, *self._content(talk, job, taken, not surplus)], surplus
        except LineBroken as broken:
            self._drop()
            return [*done, *self._verdicts.lost(taken, broken)], surplus

    def _turned_away(self, talk: Talk, reply: Reply, people: People) -> Outcomes:
        """MAIL was refused. A line that is one too many is as one that was never opened: others may go on."""
        meaning = meaning_of(reply, Phase.SENDER)
        if meaning is TOO_MANY_LINES:
            self._drop()
            self.untried = True
            raise OpenFailed(Phase.SENDER, Hint(meaning.detail), reply, meaning.reason, meaning.wait)
        outcomes = self._refused(people, reply, Phase.SENDER)
        talk.give_up()
        return outcomes

    def _content(self, talk: Talk, job: Job, taken: People, last: bool) -> Outcomes:
        """DATA and what follows for those who were taken; raises LineBroken, and then nobody may be tried again."""
        line, reply = talk.line, talk.data()
        if reply.code != 354:
            return self._refused(taken, reply, Phase.DATA)
        if line.has_more():
            raise LineBroken(Phase.DATA)
        behind = self._look_ahead(line) if last and self._last_part else b""
        reply = line.give(job.content, behind)
        self._used_at = time.monotonic()
        if reply.good:
            self._unclean = False
            return self._verdicts.sent(taken, reply)
        if self._ahead is not None:
            self._ahead.after_refusal = True
        return self._refused(taken, reply, Phase.CONTENT)

    def _refused(self, people: People, reply: Reply, phase: Phase) -> Outcomes:
        return [self._verdicts.refused(recipient, reply, phase) for recipient in people]

    def _look_ahead(self, line: SmtpLine) -> bytes:
        """The next job's envelope, where it may go behind the dot of the message in hand."""
        if not line.has_extn("pipelining") or 0 < self._target.per_connection <= self._on_line:
            return b""
        job = self._next = self._more()
        if job is None or beforehand(line, job, job.recipients):
            return b""
        people = job.recipients[: self._most]
        talk = Talk(line, job.sender, [r.address for r in people], len(job.content), job.utf8)
        try:
            packed = talk.packed()
        except LineBroken:  # this is for its own turn to say
            return b""
        self._ahead = talk
        return packed

    def _begun_ahead(self) -> Talk | None:
        """The envelope that went with the message before, if its line is still there."""
        talk, self._ahead = self._ahead, None
        if talk is None or not self.is_open:
            return None
        self._unclean, self.untried = True, False
        self._on_line += 1
        return talk

    def _recipients(self, talk: Talk, people: People) -> tuple[Outcomes, list[Recipient], list[Recipient]]:
        """(outcomes of the refused, the taken, those that are too many for one message)."""
        done: Outcomes = []
        taken: list[Recipient] = []
        surplus: list[Recipient] = []
        for recipient in people:
            reply = talk.recipient()
            if reply.good:
                taken.append(recipient)
            elif taken and (reply.enhanced[1:] == ".5.3" or (reply.code in _SURPLUS and not reply.enhanced)):
                surplus.append(recipient)
                self._most = min(self._most, len(taken))
            else:
                done.append(self._verdicts.refused(recipient, reply, Phase.RECIPIENT))
        return done, taken, surplus

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

    def _drop(self) -> None:
        line, self._line = self._line, None
        self._ahead = None
        if line is not None:
            line.close()
