"""FormSchema, AccountSchema and fields_of: what is shown, what is required, what is dropped (rules 1 to 4)."""

import gc
import weakref
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from marshmallow import EXCLUDE, ValidationError, fields, validate

from crm_comm_hookspecs import (
    AccountSchema,
    Choice,
    Context,
    Flag,
    FormSchema,
    Option,
    Secret,
    Text,
    Whole,
    fields_of,
    holds,
    to_json,
)


class ServerSchema(AccountSchema):
    """As the e-mail editor is built: a preset hides what it knows."""

    server = Choice([("gmail", "Gmail"), ("smtp", "Custom SMTP")], load_default="gmail")
    user = Text(metadata={"required_when": {"server": ["gmail"]}})
    password = Secret(metadata={"required_when": {"user": ["*"], "sign_in": ["password"]}})
    sign_in = Choice([("password", "Password"), ("oauth", "OAuth")], load_default="password")
    host = Text(metadata={"when": {"server": ["smtp"]}, "required_when": {"server": ["smtp"]}})
    port = Whole(min=1, max=65535, metadata={"when": {"server": ["smtp"]}})
    security = Choice([("tls", "TLS"), ("none", "None")], load_default="tls", metadata={"when": {"server": ["smtp"]}})
    insecure = Flag(load_default=False, metadata={"when": {"server": ["smtp"], "security": ["none"]}})


GOOD = {"account_name": "Sales", "user": "a@x.example", "password": "pw"}


