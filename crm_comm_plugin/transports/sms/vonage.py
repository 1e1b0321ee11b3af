"""Vonage (Nexmo) SMS API. Access code: API-KEY:API-SECRET.

Facts: the service's OpenAPI documents (SMS 1.2.0, account 1.0.4) and guides as collected in November 2026.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from crm_comm_hookspecs import Account, Credits, InvalidInput, Outcome, Reason, Request
from crm_comm_plugin.domain.segments import UCS_2, text_size
from crm_comm_plugin.transports.sms.gateway import BaseGateway, GatewayTools
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost, HttpLine
from crm_comm_plugin.transports.sms.outcomes import (
    SENDER_REFUSED,
    Text,
    as_decimal,
    as_text,
    balance_of,
    delivery_of,
    reason_of_status,
    refused,
    sent,
    told_fields,
    trouble,
    unknown,
)
from crm_comm_plugin.transports.sms.plumbing import OneByOne

BASE = "https://rest.nexmo.com"
MAX_CALLBACK = 100
"""Characters of a callback URL; a longer one is left out, and the account's own URL is used."""

_REASON_OF: Mapping[str, Reason] = {
    "1": Reason.PROVIDER_LIMIT,
    "2": Reason.MESSAGE,
    "3": Reason.MESSAGE,
    "4": Reason.AUTH,
    "5": Reason.UNREACHABLE,
    "6": Reason.INVALID_NUMBER,
    "7": Reason.REFUSED,
    "8": Reason.AUTH,
    "9": Reason.CREDITS,
    "10": Reason.PROVIDER_LIMIT,
    "11": Reason.AUTH,
    "12": Reason.MESSAGE,
    "14": Reason.AUTH,
    "22": Reason.MESSAGE,
    "23": Reason.MESSAGE,
    "29": Reason.REFUSED,
    "32": Reason.AUTH,
    "33": Reason.INVALID_NUMBER,
}
_SENDER = "15"
_PAUSE = re.compile(r"\[\s*(\d{1,6})\s*\]")


class Vonage(BaseGateway):
    """Vonage: money is topped up on its page; it has no orders."""

    key = "vonage"
    label = "Vonage"
    capabilities = frozenset({"purchase", "balance", "reports"})
    code_form = ("API key", "API secret")
    code_help = "The access code of Vonage is API-KEY:API-SECRET."
    shop = "https://dashboard.nexmo.com/"
    report_setup = (
        f"Vonage gets this address with each text. Only if it is longer than {MAX_CALLBACK} characters, "
        "enter it in its dashboard under API Settings, Delivery receipts (DLR) webhooks:"
    )
    base = BASE

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> "VonageTransport":
        """A line to send through."""
        return VonageTransport(account, self.line(self.base), self.tools, self.credentials(secrets))

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """Euros left."""
        line = self.line(self.base)
        try:
            return balance_of(_balance(line, self.credentials(secrets)), "EUR", self.tools.clock.now())
        finally:
            line.close()

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """One receipt, as JSON, form or query, whichever the account is set to."""
        fields = _fields(request)
        if not fields.get("messageId"):
            raise InvalidInput("The report cannot be read.", code="report_unreadable")
        status = as_text(fields.get("status"))
        delivered = {"delivered": True, "expired": False, "failed": False, "rejected": False}.get(status)
        number = "+" + as_text(fields.get("msisdn"))
        return [delivery_of(fields.get("client-ref"), number, delivered, fields.get("err-code"))]


class VonageTransport(OneByOne):
    """One request per recipient; only the status in the answer's body tells."""

    def __init__(self, account: Account, line: HttpLine, tools: GatewayTools, credentials: Sequence[str]) -> None:
        super().__init__(Vonage.key, account, line, tools)
        self._key, self._secret = credentials

    def _greet(self) -> str:
        return f"{as_text(_balance(self.line, (self._key, self._secret)))} EUR left"

    def _send_one(self, text: Text) -> Outcome:
        if not self.sender:
            return refused(
                text, Reason.REFUSED, later=True, detail="Vonage needs a sender ID: enter one in the account."
            )
        form = {
            "api_key": self._key,
            "api_secret": self._secret,
            "from": self.sender.removeprefix("+"),
            "to": text.digits,
            "text": text.text,
            "type": "unicode" if text_size(text.text).encoding == UCS_2 else "text",
            "client-ref": text.ref,
        }
        if self.report_url and len(self.report_url) <= MAX_CALLBACK:
            form["callback"] = self.report_url
        answer = self.line.call("POST", "/sms/json", form=form)
        if answer.status != 200:
            reason = reason_of_status(answer)
            if reason is None:
                raise AnswerLost
            pause = answer.retry_after() or 1 if reason is Reason.PROVIDER_LIMIT else None
            return refused(text, reason, str(answer.status), self.later(pause))
        listed = answer.object().get("messages")
        parts = [part for part in (listed if isinstance(listed, list) else []) if isinstance(part, dict)]
        return self._outcome(text, parts)

    def _outcome(self, text: Text, parts: Sequence[Mapping[str, Any]]) -> Outcome:
        bad = [part for part in parts if as_text(part.get("status")) != "0"]
        if not parts or not all(as_text(part.get("status")) for part in parts):
            raise AnswerLost
        if not bad:
            price = sum((as_decimal(part.get("message-price")) or Decimal(0) for part in parts), Decimal(0))
            return sent(text, parts[0].get("message-id"), len(parts), price)
        if len(bad) < len(parts):
            return unknown(text, "Only a part of the long text was accepted.")
        code, words = as_text(bad[0].get("status")), as_text(bad[0].get("error-text"))
        if code == _SENDER or (code in ("2", "3") and re.search(r"\bfrom\b", words)):
            return refused(text, Reason.REFUSED, code, later=True, detail=SENDER_REFUSED)
        if code in ("2", "3") and re.search(r"\bto\b", words):
            return refused(text, Reason.INVALID_NUMBER, code)
        pause = _PAUSE.search(words)
        milliseconds = int(pause[1]) if pause else 1000
        wait = -(-milliseconds // 1000) if code in ("1", "10") else None
        return refused(text, _REASON_OF.get(code, Reason.REFUSED), code, self.later(wait))


def _balance(line: HttpLine, credentials: Sequence[str]) -> object:
    key, secret = credentials
    answer = line.get("/account/get-balance", {"api_key": key, "api_secret": secret})
    if answer.status != 200:
        raise trouble(reason_of_status(answer) or Reason.UNREACHABLE, str(answer.status))
    return answer.object().get("value")


def _fields(request: Request) -> Mapping[str, Any]:
    if request.method.upper() == "GET":
        return dict(told_fields(urlsplit(request.url).query))
    if "json" in request.headers.get("content-type", ""):
        return Answer(200, {}, request.body).object()
    return dict(told_fields(request.body))
