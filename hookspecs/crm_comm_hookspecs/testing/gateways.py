"""SmsGatewaySuite: derive a test class from it, and it shows that an SMS gateway keeps the contract."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ..errors import Unsupported
from ..extending import SmsGateway
from ..markers import hookimpl
from ..messages import TextSize
from ..rendering import Request
from ..working import Account, Credits, Order, Outcome
from .answering import asked, aware, examine, expected, line, several, unseen
from .fakes import start
from .hostile import SECRET

STATES = {"open", "paid", "used", "failed"}
DELIVERIES = {"delivered", "undelivered"}
PAGES = ("https://", "http://127.0.0.1", "http://localhost")


class SmsGatewaySuite:
    """Override `gateway` (leading to a service of the test), `values` and `secrets`; secrets are `hostile.SECRET`."""

    def gateway(self) -> SmsGateway:
        """A new gateway."""
        raise NotImplementedError

    def values(self) -> Mapping[str, Any]:
        """The account's loaded values."""
        return {"country_code": "GB", "sender_id": ""}

    def secrets(self) -> Mapping[str, str]:
        """The account's secrets."""
        return {"access_code": SECRET}

    def code(self) -> str:
        """A code that can be activated."""
        return SECRET

    def report_request(self) -> Request | None:
        """A delivery report as the service sends it, or None."""
        return None

    def account(self) -> Account:
        """The account it is opened for."""
        return Account(id="1", name="Texts", type="sms", channel="sms", active=True, sender="", status="connected")

    def test_it_is_accepted_by_the_facade(self) -> None:
        gateway = self.gateway()

        class Plugin:
            @hookimpl
            def crm_comm_sms_gateways(self) -> list[SmsGateway]:
                return [gateway]

        with start() as comm:
            comm.register(Plugin(), "plugin_under_test")
            found = comm.contributions("crm_comm_sms_gateways")
            assert comm.failures == (), comm.failures
            assert [c.value for c in found] == [gateway]

    def test_it_opens_a_transport(self) -> None:
        gateway = self.gateway()
        opened = asked("open", gateway.open, self.account(), self.values(), self.secrets())
        with line("open", opened) as transport:
            unseen("the transport's repr", transport)
        unseen("the gateway's repr", gateway)

    def test_what_it_cannot_do_is_refused_by_name(self) -> None:
        gateway = self.gateway()
        calls: dict[str, Callable[[], object]] = {
            "purchase": lambda: gateway.purchase("key", self.values()),
            "activate": lambda: gateway.activate(self.code(), self.values()),
            "balance": lambda: gateway.balance(self.values(), self.secrets()),
            "quote": lambda: gateway.quote([], self.values(), self.secrets()),
        }
        for ability, call in calls.items():
            if ability in gateway.capabilities:
                continue
            try:
                asked(f"{ability}, which is not among the capabilities,", call)
            except Unsupported:
                continue
            except AssertionError as error:
                if isinstance(error.__cause__, AttributeError):
                    continue  # it has no such method
                raise
            raise AssertionError(f"{ability} is not among its capabilities, yet it does something")

    def test_the_same_purchase_is_made_once(self) -> None:
        gateway = self.gateway()
        if "purchase" not in gateway.capabilities:
            return
        first, again, other = (self._bought(gateway, key) for key in ("order-1", "order-1", "order-2"))
        assert first.id == again.id, "the same key must never buy twice"
        assert other.id != first.id, "another key is another order"
        assert first.url.startswith(PAGES), f"the page to buy on must be https, not {first.url!r}"
        order = asked("order", gateway.order, first.id, self.values())
        expected("order", order, Order)
        assert order.id == first.id, "order must answer the order that was asked for"
        assert order.state in STATES, (
            f"the state of an order is one of {', '.join(sorted(STATES))}, not {order.state!r}"
        )

    def _bought(self, gateway: SmsGateway, key: str) -> Order:
        order = asked("purchase", gateway.purchase, key, self.values())
        expected("purchase", order, Order)
        return order

    def test_credits_are_exact(self) -> None:
        gateway = self.gateway()
        if "activate" in gateway.capabilities:
            _credits("activate", asked("activate", gateway.activate, self.code(), self.values()))
        if "balance" in gateway.capabilities:
            _credits("balance", asked("balance", gateway.balance, self.values(), self.secrets()))

    def test_a_quote_grows_with_the_texts(self) -> None:
        gateway = self.gateway()
        if "quote" not in gateway.capabilities:
            return
        size = TextSize(encoding="GSM-7", length=20, segments=1)
        one = asked("quote", gateway.quote, [size], self.values(), self.secrets())
        two = asked("quote", gateway.quote, [size, size], self.values(), self.secrets())
        for price in (one, two):
            expected("quote", price, Decimal)
        assert Decimal(0) <= one < two, f"two texts must cost more than one: {one}, {two}"

    def test_a_delivery_report_is_read(self) -> None:
        gateway, request = self.gateway(), self.report_request()
        if "reports" not in gateway.capabilities or request is None:
            return
        given = asked("report", gateway.report, request, self.values(), self.secrets())
        outcomes = several("report", given, Outcome)
        assert outcomes, "report() of report_request() tells of nobody"
        for outcome in outcomes:
            examine(outcome)
            told = outcome.delivery
            assert told in DELIVERIES, f"delivery of a report is one of {', '.join(sorted(DELIVERIES))}, not {told!r}"


def _credits(what: str, credits: Any) -> None:
    expected(what, credits, Credits)
    assert isinstance(credits.balance, Decimal), "money and credits are Decimal, never float"
    assert credits.unit, f"the Credits of {what} have no unit"
    aware(f"as_of of the Credits of {what}", credits.as_of)
    unseen("the Credits", credits)