def errors_of(schema: type[FormSchema], values: Any, **options: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        schema(**options).load(values)
    messages: dict[str, list[str]] = caught.value.normalized_messages()
    return messages


def test_what_is_not_shown_is_dropped() -> None:
    values = ServerSchema().load({**GOOD, "host": "evil.example", "port": "x", "insecure": "true"})
    assert "host" not in values or not values["host"]
    assert values.get("port") is None


def test_a_condition_on_a_hidden_field_sees_it_empty() -> None:
    hidden = ServerSchema().hidden({"server": "gmail", "security": "none", "insecure": True})
    assert hidden >= {"host", "port", "security", "insecure"}
    assert ServerSchema().hidden({"server": "smtp", "security": "none"}) == {"limitation_count"}


def test_what_depends_on_something_hidden_is_hidden_however_long_the_chain() -> None:
    class Chain(FormSchema):
        third = Text(metadata={"when": {"second": ["on"]}})
        second = Text(metadata={"when": {"first": ["on"]}})
        first = Text()

    typed = {"first": "off", "second": "on", "third": "kept"}
    assert Chain().hidden(typed) == {"second", "third"}
    assert Chain().hidden({**typed, "first": "on"}) == frozenset()


def test_conditions_are_and_over_fields_and_or_in_the_list() -> None:
    conditions = {"server": ["smtp", "acme"], "active": [True]}
    assert holds(conditions, {"server": "acme", "active": True})
    assert holds(conditions, {"server": "acme", "active": "true"})
    assert not holds(conditions, {"server": "acme"})
    assert not holds(conditions, {"server": "gmail", "active": True})
    assert holds({}, {})
    assert holds({"user": ["*"]}, {"user": "x"})
    assert not holds({"user": ["*"]}, {"user": "  "})
    assert holds({"server": "smtp"}, {"server": "smtp"}), "a single text stands for itself"
    assert not holds({"server": "smtp"}, {"server": "s"})


def test_required_when_is_an_error_at_its_field() -> None:
    found = errors_of(ServerSchema, {"account_name": "Sales", "server": "smtp"})
    assert set(found) == {"host"}
    assert set(errors_of(ServerSchema, {"account_name": "Sales"})) == {"user"}
    assert set(errors_of(ServerSchema, {"account_name": "Sales", "user": "a@x.example"})) == {"password"}
    assert ServerSchema().load({"account_name": "A", "user": "a@x.example", "sign_in": "oauth"})["password"] == ""


def test_a_checkbox_counts_the_same_however_a_host_sends_it() -> None:
    class Optional(FormSchema):
        more = Flag(load_default=False)
        what = Text(metadata={"when": {"more": [True]}, "required_when": {"more": [True]}})

    for checked in (True, "true", "on", "1", 1):
        assert set(errors_of(Optional, {"more": checked})) == {"what"}
    for unchecked in (False, "false", "off", "", 0):
        assert Optional().load({"more": unchecked, "what": "dropped"}).get("what", "") == ""


def test_a_stored_secret_is_kept_and_not_asked_for() -> None:
    kept = {"kept": ["password"]}
    values = {"account_name": "Sales", "user": "a@x.example"}
    assert ServerSchema(**kept).load(values)["password"] == ""
    assert ServerSchema(**kept).load({**values, "password": ""})["password"] == ""
    assert set(errors_of(ServerSchema, {**values, "password": None}, **kept)) == {"password"}, "None clears it"


def test_a_required_secret_that_is_stored_may_be_left_out_but_not_cleared() -> None:
    class Coded(FormSchema):
        code = Secret(required=True)

    assert Coded(kept=["code"]).load({}).get("code", "") == ""
    assert Coded(kept=["code"]).load({"code": "new"}) == {"code": "new"}
    assert set(errors_of(Coded, {"code": None}, kept=["code"])) == {"code"}
    assert set(errors_of(Coded, {})) == {"code"}


def test_a_limit_needs_a_count_and_a_count_only_a_window() -> None:
    assert set(errors_of(AccountSchema, {"account_name": "A", "limitation": "day"})) == {"limitation_count"}
    assert set(errors_of(AccountSchema, {"account_name": "A", "limitation": "day", "limitation_count": " "})) == {
        "limitation_count"
    }
    assert AccountSchema().load({"account_name": "A", "limitation": "day", "limitation_count": "0"}) == {
        "account_name": "A", "limitation": "day", "limitation_count": 0, "active": True,
    }  # fmt: skip
    assert AccountSchema().load({"account_name": "A", "limitation_count": "5"}).get("limitation_count") is None


@pytest.mark.parametrize("limitation", ["", None, "week", " ", "None", 5, ["day"]])
def test_a_limit_never_gets_lost_by_a_window_that_does_not_exist(limitation: object) -> None:
    found = errors_of(AccountSchema, {"account_name": "A", "limitation": limitation, "limitation_count": "5"})
    assert "limitation" in found


@pytest.mark.parametrize("count", ["-1", "10000001", "2.7", 2.7, "1_000", True, "٣", "1e3", "0x10", "5 0", [], {}])
def test_a_count_is_a_whole_number_in_range(count: object) -> None:
    assert "limitation_count" in errors_of(
        AccountSchema, {"account_name": "A", "limitation": "day", "limitation_count": count}
    )


def test_unknown_fields_are_errors_even_where_a_schema_brings_its_own_meta() -> None:
    class Own(FormSchema):
        class Meta:
            unknown = EXCLUDE

        name = Text()

    assert errors_of(Own, {"nmae": "x"}) == {"nmae": ["This field is not known here."]}


def test_hostile_field_names_can_be_shown_beside_their_error() -> None:
    for name in ("\ud800", "a\x00b", "x" * 5000, "<script>"):
        (shown,) = errors_of(AccountSchema, {"account_name": "A", name: "x"})
        assert len(shown) <= 600
        shown.encode()
        assert shown.isprintable()


def test_a_form_with_thousands_of_fields_is_one_error() -> None:
    assert set(errors_of(AccountSchema, {f"f{n}": n for n in range(5000)})) == {"_schema"}


@pytest.mark.parametrize("values", [None, [], "text", 5, [{"account_name": "A"}]])
def test_what_is_no_form_is_an_error_of_the_whole_form(values: object) -> None:
    assert set(errors_of(AccountSchema, values)) == {"_schema"}


def test_a_validator_that_answers_false_is_an_error() -> None:
    class Judged(FormSchema):
        word = Text(validate=lambda value: value == "good")
        stock = fields.String(validate=lambda value: value == "good")

    assert Judged().load({"word": "good", "stock": "good"}) == {"word": "good", "stock": "good"}
    assert set(errors_of(Judged, {"word": "bad", "stock": "bad"})) == {"word", "stock"}
    assert Judged().load({"word": ""}) == {"word": ""}, "validators are not asked about an empty field"


def test_marshmallows_own_fields_are_as_strict_as_ours() -> None:
    class Stock(FormSchema):
        whole = fields.Integer()
        number = fields.Float()
        text = fields.String()
        lines = fields.String(metadata={"widget": "textarea"})
        mail = fields.Email()

    bad = [
        {"whole": 2.7}, {"whole": "1_000"}, {"whole": True}, {"whole": 2.0}, {"number": "1_0"}, {"number": "nan"},
        {"text": "a\x00b"}, {"text": "\ud800"}, {"text": b"x"}, {"text": "x" * 10_001}, {"text": "a\nb"},
        {"lines": "a\x00"}, {"mail": "a@x.example\x00"},
    ]  # fmt: skip
    for values in bad:
        assert set(errors_of(Stock, values)) == set(values), values
    assert Stock().load({"whole": "12", "number": "1.5", "text": "x", "lines": "a\nb"}) == {
        "whole": 12, "number": 1.5, "text": "x", "lines": "a\nb",
    }  # fmt: skip


def test_schema_classes_made_for_one_request_do_not_stay() -> None:
    made = weakref.ref(type("Made", (AccountSchema,), {"extra": Text()}))
    gc.collect()
    assert made() is None


def test_fields_are_shown_name_first_and_limits_last() -> None:
    assert [field.name for field in fields_of(ServerSchema)] == [
        "account_name", "server", "user", "password", "sign_in", "host", "port", "security", "insecure",
        "limitation", "limitation_count", "active",
    ]  # fmt: skip


def test_a_field_says_all_that_a_host_needs() -> None:
    shown = {field.name: field for field in fields_of(ServerSchema)}
    name, password, port = shown["account_name"], shown["password"], shown["port"]
    assert (name.label, name.widget, name.required, name.maxlength) == ("Account Name", "text", True, 100)
    assert (password.widget, password.secret, password.default) == ("password", True, None)
    assert password.required_when == {"user": ["*"], "sign_in": ["password"]}
    assert (port.widget, port.min, port.max, port.when) == ("number", 1, 65535, {"server": ["smtp"]})
    assert shown["server"].options == (Option("gmail", "Gmail"), Option("smtp", "Custom SMTP"))
    assert (shown["server"].widget, shown["server"].default) == ("select", "gmail")
    assert (shown["active"].widget, shown["active"].default) == ("checkbox", True)
    assert shown["insecure"].when == {"server": ["smtp"], "security": ["none"]}


def test_stock_validators_become_bounds() -> None:
    class Bound(FormSchema):
        size = fields.Integer(validate=validate.Range(min=0, max=9))
        word = fields.String(validate=[validate.Length(min=2, max=5), validate.Regexp("[a-z]+")])
        pick = fields.String(validate=validate.OneOf(["a", "b"], labels=["A", "B"]))
        lines = Text(lines=True)
        mail = fields.Email()
        source = Text(metadata={"options_from": "countries"})

    shown = {field.name: field for field in fields_of(Bound)}
    assert (shown["size"].min, shown["size"].max) == (0, 9)
    assert (shown["word"].minlength, shown["word"].maxlength, shown["word"].pattern) == (2, 5, "[a-z]+")
    assert shown["pick"].options == (Option("a", "A"), Option("b", "B"))
    widgets = [shown[name].widget for name in ("lines", "mail", "source", "pick", "size")]
    assert widgets == ["textarea", "email", "combobox", "select", "number"]


@pytest.mark.parametrize("given", [[Option("a", "a"), Option("b", "Bee")], ["a", ("b", "Bee")]])
@pytest.mark.parametrize("asked", [False, True])
def test_options_are_shown_as_options_however_they_are_written(given: list[Any], asked: bool) -> None:
    """A host reads `option.value` and `option.label` of each."""
    field = Text(metadata={"options": (lambda context: given) if asked else given})
    (shown,) = fields_of(type("Choosing", (FormSchema,), {"x": field}), Context(user="a"))
    assert shown.options == (Option("a", "a"), Option("b", "Bee"))
    assert shown.widget == "select"


def test_options_that_cannot_be_read_are_told_when_the_plugin_registers(caplog: pytest.LogCaptureFixture) -> None:
    schema = type("Choosing", (FormSchema,), {"x": Text(metadata={"options": lambda context: [5]})})
    with pytest.raises(TypeError):
        fields_of(schema)
    (shown,) = fields_of(schema, Context(user="a"))
    assert shown.options == ()
    assert "options of the field 'x' failed" in caplog.text


def test_texts_and_options_can_depend_on_who_looks() -> None:
    class Local(FormSchema):
        greeting = Text(
            metadata={
                "label": lambda context: "Gruß" if context.locale == "de" else "Greeting",
                "options": lambda context: [Option(context.region, "Here")],
            }
        )

    (german,) = fields_of(Local, Context(user="a", locale="de", region="DE"))
    (english,) = fields_of(Local)
    assert (german.label, german.options[0].value, english.label) == ("Gruß", "DE", "Greeting")


class Colour(Enum):
    RED = 1
    BLUE = 2


@pytest.mark.parametrize(
    ("field", "default"),
    [
        (fields.Decimal(load_default=Decimal("1.10")), "1.10"),
        (fields.Date(load_default=date(2026, 1, 2)), "2026-01-02"),
        (fields.Enum(Colour, load_default=Colour.RED), "RED"),
        (fields.Enum(Colour, by_value=True, load_default=Colour.BLUE), 2),
        (fields.List(fields.Integer(), load_default=list), []),
        (fields.List(fields.Date(), load_default=lambda: [date(2026, 1, 2)]), ["2026-01-02"]),
        (fields.Integer(load_default=5), 5),
        (fields.Raw(load_default=object()), None),
        (fields.String(load_default=None), None),
        (fields.String(), None),
    ],
)
def test_a_default_is_shown_as_its_field_reads_it(field: "fields.Field[Any]", default: Any) -> None:
    (shown,) = fields_of(type("Odd", (FormSchema,), {"x": field}))
    assert shown.default == default


def test_a_secret_default_is_never_shown() -> None:
    class Careless(FormSchema):
        token = fields.String(load_default="S3CRET", metadata={"secret": True})

    assert "S3CRET" not in str(to_json(fields_of(Careless)))
    assert Careless.secret_fields() == ("token",)


def test_a_secret_is_bound_to_all_that_is_not_common_unless_said_otherwise() -> None:
    assert set(ServerSchema.binding_fields()) == {
        "server", "user", "sign_in", "host", "port", "security", "insecure",
    }  # fmt: skip

    class Narrow(ServerSchema):
        bound_fields = ("host",)

    assert Narrow.binding_fields() == ("host",)
    assert ServerSchema.secret_fields() == ("password",)
