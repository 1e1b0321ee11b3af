"""BulkSMS, ClickSend, Twilio, Vonage as described: requests are valid, every named answer is understood."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from crm_comm_hookspecs import InvalidInput, Reason, Recipient, Request, TextMessage, TransportError, Unsupported
from crm_comm_plugin.domain.ports.credits import REF_FIELD
from crm_comm_plugin.domain.segments import text_size
from crm_comm_plugin.transports.sms.bulksms import BulkSms
from crm_comm_plugin.transports.sms.clicksend import ClickSend
from crm_comm_plugin.transports.sms.twilio import Twilio
from crm_comm_plugin.transports.sms.vonage import Vonage
from tests.sms.conftest import ACCOUNT
from tests.sms.described import FOLDER, Described

SID = "AC" + "a" * 32
KINDS = {
    "bulksms": (BulkSms, "/v1", "token-id:token*secret", "/messages", "/profile"),
    "clicksend": (ClickSend, "/v3", "ann@example.com:D83DED51-9E35", "/v3/sms/send", "/v3/account"),
    "twilio": (
        Twilio,
        "",
        f"{SID}:{'c' * 32}",
        "/2010-04-01/Accounts/{AccountSid}/Messages.json",
        "/2010-04-01/Accounts/{AccountSid}/Balance.json",
    ),
    "vonage": (Vonage, "", "abcd1234:abcdef0123456789", "/sms/json", "/account/get-balance"),
}


class Under:
    """One gateway over its described service."""

    def __init__(self, name, tools):
        kind, prefix, code, self.send_path, self.balance_path = KINDS[name]
        self.service = Described(name, "" if name == "clicksend" else prefix)
        self.gateway = kind(tools)
        self.gateway.base = self.service.server.url + prefix
        self.secrets = {"access_code": code}

    def send(self, *texts, example="success", sender=None):
        self.service.examples[self.send_path] = example
        account = ACCOUNT if sender is None else replace(ACCOUNT, sender=sender)
        transport = self.gateway.open(account, {}, self.secrets)
        got = []
        try:
            for outcome in transport.deliver([(Recipient(n), TextMessage(t)) for n, t in texts]):
                got.append(outcome)
        except TransportError as error:
            return got, error
        finally:
            transport.close()
        return got, None


@pytest.fixture(params=sorted(KINDS))
def under(request, tools):
    found = Under(request.param, tools)
    found.name = request.param
    yield found
    assert found.service.unknown_names == []
    found.service.server.close()


@pytest.fixture
def one(tools):
    made = []

    def make(name, timeout=tools.timeout):
        made.append(Under(name, replace(tools, timeout=timeout)))
        return made[-1]

    yield make
    for under in made:
        assert under.service.unknown_names == []
        under.service.server.close()


ANN = ("+447700900123", "Your table is ready.")
BOB = ("+447700900456", "Ihr Tisch ist frei ✓")


@pytest.mark.parametrize("sender", ["", "CRM", "+447700900000", "80123"])
def test_a_text_is_accepted(under, sender):
    outcomes, error = under.send(ANN, sender=sender)
    needs_sender = under.name in ("twilio", "vonage") and not sender
    assert error is None
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", Reason.REFUSED) if needs_sender else ("sent", "")]
    assert needs_sender or outcomes[0].gateway_id


def test_unicode_and_long_texts_are_valid_requests(under):
    outcomes, _ = under.send(BOB)
    assert outcomes[0].status == "sent"
    outcomes, _ = under.send((ANN[0], "a" * 500))
    assert outcomes[0].status == "sent"


EXPECTED = {
    "wrong_credentials": ("skipped", Reason.AUTH),
    "insufficient_credit": ("skipped", Reason.CREDITS),
    "invalid_number": ("failed", Reason.INVALID_NUMBER),
    "throttled": ("skipped", Reason.PROVIDER_LIMIT),
}


@pytest.mark.parametrize("example", EXPECTED)
def test_named_refusals(under, example, waited):
    outcomes, error = under.send(ANN, example=example)
    status, reason = EXPECTED[example]
    if (under.name, example) == ("twilio", "insufficient_credit"):
        reason = Reason.AUTH  # it says "forbidden"; there is no answer of its own for it
    assert [(o.status, o.reason) for o in outcomes] == [(status, reason)]
    assert outcomes[0].detail
    assert (error is not None) == (status == "skipped")
    if example == "throttled" and under.name in ("vonage", "twilio"):
        assert waited == [1.0, 1.0, 1.0]  # short pauses are taken, and then it is given up


def test_a_part_of_a_batch_is_refused(one):
    bulk = one("bulksms")
    outcomes, _ = bulk.send(ANN, BOB, example="partially_accepted")
    assert [o.status for o in outcomes] == ["sent", "failed"]
    click = one("clicksend")
    outcomes, _ = click.send(ANN, BOB, example="partially_accepted")
    assert [(o.status, o.reason) for o in outcomes] == [("sent", ""), ("failed", Reason.INVALID_NUMBER)]
    assert outcomes[0].credits == Decimal("0.0550")
    vonage = one("vonage")
    outcomes, _ = vonage.send((ANN[0], "a" * 200), example="partially_accepted")
    assert [o.status for o in outcomes] == ["unknown"]
    outcomes, _ = vonage.send((ANN[0], "a" * 200), example="success_two_parts")
    assert (outcomes[0].status, outcomes[0].segments, outcomes[0].credits) == ("sent", 2, Decimal("0.0666"))


@pytest.mark.parametrize(
    ("name", "example", "status", "reason"),
    [
        ("vonage", "missing_number", "failed", Reason.INVALID_NUMBER),
        ("vonage", "number_barred", "failed", Reason.REFUSED),
        ("twilio", "unsubscribed", "failed", Reason.REFUSED),
        ("twilio", "queue_full", "skipped", Reason.PROVIDER_LIMIT),
        ("twilio", "too_long", "failed", Reason.MESSAGE),
        ("twilio", "account_not_active", "skipped", Reason.CREDITS),
        ("twilio", "success_messaging_service", "sent", ""),
        ("clicksend", "country_not_enabled", "failed", Reason.REFUSED),
        ("clicksend", "account_suspended", "skipped", Reason.AUTH),
        ("clicksend", "bad_request", "failed", Reason.MESSAGE),
        ("bulksms", "scheduled", "sent", ""),
        ("bulksms", "forbidden", "skipped", Reason.AUTH),
        ("bulksms", "bad_request", "failed", Reason.MESSAGE),
    ],
)
def test_what_only_one_service_says(one, name, example, status, reason):
    outcomes, _ = one(name).send(ANN, example=example)
    assert [(o.status, o.reason) for o in outcomes] == [(status, reason)]


def test_one_bad_text_does_not_spoil_its_batch(one):
    under = one("bulksms")
    answer = under.service._answer

    def picky(seen):
        under.service.examples["/messages"] = "invalid_number" if b"900995" in seen.body else "success"
        return answer(seen)

    under.service.server.answer = picky
    wanted = [(f"+44770090099{n}", "Hello") for n in range(8)]
    outcomes, _ = under.send(*wanted)
    assert len(outcomes) == 8
    assert [o.recipient.address for o in outcomes if o.status == "failed"] == ["+447700900995"]


def test_balances(under):
    left = under.gateway.balance({}, under.secrets)
    assert (left.balance, left.unit) == {
        "bulksms": (Decimal("118.5"), "credits"),
        "clicksend": (Decimal("117.461060"), "GBP"),
        "twilio": (Decimal("12.35"), "USD"),
        "vonage": (Decimal("10.28"), "EUR"),
    }[under.name]
    under.service.examples[under.balance_path] = "wrong_credentials"
    with pytest.raises(TransportError) as caught:
        under.gateway.balance({}, under.secrets)
    assert caught.value.reason is Reason.AUTH
    diagnosis = under.gateway.open(ACCOUNT, {}, under.secrets).diagnose()
    assert (diagnosis.ok, diagnosis.steps[-1].field) == (False, "access_code")


def test_access_codes_of_another_form_are_refused_in_words(under):
    for code in ("", "nocolon", ":", "a:", ":b"):
        assert under.gateway.code_problem(code)
        with pytest.raises(TransportError) as caught:
            under.gateway.open(ACCOUNT, {}, {"access_code": code})
        assert caught.value.reason is Reason.AUTH
    assert under.gateway.code_problem(under.secrets["access_code"]) == ""


def test_what_a_gateway_cannot_do_is_refused_by_name(under):
    calls = {
        "activate": lambda g: g.activate("x", {}),
        "quote": lambda g: g.quote([], {}, {}),
        "purchase": lambda g: g.order("x", {}),
    }
    for name, call in calls.items():
        if name not in under.gateway.capabilities or (name == "purchase"):
            with pytest.raises(Unsupported, match=under.gateway.label):
                call(under.gateway)


def test_buying_opens_the_services_page(one):
    for name in ("bulksms", "twilio", "vonage"):
        order = one(name).gateway.purchase("k1", {})
        assert (order.id, order.state) == ("k1", "open")
        assert order.url.startswith("https://")


def test_clicksend_names_its_price_and_buys_that(one):
    under = one("clicksend")
    values = {"access_code": under.secrets["access_code"], "country_code": "GB"}
    offer = under.gateway.offer(values)
    assert "20.00 GBP" in offer.text
    order = under.gateway.purchase("k1", {**values, "offer": offer.token})
    assert (order.state, order.id) == ("used", "k1")
    with pytest.raises(InvalidInput, match="price has changed"):
        under.gateway.purchase("k2", {**values, "offer": "1:19.00"})
    assert [s.method for s in under.service.server.seen].count("PUT") == 1
    under.service.examples["/v3/recharge/purchase/{package_id}"] = "payment_failed"
    with pytest.raises(TransportError) as caught:
        under.gateway.purchase("k3", {**values, "offer": offer.token})
    assert caught.value.code != "purchase_unknown"


def test_a_charge_whose_answer_is_lost_is_said_to_be_unknown(one):
    under = one("clicksend", timeout=0.8)
    values = {"access_code": under.secrets["access_code"], "country_code": "GB", "offer": "1:20.00"}
    for fault in ("drop_after", "hang", "502", "garbage", "drop_in_answer"):
        under.service.server.breaks.extend(["", fault])
        with pytest.raises(TransportError) as caught:
            under.gateway.purchase("k1", values)
        assert caught.value.code == "purchase_unknown", fault
    under.service.server.breaks.extend(["503"])
    with pytest.raises(TransportError) as caught:
        under.gateway.purchase("k1", values)
    assert caught.value.code != "purchase_unknown"


def test_clicksend_prices_texts_of_the_accounts_country(one):
    under = one("clicksend")
    assert under.gateway.quote([text_size("a")] * 10, {"country_code": "GB"}, under.secrets) == Decimal("0.55")
    with pytest.raises(Unsupported):
        under.gateway.quote([text_size("a")], {}, under.secrets)


def request(name, body=b"", url="https://crm.example/receive/x/t", method="POST", **headers):
    return Request(source=name, token="t", method=method, url=url, headers=headers, body=body)


def webhook(name, hook, example):
    document = json.loads((FOLDER / f"{name}.json").read_text())
    content = document["webhooks"][hook]["post"]["requestBody"]["content"]
    kind, media = next((k, m) for k, m in content.items() if example in m["examples"])
    return kind, media["examples"][example]["value"]


@pytest.mark.parametrize(
    ("name", "hook", "example", "delivery"),
    [
        ("bulksms", "messageReport", "delivered", "delivered"),
        ("bulksms", "messageReport", "failed", "undelivered"),
        ("clicksend", "deliveryReceipt", "delivered", "delivered"),
        ("clicksend", "deliveryReceipt", "failed", "undelivered"),
        ("vonage", "deliveryReceipt", "delivered", "delivered"),
        ("vonage", "deliveryReceipt", "failed", "undelivered"),
    ],
)
def test_reports(one, name, hook, example, delivery):
    under = one(name)
    kind, value = webhook(name, hook, example)
    body = json.dumps(value) if "json" in kind else urlencode(value)
    sent = request(name, body.encode(), **{"content-type": kind})
    (outcome,) = under.gateway.report(sent, {}, under.secrets)
    assert (outcome.delivery, outcome.recipient.fields[REF_FIELD]) == (delivery, "crm-1042")
    if name == "vonage":
        for other in (
            request(name, urlencode(value).encode(), **{"content-type": "application/x-www-form-urlencoded"}),
            request(name, url="https://crm.example/receive/x/t?" + urlencode(value), method="GET"),
        ):
            assert list(under.gateway.report(other, {}, under.secrets)) == [outcome]


def test_reports_that_cannot_be_read(under):
    many = "&".join(f"a{n}=1" for n in range(2000))
    for body in (b"", b"{}", b"null", b"\xff\xfe", b"[1, {}]", b"a=b", many.encode()):
        for url in ("https://crm.example/receive/x/t", f"https://crm.example/receive/x/t?{many}"):
            for method in ("POST", "GET"):
                sent = request(under.name, body, url, method)
                try:
                    told = list(under.gateway.report(sent, {}, under.secrets))
                except InvalidInput:
                    continue
                assert [o for o in told if o.delivery] == []
    assert under.name != "bulksms" or list(under.gateway.report(request("bulksms", b"[]"), {}, under.secrets)) == []


def test_twilio_signs_its_reports(one):
    under = one("twilio")
    url = "https://crm.example/receive/twilio/t?ref=abc123"
    for example, delivery in (("delivered", "delivered"), ("undelivered", "undelivered")):
        _, value = webhook("twilio", "statusCallback", example)
        told = url + "".join(k + v for k, v in sorted(value.items()))
        good = base64.b64encode(hmac.new(b"c" * 32, told.encode(), hashlib.sha1).digest()).decode()
        body = urlencode(value).encode()
        (outcome,) = under.gateway.report(
            request("twilio", body, url, **{"x-twilio-signature": good}), {}, under.secrets
        )
        assert (outcome.delivery, outcome.recipient.fields[REF_FIELD]) == (delivery, "abc123")
        for forged in ("", "é", base64.b64encode(b"0" * 20).decode()):
            with pytest.raises(InvalidInput) as caught:
                under.gateway.report(request("twilio", body, url, **{"x-twilio-signature": forged}), {}, under.secrets)
            assert caught.value.code == "report_forged"


def test_twilio_takes_keys_and_messaging_services(one):
    under = one("twilio")
    under.secrets = {"access_code": f"{SID}:SK{'d' * 32}:s3cr:MG{'e' * 32}"}
    assert under.gateway.code_problem(under.secrets["access_code"]) == ""
    outcomes, _ = under.send(ANN, sender="", example="success_messaging_service")
    assert outcomes[0].status == "sent"
    seen = under.service.server.seen[-1]
    assert b"MessagingServiceSid=MG" in seen.body
    assert b"From=" not in seen.body
    assert b"StatusCallback=https%3A%2F%2Fcrm.example%2Freceive%2Ftwilio%2Ftokacc1%3Fref%3D" in seen.body
