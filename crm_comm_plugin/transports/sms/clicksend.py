"""ClickSend REST API v3. Access code: USERNAME:API-KEY.

Facts: the service's documents and public notes of live answers as collected in November 2026.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from crm_comm_hookspecs import (
    Account,
    Credits,
    InvalidInput,
    Order,
    Outcome,
    Request,
    TextSize,
    TransportError,
    Unsupported,
)
from crm_comm_plugin.domain.numbers import example
from crm_comm_plugin.domain.ports.gateways import Offer
from crm_comm_plugin.domain.segments import GSM_7
from crm_comm_plugin.transports.sms.clicksend_transport import REASON_OF, ClickSendTransport, data_of, problem_of
from crm_comm_plugin.transports.sms.gateway import BaseGateway
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost, HttpLine
from crm_comm_plugin.transports.sms.outcomes import (
    as_decimal,
    as_text,
    balance_of,
    delivery_of,
    reason_of_status,
    told_fields,
)

BASE = "https://rest.clicksend.com/v3"
SOURCE = "crm-comm"


class ClickSend(BaseGateway):
    """ClickSend: a purchase charges the card stored there at once, so its price is named first."""

    key = "clicksend"
    label = "ClickSend"
    capabilities = frozenset({"purchase", "balance", "quote", "reports"})
    code_form = ("user name", "API key")
    code_help = "The access code of ClickSend is USERNAME:API-KEY."
    report_setup = (
        "Enter this address at ClickSend under SMS, Settings, Delivery Reports, in a rule with the action URL:"
    )
    base = BASE

    def _line(self, code: str) -> HttpLine:
        from requests.auth import HTTPBasicAuth

        user, key = self.credentials({"access_code": code})
        return self.line(self.base, HTTPBasicAuth(user.encode(), key.encode()))

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> ClickSendTransport:
        """A line to send through."""
        return ClickSendTransport(self.key, account, self._line(secrets.get("access_code", "")), self.tools)

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """Money left, in the account's currency."""
        line = self._line(secrets.get("access_code", ""))
        try:
            data = data_of(line.get("/account"))
        finally:
            line.close()
        return balance_of(data.get("balance"), _currency(data), self.tools.clock.now())

    def offer(self, values: Mapping[str, Any]) -> Offer:
        """The smallest package that can be bought. Its token is PACKAGE:PRICE."""
        line = self._line(as_text(values.get("access_code")))
        try:
            package = _smallest(line, as_text(values.get("country_code")))
        finally:
            line.close()
        return Offer(
            text=f"{package['texts']} texts for {package['price']} {package['currency']}. "
            "The card stored at ClickSend is charged at once.",
            token=f"{package['id']}:{package['price']}",
        )

    def purchase(self, key: str, values: Mapping[str, Any]) -> Order:
        """Buy the package that was offered (values["offer"]). Not to be repeated: code "purchase_unknown" when lost."""
        line = self._line(as_text(values.get("access_code")))
        try:
            package = _smallest(line, as_text(values.get("country_code")))
            if values.get("offer") != f"{package['id']}:{package['price']}":
                raise InvalidInput("The price has changed.", hint="Press Purchase again.", code="offer_changed")
            bought = _is_bought(line.call("PUT", f"/recharge/purchase/{package['id']}"))
        except AnswerLost:
            bought = False
        finally:
            line.close()
        if not bought:
            raise TransportError(
                "ClickSend's answer was lost: the card may have been charged.",
                retryable=False,
                hint="Look at the balance before you buy again.",
                code="purchase_unknown",
            )
        return Order(id=key, url="", state="used", credits=as_decimal(package["price"]))

    def quote(self, sizes: Sequence[TextSize], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Decimal:
        """What texts of these sizes cost to a mobile of the account's country."""
        number = example(as_text(values.get("country_code")))
        counts = Counter((size.encoding, size.segments) for size in sizes if size.segments)
        if number is None:
            raise Unsupported("There is no price without a country.", hint="Choose the country phone code.")
        bodies = [("a" * (153 * n) if e == GSM_7 else "ж" * (67 * n))[: 160 if n == 1 else None] for e, n in counts]
        messages = [{"source": SOURCE, "to": number[1], "body": body} for body in bodies]
        line = self._line(secrets.get("access_code", ""))
        try:
            listed = data_of(line.call("POST", "/sms/price", data={"messages": messages})).get("messages")
        except AnswerLost:
            raise TransportError("ClickSend did not answer in time.", hint="Try again.") from None
        finally:
            line.close()
        priced = [as_decimal(m.get("message_price")) if isinstance(m, dict) else None for m in _listed(listed)]
        if len(priced) != len(counts) or None in priced:
            raise TransportError("ClickSend's answer cannot be read.", hint="Try again later.")
        pairs = zip(priced, counts.values(), strict=True)
        return sum((price * texts for price, texts in pairs if price is not None), Decimal(0))

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """One receipt as a form. It is not signed."""
        fields = dict(told_fields(request.body))
        code = fields.get("status_code", "")
        if not code:
            raise InvalidInput("The report cannot be read.", code="report_unreadable")
        delivered = {"201": True, "301": False}.get(code)
        return [delivery_of(fields.get("custom_string"), "", delivered, fields.get("error_code") or code)]


def _smallest(line: HttpLine, country: str) -> Mapping[str, str]:
    data = data_of(line.get("/recharge/packages", {"country": country} if country else None))
    found = []
    for package in _listed(data.get("packages")):
        price = as_decimal(package.get("package_price")) if isinstance(package, dict) else None
        if price is not None and as_text(package.get("package_id")).isdigit():
            found.append((price, as_text(package["package_id"]), as_text(package.get("sms_quantity"))))
    if not found:
        raise problem_of("NOT_FOUND")
    price, number, texts = min(found)
    return {"id": number, "price": f"{price:f}", "texts": texts or "Some", "currency": _currency(data)}


def _is_bought(answer: Answer) -> bool:
    """Whether the answer to a purchase says so; False where it does not tell. Raises TransportError for a refusal."""
    code = as_text(answer.object().get("response_code"))
    if 400 <= answer.status < 500 or (answer.status == 200 and code in REASON_OF):
        raise problem_of(code, reason_of_status(answer))
    return answer.status == 200 and isinstance(answer.object().get("data"), dict)


def _currency(data: Mapping[str, Any]) -> str:
    currency = data.get("_currency") or data.get("currency")
    return as_text(currency.get("currency_name_short")) if isinstance(currency, dict) else ""


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
