"""SMS accounts: fields, gateways that come and go with fields of their own, actions that a gateway can do."""

from dataclasses import replace
from decimal import Decimal

import pytest

from crm_comm_hookspecs import (
    Context,
    FormSchema,
    Query,
    Reason,
    Recipient,
    Result,
    Secret,
    Text,
    TransportError,
    Unsupported,
)
from crm_comm_hookspecs.testing import FakeGateway
from tests.accounts.world import ALICE, CUSTOM

TEXTS = {"account_name": "Texts", "country_code": "DE"}


class Address(FormSchema):
    """A gateway that is somewhere."""

    url = Text(required=True, metadata={"label": "Address"})
    token = Secret(metadata={"label": "Token"})


class Region(FormSchema):
    """Another one that calls something else by the same name."""

    url = Text(maxlength=3, metadata={"label": "Region"})


class Desk:
    """The CreditsDesk port: remembers what it was asked."""

    def __init__(self, answer=None) -> None:
        self.calls, self.answer = [], answer or Result(message="done")

    def run(self, context, action, account, values, secrets, confirmed=""):
        self.calls.append((action, account.id, dict(values), dict(secrets), confirmed))
        return self.answer

    def confirm(self, context, action, account, values, secrets):
        return None

    def left(self, accounts):
        self.asked = accounts
        return {}

    def code_problem(self, gateway, code):
        return "" if code == "AB12CD34" else "An access code has 8 letters and digits."


def gateway(key="fake", fields=None, **options):
    made = FakeGateway(key, **options)
    made.fields = fields
    return made


def save(world, values, key="", version="*"):
    return world.accounts.save(ALICE, "sms", key, values, version)


def normalised(world, key, recipient):
    account = world.store.find(key)
    return world.registry.types()["sms"].normalise(recipient, world.accounts.opener.values_of(account))


def editor(world, context=ALICE):
    return next(e for e in world.accounts.editors(context) if e.name == "sms")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("AB12-CD34", "AB12CD34"),
        (" ab12 cd34\n", "ab12cd34"),
        ("AB–12—CD‑34", "AB12CD34"),
        ("id-1:se-cret", "id-1:se-cret"),
    ],
)
def test_spaces_and_dashes_of_a_paste_do_no_harm(world, typed, kept):
    assert save(world, {**TEXTS, "access_code": typed}).ok
    assert list(world.secrets.kept.values()) == [kept]


@pytest.mark.parametrize(
    ("sender", "kept"),
    [
        ("+44 20 7946-0000", "+442079460000"),
        ("12345", "12345"),
        ("Acme", "Acme"),
        ("A1b2C3d4E5f", "A1b2C3d4E5f"),
        ("", ""),
    ],
)
def test_sender_ids_of_each_kind(world, sender, kept):
    key = save(world, {**TEXTS, "sender_id": sender}).id
    assert world.record(key, "sms").values["sender_id"] == kept
    assert world.store.find(key).sender == kept


@pytest.mark.parametrize(
    "sender", ["ab", "A1b2C3d4E5f6", "Acme GmbH!", "+0123456789", "12", "+", "Äcme", "123456789012"]
)
def test_other_sender_ids_are_refused(world, sender):
    assert list(save(world, {**TEXTS, "sender_id": sender}).errors) == ["sender_id"]


def test_countries_are_kept_as_iso_codes(world):
    key = save(world, {**TEXTS, "country_code": "gb"}).id
    assert world.record(key, "sms").values["country_code"] == "GB"
    for odd in ("XX", "44", "+44", "Germany", "UK"):
        assert list(save(world, {**TEXTS, "account_name": odd, "country_code": odd}).errors) == ["country_code"]
    assert world.accounts.open_record(Context(user="x", region="fr"), "sms", "").values["country_code"] == "FR"
    assert world.accounts.open_record(Context(user="x", region="Narnia"), "sms", "").values["country_code"] == ""


