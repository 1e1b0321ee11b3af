"""The country picker: by name in the person's language, ISO code, phone code; the label of a stored value."""

import phonenumbers
import pytest

from crm_comm_hookspecs import Context, InvalidInput
from crm_comm_plugin.accounts.countries import Countries

ENGLISH = Context(user="a")
GERMAN = Context(user="g", locale="de-DE", region="AT")


def found(query, context=ENGLISH, limit=50):
    return [option.value for option in Countries().options(context, query, limit)]


@pytest.mark.parametrize("query", ["Germany", "germ", "DE", "de", "49", "+49", "0049", " Germany "])
def test_germany_is_found_however_it_is_looked_for(query):
    assert found(query)[0] == "DE"


def test_names_are_in_the_persons_language_and_english_ones_work_too():
    (option,) = Countries().options(GERMAN, "=GB", 5)
    assert (option.value, option.label, option.icon) == ("GB", "Vereinigtes Königreich +44", "flag:GB")
    assert found("konigreich", GERMAN) == ["GB"]
    assert found("kingdom", GERMAN) == ["GB"]
    assert Countries().options(ENGLISH, "=gb", 5)[0].label == "United Kingdom +44"


def test_the_persons_own_country_comes_first():
    assert found("", GERMAN)[0] == "AT"
    assert found("", Context(user="x", region="nowhere"), limit=500)
    assert found("+1", Context(user="x", region="CA"))[0] == "CA"


@pytest.mark.parametrize(("code", "region"), [("+44", "GB"), ("44", "GB"), ("+1", "US"), ("7", "RU"), ("0039", "IT")])
def test_a_shared_code_finds_whose_it_is_called_first(code, region):
    assert found(code, limit=1) == [region]
    assert found(code, Context(user="x", region="DE"), limit=1) == [region]


def test_every_region_has_its_code():
    options = Countries().options(ENGLISH, "", 500)
    assert {option.value for option in options} == set(phonenumbers.SUPPORTED_REGIONS)
    for option in options:
        assert option.label.endswith(f"+{phonenumbers.country_code_for_region(option.value)}")
        assert option.label.partition(" +")[0].strip()


def test_limits_and_odd_queries():
    assert len(found("", limit=3)) == 3
    for query in ("=ZZ", "=", "=\0", "no such land", "\ud800", "+", "x" * 10_000, "+999999"):
        assert found(query) in ([], found("+"))
    for query, limit in ((None, 5), ("a", 0), ("a", "5"), ("a", True)):
        with pytest.raises(InvalidInput):
            Countries().options(ENGLISH, query, limit)


def test_an_unknown_language_is_english():
    assert Countries().options(Context(user="x", locale="xx-YY"), "=DE", 1)[0].label == "Germany +49"
