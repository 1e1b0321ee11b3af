"""Answers that are easily mistaken: what is the line's fault and not a recipient's, and what nobody can know."""

import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest

from crm_comm_hookspecs import Reason, Recipient, TextMessage, TransportError
from crm_comm_plugin.credits.words import amount
from tests.sms.conftest import ACCOUNT
from tests.sms.faulty_server import Answered
from tests.sms.gateways_under_test import SERVICES, numbers


@pytest.fixture
def service(tools):
    made = []

    def make(name):
        made.append(SERVICES[name](tools))
        return made[-1]

    yield make
    for one in made:
        one.server.close()


def deliver(service, wanted):
    transport = service.open(ACCOUNT)
    got = []
    try:
        got.extend(transport.deliver([(Recipient(n), TextMessage("Hello")) for n in wanted]))
    except TransportError as error:
        return got, error
    finally:
        transport.close()
    return got, None


@pytest.mark.parametrize(
    ("status", "body", "outcome", "reason"),
    [
        (403, b"Not routable. Do not try again.", "failed", Reason.REFUSED),
        (404, b"Number(s) has/have been denied by white- and/or black-lists.", "failed", Reason.REFUSED),
        (400, b"Missing receiver number, rejected", "failed", Reason.REFUSED),
        (403, b"Authorization failed for sendsms", "skipped", Reason.AUTH),
        (404, b"Unknown request.", "skipped", Reason.UNREACHABLE),
        (404, b"<html>Not found</html>", "skipped", Reason.UNREACHABLE),
        (405, b"", "skipped", Reason.UNREACHABLE),
        (408, b"", "skipped", Reason.UNREACHABLE),
    ],
)
def test_kannel_says_whether_it_is_the_recipient_or_the_line(service, status, body, outcome, reason):
    kannel = service("kannel")
    kannel.server.answer = lambda seen: Answered(status, body, "text/plain")
    outcomes, _ = deliver(kannel, numbers(1))
    assert [(o.status, o.reason) for o in outcomes] == [(outcome, reason)]


def test_a_wrong_kannel_address_costs_nobody_their_text(service):
    kannel = service("kannel")
    kannel.server.answer = lambda seen: Answered(404, b"Unknown request.", "text/plain")
    outcomes, error = deliver(kannel, numbers(5))
    assert {o.status for o in outcomes} == {"skipped"}
    assert "no Kannel at this address" in str(error)
    assert len(kannel.server.seen) == 1


@pytest.mark.parametrize("name", ["bulksms", "clicksend", "twilio", "vonage"])
@pytest.mark.parametrize("status", [408, 425])
def test_a_request_that_came_too_late_or_too_early_is_nobodys_fault(service, name, status):
    service = service(name)
    service.server.answer = lambda seen: Answered(status, b"")
    outcomes, error = deliver(service, numbers(3))
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", Reason.UNREACHABLE)] * 3
    assert error.reason is Reason.UNREACHABLE


def test_each_group_of_a_split_batch_has_a_number_of_its_own(service):
    """Else the service would take a half for a repeat of the whole that it has just refused."""
    bulk = service("bulksms")
    real, bad = bulk.server.answer, "+447700900003"
    taken: dict[str, bytes] = {}

    def picky(seen):
        number = dict(parse_qsl(seen.path.partition("?")[2]))["deduplication-id"]
        assert -(2**31) <= int(number) < 2**31
        assert taken.setdefault(number, seen.body) == seen.body
        refused = json.dumps({"type": "https://x#bad-request", "title": "", "status": 400, "detail": "The 'to' is bad"})
        return Answered(400, refused.encode()) if bad.encode() in seen.body else real(seen)

    bulk.server.answer = picky
    outcomes, _ = deliver(bulk, numbers(8))
    assert [o.recipient.address for o in outcomes if o.status != "sent"] == [bad]


def test_a_daily_quota_is_no_wrong_password(service):
    bulk = service("bulksms")
    problem = {"type": "https://developer.bulksms.com/json/v1/errors#quota-exceeded", "title": "", "status": 403}
    bulk.server.answer = lambda seen: Answered(403, json.dumps(problem).encode())
    outcomes, error = deliver(bulk, numbers(2))
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", Reason.PROVIDER_LIMIT)] * 2
    assert error.reason is Reason.PROVIDER_LIMIT


@pytest.mark.parametrize("part", [{}, {"status": None}, {"error-text": "from"}, {"status": "", "error-text": "to"}])
def test_a_part_without_a_status_tells_nothing(service, part):
    vonage = service("vonage")
    vonage.server.answer = lambda seen: Answered(200, json.dumps({"messages": [part]}).encode())
    outcomes, _ = deliver(vonage, numbers(1))
    assert [o.status for o in outcomes] == ["unknown"]


@pytest.mark.parametrize(
    ("status", "code", "outcome"), [(500, 20500, "unknown"), (502, 20503, "unknown"), (503, 20503, "skipped")]
)
def test_an_error_inside_twilio_does_not_say_that_nothing_went(service, status, code, outcome):
    """It may have broken after the text was taken: skipped, the same call later would send it twice."""
    twilio = service("twilio")
    twilio.server.answer = lambda seen: Answered(status, json.dumps({"code": code, "status": status}).encode())
    outcomes, _ = deliver(twilio, numbers(1))
    assert [(o.status, o.reason) for o in outcomes] == [(outcome, Reason.UNREACHABLE)]


