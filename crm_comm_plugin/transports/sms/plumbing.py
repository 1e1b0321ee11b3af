"""The base of all SMS transports: references before texts go, one text after the other, and when to stop."""

import secrets as randomness
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

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
from crm_comm_plugin.transports.sms.outcomes import STOPPING, Text, give_up, trouble, unknown

REF_BYTES = 10
"""References have 20 hexadecimal digits: the longest that every gateway gives back unharmed (BulkSMS: 20)."""
LOST_IN_A_ROW = 2
"""After so many lost answers, one after the other, the rest of a batch is not tried."""
SHORT_PAUSE = 5.0
"""Seconds that are waited at once; a longer pause goes back to who sends."""
PATIENCE = 3
"""How many short pauses in a row are taken for one text."""


class SmsTransport:
    """Base of the gateways' transports: `_send_one` or `_send` is what each adds."""

    batch = 20

    def __init__(self, gateway: str, account: Account, line: HttpLine, tools: GatewayTools) -> None:
        self.account, self.line, self.tools = account, line, tools
        self.sender = account.sender
        self.report_url = tools.report_url(gateway, account.id) if account.id else ""
        self._send_id = ""

    def begin(self, send_id: str) -> None:
        """The send that the next batches belong to."""
        self._send_id = send_id

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        """One outcome each. What is wrong with the whole line is raised after everybody has got theirs."""
        texts = []
        for recipient, message in batch:
            if isinstance(message, TextMessage) and message.text:
                texts.append(Text(randomness.token_hex(REF_BYTES), recipient, message.text))
            else:
                yield Outcome(
                    recipient=recipient,
                    status=RecipientStatus.FAILED,
                    reason=Reason.MESSAGE,
                    detail="There is no text.",
                )
        if not texts:
            return
        try:
            self._remember(texts)
        except CommError as error:
            yield from give_up(texts, TransportError(str(error), reason=Reason.INTERRUPTED))
        yield from self._send(texts)

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

    def _remember(self, texts: Sequence[Text]) -> None:
        if self.tools.refs is None or not self.account.id:
            return
        now = self.tools.clock.now()
        self.tools.refs.remember(
            [
                SentText(
                    ref=text.ref,
                    account_id=self.account.id,
                    send_id=self._send_id,
                    address=text.recipient.address,
                    at=now,
                )
                for text in texts
            ]
        )

    def _send(self, texts: Sequence[Text]) -> Iterator[Outcome]:
        lost = 0
        for index, text in enumerate(texts):
            try:
                outcome = self._patiently(text)
                lost = 0
            except AnswerLost:
                outcome, lost = unknown(text), lost + 1
            except TransportError as error:
                yield from give_up(texts[index:], error)
                return
            yield outcome
            if lost == LOST_IN_A_ROW:
                yield from give_up(
                    texts[index + 1 :], trouble(Reason.UNREACHABLE, detail="The gateway does not answer.")
                )
            if outcome.status is RecipientStatus.SKIPPED and outcome.reason in STOPPING:
                stop = trouble(Reason(outcome.reason), outcome.code, outcome.detail, outcome.retry_at)
                yield from give_up(texts[index + 1 :], stop)

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

    def _greet(self) -> str:
        """Sign in, send nothing; a line for people. Raises TransportError."""
        raise NotImplementedError
