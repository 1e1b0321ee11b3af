"""marshmallow fields that take a form as typed and are strict about it, as the stock ones are not."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from marshmallow import ValidationError, fields, missing, validate

from .characters import blank, markup, mixed_scripts, unprintable
from .conditions import as_flag
from .rendering import Option

REQUIRED = "Please fill in this field."
ALIKE = "One word mixes letters of different alphabets that look alike. Type it again."
MAX_TEXT = 10_000
"""Longest text of a field that sets no length of its own."""
_BOUNDS = ("min", "max", "minlength", "maxlength")
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}\Z")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?\Z")


class Text(fields.String):
    """One line of text; outer spaces are dropped. Validators are not asked about an empty one.

    plain: a name for people, so markup, look-alike alphabets and names that cannot be seen are refused.
    lines: several lines, shown as a textarea.
    """

    def __init__(
        self, *, maxlength: int = 255, minlength: int = 0, plain: bool = False, lines: bool = False, **options: Any
    ) -> None:
        if not options.get("required"):
            options.setdefault("load_default", "")
        super().__init__(**options)
        self.minlength, self.maxlength, self.plain, self.lines = minlength, maxlength, plain, lines

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """A text, or ValidationError; None counts as empty."""
        return super().deserialize("" if value is None else value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Please enter text.")
        text = self.tidy(value)
        if not text or (self.plain and len(text) <= self.maxlength and blank(text)):
            return self.empty()
        self.examine(text)
        return text

    def _validate(self, value: str) -> None:
        if value:
            super()._validate(value)

    def empty(self) -> str:
        """What an empty text means: an error where the field is required."""
        if self.required:
            raise ValidationError(REQUIRED)
        return ""

    def tidy(self, text: str) -> str:
        """The text as it is kept."""
        return text.strip()

    def examine(self, text: str) -> None:
        """Raise ValidationError for a text that cannot be kept."""
        if len(text) > self.maxlength:
            raise ValidationError(f"Please enter at most {self.maxlength} characters; this has {len(text)}.")
        if len(text) < self.minlength:
            raise ValidationError(f"Please enter at least {self.minlength} characters.")
        if problem := unprintable(text, self.lines):
            raise ValidationError(problem)
        if self.plain and markup(text):
            raise ValidationError("Please leave out HTML tags.")
        if self.plain and mixed_scripts(text):
            raise ValidationError(ALIKE)


class Secret(Text):
    """A password or code: kept as typed, never given back. Absent or "" keeps the stored one, None clears it."""

    def __init__(self, *, maxlength: int = 1000, **options: Any) -> None:
        metadata = {"secret": True, "widget": "password", **options.pop("metadata", {})}
        options.setdefault("load_only", True)
        super().__init__(maxlength=maxlength, metadata=metadata, **options)

    def tidy(self, text: str) -> str:
        """Spaces can be part of a password."""
        return text


def as_option(given: Option | tuple[str, str] | str) -> Option:
    """An Option as it is, or made of (value, label), or of a text that is both."""
    return given if isinstance(given, Option) else Option(given, given) if isinstance(given, str) else Option(*given)


class Choice(Text):
    """One of fixed options, given as (value, label) pairs or Options."""

    def __init__(self, choices: Iterable[Option | tuple[str, str]], **options: Any) -> None:
        self.choices = tuple(as_option(c) for c in choices)
        super().__init__(**options)

    def examine(self, text: str) -> None:
        """Only the listed values."""
        if text not in {c.value for c in self.choices}:
            self.refuse()

    def empty(self) -> str:
        """An empty choice is one only where nothing is the default or an option: else a limit could get lost by it."""
        if not self.required and (self.load_default in ("", missing) or "" in {c.value for c in self.choices}):
            return ""
        return self.refuse()

    def refuse(self) -> NoReturn:
        """Say what can be chosen."""
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
        checked = as_flag(value)
        if checked is None:
            raise ValidationError("Please check it or leave it unchecked.")
        return checked


def slipped(field: "fields.Field[Any]", raw: Any) -> str:
    """What one of marshmallow's own fields took and a form must not: "1_000", 2.7 as 2, NUL, a text without end."""
    if isinstance(field, fields.Number) and not isinstance(field, Whole):
        pattern = _WHOLE if isinstance(field, fields.Integer) else _NUMBER
        if isinstance(raw, str) and not pattern.match(raw.strip()):
            return "Please enter a number, digits only."
        if isinstance(field, fields.Integer) and not isinstance(raw, str | int):
            return "Please enter a whole number, digits only."
    if isinstance(field, fields.String) and not isinstance(field, Text):
        if not isinstance(raw, str):
            return "Please enter text."
        if len(raw) > MAX_TEXT:
            return f"Please enter at most {MAX_TEXT} characters; this has {len(raw)}."
        return unprintable(raw, lines=field.metadata.get("widget") == "textarea")
    return ""


def strict(validator: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A validator whose False is an error: marshmallow only looks whether it raises."""

    def check(value: Any) -> None:
        if validator(value) is False:
            raise ValidationError("Please check this value.")

    return check


def bounds(field: fields.Field[Any]) -> dict[str, Any]:
    """min, max, minlength, maxlength, pattern and options of a field, from its own settings or stock validators."""
    found: dict[str, Any] = _known(**{name: getattr(field, name, None) for name in _BOUNDS if hasattr(field, name)})
    if found.get("minlength") == 0:
        del found["minlength"]
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