@pytest.mark.parametrize(
    ("told", "balance"),
    [("1e-99999999", "0"), ("0e-99999999", "0"), ("-12.5" + "0" * 90, "-12.5"), ("0." + "1" * 60, "0." + "1" * 20)],
)
def test_an_amount_of_endless_length_is_rounded(service, told, balance):
    """Written out, it would fill the memory; and no database column holds it."""
    bulk = service("bulksms")
    bulk.server.answer = lambda seen: Answered(200, b'{"credits": {"balance": %s}}' % told.encode())
    found = bulk.gateway.balance({}, bulk.secrets).balance
    assert found == Decimal(balance)
    assert len(str(found)) <= 40
    assert amount(found, "EUR") == f"{balance} EUR"


@pytest.mark.parametrize("told", ["999999999999.12345678901234567890", "0.30000000000000004", "1.0"])
def test_other_amounts_are_exact(service, told):
    bulk = service("bulksms")
    bulk.server.answer = lambda seen: Answered(200, b'{"credits": {"balance": %s}}' % told.encode())
    assert str(bulk.gateway.balance({}, bulk.secrets).balance) == told


@pytest.mark.parametrize("name", ["bulksms", "clicksend", "twilio", "vonage"])
@pytest.mark.parametrize("status", [404, 405, 407, 410])
def test_a_page_that_is_not_there_costs_nobody_their_text(service, name, status):
    """A proxy, or a service that moved: nothing about a text or a recipient, who would be failed for good."""
    service = service(name)
    service.server.answer = lambda seen: Answered(status, b"<html>", "text/html")
    outcomes, _ = deliver(service, numbers(3))
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", Reason.UNREACHABLE)] * 3
    assert len(service.server.seen) == 1


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("name", ["bulksms", "clicksend"])
def test_two_answers_for_one_text_that_differ_tell_nothing(service, name, turn):
    """Refused and accepted: taken for refused, the same call later would send it once more."""
    service = service(name)
    real = service.server.answer

    def doubled(seen):
        answer = real(seen)
        told = json.loads(answer.body)
        listed = told if name == "bulksms" else told["data"]["messages"]
        failed = {"status": {"type": "FAILED", "subtype": "X"}} if name == "bulksms" else {"status": "THROTTLED"}
        listed[:] = [*listed, listed[1], {**listed[0], **failed}][::turn]
        return Answered(answer.status, json.dumps(told).encode())

    service.server.answer = doubled
    outcomes, _ = deliver(service, numbers(2))
    assert [o.status for o in outcomes] == ["unknown", "sent"]


def test_twilios_code_counts_also_as_a_text(service):
    twilio = service("twilio")
    twilio.server.answer = lambda seen: Answered(400, json.dumps({"code": "21611", "status": 400}).encode())
    outcomes, _ = deliver(twilio, numbers(1))
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", Reason.PROVIDER_LIMIT)]


@pytest.mark.parametrize("status", [None, "", {}, {"type": None}, {"type": "NEWS"}])
def test_a_bulksms_text_is_sent_only_where_its_status_says_so(service, status):
    bulk = service("bulksms")
    bulk.server.answer = _with_status(bulk.server.answer, lambda told: told, status)
    outcomes, _ = deliver(bulk, numbers(2))
    assert [o.status for o in outcomes] == ["unknown", "sent"]


@pytest.mark.parametrize("status", [None, "", [], {"SUCCESS": True}, True])
def test_a_clicksend_text_without_a_status_is_not_refused_for_good(service, status):
    """It may have gone, and whoever has failed is never tried again and told so."""
    click = service("clicksend")
    click.server.answer = _with_status(click.server.answer, lambda told: told["data"]["messages"], status)
    outcomes, _ = deliver(click, numbers(2))
    assert [o.status for o in outcomes] == ["unknown", "sent"]


def _with_status(real, listed, status):
    """The first text's result with another status."""

    def answer(seen):
        answered = real(seen)
        told = json.loads(answered.body)
        listed(told)[0]["status"] = status
        return Answered(answered.status, json.dumps(told).encode())

    return answer


@pytest.mark.parametrize("data", [None, {}, {"messages": []}, "Insufficient credit"])
@pytest.mark.parametrize(
    ("code", "reason"), [("INSUFFICIENT_CREDIT", Reason.CREDITS), ("ACCOUNT_NOT_ACTIVATED", Reason.AUTH)]
)
def test_clicksend_may_refuse_the_whole_under_http_200(service, code, reason, data):
    """Whether a status stands at the message or in the envelope is not documented; nothing was sent either way."""
    click = service("clicksend")
    told = {"http_code": 200, "response_code": code, "response_msg": "No.", "data": data}
    click.server.answer = lambda seen: Answered(200, json.dumps(told).encode())
    outcomes, error = deliver(click, numbers(2))
    assert [(o.status, o.reason) for o in outcomes] == [("skipped", reason)] * 2
    assert error.reason is reason


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"sid": null, "status": "queued"}', b'{"sid": ['])
def test_twilio_has_taken_a_text_only_when_it_names_it(service, body):
    twilio = service("twilio")
    twilio.server.answer = lambda seen: Answered(201, body)
    outcomes, _ = deliver(twilio, numbers(1))
    assert [o.status for o in outcomes] == ["unknown"]
