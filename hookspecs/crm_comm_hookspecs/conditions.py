"""The grammar of `when` and `required_when` (contract, rule 1), which hosts and the plugin apply alike."""

from collections.abc import Iterable, Mapping
from typing import Any

Conditions = Mapping[str, Iterable[Any]]
TRUE = frozenset({"true", "on", "1", "yes"})
FALSE = frozenset({"false", "off", "0", "no", ""})


def as_text(value: Any) -> str:
    """A form value in the words that conditions are written in: true, false, "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def as_flag(value: Any) -> bool | None:
    """A checkbox as typed, or None when it is neither checked nor unchecked."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else None
    return True if word in TRUE else False if word in FALSE else None


def listed(values: Any) -> tuple[str, ...]:
    """The values of one condition as texts; a single text stands for itself."""
    return (values,) if isinstance(values, str) else tuple(as_text(value) for value in values)


def holds(conditions: Conditions, values: Mapping[str, Any]) -> bool:
    """True when every named field has one of its listed values; "*" stands for anything but empty."""
    return all(_holds(wanted, as_text(values.get(name))) for name, wanted in conditions.items())


def _holds(wanted: Any, text: str) -> bool:
    texts = listed(wanted)
    return text in texts or ("*" in texts and text != "")
