"""The base of all SMS gateways: says no by name to what a service cannot do, and reads access codes."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from crm_comm_hookspecs import (
    Credits,
    FormSchema,
    Order,
    Outcome,
    Reason,
    Request,
    TextSize,
    TransportError,
    Unsupported,
)
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.credits import TextRefs
from crm_comm_plugin.transports.network import Networks
from crm_comm_plugin.transports.sms.http import HttpLine

if TYPE_CHECKING:
    from crm_comm_plugin.transports.sms.http import Auth


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTools:
    """What gateways need of the house.

    timeout: seconds per phase. report_url: (gateway key, account id) -> where its delivery reports come, or "".
    return_url: order key -> where a browser comes back to after a purchase, or "". balance_seen: (account id, balance)
    told by the way. wait: sleeps so many seconds. networks: where gateways may be.
    """

    clock: Clock
    timeout: float = 30.0
    refs: TextRefs | None = None
    report_url: Callable[[str, str], str] = lambda _gateway, _account: ""
    return_url: Callable[[str], str] = lambda _key: ""
    balance_seen: Callable[[str, Credits], None] = lambda _account, _credits: None
    wait: Callable[[float], None] = time.sleep
    networks: Networks = field(default_factory=Networks)


class BaseGateway:
    """An SmsGateway that cannot do anything yet; each adds what its service can."""

    key: str
    label: str
    capabilities: frozenset[str] = frozenset()
    fields: type[FormSchema] | None = None
    code_form: ClassVar[tuple[str, ...]] = ()
    """The parts of the access code, which stand with colons between them."""
    code_help: ClassVar[str] = ""
    shop: ClassVar[str] = ""
    """The page where credits are bought, for a service that has no orders."""
    report_setup: str = ""
    """Where on its page the address for delivery reports is entered; "" when it goes with each text."""

    def __init__(self, tools: GatewayTools) -> None:
        self.tools = tools

    def line(self, base: str, auth: "Auth | None" = None) -> HttpLine:
        """A line to an address, with this house's timeout and networks."""
        return HttpLine(base, self.tools.timeout, self.tools.networks, auth)

    def code_problem(self, code: str) -> str:
        """What is wrong with the form of an access code, in words without it; "" = it may be right."""
        return "" if self._parts(code) else self.code_help

    def purchase(self, key: str, values: Mapping[str, Any]) -> Order:
        """The page where credits are bought: nothing is charged by this call."""
        if not self.shop:
            self._cannot("sell credits")
        return Order(id=key, url=self.shop, state="open")

    def order(self, id: str, values: Mapping[str, Any]) -> Order:
        """Not known for what is bought on a web page."""
        self._cannot("tell what became of a purchase")

    def activate(self, code: str, values: Mapping[str, Any]) -> Credits:
        """Its access codes need no activation."""
        self._cannot("activate access codes")

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """Not told."""
        self._cannot("tell a balance")

    def quote(self, sizes: Sequence[TextSize], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Decimal:
        """Not told."""
        self._cannot("tell prices before sending")

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """Not told."""
        self._cannot("report deliveries")

    def _cannot(self, what: str) -> NoReturn:
        raise Unsupported(f"{self.label} cannot {what}.", hint="Do this on the gateway's own page.")

    def _parts(self, code: str) -> tuple[str, ...]:
        """The parts of an access code, () when it has another form. The last part may hold colons."""
        parts = tuple(part.strip() for part in code.strip().split(":", len(self.code_form) - 1))
        return parts if len(parts) == len(self.code_form) and all(parts) else ()

    def credentials(self, secrets: Mapping[str, str]) -> tuple[str, ...]:
        """The parts of the account's access code; raises TransportError(AUTH) in words."""
        code = secrets.get("access_code") or ""
        parts = self._parts(code)
        if not parts:
            words = self.code_help if code else "There is no access code yet."
            raise TransportError(
                words, reason=Reason.AUTH, retryable=False, hint="Enter the access code in the account."
            )
        return parts
