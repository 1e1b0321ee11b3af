"""The credits protocol: every call as its document says, every answer in words, money exact."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from crm_comm_hookspecs import (
    Busy,
    InvalidInput,
    Reason,
    Recipient,
    Request,
    StorageUnavailable,
    TextMessage,
    TransportError,
)
from crm_comm_plugin.domain.ports.credits import REF_FIELD
from crm_comm_plugin.domain.segments import text_size
from crm_comm_plugin.transports.sms.credits_codes import bare_code, signature
from crm_comm_plugin.transports.sms.credits_gateway import CreditsGateway
from crm_comm_plugin.transports.sms.http import checked_url
from tests.sms.conftest import ACCOUNT, NOW

CODE = "S3CRETC0DE1"


@pytest.fixture
def gateway(world, tools):
    return CreditsGateway(tools, world.url)


@pytest.fixture
def active(world):
    world.codes[CODE] = "active"
    return {"access_code": "s3cret-c0de 1"}


def texts(*numbers, text="Your table is ready."):
    return [(Recipient(number), TextMessage(text)) for number in numbers]


def test_from_order_to_balance(world, gateway, active):
    order = gateway.purchase("k" * 32, {})
    assert (order.id, order.state, order.url) == ("ord_0", "open", "https://gateway.example/pay/0")
    assert gateway.purchase("k" * 32, {}) == order
    assert len(world.orders) == 1
    sent = json.loads(world.server.seen[0].body)
    assert sent["return_url"] == f"https://crm.example/callback?purchase={'k' * 32}"
    code = world.pay(order.id)
    assert gateway.order(order.id, {}).state == "paid"
    first = gateway.activate(f"{code[:4]}-{code[4:8]} {code[8:]}".lower(), {})
    assert (first.balance, first.unit, first.already) == (Decimal(100), "credits", False)
    assert gateway.activate(code, {}).already
    assert gateway.order(order.id, {}).state == "used"
    assert gateway.balance({}, {"access_code": code}).balance == Decimal(100)


def test_a_working_code_is_topped_up_and_a_dead_one_is_replaced(world, gateway, active):
    order = gateway.purchase("a" * 32, {"access_code": CODE})
    assert world.pay(order.id, 50) == ""
    assert gateway.order(order.id, {}).state == "used"
    assert gateway.balance({}, active).balance == Decimal(150)
    assert gateway.purchase("b" * 32, {"access_code": "DEADCODE"}).state == "open"
    assert world.orders["ord_1"]["tops_up"] == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("NOSUCHCODE", "does not exist"),
        ("OLDCODE1", "has expired"),
        ("USEDCODE", "was used up"),
        ("x", "at least 6"),
        ("<script>", "at least 6"),
    ],
)
def test_activation_says_why_not_and_what_next(world, gateway, code, words):
    world.codes |= {"OLDCODE1": "expired", "USEDCODE": "used"}
    with pytest.raises(InvalidInput, match=words) as caught:
        gateway.activate(code, {})
    assert caught.value.hint
    assert caught.value.code.startswith("access_code_")
    assert code not in str(caught.value)


def test_too_many_attempts_tell_how_long_to_wait(world, gateway):
    world.problem = "too_many_attempts"
    with pytest.raises(InvalidInput, match="Wait 2 min"):
        gateway.activate("NOSUCHCODE", {})


def test_a_price_is_exact_and_asked_once_for_each_kind(world, gateway, active):
    sizes = [text_size("a")] * 480 + [text_size("a" * 161)] * 20 + [text_size("")]
    assert gateway.quote(sizes, {}, active) == Decimal(520)
    assert gateway.quote([], {}, active) == 0
    assert json.loads(world.server.seen[-1].body)["sizes"] == [
        {"segments": 1, "texts": 480},
        {"segments": 2, "texts": 20},
    ]


def test_sending_gives_each_its_own_result(world, gateway, active, refs):
    world.reject = {"+447700900002": "invalid_number", "+447700900003": "sender", "+447700900004": "throttled"}
    transport = gateway.open(ACCOUNT, {}, active)
    transport.begin("send1")
    outcomes = list(
        transport.deliver(texts("+447700900001", "+447700900002", "+447700900003", "+447700900004", "+447700900005"))
    )
    assert [(o.status, o.reason) for o in outcomes] == [
        ("sent", ""),
        ("failed", Reason.INVALID_NUMBER),
        ("skipped", Reason.REFUSED),
        ("skipped", Reason.PROVIDER_LIMIT),
        ("sent", ""),
    ]
    assert (outcomes[0].gateway_id, outcomes[0].segments, outcomes[0].credits) == ("g1", 1, Decimal(1))
    assert outcomes[3].retry_at > NOW
    assert "sender ID" in outcomes[2].detail
    body = json.loads(world.server.seen[-1].body)
    assert body["report_url"] == "https://crm.example/receive/credits/tokacc1"
    assert {m["sender"] for m in body["messages"]} == {"+447700900000"}
    assert [(t.send_id, t.address) for t in refs.texts] == [
        ("send1", r.address) for r, _ in texts(*[o.recipient.address for o in outcomes])
    ]
    assert transport.diagnose().ok
    transport.close()


def test_the_balance_comes_with_each_answer(world, tools, active):
    seen = []
    gateway = CreditsGateway(
        replace(tools, balance_seen=lambda account, left: seen.append((account, left.balance))), world.url
    )
    list(gateway.open(ACCOUNT, {}, active).deliver(texts("+447700900001")))
    assert seen == [("acc1", Decimal(99))]


@pytest.mark.parametrize("error", [Busy("Somebody else writes."), StorageUnavailable("The database is gone.")])
def test_a_balance_that_cannot_be_kept_costs_nobody_their_outcome(world, tools, active, error):
    def refuse(account, left):
        raise error

    gateway = CreditsGateway(replace(tools, balance_seen=refuse), world.url)
    outcomes, raised = deliver(gateway, active, "+447700900001", "+447700900002")
    assert ([o.status for o in outcomes], raised) == (["sent", "sent"], None)


@pytest.mark.parametrize(("unit", "shown"), [("cre\0dits", "cre dits"), ("\ud800", "credits"), ("\u2028p", "p")])
def test_a_unit_can_always_be_kept(world, gateway, active, unit, shown):
    real = world.server.answer

    def odd(seen):
        answer = real(seen)
        return replace(answer, body=json.dumps({**json.loads(answer.body), "unit": unit}).encode())

    world.server.answer = odd
    assert gateway.balance({}, active).unit == shown


def deliver(gateway, secrets, *numbers):
    """(outcomes, what was raised after them)."""
    got, transport = [], gateway.open(ACCOUNT, {}, secrets)
    try:
        for outcome in transport.deliver(texts(*numbers)):
            got.append(outcome)
    except TransportError as error:
        return got, error
    finally:
        transport.close()
    return got, None


def test_without_credits_the_rest_is_skipped(world, gateway, active):
    world.balance[CODE] = Decimal(2)
    outcomes, error = deliver(gateway, active, *[f"+44770090000{n}" for n in range(5)])
    assert [o.status for o in outcomes] == ["sent", "sent", "skipped", "skipped", "skipped"]
    assert error.reason is Reason.CREDITS


@pytest.mark.parametrize(
    ("problem", "reason"), [("no_credit", "credits"), ("throttled", "provider_limit"), ("unavailable", "unreachable")]
)
def test_a_refused_request_skips_everybody(world, gateway, active, problem, reason):
    world.problem = problem
    outcomes, error = deliver(gateway, active, "+447700900001", "+447700900002")
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", reason)] * 2
    assert error.reason == reason
    assert world.sent == []


def test_a_wrong_code_is_told_at_its_field(world, gateway):
    outcomes, error = deliver(gateway, {"access_code": "WRONGCODE"}, "+447700900001")
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", Reason.AUTH)]
    assert error.reason is Reason.AUTH
    diagnosis = gateway.open(ACCOUNT, {}, {"access_code": "WRONGCODE"}).diagnose()
    assert (diagnosis.ok, diagnosis.steps[-1].field) == (False, "access_code")
    with pytest.raises(TransportError, match="no access code"):
        gateway.open(ACCOUNT, {}, {})


def report(body, header, code=CODE):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"x-credits-signature": header or signature(data, code, 1_795_514_400)}
    return Request(source="credits", token="t", method="POST", url="https://x/", headers=headers, body=data)


def test_signed_reports(gateway, active):
    told = {
        "id": "m1",
        "gateway_id": "g1",
        "to": "+447700900001",
        "delivery": "delivered",
        "at": "2026-11-24T10:00:05Z",
    }
    (outcome,) = gateway.report(report({"reports": [told]}, ""), {}, active)
    assert (outcome.delivery, outcome.recipient.fields[REF_FIELD], outcome.at.hour) == ("delivered", "m1", 10)
    for header in ("t=1", "t=1,v1=" + "0" * 64, "rubbish", "t=1,v1=é"):
        forged = report({"reports": [told]}, header)
        with pytest.raises(InvalidInput) as caught:
            list(gateway.report(forged, {}, active))
        assert caught.value.code == "report_forged"
    with pytest.raises(InvalidInput, match="cannot be read"):
        list(gateway.report(report(b"[]", ""), {}, active))
    assert list(gateway.report(report({"reports": [{"delivery": "eaten"}, 7]}, ""), {}, active)) == []


def test_a_query_settles_what_is_unknown(world, gateway, active):
    list(gateway.open(ACCOUNT, {}, active).deliver(texts("+447700900001")))
    (ref,) = world.messages
    world.messages[ref]["delivery"] = "delivered"
    (outcome,) = gateway.look_up([ref, "nosuch"], {}, active)
    assert (outcome.recipient.fields[REF_FIELD], outcome.status, outcome.delivery) == (ref, "sent", "delivered")


def test_codes_as_they_are_pasted():
    for typed in ("K7QM-2XVA-9RTD", " k7qm 2xva 9rtd\n", "K7QM–2XVA\u00a09RTD", "\u200bK7QM2XVA9RTD"):
        assert bare_code(typed) == "K7QM2XVA9RTD"
    assert bare_code("K7QM/2XVA") == bare_code("") == bare_code("K" * 65) == ""


def test_the_gateways_address_is_https_unless_it_is_this_machine(tools):
    assert checked_url("https://gateway.example/v1") == ""
    assert (
        checked_url("http://127.0.0.1:8080/v1")
        == checked_url("http://localhost/v1")
        == checked_url("http://[::1]/")
        == ""
    )
    for url in (
        "http://gateway.example",
        "ftp://x",
        "https://",
        "https://u:p@x/",
        "https://x/?a=1",
        "http://10.0.0.1/",
        "https://[",
        "https://x:0/",
        "x",
    ):
        assert checked_url(url), url
    assert checked_url("http://10.0.0.1/", private=True) == ""
    with pytest.raises(InvalidInput) as caught:
        CreditsGateway(tools).balance({"gateway_url": "http://gateway.example"}, {"access_code": CODE})
    assert caught.value.code == "gateway_url"


def test_amounts_survive_unharmed(world, gateway, active):
    world.balance[CODE] = Decimal("100000000000.000001")
    assert gateway.balance({}, active).balance == Decimal("100000000000.000001")


def test_a_long_payment_page_is_opened_whole_or_not_at_all(world, gateway):
    """Hosted payment pages carry long signed parts: cut short, they open nothing."""
    order = gateway.purchase("k" * 20, {})
    for length, taken in ((2000, True), (10_000, False)):
        world.orders[order.id]["url"] = long = f"https://pay.example/c#{'x' * length}"
        if taken:
            assert gateway.order(order.id, {}).url == long
        else:
            with pytest.raises(TransportError):
                gateway.order(order.id, {})
