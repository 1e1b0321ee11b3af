"""Breaks at every point of every call: nothing bought twice, nothing sent twice, unknown where it is unknown."""

import socket
import ssl
from dataclasses import replace
from decimal import Decimal

import pytest
import trustme
from pytest_httpserver import HTTPServer

from crm_comm_hookspecs import (
    CommError,
    EmailMessage,
    Recipient,
    RecipientStatus,
    StorageUnavailable,
    TextMessage,
    TransportError,
)
from crm_comm_plugin.transports.network import Networks
from crm_comm_plugin.transports.sms.credits_gateway import CreditsGateway
from crm_comm_plugin.transports.sms.http import HttpLine
from tests.sms.conftest import ACCOUNT
from tests.sms.faulty_server import BREAKS, Answered
from tests.sms.gateways_under_test import SERVICES, numbers

CODE = "S3CRETC0DE1"
SECRETS = {"access_code": CODE}
DONE = frozenset(BREAKS) - {"drop_before", "drop_in", "drop_unprocessed", "503"}


@pytest.fixture
def tools(tools):
    return replace(tools, timeout=0.8)


@pytest.fixture
def gateway(world, tools):
    world.codes[CODE] = "active"
    return CreditsGateway(tools, world.url)


def deliver(transport, wanted):
    """(outcomes, what was raised after them)."""
    got = []
    try:
        for outcome in transport.deliver([(Recipient(number), TextMessage("Hello")) for number in wanted]):
            got.append(outcome)
    except TransportError as error:
        return got, error
    finally:
        transport.close()
    return got, None


def honest(outcomes, wanted, accepted):
    """Everybody has one outcome, nobody got two texts, and what is said to be sent or not sent is so."""
    assert sorted(o.recipient.address for o in outcomes) == sorted(wanted)
    assert len(set(accepted)) == len(accepted)
    for outcome in outcomes:
        if outcome.status is RecipientStatus.SENT:
            assert outcome.recipient.address in accepted
        elif outcome.status is not RecipientStatus.UNKNOWN:
            assert outcome.recipient.address not in accepted


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("name", SERVICES)
def test_sending_through_services_that_exist(name, fault, tools):
    service = SERVICES[name](tools)
    try:
        wanted = numbers(4)
        service.server.breaks.extend(["", fault] if name in ("twilio", "vonage", "kannel") else [fault])
        outcomes, _ = deliver(service.open(ACCOUNT), wanted)
        honest(outcomes, wanted, service.accepted)
        if fault == "503":
            assert {o.status for o in outcomes} <= {RecipientStatus.SENT, RecipientStatus.SKIPPED}
        elif name == "bulksms" and fault not in ("garbage", "502"):
            assert {o.status for o in outcomes} == {RecipientStatus.SENT}  # repeated under its deduplication id
    finally:
        service.server.close()


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize("name", SERVICES)
def test_a_line_that_stays_broken_is_not_tried_for_ever(name, fault, tools):
    service = SERVICES[name](tools)
    try:
        wanted = numbers(12)
        service.server.breaks.extend([fault] * 30)
        outcomes, error = deliver(service.open(ACCOUNT), wanted)
        honest(outcomes, wanted, service.accepted)
        assert error is not None or fault == "garbage"
        assert 30 - len(service.server.breaks) <= 3 or fault == "garbage"
    finally:
        service.server.close()


@pytest.mark.parametrize("fault", BREAKS)
def test_sending_by_the_credits_protocol_settles_by_itself(fault, world, gateway):
    wanted = numbers(6)
    world.server.breaks.append(fault)
    outcomes, error = deliver(gateway.open(ACCOUNT, {}, SECRETS), wanted)
    honest(outcomes, wanted, [to for _, to, _ in world.sent])
    if fault == "garbage":  # an answer came, and it does not tell
        assert {o.status for o in outcomes} == {RecipientStatus.UNKNOWN}
    elif fault == "503":
        assert {o.status for o in outcomes} == {RecipientStatus.SKIPPED}
    else:
        assert {o.status for o in outcomes} == {RecipientStatus.SENT}
        assert error is None
        assert world.balance[CODE] == Decimal(94)


@pytest.mark.parametrize("fault", BREAKS)
def test_a_credits_gateway_that_stays_broken_is_unknown_and_a_query_settles_it(fault, world, gateway, refs):
    wanted = numbers(3)
    world.server.breaks.extend([fault] * 3)
    outcomes, error = deliver(gateway.open(ACCOUNT, {}, SECRETS), wanted)
    sent = [to for _, to, _ in world.sent]
    honest(outcomes, wanted, sent)
    assert error is not None or fault == "garbage"
    assert len(sent) == (3 if fault in DONE else 0)
    world.server.breaks.clear()
    found = gateway.look_up([t.ref for t in refs.texts], {}, SECRETS)
    assert len(found) == len(sent)


