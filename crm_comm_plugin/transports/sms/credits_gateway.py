"""The gateway of our own credits protocol (docs/credits-gateway.openapi.json): orders, codes, balance, quotes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quoted

from marshmallow import ValidationError

from crm_comm_hookspecs import (
    Account,
    Credits,
    FormSchema,
    InvalidInput,
    Order,
    Outcome,
    Request,
    TextSize,
    TransportError,
)
from crm_comm_hookspecs.fields import Text as TextField
from crm_comm_plugin.domain.ports.credits import Activated
from crm_comm_plugin.transports.sms.credits_codes import ACTIVATION, RETRIES, bare_code, problem_of, reported, signed
from crm_comm_plugin.transports.sms.credits_transport import CreditsTransport
from crm_comm_plugin.transports.sms.gateway import BaseGateway, GatewayTools
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost, HttpLine, checked_url, unreachable
from crm_comm_plugin.transports.sms.outcomes import (
    as_decimal,
    as_text,
    bad_code,
    balance_of,
)

if TYPE_CHECKING:
    from requests import PreparedRequest


MAX_URL = 8000
"""Characters of a payment page's address: hosted ones carry long signed parts, and are of no use cut short."""


def _is_gateway_url(url: str) -> None:
    if problem := checked_url(url):
        raise ValidationError(problem)


class CreditsFields(FormSchema):
    """Where the reseller's gateway is."""

    gateway_url = TextField(
        maxlength=300,
        validate=_is_gateway_url,
        metadata={
            "label": "Gateway Address",
            "help": "As your reseller gave it, for example https://gateway.example/v1. Needed to buy and to send.",
            "placeholder": "https://",
            "when": {"gateway": ["credits"]},
        },
    )


