"""From a batch to jobs: one message each, or one for many where the contents are the same and the caller allows it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from crm_comm_hookspecs import EmailMessage, Outcome, Reason, Recipient, RecipientStatus
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.transports.headers import Unsendable
from crm_comm_plugin.transports.mime import Composer, envelope
from crm_comm_plugin.transports.smtp_target import Target
from crm_comm_plugin.transports.smtp_verdicts import Job


class Jobs:
    """Makes the jobs of one account."""

    def __init__(self, target: Target, now: Callable[[], datetime]) -> None:
        self._target = target
        self._composer = Composer(target.sender, now)

    def of(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Job | Outcome]:
        """Jobs in order, and outcomes for those whom nothing can be sent to. Reads no further than it must."""
        group: list[Recipient] = []
        common: EmailMessage | None = None
        for recipient, message in batch:
            if group and (message is not common or len(group) >= self._target.per_message):
                yield from self._together(group, common)
                group = []
            if isinstance(message, EmailMessage) and message.shared and self._target.per_message > 1:
                group, common = [*group, recipient], message
            else:
                yield self._single(recipient, message)
        yield from self._together(group, common)

    def _single(self, recipient: Recipient, message: object) -> Job | Outcome:
        if not self._target.sender:
            return _no_sender(recipient)
        try:
            mail = self._composer.compose(recipient, message)
        except Unsendable as error:
            return _unsendable(recipient, error)
        return Job((recipient,), mail.sender, mail.content, mail.utf8)

    def _together(self, group: Sequence[Recipient], message: EmailMessage | None) -> Iterator[Job | Outcome]:
        if message is None or len(group) < 2 or not self._target.sender:
            yield from (self._single(recipient, message) for recipient in group)
            return
        fit: list[Recipient] = []
        for recipient in group:
            try:
                envelope(recipient.address)
                fit.append(recipient)
            except Unsendable as error:
                yield _unsendable(recipient, error)
        try:
            content = self._composer.shared(message)
        except Unsendable as error:
            yield from (_unsendable(recipient, error) for recipient in fit)
            return
        plain = self._target.sender.isascii() and content.isascii()
        for utf8 in (False, True):  # one address outside ASCII must not make the others depend on SMTPUTF8
            people = tuple(r for r in fit if (not plain or not r.address.isascii()) is utf8)
            if people:
                yield Job(people, self._target.sender, content, utf8)


def _no_sender(recipient: Recipient) -> Outcome:
    detail = "The account has no sender address. Enter one."
    return Outcome(recipient=recipient, status=RecipientStatus.SKIPPED, reason=Reason.AUTH, detail=detail)


def _unsendable(recipient: Recipient, error: Unsendable) -> Outcome:
    return Outcome(recipient=recipient, status=RecipientStatus.FAILED, reason=Reason.MESSAGE, detail=str(error))
