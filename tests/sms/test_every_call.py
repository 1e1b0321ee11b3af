"""Breaks at every point of the other calls of real services, and that none of their calls tells a secret to a log."""

from dataclasses import replace
from decimal import Decimal

import pytest

from crm_comm_hookspecs import CommError, Order, Recipient, TextMessage, TransportError
from crm_comm_plugin.domain.segments import text_size
from tests.sms.conftest import ACCOUNT
from tests.sms.faulty_server import BREAKS, Answered
from tests.sms.gateways_under_test import SERVICES, SID

PACKAGES = (
    b'{"http_code": 200, "response_code": "SUCCESS", "data": {"packages": [{"package_id": 1, "package_price": "20.00",'
    b' "sms_quantity": 363}], "_currency": {"currency_name_short": "GBP"}}}'
)
BOUGHT = b'{"http_code": 200, "response_code": "SUCCESS", "data": {"amount": "20.00", "currency": "GBP"}}'
PRICES = b'{"http_code": 200, "response_code": "SUCCESS", "data": {"messages": [{"message_price": "0.05"}]}}'
MONEY = {
    "bulksms": b'{"credits": {"balance": 1.5}}',
    "clicksend": b'{"http_code": 200, "response_code": "SUCCESS", "data": {"balance": "1.5"}}',
    "twilio": b'{"balance": "1.5", "currency": "USD"}',
    "vonage": b'{"value": 1.5, "autoReload": false}',
    "kannel": b"",
}
NUMBER, OWNER = "+447400123456", "Ann Example"


@pytest.fixture
def tools(tools):
    return replace(tools, timeout=0.8)


class Calls:
    """One service with all that it can be asked. charged: how often the card was."""

    def __init__(self, name, tools) -> None:
        self.name, self.service, self.charged = name, SERVICES[name](tools), 0
        self.gateway, self.secrets, self._send = self.service.gateway, self.service.secrets, self.service.server.answer
        self.service.server.answer = self._answer
        if name == "kannel":  # its fake takes any, and the usual one is a word
            self.secrets["access_code"] = "crm-user:s3cret-canary"
        self.code = self.secrets["access_code"]

    def _answer(self, seen) -> Answered:
        if seen.path.startswith("/recharge/packages"):
            return Answered(200, PACKAGES)
        if seen.path.startswith("/recharge/purchase"):
            self.charged += 1
            return Answered(200, BOUGHT)
        if seen.path.startswith("/sms/price"):
            return Answered(200, PRICES)
        if self.name == "kannel" and "x-kannel-to" not in seen.headers:
            return Answered(400, b"Missing receiver number, rejected", "text/plain")
        return Answered(200, MONEY[self.name]) if seen.method == "GET" else self._send(seen)

    def balance(self):
        if "balance" in self.gateway.capabilities:
            assert self.gateway.balance({}, self.secrets).balance == Decimal("1.5")

    def diagnose(self):
        transport = self.service.open(ACCOUNT)
        try:
            return transport.diagnose()
        finally:
            transport.close()

    def quote(self):
        if "quote" in self.gateway.capabilities:
            price = self.gateway.quote([text_size("a")] * 10, {"country_code": "GB"}, self.secrets)
            assert price == Decimal("0.50")

    def buy(self) -> Order | None:
        values = {"access_code": self.code, "country_code": "GB"}
        if hasattr(self.gateway, "offer"):
            values["offer"] = self.gateway.offer(values).token
        return self.gateway.purchase("k1", values) if "purchase" in self.gateway.capabilities else None

    def send(self):
        transport = self.service.open(ACCOUNT)
        try:
            return list(transport.deliver([(Recipient(NUMBER, OWNER), TextMessage("Hello"))]))
        finally:
            transport.close()


def tried(call):
    """(its answer, None), or (None, its error)."""
    try:
        return call(), None
    except CommError as error:
        return None, error


@pytest.fixture(params=sorted(SERVICES))
def calls(request, tools):
    found = Calls(request.param, tools)
    yield found
    found.service.server.close()


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("lasting", [False, True])
def test_what_only_asks_is_answered_or_says_what_is_wrong(calls, fault, lasting):
    for ask in (calls.balance, calls.quote, calls.diagnose):
        calls.service.server.breaks.clear()
        calls.service.server.breaks.extend([fault] * (9 if lasting else 1))
        answer, problem = tried(ask)
        assert problem is None or (problem.message.endswith(".") and problem.hint)
        assert answer is None or answer.ok or answer.steps[-1].hint
    calls.service.server.breaks.clear()
    calls.balance()
    calls.quote()
    assert calls.diagnose().ok
    assert (calls.service.accepted, calls.charged) == ([], 0), "to ask sends nothing and buys nothing"


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_stored_card_is_charged_at_most_once_by_a_press_and_a_doubt_is_said(tools, fault, at):
    """at: which of its three requests breaks: the offer, the offer read again, the purchase."""
    calls = Calls("clicksend", tools)
    calls.service.server.breaks.extend([""] * at + [fault])
    bought, problem = tried(calls.buy)
    calls.service.server.close()
    assert calls.charged <= 1
    if problem is None:
        assert (bought.state, calls.charged) == ("used", 1)
    elif calls.charged:  # who may have been charged is told so, and not asked to try again
        assert (problem.code, problem.retryable) == ("purchase_unknown", False)


@pytest.mark.parametrize(
    ("status", "body", "sure"),
    [
        (200, b'{"http_code": 200, "response_code": "SUCCESS", "data": null}', False),
        (200, b'{"data": []}', False),
        (200, b"[]", False),
        (202, BOUGHT, False),
        (302, b"", False),
        (200, b'{"http_code": 400, "response_code": "BAD_REQUEST", "data": {}}', True),
        (402, b"", True),
        (401, b'{"http_code": 401, "response_code": "UNAUTHORIZED", "data": null}', True),
    ],
)
def test_only_a_clear_refusal_of_a_purchase_is_taken_for_one(tools, status, body, sure):
    calls = Calls("clicksend", tools)
    real = calls.service.server.answer
    calls.service.server.answer = lambda seen: Answered(status, body) if seen.method == "PUT" else real(seen)
    with pytest.raises(TransportError) as caught:
        calls.buy()
    calls.service.server.close()
    assert (caught.value.code != "purchase_unknown") is sure


@pytest.mark.parametrize("fault", ["", "drop_after", "hang", "502", "garbage"])
def test_no_log_or_error_holds_an_access_code_a_number_or_whose_it_is(calls, fault, caplog):
    caplog.set_level("DEBUG")
    told = []
    for ask in (calls.balance, calls.quote, calls.diagnose, calls.buy, calls.send):
        calls.service.server.breaks.clear()
        calls.service.server.breaks.extend([fault] * 2)
        answer, problem = tried(ask)
        told += [str(o.detail) for o in answer or ()] if ask == calls.send else [repr(answer)]
        if problem is not None:
            told.append(f"{problem!r} {problem} {problem.hint} {problem.__cause__!r} {problem.__context__!r}")
    assert "urllib3" in caplog.text, "or it would prove nothing"
    everything = f"{caplog.text}{told}"
    for part in (*calls.code.split(":"), NUMBER.removeprefix("+"), OWNER, SID):
        if len(part) > 4:  # "user" is a word
            assert part not in everything
