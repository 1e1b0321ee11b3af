"""Kannel's HTTP interface (smsbox, sendsms). Access code: USERNAME:PASSWORD of the sendsms user.

Facts: Kannel's user guide 1.4.5, and what 1.4.5 answers. Everything goes in headers and body of a POST, so that
neither password nor number is in a URL.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from crm_comm_hookspecs import Account, FormSchema, InvalidInput, Outcome, Reason, Request, TransportError
from crm_comm_hookspecs.fields import Text as TextField
from crm_comm_plugin.domain.segments import UCS_2, text_size
from crm_comm_plugin.transports.sms.gateway import BaseGateway, GatewayTools
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost, HttpLine, checked_url, unreachable
from crm_comm_plugin.transports.sms.outcomes import SENDER_REFUSED, Text, delivery_of, refused, sent, told_fields
from crm_comm_plugin.transports.sms.plumbing import OneByOne

_FINAL_REPORTS = 1 | 2 | 16
"""dlr-mask: delivered to the phone, not delivered, rejected by the SMS centre."""
_THIS_NUMBER = (b"Not routable", b"Number(s) has")
"""How it begins, with 403 and 404, when it is the recipient who is refused: by routing, by a black list."""
NOT_HERE = "There is no Kannel at this address."
_DELIVERED = {"1": True, "2": False, "16": False}


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
        return KannelTransport(account, self.line(url), self.tools, self.credentials(secrets))

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """One status in the query that was asked for; the path is secret, Kannel signs nothing."""
        query = dict(told_fields(urlsplit(request.url).query))
        ref, kind = query.get("ref", ""), query.get("d", "")
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
        try:
            answer = self._post("", {})
        except AnswerLost:
            raise unreachable("Kannel does not answer.") from None
        if answer.status == 403:
            raise TransportError("Kannel does not accept this user.", reason=Reason.AUTH, hint="Check the access code.")
        if answer.status != 400:
            raise unreachable(NOT_HERE)
        return "Kannel answers"

    def _send_one(self, text: Text) -> Outcome:
        size = text_size(text.text)
        headers = {"To": text.recipient.address, "Coding": "2" if size.encoding == UCS_2 else "0"}
        if self.sender:
            headers["From"] = self.sender
        if self.report_url:
            headers |= {"DLR-Mask": str(_FINAL_REPORTS), "DLR-Url": f"{self.report_url}?ref={text.ref}&d=%d"}
        answer = self._post(text.text, headers)
        if answer.status == 202:
            return sent(text, segments=size.segments)
        if answer.status == 400 and answer.body.startswith(b"Sender"):
            return refused(text, Reason.REFUSED, "400", later=True, detail=SENDER_REFUSED)
        if answer.status == 400 or answer.body.startswith(_THIS_NUMBER):
            return refused(text, Reason.REFUSED, str(answer.status))
        if answer.status == 403:
            return refused(text, Reason.AUTH, "403")
        if answer.status == 503:
            return refused(text, Reason.UNREACHABLE, "503", self.later(60))
        if 400 <= answer.status < 500:
            return refused(text, Reason.UNREACHABLE, str(answer.status), detail=NOT_HERE)
        raise AnswerLost

    def _post(self, text: str, headers: Mapping[str, str]) -> Answer:
        told = {"Username": self._user, "Password": self._password, **headers}
        return self.line.call(
            "POST",
            "",
            body=text.encode("utf-8", "replace"),
            headers={
                "Content-Type": "text/plain; charset=UTF-8",
                **{f"X-Kannel-{name}": value.encode() for name, value in told.items()},
            },
        )
