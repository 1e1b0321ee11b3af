"""The options source `countries`: every country with a phone code, in the person's language."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_comm_hookspecs import Context, InvalidInput, Option
from crm_comm_plugin.accounts.words import locale_of

SOURCE = "countries"
_KEPT = 8
_MOST = 500


@dataclass(frozen=True, slots=True)
class _Country:
    region: str
    code: str
    name: str
    main: bool
    """The phone code is called by this country's name, as +44 is the United Kingdom's."""
    folded: tuple[str, ...]

    def option(self) -> Option:
        return Option(self.region, f"{self.name} +{self.code}", f"flag:{self.region}")


class Countries:
    """Names are looked up once for each language."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Country, ...]] = {}

    def options(self, context: Context, query: str, limit: int) -> tuple[Option, ...]:
        """Those that match a name (also the English one), an ISO code or a phone code, best first.

        query "=GB" gives that country alone; "" gives all, the person's own first. limit: 1 to 500.
        """
        if not isinstance(query, str) or not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise InvalidInput("query must be a text and limit a number from 1.")
        countries = self._countries(context)
        if query.startswith("="):
            wanted = query[1:].strip().upper()
            return tuple(c.option() for c in countries if c.region == wanted)
        text = _fold(query[:100])
        own = context.region.upper() if isinstance(context.region, str) else ""
        by_code = any(letter.isdigit() for letter in text)
        ranked = [
            (rank, c.region != own, by_code and not c.main, c)
            for c in countries
            if (rank := _rank(c, text)) is not None
        ]
        ranked.sort(key=lambda found: found[:3])
        return tuple(c.option() for *_, c in ranked[: min(limit, _MOST)])

    def _countries(self, context: Context) -> tuple[_Country, ...]:
        locale = locale_of(context.locale)
        found = self._known.get(str(locale))
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[str(locale)] = _named(locale.territories, locale_of("en").territories)
        return found


def _named(names: Mapping[str, Any], english: Mapping[str, Any]) -> tuple[_Country, ...]:
    import phonenumbers

    found = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        name = names.get(region) or english.get(region) or region
        folded = tuple(dict.fromkeys((_fold(name), _fold(english.get(region, name)))))
        code = phonenumbers.country_code_for_region(region)
        main = phonenumbers.region_code_for_country_code(code) == region
        found.append(_Country(region, str(code), name, main, folded))
    return tuple(sorted(found, key=lambda country: country.folded[0]))


def _rank(country: _Country, text: str) -> int | None:
    """How well a country fits, 0 best; None when it does not."""
    if not text:
        return 0
    digits = text.removeprefix("+").removeprefix("00") if text[0] in "+0" else text
    if digits.isdigit():
        return 0 if country.code == digits else 1 if country.code.startswith(digits) else None
    if text == country.region.casefold():
        return 0
    if any(name.startswith(text) for name in country.folded):
        return 1
    if any(word.startswith(text) for name in country.folded for word in name.replace("-", " ").split()):
        return 2
    return 3 if any(text in name for name in country.folded) else None


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())
