"""BulkSMS, JSON REST API v1. Access code: token id and token secret with a colon between (or user name and password).

Facts: the service's OpenAPI document 1.0.0 as collected in November 2026.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm_comm_hookspecs import Account, Credits, InvalidInput, Outcome, Reason, Request, TransportError
from crm_comm_plugin.domain.segments import UCS_2, text_size
from crm_comm_plugin.transports.sms.batches import BatchTransport, Refusal, Results
from crm_comm_plugin.transports.sms.gateway import BaseGateway
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost, HttpLine
from crm_comm_plugin.transports.sms.outcomes import (
    Text,
    as_text,
    balance_of,
    delivery_of,
    reason_of_status,
    refused,
    results_by,
    sent,
    trouble,
    unknown,
)

BASE = "https://api.bulksms.com/v1"
_PROBLEMS = {"insufficient-credits": Reason.CREDITS, "quota-exceeded": Reason.PROVIDER_LIMIT}
"""What a 403 means by its type; any other is a matter of the account's rights."""
_TAKEN = frozenset({"ACCEPTED", "SCHEDULED", "SENT", "DELIVERED"})
"""Types of a status that say that the text is on its way."""
_FAILED = {"BLOCKED": Reason.REFUSED, "NOT_SENT": Reason.INVALID_NUMBER}


class BulkSms(BaseGateway):
    """BulkSMS: credits are bought on its page; reports come once their webhook is registered there."""

    key = "bulksms"
    label = "BulkSMS"
    capabilities = frozenset({"purchase", "balance", "reports"})
    code_form = ("token id", "token secret")
    code_help = "The access code of BulkSMS is its API token as TOKEN-ID:TOKEN-SECRET."
    shop = "https://www.bulksms.com/"
    report_setup = "Enter this address at BulkSMS under Settings, Developer, Webhooks, for sent messages:"
    base = BASE

    def _line(self, secrets: Mapping[str, str]) -> HttpLine:
        from requests.auth import HTTPBasicAuth

        user, password = self.credentials(secrets)
        return self.line(self.base, HTTPBasicAuth(user.encode(), password.encode()))

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> "BulkSmsTransport":
        """A line to send through."""
        return BulkSmsTransport(self.key, account, self._line(secrets), self.tools)

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """Credits left."""
        line = self._line(secrets)
        try:
            return balance_of(_profile(line).get("balance"), "credits", self.tools.clock.now())
        finally:
            line.close()

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """Up to ten messages; an empty list comes when the webhook is registered. It is not signed."""
        messages = Answer(200, {}, request.body).data()
        if not isinstance(messages, list):
            raise InvalidInput("The report cannot be read.", code="report_unreadable")
        for message in messages:
            if isinstance(message, dict) and message.get("type") == "SENT" and isinstance(message.get("status"), dict):
                status = message["status"]
                delivered = {"DELIVERED": True, "FAILED": False}.get(as_text(status.get("type")))
                number = "+" + as_text(message.get("to")).removeprefix("+")
                yield delivery_of(message.get("userSuppliedId"), number, delivered, status.get("subtype"))


class BulkSmsTransport(BatchTransport):
    """Many texts in one submission; a submission whose answer was lost is repeated under its deduplication id."""

    repeatable = True

    def _greet(self) -> str:
        return f"{as_text(_profile(self.line).get('balance'))} credits left"

    def _submit(self, texts: Sequence[Text], number: int) -> Answer:
        entries = [self._entry(text) for text in texts]
        return self.line.call("POST", "/messages", data=entries, params={"deduplication-id": str(number)})

    def _entry(self, text: Text) -> dict[str, Any]:
        size = text_size(text.text)
        entry: dict[str, Any] = {
            "to": text.recipient.address,
            "body": text.text,
            "encoding": "UNICODE" if size.encoding == UCS_2 else "TEXT",
            "longMessageMaxParts": size.segments,
            "userSuppliedId": text.ref,
            "deliveryReports": "ALL",
        }
        if self.sender:
            short = self.sender.isdigit() and len(self.sender) < 7
            entry["from"] = {"type": "SHORTCODE", "address": self.sender} if short else self.sender
        return entry

    def _read(self, texts: Sequence[Text], answer: Answer) -> Results:
        if answer.status == 201:
            return self._results(texts, answer.data())
        problem = as_text(answer.object().get("type")).rpartition("#")[2]
        if problem in _PROBLEMS:
            raise Refusal(_PROBLEMS[problem], problem, answer.retry_after())
        reason = reason_of_status(answer)
        if reason is None:
            raise AnswerLost
        if answer.status == 400 and "'to'" in as_text(answer.object().get("detail")):
            reason = Reason.INVALID_NUMBER
        raise Refusal(reason, problem or str(answer.status), answer.retry_after())

    def _results(self, texts: Sequence[Text], messages: Any) -> Results:
        found = results_by("userSuppliedId", messages)
        told = {ref: message for ref, message in found.items() if isinstance(message.get("status"), dict)}
        return {text.ref: _outcome(text, told[text.ref]) for text in texts if text.ref in told}


def _outcome(text: Text, message: Mapping[str, Any]) -> Outcome:
    kind, subtype = as_text(message["status"].get("type")), as_text(message["status"].get("subtype"))
    if kind == "FAILED":
        return refused(text, _FAILED.get(subtype, Reason.REFUSED), f"{kind}.{subtype}")
    if kind not in _TAKEN:
        return unknown(text)
    return sent(text, message.get("id"), message.get("numberOfParts"), message.get("creditCost"))


def _profile(line: HttpLine) -> Mapping[str, Any]:
    answer = line.get("/profile")
    if answer.status != 200:
        raise trouble(reason_of_status(answer) or Reason.UNREACHABLE, str(answer.status))
    left = answer.object().get("credits")
    if not isinstance(left, dict):
        raise TransportError("The gateway's answer cannot be read.", hint="Try again later.")
    return left
