"""Fields that only accounts have: addresses, server names, sender IDs, regions, access codes."""

import re
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from marshmallow import ValidationError
from marshmallow.fields import Field

from crm_comm_hookspecs import Secret, Text
from crm_comm_hookspecs.characters import mixed_scripts
from crm_comm_hookspecs.fields import ALIKE
from crm_comm_plugin.domain.addresses import normalise_address, normalise_host

_SPACES_AND_DASHES = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff\-\u2010-\u2015\u2212]+")
_LETTERS_AND_DIGITS = re.compile(r"[A-Za-z0-9]+\Z")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_SHORT_CODE = re.compile(r"[0-9]{3,8}\Z")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{3,11}\Z")
_NUMBER_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015]+")


class _Normalised(Text):
    """A text that is kept in one form."""

    form: Callable[[str], str]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return type(self).form(text) if text else ""
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _Place(_Normalised):
    """Where mail goes: look-alike letters in it are how people are sent to somebody else's server."""

    def examine(self, text: str) -> None:
        """Raise ValidationError for a text that cannot be kept."""
        super().examine(text)
        if mixed_scripts(text):
            raise ValidationError(ALIKE)


class Address(_Place):
    """An e-mail address."""

    form = staticmethod(normalise_address)


class HostName(_Place):
    """A server's name or IP address."""

    form = staticmethod(normalise_host)


def _sender_id(text: str) -> str:
    bare = _NUMBER_PUNCTUATION.sub("", text)
    if _E164.match(bare) or _SHORT_CODE.match(bare):
        return bare
    if _NAME.match(text):
        return text
    raise ValueError("Enter a number with + and its country code, a short code, or 3 to 11 letters and digits.")


class SenderId(_Normalised):
    """What recipients of a text see: an international number, a short code, or a short name."""

    form = staticmethod(_sender_id)


def _region(text: str) -> str:
    import phonenumbers

    if text.upper() in phonenumbers.SUPPORTED_REGIONS:
        return text.upper()
    raise ValueError("Please choose a country from the list; it is stored as its code, as GB for the United Kingdom.")


class Region(_Normalised):
    """A country by its ISO 3166 code."""

    form = staticmethod(_region)


class Code(Secret):
    """An access code. One of letters and digits is kept without the spaces and dashes of a paste; credentials with
    other characters in them (`id:secret`) keep their dashes."""

    def tidy(self, text: str) -> str:
        """The code as it is kept."""
        bare = _SPACES_AND_DASHES.sub("", text)
        return bare if not bare or _LETTERS_AND_DIGITS.match(bare) else text.strip()


def changed(field: "Field[Any]", metadata: Mapping[str, Any], **attributes: Any) -> "Field[Any]":
    """A copy of a field with further metadata and other attributes: classes made at run time must not share fields."""
    twin = copy(field)
    twin.metadata = {**field.metadata, **metadata}
    for name, value in attributes.items():
        setattr(twin, name, value)
    return twin
