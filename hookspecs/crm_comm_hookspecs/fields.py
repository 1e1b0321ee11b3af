"""marshmallow fields that take a form as typed and are strict about it, as the stock ones are not."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from .rendering import Option

REQUIRED = "Please fill in this field."
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}\Z")
_MARKUP = re.compile(r"<\s*[A-Za-z/!?]")
_FORBIDDEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_ALIKE = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE"})
_TRUE = frozenset({"true", "on", "1", "yes"})
_FALSE = frozenset({"false", "off", "0", "no", ""})


def unprintable(text: str) -> str:
    """What is wrong with a text's characters, in words, or "" (control characters, surrogates, direction marks)."""
    if any(c in "\r\n\u2028\u2029\x85\x0b\x0c" for c in text):
        return "Line breaks are not allowed here."
    if any(unicodedata.category(c) in _FORBIDDEN or c in _BIDI for c in text):
        return "This contains an invisible or invalid character. Type it again instead of pasting it."
    return ""


def mixed_scripts(text: str) -> bool:
    """True when one word mixes alphabets that look alike (Latin and Cyrillic, say), as forged names do."""
    for word in re.split(r"[\W\d_]+", text):
        scripts = {unicodedata.name(c, "").split(" ")[0] for c in word}
        if len(scripts & _ALIKE) > 1:
            return True
    return False


class Text(fields.String):
    """One line of text; outer spaces are dropped. plain=True also refuses markup and look-alike alphabets."""

    def __init__(self, *, maxlength: int = 255, minlength: int = 0, plain: bool = False, **options: Any) -> None:
        if not options.get("required"):
            options.setdefault("load_default", "")
        super().__init__(**options)
        self.minlength, self.maxlength, self.plain = minlength, maxlength, plain

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """A text, or ValidationError; None counts as empty."""
        return super().deserialize("" if value is None else value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Please enter text.")
        text = self.tidy(value)
        if not text:
            if self.required:
                raise ValidationError(REQUIRED)
            return ""
        self.examine(text)
        return text

    def tidy(self, text: str) -> str:
        """The text as it is kept."""
        return text.strip()

    def examine(self, text: str) -> None:
        """Raise ValidationError for a text that cannot be kept."""
        if len(text) > self.maxlength:
            raise ValidationError(f"Please enter at most {self.maxlength} characters; this has {len(text)}.")
        if len(text) < self.minlength:
            raise ValidationError(f"Please enter at least {self.minlength} characters.")
        if problem := unprintable(text):
            raise ValidationError(problem)
        if self.plain and _MARKUP.search(text):
            raise ValidationError("Please leave out HTML tags.")
        if self.plain and mixed_scripts(text):
            raise ValidationError("One word mixes letters of different alphabets that look alike. Type it again.")


class Secret(Text):
    """A password or code: kept as typed, never given back. Absent or "" keeps the stored one, None clears it."""

    def __init__(self, *, maxlength: int = 1000, **options: Any) -> None:
        metadata = {"secret": True, "widget": "password", **options.pop("metadata", {})}
        options.setdefault("load_only", True)
        super().__init__(maxlength=maxlength, metadata=metadata, **options)

    def tidy(self, text: str) -> str:
        """Spaces can be part of a password."""
        return text


class Choice(Text):
    """One of fixed options, given as (value, label) pairs or Options."""

    def __init__(self, choices: Iterable[Option | tuple[str, str]], **options: Any) -> None:
        self.choices = tuple(c if isinstance(c, Option) else Option(*c) for c in choices)
        super().__init__(**options)

    def examine(self, text: str) -> None:
        """Only the listed values."""
        if text not in {c.value for c in self.choices}:
            names = ", ".join(c.label for c in self.choices)
            raise ValidationError(f"Please choose one of: {names}.")


class Whole(fields.Integer):
    """A whole number as typed: 250 or "250"; not 2.7, "1_000" or true. Empty is None."""

    def __init__(self, *, min: int | None = None, max: int | None = None, **options: Any) -> None:
        if not options.get("required"):
            options.setdefault("load_default", None)
        options["allow_none"] = True
        super().__init__(**options)
        self.min, self.max = min, max

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """An int, None for empty, or ValidationError."""
        if value is None or (isinstance(value, str) and not value.strip()):
            if self.required:
                raise ValidationError(REQUIRED)
            return None
        return super().deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and _WHOLE.match(value.strip()):
            number = int(value.strip())
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        else:
            raise ValidationError("Please enter a whole number, digits only.")
        if (self.min is not None and number < self.min) or (self.max is not None and number > self.max):
            raise ValidationError(self._range())
        return number

    def _range(self) -> str:
        if self.max is None:
            return f"Please enter {self.min} or more."
        if self.min is None:
            return f"Please enter {self.max} or less."
        return f"Please enter a number from {self.min} to {self.max}."


class Flag(fields.Boolean):
    """A checkbox. Hosts send false for an unchecked one; an absent one keeps what is stored."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower() if isinstance(value, str | int) else None
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise ValidationError("Please check it or leave it unchecked.")


def bounds(field: fields.Field[Any]) -> dict[str, Any]:
    """min, max, minlength, maxlength, pattern and options of a field, from its own settings or stock validators."""
    found: dict[str, Any] = {
        name: value
        for name in ("min", "max", "minlength", "maxlength")
        if (value := getattr(field, name, None)) not in (None, 0) or (name == "min" and value == 0)
    }
    if isinstance(field, Choice):
        found = {"options": field.choices}
    for check in field.validators:
        if isinstance(check, validate.Length):
            found.update(_known(minlength=check.equal or check.min, maxlength=check.equal or check.max))
        elif isinstance(check, validate.Range):
            found.update(_known(min=check.min, max=check.max))
        elif isinstance(check, validate.OneOf):
            labels = list(check.labels) or [str(c) for c in check.choices]
            found["options"] = tuple(Option(str(c), str(n)) for c, n in zip(check.choices, labels, strict=True))
        elif isinstance(check, validate.Regexp):
            found["pattern"] = check.regex.pattern
    return found


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
