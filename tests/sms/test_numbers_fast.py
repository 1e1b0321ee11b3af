"""The fast path: for every input the same answer as phonenumbers, or none."""

from random import Random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_comm_plugin.domain import numbers_fast
from crm_comm_plugin.domain.numbers import to_e164, to_e164_slowly
from tests.sms.number_spellings import REGIONS, anything

KINDS = [kind for kind in phonenumbers.PhoneNumberType.values() if kind < 27]
FORMATS = [
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.RFC3966,
]


def same(text, region):
    if numbers_fast.read(text, region) is None:
        return False  # then `to_e164` asks phonenumbers
    for allowed in (False, True):
        quick = to_e164(text, region, fixed_lines_allowed=allowed)
        assert quick == to_e164_slowly(text, region, fixed_lines_allowed=allowed), (text, region)
    return True


@pytest.mark.parametrize("form", FORMATS)
def test_all_examples_of_all_kinds_and_regions(form):
    for region in REGIONS:
        for kind in KINDS:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                text = phonenumbers.format_number(number, form)
                for home in (region, "US", "IT", "GG", ""):
                    same(text, home)


def proof(count, seed):
    """One region after the other: in turns, Python would compile phonenumbers' patterns again for each number."""
    random = Random(seed)
    sure = 0
    for i in range(count):
        region = REGIONS[i * len(REGIONS) // count]
        sure += same(anything(region, random), region if random.random() < 0.9 else random.choice(REGIONS))
    return sure / count


def test_random_numbers():
    assert proof(100_000, seed=1) > 0.3  # or it would prove nothing


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 12))
def test_millions_of_random_numbers(seed):
    assert proof(300_000, seed=seed) > 0.3


@settings(max_examples=300)
@given(
    st.one_of(st.text(max_size=30), st.text(alphabet="0123456789+ ()-", max_size=25), st.from_regex(r"\+?[0-9]{5,15}")),
    st.sampled_from([*REGIONS, "", "XX", "001", "gb"]),
)
def test_whatever_is_typed(text, region):
    same(text, region)


def test_metadata_is_loaded_only_for_regions_in_use():
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from crm_comm_plugin.domain.numbers import to_e164\n"
        "assert not any(m.startswith('phonenumbers') for m in sys.modules)\n"
        "assert to_e164('07400 123456', 'GB') == '+447400123456'\n"
        "print(sorted(m[-2:] for m in sys.modules if m.startswith('phonenumbers.data.region_')))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['GB', 'GG', 'IM', 'JE']"
