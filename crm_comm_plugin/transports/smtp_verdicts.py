"""From what happened on a line to outcomes: refusals, breaks, lines that could not be opened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_comm_hookspecs import Outcome, Reason, Recipient, RecipientStatus
from crm_comm_plugin.domain.scrub import Scrubber
from crm_comm_plugin.domain.sends import CountedOutcome, UncountedOutcome
from crm_comm_plugin.transports.replies import Meaning, Phase, Reply, meaning_of
from crm_comm_plugin.transports.smtp_line import LineBroken, SmtpLine
from crm_comm_plugin.transports.smtp_open import AGAIN, OpenFailed

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


class Verdicts:
    """Makes the outcomes of one line. scrubber: takes secrets out of the server's words."""

    def __init__(self, now: Callable[[], datetime], scrubber: Scrubber) -> None:
        self._now, self._scrubber = now, scrubber

    def sent(self, people: People, reply: Reply) -> Outcomes:
        """The server took the message."""
        code = reply.shown
        return [Outcome(recipient=recipient, status=_SENT, code=code) for recipient in people]

    def refused(self, recipient: Recipient, reply: Reply, phase: Phase) -> Outcome:
        """The reply is not positive; raises LineBroken when it is no refusal either."""
        meaning = meaning_of(reply, phase)
        if not 400 <= reply.code < 600:
            raise LineBroken(phase)  # no answer to what was said; after the content it may mean anything
        if reply.closes and meaning.reason == Reason.UNREACHABLE and phase in (Phase.SENDER, Phase.RECIPIENT):
            raise LineBroken(phase)
        kind = CountedOutcome if phase in _COUNTED else UncountedOutcome
        return kind(
            recipient=recipient,
            status=meaning.status,
            reason=meaning.reason,
            detail=self._said(meaning, reply, phase),
            code=reply.shown,
            retry_at=self._at(meaning.wait),
        )

    def not_open(self, people: People, failed: OpenFailed) -> Outcomes:
        """There is no line."""
        code = failed.reply.shown if failed.reply is not None else ""
        detail = f"{failed.hint.detail} {failed.hint.hint}".strip()
        at = self._at(failed.wait)
        return [_outcome(recipient, _SKIPPED, failed.reason, detail, code, at) for recipient in people]

    def lost(self, people: People, broken: LineBroken) -> Outcomes:
        """The line broke: only after the content left it is unknown what became of it."""
        if broken.phase is Phase.CONTENT:
            return [_outcome(recipient, _UNKNOWN) for recipient in people]
        detail = "The line to the server broke before the message was sent."
        kind, at = CountedOutcome if broken.phase is Phase.DATA else Outcome, self._at(AGAIN)
        return [
            kind(recipient=r, status=_SKIPPED, reason=Reason.UNREACHABLE, detail=detail, retry_at=at) for r in people
        ]

    def _said(self, meaning: Meaning, reply: Reply, phase: Phase) -> str:
        """The sentence, with the server's words; not after the content, which those may quote."""
        words = self._scrubber.words(reply.words)
        return f"{meaning.detail} ({words})" if words and phase is not Phase.CONTENT else meaning.detail

    def _at(self, wait: timedelta | None) -> datetime | None:
        return None if wait is None else self._now() + wait


def beforehand(line: SmtpLine, job: Job, people: People) -> Outcomes:
    """Outcomes for what the server has said it does not take; none when it may take the job."""
    size = line.esmtp_features.get("size", "")
    if size.isdecimal() and 0 < int(size[:18]) < len(job.content):
        detail = f"The message is larger than the server's {size} bytes."
        return [_outcome(recipient, _FAILED, Reason.MESSAGE, detail) for recipient in people]
    if not job.utf8 or line.has_extn("smtputf8"):
        return []
    detail = "The server does not take addresses with letters outside ASCII."
    if job.sender.isascii() and all(recipient.address.isascii() for recipient in people):
        detail = f"{detail} The address to reply to has such letters."
        return [_outcome(recipient, _FAILED, Reason.MESSAGE, detail) for recipient in people]
    if job.sender.isascii():
        return [_outcome(recipient, _FAILED, Reason.REFUSED, detail) for recipient in people]
    detail = f"{detail} The account's sender has such letters."
    return [_outcome(recipient, _SKIPPED, Reason.AUTH, detail) for recipient in people]


def refusal(recipient: Recipient, like: Outcome) -> Outcome:
    """Skipped untried, for the reason for which somebody else could not be sent to."""
    return _outcome(recipient, _SKIPPED, like.reason, like.detail, like.code, like.retry_at)


def _outcome(
    recipient: Recipient,
    status: RecipientStatus,
    reason: Reason | str = "",
    detail: str = "",
    code: str = "",
    retry_at: datetime | None = None,
) -> Outcome:
    return Outcome(recipient=recipient, status=status, reason=reason, detail=detail, code=code, retry_at=retry_at)
