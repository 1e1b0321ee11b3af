"""Phone numbers as people write them -> E.164, or the reason why a text cannot go there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from crm_comm_hookspecs import Reason, Recipient, Rejected
from crm_comm_plugin.domain import numbers_fast

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


class NumberKind(StrEnum):
    """Why a number is refused."""

    NOT_A_NUMBER = "not_a_number"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_VALID = "not_valid"
    NOT_MOBILE = "not_mobile"
    PREMIUM = "premium"


@dataclass(frozen=True, slots=True)
class NumberProblem:
    """Why a number is refused, and a sentence for people. The sentence never holds the number."""

    kind: NumberKind
    detail: str


NOT_A_NUMBER = NumberProblem(NumberKind.NOT_A_NUMBER, "This is not a phone number.")
TOO_SHORT = NumberProblem(NumberKind.TOO_SHORT, "The number is too short: digits are missing.")
TOO_LONG = NumberProblem(NumberKind.TOO_LONG, "The number is too long: it has digits too many, or holds two numbers.")
NOT_VALID = NumberProblem(NumberKind.NOT_VALID, "No such number exists in its country: check its first digits.")
NO_COUNTRY = NumberProblem(
    NumberKind.NOT_VALID, "The number has no known country code: write it with + and its country code."
)
NOT_MOBILE = NumberProblem(NumberKind.NOT_MOBILE, "This is not a mobile number, so it cannot get a text.")
PREMIUM = NumberProblem(NumberKind.PREMIUM, "This is a premium-rate number: texts are not sent there.")

MAX_LENGTH = 250
"""Longer texts are no phone numbers (the same bound as in phonenumbers)."""
_DOUBLE_ZERO = re.compile(r"[^0-9+\uff0b]*0[ ().\-/\u00a0\u2010-\u2014]*0").match
_SPACE = re.compile(r"[^\S\n\v\f\r\x1c-\x1f\x85\u2028\u2029]")
"""A space of any width, also a tab; where a line ends, another number may begin."""


def to_e164(text: str, region: str = "", *, fixed_lines_allowed: bool = False) -> str | NumberProblem:
    """The E.164 form of a number written nationally in `region` (ISO code, "" = unknown) or internationally.

    Understands trunk prefixes or none, `+`, `00`, the country's own exit code, extensions (dropped), letters, spaces,
    punctuation and digits of any script, as the phonenumbers library does. Fixed lines are refused unless allowed.
    """
    found = numbers_fast.read(text, region)
    if found is not None:
        number, mobile = found
        return number if mobile or fixed_lines_allowed else NOT_MOBILE
    return to_e164_slowly(text, region, fixed_lines_allowed=fixed_lines_allowed)


def to_e164_slowly(text: str, region: str = "", *, fixed_lines_allowed: bool = False) -> str | NumberProblem:
    """The same answer by phonenumbers alone, which the fast path is held equal to."""
    if len(text) > MAX_LENGTH:
        return TOO_LONG
    text = _plain(text)
    answer = _read(text, region, fixed_lines_allowed)
    if isinstance(answer, str):
        return answer
    after = _after_double_zero(text, region)
    if not after:
        return answer
    international = _read("+" + after, "", fixed_lines_allowed)
    return answer if international == NO_COUNTRY else international


def _plain(text: str) -> str:
    """With our own spaces and digits: phonenumbers does not know the narrow spaces of typeset text, nor we `00` in
    digits of another script."""
    text = _SPACE.sub(" ", text.strip())
    return text if text.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in text)


def _after_double_zero(text: str, region: str) -> str:
    """`00` means international everywhere, also where the country's own exit code is another one (ITU-T E.123)."""
    zeros = _DOUBLE_ZERO(text)
    if zeros is None:
        return ""
    rules = numbers_fast.region_rules(region)
    if rules is not None and rules.exit_code("".join(c for c in text if c.isdecimal())) is not None:
        return ""
    return text[zeros.end() :]


def _read(text: str, region: str, fixed_lines_allowed: bool) -> str | NumberProblem:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region.upper() or None)
    except phonenumbers.NumberParseException as error:
        return _not_parsed(error.error_type, text)
    if not phonenumbers.is_valid_number(number):
        return _impossible(number)
    kinds = phonenumbers.PhoneNumberType
    kind = phonenumbers.number_type(number)
    if kind in (kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE) or (kind == kinds.FIXED_LINE and fixed_lines_allowed):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return PREMIUM if kind in (kinds.PREMIUM_RATE, kinds.SHARED_COST) else NOT_MOBILE


def _not_parsed(error: int, text: str) -> NumberProblem:
    from phonenumbers import NumberParseException as Parse

    if error == Parse.INVALID_COUNTRY_CODE:
        return NO_COUNTRY if any(c.isdigit() for c in text) else NOT_A_NUMBER
    if error in (Parse.TOO_SHORT_AFTER_IDD, Parse.TOO_SHORT_NSN):
        return TOO_SHORT
    return TOO_LONG if error == Parse.TOO_LONG else NOT_A_NUMBER


def _impossible(number: "PhoneNumber") -> NumberProblem:
    import phonenumbers
    from phonenumbers import ValidationResult

    # A mobile's lengths say more than those of all kinds: short emergency or company numbers exist nearly everywhere.
    reason = phonenumbers.is_possible_number_for_type_with_reason(number, phonenumbers.PhoneNumberType.MOBILE)
    if reason == ValidationResult.INVALID_LENGTH:
        reason = phonenumbers.is_possible_number_with_reason(number)
    if reason in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return TOO_SHORT
    return TOO_LONG if reason == ValidationResult.TOO_LONG else NOT_VALID


def normalise(recipient: Recipient, values: Mapping[str, Any]) -> Recipient | Rejected:
    """A recipient of an SMS account with its number in E.164; `Rejected` with the reason where that cannot be.

    values: the account's; `country_code` is the region of national numbers, `fixed_lines` allows fixed lines.
    """
    answer = to_e164(
        recipient.address, str(values.get("country_code") or ""), fixed_lines_allowed=bool(values.get("fixed_lines"))
    )
    if isinstance(answer, NumberProblem):
        return Rejected(recipient=recipient, reason=Reason.INVALID_NUMBER, detail=answer.detail)
    return recipient if answer == recipient.address else replace(recipient, address=answer)


def example(region: str) -> tuple[str, str] | None:
    """A mobile number of a region as it is written there, and in E.164; None for a region without one."""
    import phonenumbers

    number = phonenumbers.example_number_for_type(region.upper(), phonenumbers.PhoneNumberType.MOBILE)
    if number is None:
        return None
    formats = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, formats.NATIONAL), phonenumbers.format_number(number, formats.E164)
