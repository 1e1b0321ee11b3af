"""The form's own fields against whatever a browser, a script or an attacker sends."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from crm_comm_hookspecs import AccountSchema, Choice, Flag, FormSchema, Secret, Text, Whole


class Form(FormSchema):
    """One of each."""

    name = Text(maxlength=20, plain=True)
    word = Text(maxlength=20, minlength=2)
    lines = Text(lines=True, maxlength=50)
    secret = Secret(maxlength=20)
    choice = Choice([("a", "A"), ("b", "B")], load_default="a")
    maybe = Choice([("a", "A")])
    number = Whole(min=-5, max=10)
    flag = Flag(load_default=True)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=30)
    | st.text(st.characters(exclude_categories=()), max_size=60),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(list(Form._declared_fields)), ANYTHING))
def test_whatever_comes_is_loaded_as_promised_or_is_an_error_at_its_field(values: dict[str, Any]) -> None:
    try:
        loaded = Form().load(values)
    except ValidationError as error:
        messages = error.normalized_messages()
        assert set(messages) <= set(values)
        for texts in messages.values():
            assert len(texts) == 1
            assert texts[0].endswith(".")
            texts[0].encode()
        return
    for name in ("name", "word", "secret"):
        text = loaded[name]
        assert isinstance(text, str)
        assert len(text) <= 20
        assert not any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Zl", "Zp"} for c in text)
        text.encode()
    assert loaded["choice"] in {"a", "b"}
    assert loaded["maybe"] in {"a", ""}
    assert loaded["number"] is None or (type(loaded["number"]) is int and -5 <= loaded["number"] <= 10)
    assert type(loaded["flag"]) is bool


@given(st.integers(-5, 10), st.sampled_from(["{}", " {} ", "{}\n"]))
def test_a_number_as_text_is_the_number(number: int, form: str) -> None:
    assert Form().load({"number": form.format(number)})["number"] == number == Form().load({"number": number})["number"]


def refused(name: str, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        Form().load({name: value})
    (text,) = caught.value.normalized_messages()[name]
    return str(text)


@pytest.mark.parametrize(
    "value",
    [
        "a\x00b",
        "a\x1bb",
        "\ud800x",
        "a\u202eb",
        "a\u200bb",
        "a\ufeffb",
        "a\u00adb",
        "\ue000x",
        "\ufffex",
        "a\U000e0041",
    ],
)
@pytest.mark.parametrize("name", ["name", "word", "lines", "secret"])
def test_invisible_characters_are_refused_everywhere(name: str, value: str) -> None:
    assert "invisible" in refused(name, value)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\nBcc: x", "a\u2028b", "a\x85b", "a\x0bb"])
def test_line_breaks_are_refused_where_one_line_is_asked_for(value: str) -> None:
    for name in ("name", "word", "secret"):
        assert refused(name, value) == "Line breaks are not allowed here."


def test_several_lines_are_taken_where_asked_for() -> None:
    assert Form().load({"lines": "one\r\ntwo\nthree\tfour"})["lines"] == "one\r\ntwo\nthree\tfour"


@pytest.mark.parametrize("value", ["<b>x</b>", "< script>", "x<!--", "</p>"])
def test_names_have_no_markup(value: str) -> None:
    assert "HTML" in refused("name", value)


@pytest.mark.parametrize("value", ["Раypal", "Αpple", "Gооgle"])
def test_names_do_not_mix_letters_that_look_alike(value: str) -> None:
    assert "different alphabets" in refused("name", value)


@pytest.mark.parametrize(
    "value",
    ["Verkauf Österreich", "Отдел продаж", "営業部 Tokyo", "Sales 🙂", "1 < 2", "a < b", "می‌خواهم", "R&D", "Ωmega Ω"],
)
def test_real_names_are_taken(value: str) -> None:
    if value == "Ωmega Ω":
        refused("name", value)
    else:
        assert Form().load({"name": value})["name"] == value


@pytest.mark.parametrize("value", ["", "   ", "\u3164", "\u2800\u2800", "\u00a0", "\u200d", None])
def test_a_name_that_cannot_be_seen_is_empty(value: str | None) -> None:
    with pytest.raises(ValidationError) as caught:
        AccountSchema().load({"account_name": value})
    assert caught.value.normalized_messages() == {"account_name": ["Please fill in this field."]}


def test_lengths_are_counted_before_anything_else_is_looked_at() -> None:
    assert "at most 20 characters; this has 1000000" in refused("name", "\u202e" * 1_000_000)
    assert "at least 2" in refused("word", "x")
    with pytest.raises(ValidationError, match="at most 100"):
        AccountSchema().load({"account_name": "x" * 101})


def test_outer_spaces_are_dropped_but_never_from_a_secret() -> None:
    assert Form().load({"name": "  Sales ", "secret": " pw "}) == {
        "name": "Sales", "secret": " pw ", "word": "", "lines": "", "choice": "a", "maybe": "", "number": None,
        "flag": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "value", ["2.7", 2.7, "1_000", True, "1e2", "٣", "--5", "+", "0x1", "9" * 16, "1,000", float("inf")]
)
def test_numbers_are_digits_only(value: object) -> None:
    assert refused("number", value) == "Please enter a whole number, digits only."


@pytest.mark.parametrize("value", [11, "-6", "11"])
def test_numbers_out_of_range_name_the_range(value: object) -> None:
    assert refused("number", value) == "Please enter a number from -5 to 10."


def test_errors_never_repeat_what_was_typed() -> None:
    for name in Form._declared_fields:
        for value in ("S3CRET\x00", ["S3CRET"], {"S3CRET": 1}, "S3CRET" * 100):
            assert "S3CRET" not in refused(name, value)
