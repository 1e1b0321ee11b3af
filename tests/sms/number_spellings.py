"""Numbers as people write them, made from a seed: what the proofs of equality and the benchmark feed on."""

from random import Random

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
KINDS = [PhoneNumberType.MOBILE] * 3 + [PhoneNumberType.FIXED_LINE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.VOIP]
PUNCTUATION = [" ", "-", ".", "/", "(", ")", "\u00a0", "\u2013"]
ODD = ["x", "ext", "#", ";", ",", "+", "a", "٣", "０", "\u200b", "~", "[", "*"]


def spelled(number: phonenumbers.PhoneNumber, region: str, random: Random) -> str:
    """One way of writing a number in its country, of those that address books are full of."""
    nsn = phonenumbers.national_significant_number(number)
    prefix = PhoneMetadata.metadata_for_region(region).national_prefix or ""
    way = random.randrange(8)
    if way == 0:
        return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if way == 1:
        return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    if way == 2:
        return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    if way == 3:
        return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL).replace(" ", "-")
    if way == 4:
        return f"00{number.country_code} {nsn[:3]} {nsn[3:]}"
    if way == 5:
        return f"+{number.country_code} (0) {nsn}" if prefix == "0" else f"(+{number.country_code}) {nsn}"
    return nsn if way == 6 else prefix + nsn


def varied(region: str, random: Random) -> phonenumbers.PhoneNumber:
    """A number of a region that looks like an example of one kind, with its last digits changed; often valid."""
    example = None
    while example is None:
        example = phonenumbers.example_number_for_type(region, random.choice(KINDS))
        example = example or phonenumbers.example_number(region)
    nsn = phonenumbers.national_significant_number(example)
    keep = random.randrange(1, len(nsn))
    digits = nsn[:keep] + "".join(random.choice("0123456789") for _ in nsn[keep:])
    number = phonenumbers.PhoneNumber(country_code=example.country_code)
    number.national_number = int(digits)
    if digits[0] == "0":
        number.italian_leading_zero = True
        number.number_of_leading_zeros = max(1, len(digits) - len(digits.lstrip("0")))
    return number


def anything(region: str, random: Random) -> str:
    """A spelling, damaged half of the time: digits lost, added, put in front; odd characters anywhere."""
    text = spelled(varied(region, random), region, random)
    for _ in range(random.choice([0, 0, 0, 1, 1, 2, 4])):
        at = random.randrange(len(text) + 1)
        change = random.randrange(5)
        if change == 0:
            text = text[:at] + text[at + 1 :]
        elif change == 1:
            text = text[:at] + random.choice("0123456789") + text[at:]
        elif change == 2:
            text = random.choice(["0", "00", "1", "8", "011", "+", "0011", "810"]) + text
        elif change == 3:
            text = text[:at] + random.choice(PUNCTUATION) + text[at:]
        else:
            text = text[:at] + random.choice(ODD) + text[at:]
    return text or "0"
