"""Numbers: every spelling of the issue, every region's own examples, every reason in words."""

import phonenumbers
import pytest

from crm_comm_hookspecs import Reason, Recipient, Rejected
from crm_comm_plugin.domain.numbers import NumberKind, NumberProblem, example, normalise, to_e164
from tests.sms.number_spellings import REGIONS

E164 = phonenumbers.PhoneNumberFormat.E164


@pytest.mark.parametrize(
    "form", [phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL]
)
def test_every_regions_examples_give_their_e164(form):
    seen = 0
    for region in REGIONS:
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                written = phonenumbers.format_number(number, form)
                wanted = phonenumbers.format_number(number, E164)
                assert to_e164(written, region, fixed_lines_allowed=True) == wanted, (region, written)
                if kind == phonenumbers.PhoneNumberType.MOBILE:
                    assert to_e164(written, region) == wanted, (region, written)
                seen += 1
    assert seen > 480


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("07400 123456", "GB", "+447400123456"),
        ("7400 123456", "GB", "+447400123456"),  # without its trunk prefix
        ("447400123456", "GB", "+447400123456"),  # the country code without a plus
        ("+44 7400 123456", "DE", "+447400123456"),
        ("+44 (0)7400 123456", "DE", "+447400123456"),
        ("(+44) 7400-123-456", "", "+447400123456"),
        ("0044 7400 123456", "DE", "+447400123456"),
        ("0044 7400 123456", "US", "+447400123456"),  # 00 is not the exit code there, and is understood all the same
        ("0044 7400 123456", "", "+447400123456"),
        ("\uff10\uff10\uff14\uff14 7400 123456", "JP", "+447400123456"),  # also in digits of another script
        ("Tel. 0044 7400 123456", "US", "+447400123456"),
        ("07400\u202f123\u2009456", "GB", "+447400123456"),  # the narrow spaces of typeset text
        ("07400\t123456\r\n", "GB", "+447400123456"),
        ("011 44 7400 123456", "US", "+447400123456"),
        ("0011 44 7400 123456", "AU", "+447400123456"),
        ("8~10 44 7400 123456", "RU", "+447400123456"),
        ("tel:+44-7400-123456", "", "+447400123456"),
        ("07400 123456 ext. 12", "GB", "+447400123456"),
        ("\u202d+44 7400 123456\u202c", "", "+447400123456"),  # as copied out of an address book
        ("\uff0b\uff14\uff14 \uff17\uff14\uff10\uff10 \uff11\uff12\uff13\uff14\uff15\uff16", "", "+447400123456"),
        ("٠٧٤٠٠ ١٢٣٤٥٦", "GB", "+447400123456"),
        ("312 345 6789", "IT", "+393123456789"),
        ("02 12345678", "IT", "+390212345678"),  # Italy keeps its zero
        ("01 23 45 67 89", "CI", "+2250123456789"),
        ("011 15-2345-6789", "AR", "+5491123456789"),
        ("1-650-253-0000", "US", "+16502530000"),
        ("1-650-ABC-0000", "US", "+16502220000"),
    ],
)
def test_spellings(text, region, number):
    assert to_e164(text, region, fixed_lines_allowed=text.startswith("02")) == number


@pytest.mark.parametrize(
    ("text", "region", "kind"),
    [
        ("", "GB", "not_a_number"),
        ("ann@example.com", "GB", "not_a_number"),
        ("n/a", "GB", "not_a_number"),
        ("07400 123", "GB", "too_short"),
        ("253 0000", "US", "too_short"),  # without its area code
        ("07400 123456789", "GB", "too_long"),
        ("07400123456 / 07400123457", "GB", "too_long"),
        ("1" * 300, "GB", "too_long"),
        ("+1 200 555 0100", "US", "not_valid"),
        ("07400 123456", "", "not_valid"),  # no country given
        ("07400 123456", "XX", "not_valid"),
        ("+999 7400 123456", "GB", "not_valid"),
        ("020 7946 0000", "GB", "not_mobile"),
        ("0044 20 7946 0000", "US", "not_mobile"),
        ("0800 123 4567", "GB", "not_mobile"),
        ("0909 8790000", "GB", "premium"),
        ("\x00", "GB", "not_a_number"),
        ("\ud800", "GB", "not_a_number"),
    ],
)
def test_reasons(text, region, kind):
    problem = to_e164(text, region)
    assert isinstance(problem, NumberProblem)
    assert problem.kind is NumberKind(kind)
    assert problem.detail.endswith(".")
    assert not any(c.isdigit() for c in problem.detail)


def test_fixed_lines_are_allowed_by_a_setting():
    assert to_e164("020 7946 0000", "GB", fixed_lines_allowed=True) == "+442079460000"
    assert normalise(Recipient("020 7946 0000"), {"country_code": "GB", "fixed_lines": True}) == Recipient(
        "+442079460000"
    )


def test_a_recipient_keeps_its_name_and_fields():
    ann = Recipient("07400 123456", name="Ann", fields={"order": 7})
    assert normalise(ann, {"country_code": "GB"}) == Recipient("+447400123456", name="Ann", fields={"order": 7})
    rejected = normalise(ann, {"country_code": "DE"})
    assert isinstance(rejected, Rejected)
    assert rejected.recipient is ann
    assert rejected.reason is Reason.INVALID_NUMBER


def test_an_example_for_the_country_picker():
    assert example("DE") == ("01512 3456789", "+4915123456789")
    assert example("de") == example("DE")
    assert example("TA") is None
