"""Kannel's HTTP interface (smsbox, sendsms). Access code: USERNAME:PASSWORD of the sendsms user.

Facts: Kannel's user guide 1.4.5. Everything goes in a form body, so that neither password nor number is in a URL.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from marshmallow import ValidationError

from crm_comm_hookspecs import Account, FormSchema, InvalidInput, Outcome, Reason, Request, TransportError
from crm_comm_hookspecs.fields import Text as TextField
from crm_comm_plugin.domain.segments import UCS_2, text_size
from crm_comm_plugin.transports.sms.gateway import BaseGateway, GatewayTools
from crm_comm_plugin.transports.sms.http import AnswerLost, HttpLine, checked_url
from crm_comm_plugin.transports.sms.outcomes import Text, delivery_of, refused, sent
from crm_comm_plugin.transports.sms.plumbing import OneByOne

_FINAL_REPORTS = 1 | 2 | 16
"""dlr-mask: delivered to the phone, not delivered, rejected by the SMS centre."""
_DELIVERED = {"1": True, "2": False, "16": False}
_QUEUED = (b"0:", b"3:")


def _is_kannel_url(url: str) -> None:
    if problem := checked_url(url, private=True):
        raise ValidationError(problem)


class KannelFields(FormSchema):
    """Where the smsbox listens."""

    kannel_url = TextField(
        maxlength=300,
        validate=_is_kannel_url,
        metadata={
            "label": "Kannel Address",
            "help": "Up to and with the path of sendsms, for example http://10.0.0.5:13013/cgi-bin/sendsms",
            "when": {"gateway": ["kannel"]},
            "required_when": {"gateway": ["kannel"]},
        },
    )


class Kannel(BaseGateway):
    """One's own gateway: it has no credits, so nothing can be bought or counted."""

    key = "kannel"
    label = "Kannel"
    capabilities = frozenset({"reports"})
    fields: type[FormSchema] | None = KannelFields
    code_form = ("username", "password")
    code_help = "The access code of Kannel is USERNAME:PASSWORD of its sendsms user."

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> "KannelTransport":
        """A line to send through."""
        url = str(values.get("kannel_url") or "")
        if problem := checked_url(url, private=True):
            raise InvalidInput(problem, hint="Enter Kannel's address in the account.", code="kannel_url")
        return KannelTransport(account, HttpLine(url, self.tools.timeout), self.tools, self.credentials(secrets))

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """One status in the query that was asked for; the path is secret, Kannel signs nothing."""
        query = parse_qs(urlsplit(request.url).query, max_num_fields=20)
        ref, kind = query.get("ref", [""])[0], query.get("d", [""])[0]
        if not ref or not kind.isdigit():
            raise InvalidInput("The report cannot be read.", code="report_unreadable")
        return [delivery_of(ref, "", _DELIVERED.get(kind), kind)]


class KannelTransport(OneByOne):
    """One request per recipient: Kannel answers one status for all numbers of a request."""

    def __init__(self, account: Account, line: HttpLine, tools: GatewayTools, credentials: tuple[str, ...]) -> None:
        super().__init__(Kannel.key, account, line, tools)
        self._user, self._password = credentials

    def _greet(self) -> str:
        """Kannel cannot be asked without sending; a request without a number is refused after the password was read."""
        answer = self.line.call("POST", "", form={"username": self._user, "password": self._password, "text": ""})
        if answer.status == 403 or b"uthoriz" in answer.body:
            raise TransportError("Kannel does not accept this user.", reason=Reason.AUTH, hint="Check the access code.")
        return "Kannel answers"

    def _send_one(self, text: Text) -> Outcome:
        form = {
            "username": self._user,
            "password": self._password,
            "to": text.recipient.address,
            "text": text.text,
            "charset": "UTF-8",
            "coding": "2" if text_size(text.text).encoding == UCS_2 else "0",
        }
        if self.sender:
            form["from"] = self.sender
        if self.report_url:
            form |= {"dlr-mask": str(_FINAL_REPORTS), "dlr-url": f"{self.report_url}?ref={text.ref}&d=%d"}
        answer = self.line.call("POST", "", form=form)
        if answer.status == 202 or (answer.status == 200 and answer.body.startswith(_QUEUED)):
            return sent(text, segments=text_size(text.text).segments)
        if answer.status == 403:
            return refused(text, Reason.AUTH, "403")
        if answer.status == 503:
            return refused(text, Reason.UNREACHABLE, "503", self.later(60))
        if 400 <= answer.status < 500:
            return refused(text, Reason.REFUSED, str(answer.status))
        raise AnswerLost
