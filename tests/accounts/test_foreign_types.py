"""Account types of other plugins: stored, guarded and shown like our own, and unable to break them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from marshmallow import ValidationError, fields, validates_schema

from crm_comm_hookspecs import (
    AccountSchema,
    AccountType,
    Action,
    Confirm,
    Context,
    Diagnosis,
    Editor,
    EmailMessage,
    Outcome,
    Query,
    Recipient,
    RecipientStatus,
    Result,
    Secret,
    Step,
    Text,
    TransportError,
    UnknownEditor,
    Whole,
)
from crm_comm_hookspecs.testing import FakeTransport
from tests.accounts.world import ALICE

FAX = {"account_name": "Fax", "station": "Office", "pin": "1234", "since": "2026-11-24"}


class FaxSchema(AccountSchema):
    station = Text(required=True)
    pin = Secret(required=True)
    since = fields.Date()
    colour = Text(required=True, metadata={"when": {"station": ["Colour"]}})

    @validates_schema
    def no_thirteen(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("station") == "13":
            raise ValidationError("No.", "station")
        if data.get("station") == "boom":
            raise RuntimeError("a mistake with 1234 in it")


def connect(account, values, secrets):
    if values.get("station") == "Broken":
        raise RuntimeError("1234")
    return FakeTransport()


def run(context, action, account, values, secrets):
    if action == "explode":
        raise RuntimeError("1234")
    if action == "odd":
        return "no result"
    return Result(message=f"{action} {account.name} {values['station']} {secrets['pin']}"[:-5])


ACTIONS = (
    Action(name="ring", label="Ring", confirm=Confirm("Ring?", "It is loud.")),
    Action(name="explode", label="Explode"),
    Action(name="odd", label="Odd"),
)


@pytest.fixture
def fax(world):
    editor = Editor(name="fax", title="Fax", schema=FaxSchema, actions=ACTIONS)
    world.types.append(
        AccountType(key="fax", label="Fax", icon="", channel="fax", editor=editor, connect=connect, run=run)
    )
    return world


def save(world, values, key="", version="*"):
    return world.accounts.save(ALICE, "fax", key, values, version)


def test_it_is_stored_and_listed_like_our_own(fax):
    key = save(fax, FAX).id
    record = fax.record(key, "fax")
    assert record.values["since"] == "2026-11-24"
    assert set(record.secrets) == {"pin"}
    (row,) = fax.accounts.list_rows(ALICE, Query()).rows
    assert (row.editor, row.cells["type"]) == ("fax", "Fax")
    assert fax.accounts.accounts("fax", usable=True)[0].id == key
    assert fax.accounts.viewer(ALICE).actions[0].editors == ("email", "sms", "fax")
    assert save(fax, {"since": date(2026, 1, 1).isoformat(), "pin": "1234"}, key).ok


def test_its_fields_are_validated_by_its_schema(fax):
    assert list(save(fax, {**FAX, "station": "13"}).errors) == ["station"]
    assert set(save(fax, {"account_name": "x"}).errors) == {"station", "pin"}
    assert list(save(fax, {**FAX, "station": "Colour"}).errors) == ["colour"]
    assert "station" in save(fax, {**FAX, "station": "a\0b"}).errors


def test_its_secret_stays_where_it_was_set_for(fax):
    key = save(fax, FAX).id
    refused = save(fax, {"station": "Elsewhere"}, key)
    assert list(refused.errors) == ["pin"]
    assert save(fax, {"account_name": "Renamed"}, key).ok


def test_a_broken_schema_is_told_and_stores_nothing(fax):
    result = save(fax, {**FAX, "station": "boom"})
    assert "broken" in result.errors[""][0]
    assert list(result.errors) == [""], "nothing is said of what was filled in"
    assert "1234" not in repr(result)
    assert fax.accounts.check(ALICE, "fax", "", {**FAX, "station": "boom"}, "station").errors


def test_its_own_actions_are_run_and_isolated(fax):
    key = save(fax, FAX).id
    assert fax.run("ring", (key,), "fax", {}).message == "ring Fax Office"
    for action in ("explode", "odd"):
        result = fax.run(action, (key,), "fax", {})
        assert not result.ok
        assert "1234" not in repr(result)
    assert fax.accounts.confirm(ALICE, "ring", (key,), "fax", {}).title == "Ring?"
    viewer = Context(user="v", permissions=frozenset({"communication.view"}))
    assert [e.actions for e in fax.accounts.editors(viewer) if e.name == "fax"] == [()]


def test_what_it_connects_with_is_the_same_for_a_test_an_action_and_a_send(fax):
    seen: list[dict[str, Any]] = []

    class Newer(FaxSchema):
        pages = Whole(load_default=3)
        ink = Text(load_default="black", metadata={"when": {"station": ["Colour"]}})

    def listen(account, values, secrets):
        seen.append(dict(values))
        return FakeTransport()

    def newer(context, action, account, values, secrets):
        seen.append(dict(values))
        return Result()

    key = save(fax, FAX).id
    editor = Editor(name="fax", title="Fax", schema=Newer, actions=ACTIONS)
    fax.types[:] = [replace(fax.types[0], editor=editor, connect=listen, run=newer)]
    fax.accounts.opener.connect(fax.store.find(key))
    assert fax.run("test", (key,)).ok
    assert fax.run("ring", (key,), "fax", {}).ok
    tested = replace(editor, actions=(Action(name="test_connection", label="Test"),))
    fax.types[:] = [replace(fax.types[0], run=None, editor=tested)]
    assert fax.run("test_connection", (key,), "fax", {}).ok
    assert fax.run("test_connection", (), "fax", FAX).ok
    wanted = {"account_name": "Fax", "active": True, "station": "Office", "since": "2026-11-24", "pages": 3}
    assert [{name: values.get(name) for name in wanted} for values in seen] == [wanted] * 5
    assert not any("ink" in values for values in seen)
    assert save(fax, {"account_name": "Renamed"}, key).ok


def test_a_connect_that_breaks_is_a_transport_error_without_its_words(fax):
    key = save(fax, {**FAX, "station": "Broken"}).id
    with pytest.raises(TransportError) as broken:
        fax.accounts.opener.connect(fax.store.find(key))
    assert "1234" not in str(broken.value)
    assert not fax.run("test", (key,)).ok


def test_its_accounts_outlive_its_plugin(fax):
    key = save(fax, FAX).id
    fax.types.clear()
    (row,) = fax.accounts.list_rows(ALICE, Query()).rows
    assert row.cells["type"] == "fax"
    assert not fax.accounts.serves("fax")
    with pytest.raises(UnknownEditor):
        fax.accounts.open_record(ALICE, "fax", key)
    with pytest.raises(UnknownEditor):
        fax.accounts.opener.connect(fax.store.find(key))
    assert fax.run("delete", (key,)).ok


def test_a_key_that_cannot_be_stored_is_left_out(fax):
    editor = Editor(name="x" * 101, title="X", schema=FaxSchema)
    fax.types.append(AccountType(key="x" * 101, label="X", icon="", channel="x", editor=editor, connect=connect))
    assert fax.accounts.serves("fax")
    assert not fax.accounts.serves("x" * 101)


class Paper(Enum):
    PLAIN = 1
    THERMAL = 2


class Tray(AccountSchema):
    paper = fields.Enum(Paper, load_default=Paper.PLAIN)
    size = fields.Enum(Paper, by_value=True)
    price = fields.Decimal(load_default=Decimal("1.10"))


def test_what_it_stores_its_own_fields_read_again(world):
    editor = Editor(name="fax", title="Fax", schema=Tray)
    world.types.append(AccountType(key="fax", label="Fax", icon="", channel="fax", editor=editor, connect=connect))
    new = world.record("", "fax").values
    assert (new["paper"], new["size"], new["price"]) == ("PLAIN", None, "1.10")
    key = save(world, {"account_name": "Fax", "paper": "THERMAL", "size": 2}).id
    values = world.record(key, "fax").values
    assert (values["paper"], values["size"], values["price"]) == ("THERMAL", 2, "1.10")
    assert save(world, values, key).ok


def typed(world, line):
    """An account of a type whose `connect` answers with this."""
    editor = Editor(name="fax", title="Fax", schema=AccountSchema)
    kind = AccountType(key="fax", label="Fax", icon="", channel="fax", editor=editor, connect=lambda *_: line)
    world.types.append(kind)
    return save(world, {"account_name": "Fax"}).id


@pytest.mark.parametrize("line", [None, object(), "line"])
def test_what_is_no_transport_is_told_before_anything_is_handed_over(world, line):
    key = typed(world, line)
    assert "broken" in world.run("test", (key,)).message
    with pytest.raises(TransportError, match="broken"):
        world.accounts.opener.connect(world.accounts.opener.find(key))


@pytest.mark.parametrize(
    "steps", [None, 5, (1, "x"), (None,), (Step(name=5, ok=True),), (Step(name="x", ok=False, detail=None),)]
)
def test_a_diagnosis_that_cannot_be_read_is_told(world, steps):
    line = FakeTransport()
    line.diagnose = lambda: Diagnosis(ok=True, steps=steps)
    result = world.run("test", (typed(world, line),))
    assert not result.ok
    assert "broken" in result.message


class Telltale(FakeTransport):
    """A line whose every word quotes the secret."""

    def __init__(self, pin: str, raises: bool) -> None:
        super().__init__()
        self.pin, self.raises = pin, raises

    def deliver(self, batch):
        for recipient, _ in batch:
            if self.raises:
                raise TransportError(f"login {self.pin} failed", hint=f"Is {self.pin} right?", reason="auth")
            yield Outcome(recipient=recipient, status=RecipientStatus.FAILED, detail=f"no {self.pin}", code=self.pin)

    def diagnose(self):
        if self.raises:
            raise TransportError(f"login {self.pin} failed", hint=f"Is {self.pin} right?")
        return Diagnosis(
            ok=False, steps=(Step(name=f"Log in {self.pin}", ok=False, detail=f"no {self.pin}", hint=self.pin),)
        )


@pytest.mark.parametrize("raises", [True, False])
def test_no_word_of_another_plugin_tells_the_secret(fax, raises):
    def tell(context, action, account, values, secrets):
        said = f"It is {secrets['pin']}."
        if raises:
            raise TransportError(said, hint=said)
        return Result(
            ok=False,
            message=said,
            errors={"": [said]},
            hints={"pin": [said]},
            values={"station": said},
            open_url=f"https://fax.example/{secrets['pin']}",
        )

    lines = {"connect": lambda account, values, secrets: Telltale(secrets["pin"], raises), "run": tell}
    fax.types[0] = replace(fax.types[0], **lines)
    key = save(fax, FAX).id
    tested, told = fax.run("test", (key,)), fax.run("ring", (key,), "fax", FAX)
    assert "[hidden]" in str(tested)
    assert "[hidden]" in str(told)
    line = fax.accounts.opener.connect(fax.store.find(key))
    batch, said = [(Recipient("1"), EmailMessage(subject="Hi"))], ""
    if raises:
        with pytest.raises(TransportError, match=r"login \[hidden\] failed") as found:
            list(line.deliver(batch))
        said = f"{found.value!r} {found.value.message} {found.value.hint}"
        assert found.value.reason == "auth"
    else:
        (outcome,) = line.deliver(batch)
        assert (outcome.detail, outcome.code) == ("no [hidden]", "[hidden]")
    shown = f"{tested} {told} {said} {fax.record(key, 'fax')} {fax.accounts.list_rows(ALICE, Query())}"
    assert "1234" not in shown.replace(key, "")  # an id is drawn, and may hold these digits


def test_a_secret_is_known_as_web_addresses_write_it(fax):
    def tell(context, action, account, values, secrets):
        pin = secrets["pin"]
        return Result(ok=False, message=f"No page /?pin={quote(pin, safe='')} nor /?pin={quote_plus(pin)}.")

    fax.types[0] = replace(fax.types[0], run=tell)
    key = save(fax, {**FAX, "pin": "a b/c+d é"}).id
    assert fax.run("ring", (key,), "fax", {}).message == "No page /?pin=[hidden] nor /?pin=[hidden]."


@pytest.mark.parametrize(
    "answer", [Result(errors=None), Result(hints=5), Result(values=[1]), Result(errors={"pin": None})]
)
def test_an_answer_of_an_action_that_cannot_be_read_is_told(fax, answer):
    fax.types[0] = replace(fax.types[0], run=lambda *_: answer)
    told = fax.run("ring", (save(fax, FAX).id,), "fax", {})
    assert not told.ok
    assert "broken" in told.message


@pytest.mark.parametrize("url", ["https://[", "https://fax example/", "http://fax.example/", "https:///x", 5])
def test_a_page_that_must_not_be_opened_is_told(fax, url):
    fax.types[0] = replace(fax.types[0], run=lambda *_: Result(open_url=url))
    told = fax.run("ring", (save(fax, FAX).id,), "fax", {})
    assert (told.ok, told.open_url) == (False, "")
    assert "not a safe one" in told.message
