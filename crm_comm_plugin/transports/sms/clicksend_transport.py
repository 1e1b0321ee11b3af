"""Sending by ClickSend: many texts in one request, a status for each, and no way to repeat a lost one."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm_comm_hookspecs import Outcome, Reason, TransportError
from crm_comm_plugin.transports.sms.batches import BatchTransport, Refusal, Results
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost
from crm_comm_plugin.transports.sms.outcomes import (
    SENDER_REFUSED,
    Text,
    as_text,
    reason_of_status,
    refused,
    results_by,
    sent,
    trouble,
)

REASON_OF: Mapping[str, Reason] = {
    "MISSING_CREDENTIALS": Reason.AUTH,
    "ACCOUNT_NOT_ACTIVATED": Reason.AUTH,
    "INVALID_CREDENTIALS": Reason.AUTH,
    "UNAUTHORIZED": Reason.AUTH,
    "FORBIDDEN": Reason.AUTH,
    "INVALID_RECIPIENT": Reason.INVALID_NUMBER,
    "THROTTLED": Reason.PROVIDER_LIMIT,
    "TOO_MANY_RECIPIENTS": Reason.PROVIDER_LIMIT,
    "TOO_MANY_REQUESTS": Reason.PROVIDER_LIMIT,
    "HTTP_TOO_MANY_REQUESTS": Reason.PROVIDER_LIMIT,
    "INSUFFICIENT_CREDIT": Reason.CREDITS,
    "EMPTY_MESSAGE": Reason.MESSAGE,
    "MISSING_REQUIRED_FIELDS": Reason.MESSAGE,
    "INVALID_SCHEDULE": Reason.MESSAGE,
    "BAD_REQUEST": Reason.MESSAGE,
    "COUNTRY_NOT_ENABLED": Reason.REFUSED,
    "NOT_ENOUGH_PERMISSION_TO_LIST_ID": Reason.REFUSED,
    "INTERNAL_ERROR": Reason.UNREACHABLE,
    "SOMETHING_IS_WRONG": Reason.UNREACHABLE,
    "INTERNAL_SERVER_ERROR": Reason.UNREACHABLE,
}


class ClickSendTransport(BatchTransport):
    """A refused text comes with HTTP 200 and its own status."""

    def _greet(self) -> str:
        return f"{as_text(data_of(self.line.get('/account')).get('balance'))} left"

    def _submit(self, texts: Sequence[Text], number: int) -> Answer:
        sender = {"from": self.sender} if self.sender else {}
        messages = [
            {"source": "crm-comm", "to": t.recipient.address, "body": t.text, "custom_string": t.ref, **sender}
            for t in texts
        ]
        return self.line.call("POST", "/sms/send", data={"messages": messages})

    def _read(self, texts: Sequence[Text], answer: Answer) -> Results:
        envelope = answer.object()
        if answer.status != 200:
            code = as_text(envelope.get("response_code"))
            reason = reason_of_status(answer) and (REASON_OF.get(code) or reason_of_status(answer))
            if reason is None:
                raise AnswerLost
            raise Refusal(reason, code or str(answer.status), answer.retry_after())
        data = envelope.get("data")
        listed = data.get("messages") if isinstance(data, dict) else None
        code = as_text(envelope.get("response_code"))
        if not listed and code in REASON_OF:  # where a refusal of the whole stands is not documented
            raise Refusal(REASON_OF[code], code, answer.retry_after())
        found = results_by("custom_string", listed)
        told = {ref: message for ref, message in found.items() if as_text(message.get("status"))}
        return {text.ref: self._outcome(text, told[text.ref]) for text in texts if text.ref in told}

    def _outcome(self, text: Text, message: Mapping[str, Any]) -> Outcome:
        status = as_text(message.get("status"))
        if status == "SUCCESS":
            parts, price = message.get("message_parts"), message.get("message_price")
            return sent(text, message.get("message_id"), parts, price)
        if status == "INVALID_SENDER_ID":
            return refused(text, Reason.REFUSED, status, later=True, detail=SENDER_REFUSED)
        return refused(text, REASON_OF.get(status, Reason.REFUSED), status)


def data_of(answer: Answer) -> Mapping[str, Any]:
    """The data of a successful answer; raises TransportError in words."""
    envelope = answer.object()
    data = envelope.get("data")
    if answer.status == 200 and isinstance(data, dict):
        return data
    reason = reason_of_status(answer)
    raise problem_of(as_text(envelope.get("response_code")), reason)


def problem_of(code: str, reason: Reason | None = None) -> TransportError:
    """The trouble of a whole call."""
    found = REASON_OF.get(code) or reason or Reason.UNREACHABLE
    if found in (Reason.AUTH, Reason.CREDITS, Reason.PROVIDER_LIMIT):
        return trouble(found, code[:40])
    return trouble(Reason.UNREACHABLE, code[:40], "ClickSend did not do what was asked.")
