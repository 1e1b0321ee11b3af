"""The suites say in words what is wrong with a plugin: its author sees no more of our asserts than their message."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_comm_hookspecs import (
    AccountSchema,
    AccountType,
    Action,
    Credits,
    Editor,
    MailServer,
    Order,
    Outcome,
    Recipient,
    RecipientStatus,
    Request,
    Result,
    Secret,
    Text,
)
from crm_comm_hookspecs.testing import (
    SECRET,
    START,
    AccountTypeSuite,
    FakeGateway,
    MailServerSuite,
    NullTransport,
    SmsGatewaySuite,
    TransportSuite,
)


def told(suite: object) -> str:
    """The messages of all tests that fail, none of them empty."""
    messages = []
    for name in dir(suite):
        if name.startswith("test_"):
            try:
                getattr(suite, name)()
            except AssertionError as error:
                messages.append(str(error))
    assert all(messages), "a test failed without words"
    return "\n".join(messages)


def of_transport(**changes: Any) -> str:
    class Suite(TransportSuite):
        def transport(self) -> Any:
            return type("Under", (NullTransport,), changes)()

    return told(Suite())


def sent(recipient: Recipient, **changes: Any) -> Outcome:
    return Outcome(**{"recipient": recipient, "status": RecipientStatus.SENT, **changes})


def delivering(answer: Callable[[Any], Any]) -> Callable[[object, Any], Any]:
    return lambda _, batch: answer(batch)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"deliver": delivering(lambda batch: None)}, "deliver must answer an iterable of Outcome, not NoneType"),
        ({"deliver": delivering(lambda batch: ["sent" for _ in batch])}, "deliver must give Outcome values, not str"),
        ({"deliver": delivering(lambda batch: [sent(r) for r, _ in batch[:1]])}, "has exactly one Outcome"),
        ({"deliver": delivering(lambda batch: [sent(r) for r, _ in batch * 2])}, "'ann@example.org': 2"),
        ({"deliver": delivering(lambda batch: [sent(batch[0][0])])}, "deliver must not raise IndexError"),
        ({"deliver": delivering(lambda batch: [sent(r, status="sent") for r, _ in batch])}, "not str 'sent'"),
        ({"deliver": delivering(lambda batch: [sent(r, at=datetime(2026, 1, 1)) for r, _ in batch])}, "without a zone"),
        ({"diagnose": lambda _: True}, "diagnose must answer Diagnosis, not bool"),
        ({"batch": "3"}, "batch is a number of recipients, not str"),
        ({"close": lambda _: 1 / 0}, "close must not raise ZeroDivisionError"),
    ],
)  # fmt: skip
def test_of_a_transport(changes: dict[str, Any], words: str) -> None:
    assert words in of_transport(**changes)
    assert bool(words) == bool(of_transport(**changes))


class PinSchema(AccountSchema):
    pin = Secret()
    floor = Text(validate=lambda text: int(text) > 0)


class Plain(AccountSchema):
    pin = Secret()


def of_type(schema: type[AccountSchema] = Plain, actions: tuple[Action, ...] = (), **changes: Any) -> str:
    editor = Editor(name="fax", title="Fax", schema=schema, actions=actions)
    known = {"key": "fax", "label": "Fax", "icon": "", "channel": "fax", "connect": lambda *_: NullTransport()}

    class Suite(AccountTypeSuite):
        def account_type(self) -> AccountType:
            return AccountType(**{**known, "editor": editor, **changes})

        def values(self) -> dict[str, Any]:
            return {"account_name": "Fax", "limitation": "none"}

        def secrets(self) -> dict[str, str]:
            return {"pin": SECRET}

        def good_addresses(self) -> list[str]:
            return ["+49 30 123456"]

    return told(Suite())


BEEP = (Action(name="beep", label="Beep"),)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"connect": lambda *_: None}, "connect must answer a Transport; NoneType lacks batch, deliver"),
        ({"connect": lambda account, values: NullTransport()}, "connect must not raise TypeError"),
        ({"normalise": lambda recipient, values: None}, "must answer a Recipient or a Rejected, not NoneType"),
        ({"normalise": lambda recipient, values: int(recipient.address)}, "must not raise ValueError"),
        ({"schema": PinSchema}, "the form with 'Zoë & 7' in floor must not raise ValueError"),
        ({"actions": BEEP}, "the editor has beep, yet the account type has no run"),
        ({"actions": (Action(name="test_connection", label="Test"),)}, ""),
        ({"actions": BEEP, "run": lambda *_: None}, "run of beep must answer Result, not NoneType"),
        ({"actions": BEEP, "run": lambda *given: Result(message=given[-1]["pin"])}, "of beep shows the secret"),
    ],
)  # fmt: skip
def test_of_an_account_type(changes: dict[str, Any], words: str) -> None:
    assert words in of_type(**changes)
    assert bool(words) == bool(of_type(**changes))


def of_gateway(**changes: Any) -> str:
    class Suite(SmsGatewaySuite):
        def gateway(self) -> Any:
            return type("Under", (FakeGateway,), changes)()

        def report_request(self) -> Request:
            return Request(source="s", token="t", method="POST", url="h", headers={}, body=b"+49 delivered")

    return told(Suite())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"balance": lambda *_: None}, "balance must answer Credits, not NoneType"),
        ({"balance": lambda *_: Credits(balance=1.5, unit="c", as_of=START)}, "Decimal, never float"),
        ({"open": lambda *_: None}, "open must answer a Transport"),
        ({"quote": lambda _, sizes, *__: 0.05 * len(sizes)}, "quote must answer Decimal, not float"),
        ({"purchase": lambda _, key, __: Order(id=key, url="http://evil", state="open")}, "must be https"),
        ({"order": lambda _, key, __: Order(id=key, url="", state="done")}, "not 'done'"),
        ({"order": lambda *_: Order(id="other", url="", state="paid")}, "the order that was asked for"),
        ({"report": lambda *_: None}, "report must answer an iterable of Outcome, not NoneType"),
        ({"report": lambda *_: [sent(Recipient("+49"), delivery="ok")]}, "not 'ok'"),
        ({"capabilities": frozenset(), "__init__": lambda gateway: None, "key": "g", "label": "G", "fields": None,
          "quote": lambda *_: Decimal(1)}, "quote is not among its capabilities"),
    ],
)  # fmt: skip
def test_of_a_gateway(changes: dict[str, Any], words: str) -> None:
    assert words in of_gateway(**changes)
    assert bool(words) == bool(of_gateway(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"label": ""}, "acme has no label"),
        ({"host": "https://x"}, "is a server's name, not 'https://x'"),
        ({"port": "587"}, "the port of acme is a number"),
        ({"sign_in": ("xoauth",)}, "is of password and oauth"),
        ({"help_url": "http://x.example"}, "is https, not"),
        ({"connections": 0}, "connections of acme is at least 1"),
    ],
)
def test_of_a_mail_server(changes: dict[str, Any], words: str) -> None:
    known = {"key": "acme", "label": "Acme", "host": "smtp.acme.example", "port": 587, "security": "starttls"}

    class Suite(MailServerSuite):
        def servers(self) -> list[MailServer]:
            return [MailServer(**{**known, **changes})]

    assert words in told(Suite())
    assert bool(words) == bool(told(Suite()))