@pytest.mark.parametrize("faults", [[fault] * n for fault in BREAKS for n in (1, 3)])
def test_nothing_is_bought_twice(faults, world, gateway):
    key = "k" * 32
    world.server.breaks.extend(faults)
    for _ in range(2):  # the person presses again
        try:
            order = gateway.purchase(key, {})
        except CommError:
            continue
        assert order.state == "open"
    world.server.breaks.clear()
    assert gateway.purchase(key, {}).id == "ord_0"
    assert len(world.orders) == 1


@pytest.mark.parametrize("fault", BREAKS)
@pytest.mark.parametrize(
    "call",
    [
        lambda g: g.activate(CODE, {}),
        lambda g: g.balance({}, SECRETS),
        lambda g: g.quote([], {}, SECRETS),
        lambda g: g.order("ord_0", {}),
        lambda g: g.open(ACCOUNT, {}, SECRETS).diagnose(),
    ],
)
def test_other_calls_answer_rightly_or_say_what_is_wrong(call, fault, world, gateway):
    world.orders["ord_0"] = {
        "id": "ord_0",
        "state": "open",
        "url": "https://x.example/",
        "credits": None,
        "unit": "credits",
    }
    world.server.breaks.extend([fault] * 4)
    problem = None
    try:
        call(gateway)
    except CommError as error:
        problem = error
    assert problem is None or (problem.hint and CODE not in f"{problem}{problem!r}")
    world.server.breaks.clear()
    call(gateway)
    assert world.codes[CODE] == "active"
    assert world.balance[CODE] == Decimal(100)


def test_a_port_where_nobody_listens_skips_everybody(tools, world, gateway):
    world.server.close()
    outcomes, error = deliver(gateway.open(ACCOUNT, {}, SECRETS), numbers(3))
    assert {(o.status, o.reason) for o in outcomes} == {("skipped", "unreachable")}
    assert "does not accept connections" in str(error)
    service = SERVICES["twilio"](tools)
    service.server.close()
    outcomes, error = deliver(service.open(ACCOUNT), numbers(3))
    assert {(o.status, o.reason) for o in outcomes} == {("skipped", "unreachable")}
    assert error is not None


def test_a_name_that_does_not_exist_is_said_so(tools):
    gateway = CreditsGateway(tools)
    with pytest.raises(TransportError, match="name is not known"):
        gateway.balance({"gateway_url": "https://gateway.invalid/v1"}, SECRETS)


class Unwritable:
    """A database that keeps no reference, from some moment on."""

    def __init__(self, good: int) -> None:
        self.good = good

    def remember(self, texts):
        self.good -= 1
        if self.good < 0:
            raise StorageUnavailable("The disk is full.")


@pytest.mark.parametrize("name", SERVICES)
def test_no_text_goes_whose_reference_could_not_be_kept(name, tools):
    """A report could not be told whose it is; and who was told to be skipped is sent to again."""
    service = SERVICES[name](replace(tools, refs=Unwritable(good=0)))
    try:
        outcomes, error = deliver(service.open(ACCOUNT), numbers(2))
        assert {(o.status, o.reason) for o in outcomes} == {("skipped", "interrupted")}
        assert "disk is full" in str(error)
        assert service.accepted == []
    finally:
        service.server.close()


@pytest.mark.parametrize("name", ["twilio", "kannel"])
def test_those_whose_reference_was_kept_went(name, tools):
    service = SERVICES[name](replace(tools, refs=Unwritable(good=1)))
    try:
        outcomes, _ = deliver(service.open(ACCOUNT), numbers(3))
        honest(outcomes, numbers(3), service.accepted)
        assert [o.status for o in outcomes] == ["sent", "skipped", "skipped"]
    finally:
        service.server.close()


@pytest.mark.parametrize("name", SERVICES)
def test_texts_that_are_none_are_refused_and_the_others_go(name, tools):
    service = SERVICES[name](tools)
    try:
        batch = [
            (Recipient("+447700900001"), TextMessage("")),
            (Recipient("+447700900002"), TextMessage("half \ud83d")),
            (Recipient("+447700900003"), EmailMessage(subject="Hello", text="Hello")),
            (Recipient("+447700900004"), TextMessage("Hello")),
        ]
        transport = service.open(ACCOUNT)
        outcomes = list(transport.deliver(batch))
        transport.close()
        assert [(o.status, o.reason) for o in outcomes] == [("failed", "message")] * 3 + [("sent", "")]
        assert service.accepted == ["+447700900004"]
    finally:
        service.server.close()


