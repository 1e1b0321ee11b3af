"""Every value type is exactly as the contract names it: fields, defaults, positions, frozen, picklable, silent."""

import copy
import dataclasses
import pickle
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

import crm_comm_hookspecs as contract
from crm_comm_hookspecs import (
    Attachment,
    Confirm,
    EmailMessage,
    FormSchema,
    Reason,
    Recipient,
    RecipientStatus,
    Request,
    Settings,
    TextMessage,
    Window,
)

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

# As printed in the contract, and grown since (CHANGELOG, "Contract"): what has no "=" must be given, "..." is a default
# that the contract leaves open.
PRINTED = """
Context(user, permissions=frozenset(), locale='en', timezone='UTC', region='')
Option(value, label, icon='', hint='')
Action(name, label, kind='run', editors=(), needs='none', confirm=None, style='', icon='', help='', shortcut='', \
when={})
Confirm(title, text, yes='Yes', no='No', token='')
Column(name, label, format='text', sortable=False, secondary=False)
Viewer(name, title, columns, actions, empty='', searchable=True)
Query(search='', sort='', descending=False, after='', limit=50, deleted=False)
Row(id, editor, cells)
Page(rows, total, next='')
Badge(text, level='')
Meter(value, max, text, hint='', level='')
Editor(name, title, schema, fields=(), actions=())
Field(name, label, widget=..., required=..., required_when=..., secret=..., when=..., options=..., options_from=...,
  default=..., min=..., max=..., minlength=..., maxlength=..., pattern=..., help=..., help_url=..., placeholder=...,
  autocomplete=..., live=..., width=...)
Record(values, secrets={}, version='', id='')
Result(ok=True, message='', level='info', errors={}, hints={}, values={}, open_url='', refresh=False, close=False,
  conflict=False, id='', undo='')
Request(source, token, method, url, headers, body)
Reply(status, body=b'', content_type='text/plain')
Account(id, name, type, channel, active, sender, status)
Limit(count, window)
Allowance(account_id, limit, used, held, remaining, next_free_at=..., full_at=..., limits=())
Reservation(id, account_id, requested, granted, held_until, retry_at=..., replayed=...)
Recipient(address, name='', fields={})
EmailMessage(subject, text='', html='', reply_to='', headers={}, attachments=(), shared=False)
TextMessage(text)
Attachment(filename, content, content_type=...)
Rejected(recipient, reason, detail=...)
Prepared(ready, rejected)
Outcome(recipient, status, reason='', detail='', code='', at=None, retry_at=None, delivery='')
SendReport(send_id, account_id, campaign, counts, finished, retry_at=...)
SendPage(sends, next='')
OutcomePage(outcomes, next='')
Progress(done, total, counts)
Preview(total, rejected, now, later=..., text=None, credits=None)
TextSize(encoding, length, segments, forced_by='')
UsagePoint(at, campaign, sent=..., skipped=..., failed=..., unknown=...)
Diagnosis(ok, steps)
Step(name, ok, detail='', hint='', field='')
Credits(balance, unit, as_of)
Order(id, url, state, credits=None)
Usage(text, url='', blocking=True)
Change(account_id, kind, fields, user, at)
Notice(account_id, campaign, skipped, retry_at, level)
AccountType(key, label, icon, channel, editor, connect, normalise=None, run=None)
MailServer(key, label, host, port, security, domains=(), sign_in=('password',), limit=None, pace=None, per_message=1,
  per_connection=0, connections=1, help_url='', help='', source='', as_of='')
"""
LINES = re.findall(r"^\w+\(.*?\)$", PRINTED, re.M | re.S)
TYPES = {line.split("(")[0]: " ".join(line.split()) for line in LINES}
POSITIONAL = {"Option", "Recipient", "Confirm", "TextMessage", "Limit", "Reply", "Usage"}


def written(kind: type, printed: str) -> str:
    shown = []
    for field in dataclasses.fields(kind):
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if default is dataclasses.MISSING:
            shown.append(field.name)
        else:
            shown.append(f"{field.name}=..." if f"{field.name}=..." in printed else f"{field.name}={default!r}")
    return f"{kind.__name__}({', '.join(shown)})"


