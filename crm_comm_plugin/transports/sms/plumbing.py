"""The base of all SMS transports: references before texts go, one text after the other, and when to stop."""

import re
import secrets as randomness
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain

from crm_comm_hookspecs import (
    Account,
    CommError,
    Diagnosis,
    Message,
    Outcome,
    Reason,
    Recipient,
    RecipientStatus,
    Step,
    TextMessage,
    TransportError,
)
from crm_comm_plugin.domain.ports.credits import SentText
from crm_comm_plugin.transports.sms.gateway import GatewayTools
from crm_comm_plugin.transports.sms.http import AnswerLost, HttpLine
from crm_comm_plugin.transports.sms.outcomes import STOPPING, Text, give_up, refused, trouble, unknown

REF_BYTES = 10
"""References have 20 hexadecimal digits: the longest that every gateway gives back unharmed (BulkSMS: 20)."""
LOST_IN_A_ROW = 2
"""After so many lost answers, one after the other, the rest of a batch is not tried."""
SHORT_PAUSE = 5.0
"""Seconds that are waited at once; a longer pause goes back to who sends."""
PATIENCE = 3
"""How many short pauses in a row are taken for one text."""
_HALVES = re.compile("[\ud800-\udfff]")


class SmsTransport:
    """Base of all of them: the line, references, Test Connection."""

    batch = 20

    def __init__(self, gateway: str, account: Account, line: HttpLine, tools: GatewayTools) -> None:
        self.account, self.line, self.tools = account, line, tools
        self.sender = account.sender
        self.report_url = tools.report_url(gateway, account.id) if account.id else ""
        self._send_id = ""

    def begin(self, send_id: str) -> None:
        """The send that the next batches belong to."""
        self._send_id = send_id

    def diagnose(self) -> Diagnosis:
        """Sign in and read the balance; sends nothing."""
        try:
            detail = self._greet()
        except TransportError as error:
            if error.reason is not Reason.AUTH:
                step = Step(name="Connect", ok=False, detail=error.message, hint=error.hint)
                return Diagnosis(ok=False, steps=(step,))
            step = Step(name="Sign in", ok=False, detail=error.message, hint=error.hint, field="access_code")
            return Diagnosis(ok=False, steps=(Step(name="Connect", ok=True), step))
        return Diagnosis(ok=True, steps=(Step(name="Connect", ok=True), Step(name="Sign in", ok=True, detail=detail)))

    def close(self) -> None:
        """Close its connections."""
        self.line.close()

    def later(self, seconds: int | None) -> datetime | None:
        """A time so many seconds from now."""
        return None if seconds is None else self.tools.clock.now() + timedelta(seconds=seconds)

    def texts_of(self, batch: Iterable[tuple[Recipient, Message]]) -> Iterator[Text | Outcome]:
        """Each message as a text with a new reference, or the outcome of what is none."""
        for recipient, message in batch:
            text = message.text if isinstance(message, TextMessage) and isinstance(message.text, str) else ""
            if text and not _HALVES.search(text):
                yield Text(randomness.token_hex(REF_BYTES), recipient, text)
            else:
                problem = "The text holds half a character." if text else "There is no text."
                yield refused(Text("", recipient, ""), Reason.MESSAGE, detail=problem)

    def remember(self, texts: Sequence[Text]) -> None:
        """Write the references before the texts go; raises TransportError when that cannot be done."""
        if self.tools.refs is None or not self.account.id:
            return
        account, send_id, now = self.account.id, self._send_id, self.tools.clock.now()
        try:
            self.tools.refs.remember(
                [
                    SentText(ref=t.ref, account_id=account, send_id=send_id, address=t.recipient.address, at=now)
                    for t in texts
                ]
            )
        except CommError as error:
            raise TransportError(error.message, reason=Reason.INTERRUPTED, hint=error.hint) from error

    def _greet(self) -> str:
        """Sign in, send nothing; a line for people. Raises TransportError."""
        raise NotImplementedError


class OneByOne(SmsTransport):
    """Base of gateways that take one recipient per request: each adds `_send_one`."""

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        """One outcome each. What is wrong with the whole line is raised after everybody has got theirs."""
        waiting, lost = self.texts_of(batch), 0
        for text in waiting:
            if isinstance(text, Outcome):
                yield text
                continue
            try:
                self.remember([text])
                outcome = self._patiently(text)
                lost = 0
            except AnswerLost:
                outcome, lost = unknown(text), lost + 1
            except TransportError as error:
                yield from give_up(chain([text], waiting), error)
            yield outcome
            if lost == LOST_IN_A_ROW:
                yield from give_up(waiting, trouble(Reason.UNREACHABLE, detail="The gateway does not answer."))
            if outcome.status is RecipientStatus.SKIPPED and outcome.reason in STOPPING:
                stop = trouble(Reason(outcome.reason), outcome.code, outcome.detail, outcome.retry_at)
                yield from give_up(waiting, stop)

    def _patiently(self, text: Text) -> Outcome:
        """A short pause that the gateway asks for is taken, and the same text tried again: it was surely not sent."""
        for _ in range(PATIENCE):
            outcome = self._send_one(text)
            if outcome.reason != Reason.PROVIDER_LIMIT or outcome.retry_at is None:
                return outcome
            pause = (outcome.retry_at - self.tools.clock.now()).total_seconds()
            if pause > SHORT_PAUSE:
                return outcome
            self.tools.wait(max(0.0, pause))
        return self._send_one(text)

    def _send_one(self, text: Text) -> Outcome:
        """Send it; raises AnswerLost, or TransportError when nothing was sent."""
        raise NotImplementedError


class Together(SmsTransport):
    """Base of gateways that take many texts in one request: each adds `_send`."""

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        """One outcome each. What is wrong with the whole line is raised after everybody has got theirs."""
        texts = []
        for text in self.texts_of(batch):
            if isinstance(text, Outcome):
                yield text
            else:
                texts.append(text)
        if not texts:
            return
        try:
            self.remember(texts)
        except TransportError as error:
            yield from give_up(texts, error)
        yield from self._send(texts)

    def _send(self, texts: Sequence[Text]) -> Iterator[Outcome]:
        """Send them."""
        raise NotImplementedError
