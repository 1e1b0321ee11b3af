"""Values of other plugins with parts of a wrong type: refused in words, before they break anybody's form (rule 10)."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import fields

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    AccountSchema,
    AccountType,
    Action,
    Communication,
    Context,
    Editor,
    FormSchema,
    Limit,
    MailServer,
    Query,
    Settings,
    Text,
    Usage,
    Window,
    fields_of,
)
from crm_comm_hookspecs.testing import FakeGateway, NullTransport

from .plugins import breaking

ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)
GERMAN = Context(user="anna", permissions=ALL_PERMISSIONS, locale="de")
EMAIL = {"account_name": "News", "user": "a@gmail.com", "password": "pw", "server": "gmail"}
SMS = {"account_name": "Texts", "gateway": "credits", "gateway_url": "https://x.example/v1", "country_code": "GB"}


@pytest.fixture
def comm(tmp_path: Path) -> Iterator[Communication]:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/a.db", data_dir=str(tmp_path), secret_backend="database")
    with Communication.load(settings) as comm:
        yield comm


def kind(
    schema: type[FormSchema] = AccountSchema, title: Any = "Fax", actions: Any = (), **changes: Any
) -> AccountType:
    editor = Editor(name="fax", title=title, schema=schema, actions=actions)
    values = {"key": "fax", "label": "Fax", "icon": "", "channel": "fax", "connect": lambda *_: NullTransport()}
    return AccountType(**{**values, "editor": editor, **changes})


def server(**changes: Any) -> MailServer:
    values = {"key": "zz", "label": "Z", "host": "smtp.zz.example", "port": 587, "security": "starttls"}
    return MailServer(**{**values, "domains": ("zz.example",), **changes})


def gateway(schema: type[FormSchema]) -> FakeGateway:
    made = FakeGateway(key="zz")
    made.fields = schema
    return made


def only_english(context: Context) -> Any:
    if context.locale != "en":
        raise RuntimeError("S3CRET")
    return ("Help",)


class When(FormSchema):
    zone = Text(metadata={"when": "junk"})


class Renamed(AccountSchema):
    zone = fields.String(data_key="other")


class Elsewhere(AccountSchema):
    zone = fields.String(attribute="deep.zone")


class Shown(AccountSchema):
    zone = fields.String(dump_only=True)


TYPES, SERVERS, GATEWAYS = "crm_comm_account_types", "crm_comm_mail_servers", "crm_comm_sms_gateways"


@pytest.mark.parametrize(
    ("hook", "value", "words"),
    [
        (TYPES, kind(channel=None), "channel of account type 'fax' must be a text"),
        (TYPES, kind(label=5), "label of"),
        (TYPES, kind(title=None), "title of editor 'fax'"),
        (TYPES, kind(actions=None), "actions of editor 'fax'"),
        (TYPES, kind(actions=(1, "x")), "tuple of Action"),
        (TYPES, kind(actions=(Action(name="ring", label=None),)), "label of action 'ring'"),  # type: ignore[arg-type]
        (TYPES, kind(actions=(Action(name="ring", label="Ring", confirm="Sure?"),)), "Confirm"),  # type: ignore[arg-type]
        (TYPES, kind(normalise="upper"), "must be functions"),
        (TYPES, kind(run=5), "must be functions"),
        (TYPES, kind(Renamed), "one name"),
        (TYPES, kind(Elsewhere), "one name"),
        (TYPES, kind(Shown), "one name"),
        (SERVERS, server(domains=["zz.example"]), "tuple of str"),  # would be hashed with its form
        (SERVERS, server(domains=None), "domains of mail server 'zz'"),
        (SERVERS, server(domains="zz.example"), "tuple of str"),
        (SERVERS, server(domains=(5,)), "tuple of str"),
        (SERVERS, server(sign_in=None), "sign_in of"),
        (SERVERS, server(sign_in=()), "a way to sign in"),
        (SERVERS, server(limit=5), "limit of"),
        (SERVERS, server(limit=Limit("x", Window.DAY)), "limit of"),  # type: ignore[arg-type]
        (SERVERS, server(pace="fast"), "pace of"),
        (SERVERS, server(pace=Limit(5, "week")), "pace of"),  # type: ignore[arg-type]
        (SERVERS, server(per_message="3"), "per_message of"),
        (SERVERS, server(connections=None), "connections of"),
        (SERVERS, server(label=None), "label of"),
        (SERVERS, server(help=None), "help of"),
        (SERVERS, server(port=True), "port of"),
        (GATEWAYS, gateway(When), "cannot be read"),
        (GATEWAYS, gateway(Renamed), "one name"),
    ],
)
def test_it_is_refused_in_words_and_our_forms_go_on(comm: Communication, hook: str, value: object, words: str) -> None:
    comm.register(breaking(hook, lambda: [value]), "odd")
    assert [e.name for e in comm.editors(ALICE)] == ["email", "sms"]
    for ours in ("email", "sms"):
        assert comm.open_record(ALICE, ours, "").values["active"] is True
    (failure,) = comm.failures
    assert failure.plugin == "odd"
    assert words in failure.problem


@pytest.mark.parametrize(
    ("hook", "value"),
    [
        (SERVERS, server(domains=frozenset({"zz.example"}), limit=Limit(None, Window.NONE), pace=Limit(5, "day"))),  # type: ignore[arg-type]
        (TYPES, kind(actions=[Action(name="ring", label="Ring")])),
    ],
)
def test_what_works_is_taken(comm: Communication, hook: str, value: object) -> None:
    comm.register(breaking(hook, lambda: [value]))
    assert {e.name for e in comm.editors(ALICE)} >= {"email", "sms"}
    assert comm.save(ALICE, "email", "", EMAIL, "").ok
    assert comm.failures == ()


def test_a_usage_is_told_in_words(comm: Communication) -> None:
    key = comm.save(ALICE, "email", "", EMAIL, "").id
    found = [Usage(5), Usage(None), Usage("Newsletter", url=7), Usage("Autumn letter")]  # type: ignore[arg-type]
    comm.register(breaking("crm_comm_account_usages", lambda: found), "odd")
    asked = comm.confirm(ALICE, "delete", (key,), "", {})
    assert asked is not None
    assert "is used by Autumn letter." in asked.text
    assert asked.text.count("is used by") == 1
    assert {f.problem for f in comm.failures} == {"text of a usage must be a text", "url of a usage must be a text"}


def test_with_all_of_them_accounts_are_kept_and_listed(comm: Communication) -> None:
    wrong = {TYPES: kind(channel=None), SERVERS: server(domains=None), GATEWAYS: gateway(When)}
    for hook, value in wrong.items():
        comm.register(breaking(hook, lambda value=value: [value]), hook)
    assert comm.check(ALICE, "email", "", {"user": "a@zz.example"}, "user").values["host"] == "smtp.zz.example"
    assert comm.save(ALICE, "email", "", EMAIL, "").ok
    assert comm.save(ALICE, "sms", "", SMS, "").ok
    assert comm.list_rows(ALICE, "accounts", Query()).total == 2
    assert {f.plugin for f in comm.failures} == set(wrong)


@pytest.mark.parametrize("of", ["type", "gateway"])
@pytest.mark.parametrize("key", ["help", "options", "label"])
def test_a_text_that_fails_for_some_people_costs_nobody_a_form(
    comm: Communication, of: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    base = AccountSchema if of == "type" else FormSchema
    schema = type("Odd", (base,), {"zone": Text(metadata={key: only_english})})
    found = breaking(TYPES, lambda: [kind(schema)]) if of == "type" else breaking(GATEWAYS, lambda: [gateway(schema)])
    comm.register(found)
    with caplog.at_level(logging.ERROR):
        editors = {e.name: e.fields for e in comm.editors(GERMAN)}
    assert set(editors) >= {"email", "sms"}
    (zone,) = [f for f in editors["fax" if of == "type" else "sms"] if f.name == "zone"]
    assert (zone.label, zone.help, zone.options) == ("Zone", "", ())
    assert "zone" in caplog.text
    assert "S3CRET" not in caplog.text


def test_for_nobody_it_raises_so_that_the_form_is_refused() -> None:
    class Odd(FormSchema):
        zone = Text(metadata={"help": lambda context: 1 / 0})

    with pytest.raises(ZeroDivisionError):
        fields_of(Odd)