class CreditsGateway(BaseGateway):
    """Whoever sells SMS credits with an Access Code. url: fixed here (the sandbox), else asked for in the editor."""

    key = "credits"
    label = "SMS Credits"
    capabilities = frozenset({"purchase", "activate", "balance", "quote", "reports"})
    code_form = ("access code",)
    code_help = "An access code has at least 6 letters and digits."

    def __init__(self, tools: GatewayTools, url: str = "") -> None:
        super().__init__(tools)
        self._url = url
        self.fields = None if url else CreditsFields

    def _parts(self, code: str) -> tuple[str, ...]:
        return (bare,) if (bare := bare_code(code)) else ()

    def _line(self, values: Mapping[str, Any], code: str = "") -> HttpLine:
        url = self._url or str(values.get("gateway_url") or "")
        if problem := checked_url(url):
            raise InvalidInput(problem, hint="Whoever sells you the credits has it.", code="gateway_url")

        def bearer(request: "PreparedRequest") -> "PreparedRequest":
            if code:
                request.headers["Authorization"] = f"Bearer {code}"
            return request

        return self.line(url, bearer)

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> CreditsTransport:
        """A line to send through."""
        (code,) = self.credentials(secrets)
        return CreditsTransport(self.key, account, self._line(values, code), self.tools)

    def purchase(self, key: str, values: Mapping[str, Any]) -> Order:
        """An order with its payment page; the same key is the same order. A working access code is topped up by it."""
        back = self.tools.return_url(key)
        body = {"return_url": back} if back else {}
        code = bare_code(as_text(values.get("access_code")))
        answer = self._repeated(self._line(values, code), "/orders", body, {"Idempotency-Key": key})
        if answer.status == 401 and code:  # the old code is of no use any more, so a new one is bought
            answer = self._repeated(self._line(values), "/orders", body, {"Idempotency-Key": key})
        return _order(answer)

    def order(self, id: str, values: Mapping[str, Any]) -> Order:
        """The state of a purchase."""
        line = self._line(values)
        try:
            return _order(line.get(f"/orders/{quoted(id, safe='')}"))
        finally:
            line.close()

    def activate(self, code: str, values: Mapping[str, Any]) -> Credits:
        """Activate an access code. Raises InvalidInput(code="access_code_...") in words with the next step."""
        bare = bare_code(code)
        if not bare:
            raise bad_code(self.code_help, "Copy it again from the page where you bought it.", "invalid")
        answer = self._repeated(self._line(values), "/activations", {"code": bare}, {})
        problem = answer.object()
        if answer.status != 200:
            wait = answer.retry_after() or as_decimal(problem.get("retry_after")) or Decimal(60)
            if words := ACTIVATION.get(as_text(problem.get("code"))):
                minutes = max(1, -(-int(wait) // 60))
                raise bad_code(words[0], words[1].format(minutes=minutes), as_text(problem.get("code")))
            raise problem_of(answer)
        left = _balance(problem, self.tools)
        return Activated(
            balance=left.balance,
            unit=left.unit,
            as_of=left.as_of,
            already=problem.get("state") == "already_active",
        )

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """The credits left now."""
        return _balance(self._read(values, secrets, "/balance").object(), self.tools)

    def quote(self, sizes: Sequence[TextSize], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Decimal:
        """What texts of these sizes cost together."""
        counts = Counter(size.segments for size in sizes if size.segments)
        if not counts:
            return Decimal(0)
        (code,) = self.credentials(secrets)
        body = {"sizes": [{"segments": parts, "texts": texts} for parts, texts in sorted(counts.items())]}
        answer = self._repeated(self._line(values, code), "/quotes", body, {})
        price = as_decimal(answer.object().get("credits")) if answer.status == 200 else None
        if price is None:
            raise problem_of(answer)
        return price

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """The outcomes of a signed report; raises InvalidInput(code="report_forged" | "report_unreadable")."""
        (code,) = self.credentials(secrets)
        if not signed(request.headers.get("x-credits-signature", ""), request.body, code):
            raise InvalidInput("The report's signature is wrong.", code="report_forged")
        return reported(Answer(200, {}, request.body).object().get("reports"))

    def look_up(self, refs: Sequence[str], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Sequence[Outcome]:
        """What the gateway knows of texts by our references; those it does not know are left out."""
        (code,) = self.credentials(secrets)
        line = self._line(values, code)
        found: list[Outcome] = []
        try:
            for ref in refs:
                answer = line.get(f"/messages/{quoted(ref, safe='')}")
                if answer.status not in (200, 404):
                    raise problem_of(answer)
                result = answer.object() if answer.status == 200 else {}
                if result.get("status") == "accepted":
                    found += reported([{"delivery": "", **result, "id": ref, "to": ""}])
        finally:
            line.close()
        return found

    def _read(self, values: Mapping[str, Any], secrets: Mapping[str, str], path: str) -> Answer:
        (code,) = self.credentials(secrets)
        line = self._line(values, code)
        try:
            answer = line.get(path)
        finally:
            line.close()
        if answer.status != 200:
            raise problem_of(answer)
        return answer

    def _repeated(self, line: HttpLine, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """A call that may be repeated, because the protocol says so: an answer that was lost is asked for again."""
        try:
            for _ in range(RETRIES):
                try:
                    return line.call("POST", path, data=body, headers=headers)
                except AnswerLost:
                    continue
        finally:
            line.close()
        raise unreachable("The gateway did not answer in time.")


def _order(answer: Answer) -> Order:
    data = answer.object()
    state, order_id, told = as_text(data.get("state")), as_text(data.get("id")), data.get("url")
    url = told if isinstance(told, str) and len(told) <= MAX_URL else ""
    if answer.status not in (200, 201) or not order_id or state not in ("open", "paid", "used", "failed"):
        raise problem_of(answer)
    if checked_url(url.partition("?")[0].partition("#")[0]):
        raise TransportError("The gateway's payment page is not a safe address.", hint="Ask the seller.")
    return Order(id=order_id, url=url, state=state, credits=as_decimal(data.get("credits")))


def _balance(data: Mapping[str, Any], tools: GatewayTools) -> Credits:
    return balance_of(data.get("balance"), data.get("unit"), tools.clock.now())