def sample(kind: type) -> object:
    """A value of a type, every field given."""
    values = {
        "at": NOW, "held_until": NOW, "retry_at": NOW, "as_of": NOW, "count": 5, "window": Window.DAY,
        "limit": contract.Limit(5, Window.DAY), "recipient": Recipient("a@x.example"), "reason": Reason.LIMIT,
        "status": RecipientStatus.SENT, "body": b"\x00\xff", "content": b"\x00", "counts": {RecipientStatus.SENT: 2},
        "balance": Decimal("1.50"), "credits": Decimal("2.50"), "schema": contract.AccountSchema, "cells": {"at": NOW},
        "rejected": {Reason.DUPLICATE: 1}, "later": ((NOW, 5),), "values": {"a": 1}, "text": "hidden words",
        "permissions": contract.ALL_PERMISSIONS, "connect": len, "editor": "email", "headers": {"x": "y"},
        "errors": {"": ["no"]}, "hints": {}, "secrets": {"password": "yesterday"}, "full_at": NOW, "next_free_at": NOW,
        "fields": {}, "when": {"a": ["b"]}, "required_when": {}, "token": "t0ken",
    }  # fmt: skip
    own = {
        "Preview": {"text": contract.TextSize(encoding="GSM-7", length=3, segments=1)},
        "Editor": {"fields": contract.fields_of(contract.AccountSchema)},
        "MailServer": {"as_of": "2026-11"},
        "AccountType": {"editor": contract.Editor(name="fax", title="Fax", schema=contract.AccountSchema)},
        "Prepared": {"rejected": (contract.Rejected(recipient=Recipient("x"), reason=Reason.DUPLICATE),)},
        "Account": {"status": "connected"},
        "Reply": {"status": 200},
        "Change": {"fields": ("active",)},
        "Context": {"user": "alice"},
        "Meter": {"value": 1.5, "max": 3.0},
    }.get(kind.__name__, {})
    given = {f.name: values[f.name] for f in dataclasses.fields(kind) if f.name in values} | own
    needed = {
        f.name: "x"
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING and f.name not in given
    }
    return kind(**needed, **given)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_value_has_the_fields_and_defaults_of_the_contract(name: str) -> None:
    assert written(getattr(contract, name), TYPES[name]) == TYPES[name]


def test_no_value_type_is_left_out_of_the_list() -> None:
    found = {n for n in contract.__all__ if dataclasses.is_dataclass(getattr(contract, n))}
    assert found - {"Settings", "Failure", "Contribution"} == set(TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_value_is_frozen_has_slots_and_takes_positions_only_where_named(name: str) -> None:
    kind = getattr(contract, name)
    value = sample(kind)
    first = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, first, None)
    assert not hasattr(value, "__dict__")
    assert all(f.kw_only is (name not in POSITIONAL) for f in dataclasses.fields(kind))


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_value_survives_pickling_and_copying(name: str) -> None:
    value = sample(getattr(contract, name))
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value
    assert dataclasses.replace(value) == value


def test_defaults_that_can_be_changed_are_not_shared() -> None:
    first, second = contract.Result(), contract.Result()
    assert first.errors is not second.errors
    assert Recipient("a").fields is not Recipient("b").fields


def test_recipients_can_be_kept_in_a_set_whatever_fields_they_have() -> None:
    assert len({Recipient("a", fields={"x": []}), Recipient("a", fields={"x": []}), Recipient("b")}) == 2


@pytest.mark.parametrize(
    "value",
    [
        Request(source="x", token="S3CRET", method="POST", url="h/S3CRET", headers={"a": "S3CRET"}, body=b"S3CRET"),
        Confirm("Title", "Text", token="S3CRET"),
        TextMessage("S3CRET"),
        EmailMessage(subject="Hi", text="S3CRET", html="S3CRET", headers={"X": "S3CRET"}),
        Attachment(filename="a.txt", content=b"S3CRET"),
        Settings(database_url="postgresql://u:S3CRET@db/x"),
    ],
)  # fmt: skip
def test_repr_shows_no_secret_and_no_content(value: object) -> None:
    assert "S3CRET" not in repr(value)
    assert type(value).__name__ in repr(value)


def test_windows_have_their_rolling_lengths() -> None:
    assert [w.length for w in Window] == [
        None, timedelta(minutes=1), timedelta(hours=1), timedelta(hours=24), timedelta(days=31),
    ]  # fmt: skip
    assert [w.value for w in Window] == ["none", "minute", "hour", "day", "month"]


def test_the_closed_vocabularies() -> None:
    assert [s.value for s in RecipientStatus] == ["sent", "skipped", "failed", "unknown"]
    assert " ".join(Reason) == (
        "limit credits provider_limit invalid_address invalid_number duplicate inactive refused unreachable auth "
        "message interrupted"
    )


def test_everything_importable_is_there() -> None:
    for name in contract.__all__:
        assert getattr(contract, name) is not None
    assert contract.PROJECT_NAME == "crm"
    assert contract.CONTRACT_VERSION == (1, 0)
    assert {f"communication.{p}" for p in ("view", "edit", "delete", "purchase", "send")} == contract.ALL_PERMISSIONS
    assert issubclass(contract.AccountSchema, FormSchema)
