"""A fast way to read plain phone numbers: the same answer as phonenumbers, or None when it is not sure.

It follows the steps of `phonenumbers.parse`, `is_valid_number` and `number_type` on the same metadata, for texts of
digits and common punctuation only, and gives up wherever those steps branch into something rare.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Matcher = Callable[[str], Any]
Kind = bool | None

# What phonenumbers treats as punctuation inside a number, of the characters that people really type.
_PLAIN = re.compile(r"[ (\u00a0]*(\+?)[0-9 ().\-/\u00a0\u2010-\u2014]{5,40}").fullmatch
_PUNCTUATION = {ord(c): None for c in " ().-/\u00a0\u2010\u2011\u2012\u2013\u2014+"}


def read(text: str, region: str) -> tuple[str, bool] | None:
    """(E.164, whether it is a mobile's; else it is a fixed line), or None: ask phonenumbers."""
    plain = _PLAIN(text)
    if plain is None:
        return None
    digits = text.replace(" ", "").replace("-", "").replace("+", "")
    if not digits.isdecimal():
        digits = digits.translate(_PUNCTUATION)  # slower, and seldom needed
    if plain[1]:
        return _international(digits)
    rules = region_rules(region)
    if rules is None:
        return None
    exit_code = rules.exit_code(digits)
    if exit_code is not None and digits[exit_code.end() : exit_code.end() + 1] != "0":
        return _international(digits[exit_code.end() :])
    if digits.startswith("00"):
        return _international(digits[2:]) if exit_code is None and rules.cannot_be(digits) else None
    return _national(digits, rules)


def _international(digits: str) -> tuple[str, bool] | None:
    for length in (1, 2, 3):
        home = country_rules(digits[:length])
        if home is not None:
            return _number(home, digits[length:])
    return None


def _national(digits: str, rules: "RegionRules") -> tuple[str, bool] | None:
    if digits.startswith(rules.code):
        without = rules.without_prefix(digits[len(rules.code) :])
        if without is None:
            return None
        if rules.general(digits) is None and rules.general(without) is not None:
            home = country_rules(rules.code)
            return None if home is None else _number(home, without)
        if len(digits) > rules.longest:
            return None
    return _number(rules, digits)


def _number(rules: "RegionRules", digits: str) -> tuple[str, bool] | None:
    """The last part of parse, then the kind of number in whichever region of the country code it belongs to."""
    number = rules.without_prefix(digits)
    if number is None or len(number) not in rules.lengths:
        return None
    mobile = _kind(country_regions(rules.code), number)
    return None if mobile is None else (f"+{rules.code}{number}", mobile)


def _kind(regions: "tuple[RegionRules, ...]", number: str) -> Kind:
    for rules in regions:
        if rules.leading is not None:
            if rules.leading(number) is not None:
                return rules.kind(number)
            continue
        kind = rules.kind(number)
        if kind is not None or rules.may_be_here(number):
            return kind
    return None


class RegionRules:
    """What phonenumbers knows of one region, compiled."""

    __slots__ = (
        "_fixed",
        "_fixed_lengths",
        "_here",
        "_mobile",
        "_mobile_lengths",
        "_prefix",
        "code",
        "exit_code",
        "general",
        "leading",
        "lengths",
        "longest",
    )

    def __init__(self, metadata: Any, only_one: bool) -> None:
        self.code = str(metadata.country_code)
        self.exit_code = _start(metadata.international_prefix)
        self._prefix = _start(metadata.national_prefix_for_parsing)
        general = metadata.general_desc.national_number_pattern
        self.general: Matcher = re.compile(general).fullmatch
        self.lengths = frozenset(metadata.general_desc.possible_length)
        self.longest = max(self.lengths)
        fixed, other = _pattern(metadata.fixed_line), _any_of(metadata)
        same = bool(metadata.same_mobile_and_fixed_line_pattern)
        desc = metadata.fixed_line if same else metadata.mobile
        mobile = _pattern(desc)
        # phonenumbers asks for the general pattern, then the other kinds, then these: one pattern says it all.
        self._mobile = _whole(f"(?=(?:{general})\\Z)(?!(?:{other})\\Z)(?:{mobile})")
        self._mobile_lengths = self._lengths(desc)
        self._fixed = _whole(f"(?=(?:{general})\\Z)(?!(?:{other}|{mobile})\\Z)(?:{fixed})")
        self._fixed_lengths = self._lengths(metadata.fixed_line)
        self._here = _whole(f"{other}|{mobile}|{fixed}")
        leading = None if only_one else metadata.leading_digits
        self.leading = _start(leading) if leading else None

    def _lengths(self, desc: Any) -> frozenset[int]:
        own = frozenset(getattr(desc, "possible_length", ()))
        return own & self.lengths if own else self.lengths

    def without_prefix(self, digits: str) -> str | None:
        """The digits without the trunk prefix; None where carrier codes or rewriting rules come in."""
        found = self._prefix(digits)
        if found is None:
            return digits
        if found.lastindex is not None:
            return None
        rest = digits[found.end() :]
        return digits if self.general(digits) is not None and self.general(rest) is None else rest

    def kind(self, number: str) -> Kind:
        """True: a mobile, or not to be told from one. False: a fixed line. None: something else, or not valid."""
        length = len(number)
        if length in self._mobile_lengths and self._mobile(number) is not None:
            return True
        return False if length in self._fixed_lengths and self._fixed(number) is not None else None

    def may_be_here(self, number: str) -> bool:
        """Whether it could be a number of this region, of any kind; rather too often than too seldom."""
        return self._here(number) is not None

    def cannot_be(self, digits: str) -> bool:
        """Whether these digits are surely no national number: too long, with nothing to take off."""
        return len(digits) > self.longest and self._prefix(digits) is None and not digits.startswith(self.code)


def _start(pattern: str | None) -> Matcher:
    return re.compile(pattern).match if pattern else _never


def _whole(pattern: str) -> Matcher:
    return re.compile(pattern).fullmatch


def _pattern(desc: Any) -> str:
    return f"(?:{getattr(desc, 'national_number_pattern', None) or '(?!)'})"


def _any_of(metadata: Any) -> str:
    """The kinds asked for before fixed line and mobile. Without their lengths: rather too much than too little."""
    names = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")
    return "|".join(_pattern(getattr(metadata, name)) for name in names)


def _never(number: str) -> None:
    return None


@lru_cache(maxsize=512)
def region_rules(region: str) -> RegionRules | None:
    """The rules of a region, None for one that phonenumbers does not know. Its metadata is loaded when first used."""
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(region.upper(), None) if region else None
    if metadata is None:
        return None
    return RegionRules(metadata, only_one=len(_regions_of(metadata.country_code)) == 1)


@lru_cache(maxsize=2048)
def country_rules(code: str) -> RegionRules | None:
    """The rules of a country code's main region, by which international numbers are read; None for non-geographic."""
    regions = _regions_of(int(code)) if code.isdecimal() and code[0] != "0" else ()
    return region_rules(regions[0]) if regions else None


@lru_cache(maxsize=512)
def country_regions(code: str) -> tuple[RegionRules, ...]:
    """The rules of all regions that share a country code, in the order in which phonenumbers asks them."""
    found = [region_rules(region) for region in _regions_of(int(code))]
    return tuple(rules for rules in found if rules is not None)


def _regions_of(code: int | None) -> tuple[str, ...]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    regions: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE.get(code or 0, ())
    return () if regions == ("001",) else regions
