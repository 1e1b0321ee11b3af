"""Whatever is sent to any field: never an exception, an error in words at that field, nothing stored or leaked."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_comm_hookspecs import InvalidInput, Query
from crm_comm_hookspecs.testing.hostile import HOSTILE
from tests.accounts.world import ALICE, CUSTOM

SMS = {"account_name": "Texts", "access_code": "AB12CD34", "country_code": "DE", "sender_id": "Acme"}
FIELDS = [
    *(("email", CUSTOM, name) for name in (*CUSTOM, "sign_in", "sender", "limitation", "limitation_count", "active")),
    *(("sms", SMS, name) for name in (*SMS, "gateway", "limitation", "limitation_count", "active")),
]
SEVERAL = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def judge(world, editor, values, field):
    before = len(world.store.all())
    world.accounts.check(ALICE, editor, "", values, field)
    world.run("test_connection" if editor == "email" else "nothing", (), editor, values) if editor == "email" else None
    result = world.accounts.save(ALICE, editor, "", values, "")
    if result.ok:
        record = world.record(result.id, editor)
        world.run("delete", (result.id,))
        assert world.accounts.list_rows(ALICE, Query(deleted=True)).rows
        assert all(isinstance(v, str | int | bool | None) for v in record.values.values())
        return
    assert len(world.store.all()) == before
    assert result.errors
    assert set(result.errors) <= {field, "limitation_count", "user", "password", "host", "port", "security"} | {field}
    assert all(text.strip() for texts in result.errors.values() for text in texts)
    assert "s3cret-canary-2" not in repr(result)


@pytest.mark.parametrize(("editor", "values", "field"), FIELDS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_hostile_values_are_told_at_their_field(world, editor, values, field):
    for value in HOSTILE:
        judge(world, editor, {**values, field: value}, field)


TEXT_FIELDS = [
    *(
        ("email", CUSTOM, name)
        for name in ("account_name", "user", "server", "host", "security", "sender", "limitation")
    ),
    *(("sms", SMS, name) for name in ("account_name", "gateway", "country_code", "sender_id", "limitation")),
]


@pytest.mark.parametrize(("editor", "values", "field"), TEXT_FIELDS)
@pytest.mark.parametrize("value", ["<b>bold</b>", "mail.ex\u0430mple.com", "s\u0430les@example.com"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_markup_and_letters_that_look_alike_are_told_at_every_field_that_is_shown(world, editor, values, field, value):
    result = world.accounts.save(ALICE, editor, "", {**values, field: value}, "")
    assert list(result.errors) == [field]
    assert world.store.all() == ()


@pytest.mark.parametrize(
    ("editor", "values", "field", "value", "words"),
    [
        ("email", CUSTOM, "sender", "Ann <ann@example.com>", "without a name"),
        ("sms", SMS, "country_code", "United Kingdom", "choose a country from the list"),
        ("sms", SMS, "country_code", "+44", "choose a country from the list"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_words_say_what_to_do_instead(world, editor, values, field, value, words):
    assert words in world.accounts.save(ALICE, editor, "", {**values, field: value}, "").errors[field][0]


@pytest.mark.parametrize(("editor", "values", "field"), FIELDS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_any_value_is_stored_or_told_at_its_field(world, editor, values, field):
    @SEVERAL
    @given(value=anything)
    def whatever(value):
        judge(world, editor, {**values, field: value}, field)

    whatever()


def test_texts_of_any_kind_in_any_database(world):
    @settings(SEVERAL, max_examples=60)
    @given(name=st.text(max_size=110), user=st.text(max_size=60), sender=st.text(max_size=60))
    def whatever(name, user, sender):
        values = {**CUSTOM, "account_name": name, "user": user, "sender": sender}
        result = world.accounts.save(ALICE, "email", "", values, "")
        if result.ok:
            assert world.record(result.id).values["account_name"] == name.strip()
            world.accounts.list_rows(ALICE, Query(search=name[:200]))
        world.accounts.check(ALICE, "email", "", values, "user")

    whatever()


@pytest.mark.parametrize("key", ["", "\0", "x" * 10_000, "\ud800", "' OR 1=1 --"])
def test_hostile_ids_find_nothing(world, key):
    world.saved(CUSTOM)
    world.accounts.check(ALICE, "email", key, CUSTOM, "user")
    for action in ("delete", "restore"):
        assert not world.run(action, (key,)).ok
    assert world.accounts.confirm(ALICE, "delete", (key,), "", {}) is None
    assert len(world.store.all()) == 1


@pytest.mark.parametrize("token", ["", "x", "W10", "e30", "WyJ4Il0", "\0", "x" * 200_000, "WzEsMl0", "bnVsbA", "ü"])
def test_a_hostile_undo_token_is_the_callers_mistake(world, token):
    with pytest.raises(InvalidInput):
        world.run("undo", (token,))