def test_a_national_number_is_shown_becoming_international(world):
    hint = world.accounts.check(ALICE, "sms", "", {"country_code": "IT"}, "country_code").hints["country_code"][0]
    assert "+39" in hint
    assert "becomes" in hint


def test_a_pasted_code_is_checked_at_once(world):
    accounts = world.make(credits=Desk())
    bad = accounts.check(ALICE, "sms", "", {"access_code": "AB12"}, "access_code")
    assert bad.errors == {"access_code": ["An access code has 8 letters and digits."]}
    assert accounts.check(ALICE, "sms", "", {"access_code": "AB12-CD34"}, "access_code").ok


def test_the_gateway_is_hidden_while_there_is_only_one(world):
    world.gateways = [gateway("one")]
    assert next(f for f in editor(world).fields if f.name == "gateway").widget == "hidden"
    key = save(world, TEXTS).id
    assert world.record(key, "sms").values["gateway"] == "one"
    world.gateways.append(gateway("two"))
    field = next(f for f in editor(world).fields if f.name == "gateway")
    assert (field.widget, [o.value for o in field.options]) == ("select", ["one", "two"])
    assert list(save(world, {"gateway": "three"}, key).errors) == ["gateway"]


def test_without_any_gateway_an_account_can_be_made_and_says_what_is_missing(world):
    result = save(world, TEXTS)
    assert result.ok
    assert "gateway" in result.hints[""][0]


def test_a_gateways_own_fields_are_shown_validated_and_kept(world):
    world.gateways = [gateway("plain"), gateway("placed", Address)]
    fields = {f.name: f for f in editor(world).fields}
    assert fields["url"].when == {"gateway": ["placed"]}
    assert fields["token"].secret
    assert save(world, {**TEXTS, "gateway": "plain"}).ok
    refused = save(world, {**TEXTS, "account_name": "B", "gateway": "placed", "token": "t"})
    assert list(refused.errors) == ["url"]
    key = save(world, {**TEXTS, "account_name": "B", "gateway": "placed", "url": "https://a.example", "token": "t"}).id
    record = world.record(key, "sms")
    assert record.values["url"] == "https://a.example"
    assert set(record.secrets) == {"token"}


@pytest.mark.parametrize("first", ["plain", "placed"])
def test_a_gateways_own_fields_stand_below_the_gateway(world, first):
    world.gateways = [gateway("plain"), gateway("placed", Address)]
    world.gateways.sort(key=lambda g: g.key != first)
    names = [f.name for f in editor(world).fields]
    assert names[:6] == ["account_name", "gateway", "url", "token", "access_code", "country_code"]


def test_codes_stay_with_their_gateway_and_its_address(world):
    world.gateways = [gateway("plain"), gateway("placed", Address)]
    key = save(world, {**TEXTS, "gateway": "placed", "url": "https://a.example", "access_code": "AB12CD34"}).id
    for change in ({"url": "https://evil.example"}, {"gateway": "plain"}):
        assert "access_code" in save(world, change, key).errors
        assert "access_code" in world.accounts.check(ALICE, "sms", key, change, "gateway").errors
    assert save(world, {"country_code": "GB", "sender_id": "Acme"}, key).ok
    assert save(world, {"gateway": "plain", "access_code": None}, key).ok
    assert world.secrets.kept == {}


def test_two_gateways_may_call_different_things_alike(world):
    world.gateways = [gateway("placed", Address), gateway("regional", Region)]
    when = next(f for f in editor(world).fields if f.name == "url").when
    assert sorted(when["gateway"]) == ["placed", "regional"]
    assert save(world, {**TEXTS, "gateway": "regional", "url": "eu"}).ok
    assert list(save(world, {**TEXTS, "account_name": "B", "gateway": "regional", "url": "long"}).errors) == ["url"]
    assert save(world, {**TEXTS, "account_name": "C", "gateway": "placed", "url": "longer"}).ok


