"""Delivery reports of a gateway that gives no reference back: only the number tells which text is meant."""

from datetime import datetime
from decimal import Decimal

import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Communication,
    Context,
    Outcome,
    Recipient,
    Request,
    Settings,
    TextMessage,
    hookimpl,
)
from crm_comm_hookspecs.testing import FakeGateway

ANN = Context(user="ann", permissions=ALL_PERMISSIONS)
NUMBER = "+447400123456"


class Numbers(FakeGateway):
    """Its reports hold a number and a word."""

    def __init__(self) -> None:
        super().__init__("numbers")
        self.at = None

    def report(self, request, values, secrets):
        word = request.body.decode()
        return [Outcome(recipient=Recipient(NUMBER), status="sent", delivery=word, at=self.at)]


class Others:
    __name__ = "others"

    def __init__(self, gateway) -> None:
        self.gateway = gateway

    @hookimpl
    def crm_comm_sms_gateways(self):
        return [self.gateway]


@pytest.fixture
def gateway():
    return Numbers()


@pytest.fixture
def comm(database_url, tmp_path, gateway):
    settings = Settings(
        database_url=database_url,
        data_dir=str(tmp_path / "data"),
        secret_backend="database",
        base_url="https://crm.example/communication",
    )
    with Communication.load(settings) as comm:
        comm.register(Others(gateway))
        yield comm


@pytest.fixture
def account(comm):
    saved = comm.save(ANN, "sms", "", {"account_name": "A", "gateway": "numbers", "access_code": "CODE12"})
    assert saved.ok, saved.errors
    return saved.id


def reported(comm, account, word):
    url = comm.run(ANN, "report_address", (account,), "sms", {}).message.split("\n")[1]
    return comm.receive(
        Request(source="numbers", token=url[-22:], method="POST", url=url, headers={}, body=word)
    ).status


def outcome(comm, report):
    (found,) = comm.outcomes(report.send_id).outcomes
    return str(found.status), found.delivery


def test_a_report_is_about_the_last_text_that_went(comm, account, gateway):
    """Who was skipped for want of credits got nothing: the report can only mean the text before."""
    first = comm.send(account, TextMessage("one"), [Recipient(NUMBER)], key="one")
    gateway.credits = Decimal(0)
    second = comm.send(account, TextMessage("two"), [Recipient(NUMBER)], key="two")
    assert outcome(comm, second) == ("skipped", "")
    assert reported(comm, account, b"delivered") == 200
    assert outcome(comm, first) == ("sent", "delivered")
    assert outcome(comm, second) == ("skipped", "")


@pytest.mark.parametrize("at", ["yesterday", datetime(2026, 1, 1), datetime.max])
def test_whatever_time_it_tells_the_report_is_taken(comm, account, gateway, at):
    report = comm.send(account, TextMessage("one"), [Recipient(NUMBER)], key="one")
    gateway.at = at
    assert reported(comm, account, b"delivered") == 200
    assert outcome(comm, report) == ("sent", "delivered")
