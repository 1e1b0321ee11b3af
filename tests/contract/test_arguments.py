"""A caller's mistake is a typed error of the contract, whatever was passed and whichever database is behind it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    CommError,
    Communication,
    Context,
    InvalidInput,
    Query,
    Recipient,
    Request,
    Settings,
    StorageUnavailable,
    TextMessage,
)

ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOSTILE: dict[str, Any] = {
    "NUL": "x\0y",
    "half a pair": "\ud800",
    "long": "x" * 100_000,
    "number": 5,
    "nothing": None,
    "bytes": b"x",
    "list": ["a"],
    "mapping": {},
}
CALLS: dict[str, Callable[[Communication, str, Any], object]] = {
    "viewers context": lambda comm, one, bad: comm.viewers(bad),
    "editors context": lambda comm, one, bad: comm.editors(bad),
    "list_rows context": lambda comm, one, bad: comm.list_rows(bad, "accounts", Query()),
    "list_rows viewer": lambda comm, one, bad: comm.list_rows(ALICE, bad, Query()),
    "list_rows query": lambda comm, one, bad: comm.list_rows(ALICE, "accounts", bad),
    "list_rows search": lambda comm, one, bad: comm.list_rows(ALICE, "accounts", Query(search=bad)),
    "list_rows sort": lambda comm, one, bad: comm.list_rows(ALICE, "accounts", Query(sort=bad)),
    "list_rows after": lambda comm, one, bad: comm.list_rows(ALICE, "accounts", Query(after=bad)),
    "list_rows limit": lambda comm, one, bad: comm.list_rows(ALICE, "accounts", Query(limit=bad)),
    "open_record editor": lambda comm, one, bad: comm.open_record(ALICE, bad, one),
    "open_record id": lambda comm, one, bad: comm.open_record(ALICE, "email", bad),
    "check editor": lambda comm, one, bad: comm.check(ALICE, bad, one, {}, ""),
    "check id": lambda comm, one, bad: comm.check(ALICE, "email", bad, {}, ""),
    "check values": lambda comm, one, bad: comm.check(ALICE, "email", one, bad, ""),
    "check changed": lambda comm, one, bad: comm.check(ALICE, "email", one, {}, bad),
    "save editor": lambda comm, one, bad: comm.save(ALICE, bad, one, {}, "1"),
    "save id": lambda comm, one, bad: comm.save(ALICE, "email", bad, {}, "1"),
    "save values": lambda comm, one, bad: comm.save(ALICE, "email", one, bad, "1"),
    "save version": lambda comm, one, bad: comm.save(ALICE, "email", one, {"account_name": "Other"}, bad),
    "confirm action": lambda comm, one, bad: comm.confirm(ALICE, bad, (one,), "", {}),
    "confirm ids": lambda comm, one, bad: comm.confirm(ALICE, "delete", bad, "", {}),
    "confirm id": lambda comm, one, bad: comm.confirm(ALICE, "delete", (bad,), "", {}),
    "run context": lambda comm, one, bad: comm.run(bad, "test", (one,), "", {}),
    "run action": lambda comm, one, bad: comm.run(ALICE, bad, (one,), "", {}),
    "run ids": lambda comm, one, bad: comm.run(ALICE, "restore", bad, "", {}),
    "run id": lambda comm, one, bad: comm.run(ALICE, "restore", (bad,), "", {}),
    "run editor": lambda comm, one, bad: comm.run(ALICE, "test_connection", (one,), bad, {}),
    "run values": lambda comm, one, bad: comm.run(ALICE, "refresh_credits", (), "sms", bad),
    "run undo": lambda comm, one, bad: comm.run(ALICE, "undo", (bad,), "", {}),
    "run confirmed": lambda comm, one, bad: comm.run(ALICE, "refresh_credits", (), "sms", {}, bad),
    "options source": lambda comm, one, bad: comm.options(ALICE, bad, "", 5),
    "options query": lambda comm, one, bad: comm.options(ALICE, "countries", bad, 5),
    "options limit": lambda comm, one, bad: comm.options(ALICE, "countries", "", bad),
    "callback params": lambda comm, one, bad: comm.callback(ALICE, bad),
    "callback param": lambda comm, one, bad: comm.callback(ALICE, {"state": bad, "code": bad}),
    "receive request": lambda comm, one, bad: comm.receive(bad),
    "receive source": lambda comm, one, bad: comm.receive(report(bad, "token")),
    "receive token": lambda comm, one, bad: comm.receive(report("credits", bad)),
    "accounts channel": lambda comm, one, bad: comm.accounts(bad),
    "allowance account": lambda comm, one, bad: comm.allowance(bad),
    "prepare account": lambda comm, one, bad: comm.prepare(bad, []),
    "prepare recipients": lambda comm, one, bad: comm.prepare(one, bad),
    "prepare recipient": lambda comm, one, bad: comm.prepare(one, [Recipient(bad)]),
    "preview account": lambda comm, one, bad: comm.preview(bad, TextMessage("x"), []),
    "preview message": lambda comm, one, bad: comm.preview(one, bad, []),
    "reserve account": lambda comm, one, bad: comm.reserve(bad, 1, "key"),
    "reserve units": lambda comm, one, bad: comm.reserve(one, bad, "key"),
    "reserve key": lambda comm, one, bad: comm.reserve(one, 1, bad),
    "reserve campaign": lambda comm, one, bad: comm.reserve(one, 1, "key", bad),
    "settle reservation": lambda comm, one, bad: comm.settle(bad, 1),
    "settle used": lambda comm, one, bad: comm.settle("none", bad),
    "send account": lambda comm, one, bad: comm.send(bad, TextMessage("x"), [], "key"),
    "send message": lambda comm, one, bad: comm.send(one, bad, [], "key"),
    "send recipients": lambda comm, one, bad: comm.send(one, TextMessage("x"), bad, "key"),
    "send key": lambda comm, one, bad: comm.send(one, TextMessage("x"), [], bad),
    "send campaign": lambda comm, one, bad: comm.send(one, TextMessage("x"), [], "key", bad),
    "send on_progress": lambda comm, one, bad: comm.send(one, TextMessage("x"), [], "key", "", bad),
    "send context": lambda comm, one, bad: comm.send(one, TextMessage("x"), [], "key", context=bad),
    "sends account": lambda comm, one, bad: comm.sends(bad),
    "sends campaign": lambda comm, one, bad: comm.sends("", bad),
    "sends key": lambda comm, one, bad: comm.sends("", "", bad),
    "sends after": lambda comm, one, bad: comm.sends("", "", "", bad),
    "sends limit": lambda comm, one, bad: comm.sends("", "", "", "", bad),
    "cancel send": lambda comm, one, bad: comm.cancel(bad),
    "outcomes send": lambda comm, one, bad: comm.outcomes(bad),
    "outcomes status": lambda comm, one, bad: comm.outcomes(bad, bad),
    "outcomes after": lambda comm, one, bad: comm.outcomes("none", "", bad),
    "usage account": lambda comm, one, bad: comm.usage(bad, NOW, NOW),
    "usage since": lambda comm, one, bad: comm.usage(one, bad, NOW),
}


def report(source: Any, token: Any) -> Request:
    return Request(source=source, token=token, method="POST", url="https://crm.example/receive", headers={}, body=b"")


def mistake(ask: Callable[[Communication, str, Any], object], comm: Communication, account: str, bad: Any) -> str:
    try:
        ask(comm, account, bad)
    except StorageUnavailable:
        return "the database refused it"
    except CommError:
        return "typed"
    except Exception as error:
        return repr(error)
    return ""


@pytest.fixture
def comm(database_url: str, tmp_path: Path) -> Iterator[Communication]:
    settings = Settings(database_url=database_url, data_dir=tmp_path, secret_backend="database")
    with Communication.load(settings, entry_points=False) as comm:
        yield comm


@pytest.fixture
def account(comm: Communication) -> str:
    values = {"account_name": "News", "server": "smtp", "host": "smtp.example.com", "sender": "n@example.com"}
    return comm.save(ALICE, "email", "", values, "").id


def test_whatever_is_passed_the_answer_is_a_value_or_a_typed_error(comm, account):
    for call, ask in CALLS.items():
        for name, bad in HOSTILE.items():
            assert mistake(ask, comm, account, bad) in {"", "typed"}, f"{call}: {name}"
    assert comm.failures == ()
    assert comm.open_record(ALICE, "email", account).values["account_name"] == "News"


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("context", lambda comm: comm.viewers(None)),
        ("context", lambda comm: comm.allowance("none", "alice")),
        ("context.user", lambda comm: comm.save(Context(user=5), "email")),
        ("context.user", lambda comm: comm.accounts(context=Context(user=None, permissions=ALL_PERMISSIONS))),
        ("context.permissions", lambda comm: comm.viewers(Context(user="alice", permissions="communication.view"))),
        ("context.permissions", lambda comm: comm.viewers(Context(user="alice", permissions=None))),
        ("editor", lambda comm: comm.open_record(ALICE, ["email"])),
        ("query", lambda comm: comm.list_rows(ALICE, "accounts", 5)),
        ("version", lambda comm: comm.save(ALICE, "email", "", {}, 3)),
        ("ids", lambda comm: comm.run(ALICE, "delete", None)),
        ("ids", lambda comm: comm.run(ALICE, "delete", "one")),
        ("params", lambda comm: comm.callback(ALICE, "state=x")),
        ("plugin", lambda comm: comm.register(None)),
        ("pm", lambda comm: Communication("crm")),
        ("settings", lambda comm: Communication.load("sqlite:///crm.db")),
    ],
)
def test_the_error_names_the_argument(comm, name, ask):
    with pytest.raises(InvalidInput) as caught:
        ask(comm)
    assert caught.value.message.startswith(name)
    assert caught.value.hint