def test_schemas_do_not_pile_up(world):
    from marshmallow import class_registry

    world.gateways = [gateway("placed", Address)]
    for _ in range(50):
        editor(world)
        save(world, {})
    assert not [
        name for name in class_registry._registry if "SmsSchema" in name and len(class_registry._registry[name]) > 1
    ]
    assert editor(world).schema is editor(world).schema


def test_only_what_a_gateway_can_do_is_offered_and_the_rest_refused_by_name(world):
    accounts = world.make(credits=Desk())
    world.gateways = [gateway(capabilities=("balance",))]
    assert [a.name for a in editor(world).actions] == ["refresh_credits"]
    assert accounts.acts("purchase_credits", "sms")
    with pytest.raises(Unsupported):
        accounts.run(ALICE, "purchase_credits", (), "sms", TEXTS, "")
    with pytest.raises(Unsupported):
        world.accounts.run(ALICE, "refresh_credits", (), "sms", TEXTS, "")


def test_credits_of_an_account_that_has_none_are_the_persons_mistake(world):
    key = world.saved(CUSTOM)
    result = world.accounts.run(ALICE, "refresh_credits", (key,), "", {}, "")
    assert (result.ok, result.level) == (False, "warn")
    assert "Choose an SMS account" in result.message


def test_actions_get_what_is_typed_and_what_is_stored(world):
    world.gateways = [gateway()]
    desk = Desk(Result(open_url="https://pay.example/1"))
    accounts = world.make(credits=desk)
    assert accounts.run(ALICE, "purchase_credits", (), "sms", {"country_code": "DE"}, "").open_url
    key = save(world, {**TEXTS, "access_code": "AB12CD34"}).id
    accounts.run(ALICE, "activate", (key,), "sms", {"access_code": ""}, "yes")
    accounts.run(ALICE, "refresh_credits", (key,), "", {}, "")
    assert [(c[0], c[1], c[3], c[4]) for c in desk.calls] == [
        ("purchase_credits", "", {}, ""),
        ("activate", key, {"access_code": "AB12CD34"}, "yes"),
        ("refresh_credits", key, {"access_code": "AB12CD34"}, ""),
    ]
    assert desk.calls[1][2]["gateway"] == "fake"


def test_what_a_typed_code_or_another_gateway_tells_is_not_taken_for_the_stored_accounts(world):
    world.gateways = [gateway("one"), gateway("two")]
    desk = Desk()
    accounts = world.make(credits=desk)
    key = save(world, {**TEXTS, "gateway": "one", "access_code": "AB12CD34"}).id
    for typed in ({"access_code": "EF56GH78"}, {"gateway": "two", "access_code": "AB12CD34"}, {"sender_id": "Acme"}):
        for action in ("activate", "refresh_credits", "purchase_credits"):
            accounts.run(ALICE, action, (key,), "sms", typed, "")
    assert [(c[0], c[1]) for c in desk.calls] == [
        *[("activate", ""), ("refresh_credits", ""), ("purchase_credits", key)] * 2,  # an order stays the account's
        *[("activate", key), ("refresh_credits", key), ("purchase_credits", key)],
    ]


@pytest.mark.parametrize(
    "url", ["http://pay.example", "javascript:alert(1)", "https://", "ftp://x.example", "//x.example"]
)
def test_only_safe_pages_are_opened(world, url):
    world.gateways = [gateway()]
    result = world.make(credits=Desk(Result(open_url=url))).run(ALICE, "purchase_credits", (), "sms", {}, "")
    assert (result.ok, result.open_url) == (False, "")


def test_the_sandbox_may_open_pages_of_this_machine(world):
    world.gateways = [gateway()]
    desk = Desk(Result(open_url="http://127.0.0.1:8000/pay"))
    assert world.make(credits=desk, sandbox=True).run(ALICE, "purchase_credits", (), "sms", {}, "").open_url
    assert not world.make(credits=desk).run(ALICE, "purchase_credits", (), "sms", {}, "").open_url


