"""Answers that are easily mistaken: what is the line's fault and not a recipient's, and what nobody can know."""

import json
from urllib.parse import parse_qsl

import pytest

from crm_comm_hookspecs import Reason, Recipient, TextMessage, TransportError
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