def test_a_password_that_cannot_be_sent_is_said_so(tools):
    service = SERVICES["kannel"](tools)
    service.secrets["access_code"] = "crm:two\nlines"
    outcomes, error = deliver(service.open(ACCOUNT), numbers(2))
    service.server.close()
    assert {(o.status, o.reason) for o in outcomes} == {("skipped", "unreachable")}
    assert "cannot be sent" in str(error)
    assert "lines" not in f"{error}{outcomes}"


def test_a_redirect_is_not_followed(tools):
    elsewhere = SERVICES["twilio"](tools)
    service = SERVICES["twilio"](tools)
    try:
        service.server.answer = lambda seen: Answered(307, b"", headers={"Location": elsewhere.server.url + seen.path})
        deliver(service.open(ACCOUNT), numbers(2))
        assert elsewhere.server.seen == []
    finally:
        service.server.close()
        elsewhere.server.close()


@pytest.mark.parametrize("code", ["abcd1234:s3cret-canary"])
def test_a_key_in_a_query_is_in_no_log(code, tools, caplog):
    caplog.set_level("DEBUG")
    service = SERVICES["vonage"](tools)
    service.server.answer = lambda seen: Answered(200, b'{"value": 1.5, "autoReload": false}')
    service.server.breaks.extend(["drop_after"])  # repeated, which is logged with its address
    assert service.gateway.balance({}, {"access_code": code}).balance == Decimal("1.5")
    service.server.close()
    assert "api_secret=***" in caplog.text
    assert "s3cret" not in caplog.text
    with pytest.raises(TransportError) as caught:
        service.gateway.balance({}, {"access_code": code})
    assert "s3cret" not in repr(caught.value) + str(caught.value.__context__)


def test_a_name_that_answers_differently_a_moment_later_leads_nowhere_else(tools, world, monkeypatch):
    world.codes[CODE] = "active"
    real, answers = socket.getaddrinfo, ["127.0.0.1", "169.254.169.254"]

    def changing(host, port, *rest, **options):
        if host != "gateway.example":
            return real(host, port, *rest, **options)
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    gateway = CreditsGateway(tools, world.url)
    monkeypatch.setattr(gateway, "_line", lambda values, code="": HttpLine(
        world.url.replace("127.0.0.1", "gateway.example"), 0.4, tools.networks, lambda request: bearer(request, code)
    ))  # fmt: skip
    assert gateway.balance({}, SECRETS).balance == Decimal(100)
    with pytest.raises(TransportError, match="does not connect"):
        gateway.balance({}, SECRETS)


def bearer(request, code):
    request.headers["Authorization"] = f"Bearer {code}"
    return request


@pytest.mark.parametrize("loosened", [{}, {"PYTHONHTTPSVERIFY": "0", "CURL_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": ""}])
def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tools, monkeypatch, loosened):
    """No setting and no variable of the environment switches the check off; the code never leaves."""
    for name, value in loosened.items():
        monkeypatch.setenv(name, value)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with HTTPServer("127.0.0.1", 0, ssl_context=context) as server:
        gateway = CreditsGateway(tools, f"https://127.0.0.1:{server.port}/v1")
        outcomes, error = deliver(gateway.open(ACCOUNT, {}, SECRETS), numbers(2))
        with pytest.raises(TransportError, match="certificate is not trusted"):
            gateway.balance({}, SECRETS)
        assert server.log == []
    assert {(o.status, o.reason) for o in outcomes} == {("skipped", "unreachable")}
    assert "certificate is not trusted" in str(error)


def test_networks_that_are_not_allowed_are_not_connected_to(tools):
    service = SERVICES["twilio"](replace(tools, networks=Networks(denied="loopback")))
    outcomes, error = deliver(service.open(ACCOUNT), numbers(1))
    assert {(o.status, o.reason) for o in outcomes} == {("skipped", "unreachable")}
    assert "does not connect" in str(error)
    for url in ("https://169.254.169.254/v1", "https://[fe80::1]/v1"):
        with pytest.raises(TransportError, match="does not connect"):
            CreditsGateway(tools).balance({"gateway_url": url}, SECRETS)
    assert service.server.seen == []
    service.server.close()