def test_an_account_without_a_code_has_no_credits_where_they_are_sold(world):
    world.gateways = [gateway("sells"), gateway("trusts", capabilities=("balance",))]
    key = save(world, {**TEXTS, "gateway": "sells"}).id
    assert world.store.find(key).status == "no_credits"
    assert save(world, {"access_code": "AB12CD34"}, key).ok
    assert world.store.find(key).status == "untested"
    assert world.store.find(save(world, {**TEXTS, "account_name": "B", "gateway": "trusts"}).id).status == "untested"


def test_a_gateway_that_is_gone_is_told(world):
    world.gateways = [gateway("one"), gateway("two")]
    key = save(world, {**TEXTS, "gateway": "two", "access_code": "AB12CD34"}).id
    world.gateways.pop()
    assert "gateway" in save(world, {"account_name": "B"}, key).errors
    with pytest.raises(TransportError):
        world.accounts.opener.connect(world.store.find(key))


def test_balances_are_decimals(world):
    world.gateways = [gateway(price=Decimal("0.1"))]
    assert world.registry.gateways()["fake"].price == Decimal("0.1")


def test_fixed_lines_are_refused_unless_the_account_allows_them(world):
    world.gateways = [gateway()]
    number = Recipient("030 123456")
    key = save(world, {**TEXTS, "access_code": "AB12CD34"}).id
    assert world.record(key, "sms").values["fixed_lines"] is False
    assert normalised(world, key, number).reason == Reason.INVALID_NUMBER
    assert save(world, {"fixed_lines": True}, key).ok
    assert normalised(world, key, number) == Recipient("+4930123456")
    assert list(save(world, {"fixed_lines": "perhaps"}, key).errors) == ["fixed_lines"]


def test_an_account_from_before_these_fields_opens_with_their_defaults(world):
    world.gateways = [gateway()]
    key = save(world, TEXTS).id
    stored = world.store.find(key)
    old = {n: v for n, v in stored.values.items() if n not in ("fixed_lines", "low_credits")}
    world.store.update(replace(stored, values=old), stored.version, ("fixed_lines",))
    values = world.record(key, "sms").values
    assert (values["fixed_lines"], values["low_credits"]) == (False, 20)
    assert normalised(world, key, Recipient("030 123456")).reason == Reason.INVALID_NUMBER


@pytest.mark.parametrize(("typed", "kept"), [("250", 250), (0, 0), ("", None)])
def test_the_threshold_of_the_warning_is_set_in_the_form(world, typed, kept):
    world.gateways = [gateway()]
    desk = Desk()
    accounts = world.make(credits=desk)
    key = save(world, {**TEXTS, "low_credits": typed}).id
    assert world.record(key, "sms").values["low_credits"] == kept
    accounts.list_rows(ALICE, Query())
    assert desk.asked == {key: kept}
    for odd in ("-1", "2.5", True, "many"):
        assert list(save(world, {"low_credits": odd}, key).errors) == ["low_credits"]


def test_what_a_gateway_cannot_do_is_hidden_while_it_is_chosen(world):
    world.gateways = [gateway("sells"), gateway("counts", capabilities=("balance",)), gateway("poor", capabilities=())]
    shown = {a.name: a.when for a in editor(world).actions}
    assert shown == {
        "purchase_credits": {"gateway": ["sells"]},
        "activate": {"gateway": ["sells"]},
        "refresh_credits": {"gateway": ["sells", "counts"]},
    }
    assert next(f for f in editor(world).fields if f.name == "low_credits").when == {"gateway": ["sells", "counts"]}
    key = save(world, {**TEXTS, "gateway": "poor", "low_credits": "no number at all"}).id
    assert "low_credits" not in world.store.find(key).values
