"""Twilio Programmable Messaging. Access code: ACCOUNT-SID:AUTH-TOKEN, or ACCOUNT-SID:KEY-SID:KEY-SECRET; a Messaging
Service may follow as :MG...

Facts: the service's OpenAPI document (April 2026) and error pages as collected in November 2026. Its X-Twilio-Signature
is base64 of HMAC-SHA1, with the auth token as key, over the URL followed by the sorted form names and values.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from crm_comm_hookspecs import Account, Credits, InvalidInput, Outcome, Reason, Request
from crm_comm_plugin.transports.sms.gateway import BaseGateway, GatewayTools
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost, HttpLine
from crm_comm_plugin.transports.sms.outcomes import (
    SENDER_REFUSED,
    Text,
    as_text,
    balance_of,
    delivery_of,
    reason_of_status,
    refused,
    sent,
    told_fields,
    trouble,
)
from crm_comm_plugin.transports.sms.plumbing import OneByOne

BASE = "https://api.twilio.com"
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}").fullmatch

_REASONS: Mapping[Reason, tuple[int, ...]] = {
    Reason.CREDITS: (10001, 20005, 90010, 30002),
    Reason.AUTH: (20003, 20403, 20404),
    Reason.PROVIDER_LIMIT: (20429, 21611, 63038, 30001, 30022, 30023, 30027),
    Reason.UNREACHABLE: (20500, 20503),
    Reason.INVALID_NUMBER: (21211, 21217, 21265, 21604, 21614, 30005, 30006),
    Reason.MESSAGE: (21602, 21609, 21617, 21618, 21624, 30019),
    Reason.REFUSED: (21408, 21608, 21610, 21612, 30004, 30007),
}
_REASON_OF = {code: reason for reason, codes in _REASONS.items() for code in codes}
_SENDER = frozenset({21212, 21401, 21601, 21603, 21606, 21703, 21704, 21705})
"""Codes that mean the account's sender: another one may work, so recipients are not lost by it."""


class Twilio(BaseGateway):
    """Twilio: credits are bought on its page; it has no orders."""

    key = "twilio"
    label = "Twilio"
    capabilities = frozenset({"purchase", "balance", "reports"})
    code_help = "The access code of Twilio is ACCOUNT-SID:AUTH-TOKEN; a Messaging Service may follow as :MG..."
    shop = "https://console.twilio.com/"
    base = BASE

    def _parts(self, code: str) -> tuple[str, ...]:
        """(account, user, password, messaging service or "")."""
        account, *rest = [part.strip() for part in code.strip().split(":")]
        user = rest.pop(0) if len(rest) > 1 and rest[0].startswith("SK") else account
        password = rest.pop(0) if rest else ""
        service = rest.pop(0) if rest and rest[0].startswith("MG") else ""
        return (account, user, password, service) if _ACCOUNT(account) and password and not rest else ()

    def _line(self, secrets: Mapping[str, str]) -> HttpLine:
        from requests.auth import HTTPBasicAuth

        account, user, password, _ = self.credentials(secrets)
        return self.line(
            f"{self.base}/2010-04-01/Accounts/{account}",
            HTTPBasicAuth(user.encode(), password.encode()),
        )

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> "TwilioTransport":
        """A line to send through."""
        service = self.credentials(secrets)[3]
        return TwilioTransport(account, self._line(secrets), self.tools, service)

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """Money left, in the account's currency."""
        line = self._line(secrets)
        try:
            data = _balance(line)
        finally:
            line.close()
        return balance_of(data.get("balance"), data.get("currency"), self.tools.clock.now())

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """One status; its signature is checked where the access code holds the auth token."""
        account, user, token, _ = self.credentials(secrets)
        form = told_fields(request.body)
        if user == account and not _genuine(request, form, token):
            raise InvalidInput("The report's signature is wrong.", code="report_forged")
        fields = dict(form)
        status = fields.get("MessageStatus", "")
        delivered = {"delivered": True, "read": True, "undelivered": False, "failed": False}.get(status)
        ref = dict(told_fields(urlsplit(request.url).query)).get("ref", "")
        return [delivery_of(ref, fields.get("To"), delivered, fields.get("ErrorCode"))]


class TwilioTransport(OneByOne):
    """One request per recipient: the service takes no more."""

    def __init__(self, account: Account, line: HttpLine, tools: GatewayTools, service: str) -> None:
        super().__init__(Twilio.key, account, line, tools)
        self._service = service

    def _greet(self) -> str:
        data = _balance(self.line)
        return f"{as_text(data.get('balance'))} {as_text(data.get('currency'))} left"

    def _send_one(self, text: Text) -> Outcome:
        form = {"To": text.recipient.address, "Body": text.text}
        if self._service:
            form["MessagingServiceSid"] = self._service
        if self.sender or not self._service:
            form["From"] = self.sender
        if not form.get("From", "MG"):
            return refused(
                text, Reason.REFUSED, later=True, detail="Twilio needs a sender ID: enter one in the account."
            )
        if self.report_url:
            form["StatusCallback"] = f"{self.report_url}?ref={text.ref}"
        answer = self.line.call("POST", "/Messages.json", form=form)
        data = answer.object()
        if answer.status == 201:
            if data.get("status") in ("failed", "undelivered"):
                return self._refused(text, answer, data.get("error_code"))
            if not as_text(data.get("sid")):  # nothing that was made has no id: this is no answer of Twilio's
                raise AnswerLost
            return sent(text, data.get("sid"), data.get("num_segments"), data.get("price"))
        return self._refused(text, answer, data.get("code"))

    def _refused(self, text: Text, answer: Answer, number: object) -> Outcome:
        code = _code(number)
        if code in _SENDER:
            return refused(text, Reason.REFUSED, str(code), later=True, detail=SENDER_REFUSED)
        told = reason_of_status(answer)
        if told is None and answer.status != 201:
            raise AnswerLost  # whatever its code: an error inside may have come after the text went
        pause = answer.retry_after() or 1 if answer.status == 429 else None
        return refused(text, _REASON_OF.get(code) or told or Reason.REFUSED, as_text(number), self.later(pause))


def _code(value: object) -> int:
    text = as_text(value)
    return int(text) if text.isascii() and text.isdigit() else 0


def _balance(line: HttpLine) -> Mapping[str, Any]:
    answer = line.get("/Balance.json")
    if answer.status != 200:
        code = answer.object().get("code")
        reason = _REASON_OF.get(_code(code)) or reason_of_status(answer)
        raise trouble(reason or Reason.UNREACHABLE, as_text(code))
    return answer.object()


def _genuine(request: Request, form: Iterable[tuple[str, str]], token: str) -> bool:
    told = request.url + "".join(name + value for name, value in sorted(form))
    digest = hmac.new(token.encode(), told.encode("utf-8", "replace"), hashlib.sha1).digest()
    given = request.headers.get("x-twilio-signature", "")
    return hmac.compare_digest(given.encode("utf-8", "replace"), base64.b64encode(digest))
