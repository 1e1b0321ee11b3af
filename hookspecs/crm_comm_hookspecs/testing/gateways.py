"""SmsGatewaySuite: derive a test class from it, and it shows that an SMS gateway keeps the contract."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ..errors import Unsupported
from ..extending import SmsGateway, Transport
from ..markers import hookimpl
from ..messages import TextSize
from ..rendering import Request
from ..working import Account, Credits, Order
from .fakes import start
from .hostile import SECRET
from .transports import _examine

STATES = {"open", "paid", "used", "failed"}


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
        transport = self.gateway().open(self.account(), self.values(), self.secrets())
        try:
            assert isinstance(transport, Transport)
            assert SECRET not in repr(transport) + repr(self.gateway())
        finally:
            transport.close()

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
                call()
            except (Unsupported, AttributeError):
                continue
            raise AssertionError(f"{ability} is not among its capabilities, yet it does something")

    def test_the_same_purchase_is_made_once(self) -> None:
        gateway = self.gateway()
        if "purchase" not in gateway.capabilities:
            return
        first, again = gateway.purchase("order-1", self.values()), gateway.purchase("order-1", self.values())
        assert isinstance(first, Order)
        assert first.id == again.id, "the same key must never buy twice"
        assert gateway.purchase("order-2", self.values()).id != first.id
        assert first.url.startswith(("https://", "http://127.0.0.1", "http://localhost"))
        assert gateway.order(first.id, self.values()).state in STATES

    def test_credits_are_exact(self) -> None:
        gateway = self.gateway()
        if "activate" in gateway.capabilities:
            _credits(gateway.activate(self.code(), self.values()))
        if "balance" in gateway.capabilities:
            _credits(gateway.balance(self.values(), self.secrets()))

    def test_a_quote_grows_with_the_texts(self) -> None:
        gateway = self.gateway()
        if "quote" not in gateway.capabilities:
            return
        size = TextSize(encoding="GSM-7", length=20, segments=1)
        one, two = (gateway.quote([size] * n, self.values(), self.secrets()) for n in (1, 2))
        assert isinstance(one, Decimal)
        assert Decimal(0) <= one < two

    def test_a_delivery_report_is_read(self) -> None:
        gateway, request = self.gateway(), self.report_request()
        if "reports" not in gateway.capabilities or request is None:
            return
        outcomes = list(gateway.report(request, self.values(), self.secrets()))
        assert outcomes
        for outcome in outcomes:
            _examine(outcome)
            assert outcome.delivery in {"delivered", "undelivered"}


def _credits(credits: Any) -> None:
    assert isinstance(credits, Credits)
    assert isinstance(credits.balance, Decimal), "money and credits are Decimal, never float"
    assert credits.unit
    assert credits.as_of.utcoffset() is not None, "times are aware"
    assert SECRET not in repr(credits)
