"""`to_json`: any value of the contract as plain JSON types, for hosts with a JavaScript front end."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from .errors import InvalidInput
from .extending import AccountType
from .rendering import Editor


def to_json(value: Any) -> Any:
    """Dataclasses as objects with their own field names, enums as values, Decimal as text, times as ISO 8601 with Z.

    Of an Editor the fields, never the schema; of an AccountType what can be shown, never its functions.
    Raises InvalidInput for what the contract has no values of.
    """
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput("A time without a time zone cannot be written.", hint="Use aware UTC times.")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if is_dataclass(value) and not isinstance(value, type):
        hidden = _HIDDEN.get(type(value), frozenset())
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value) if f.name not in hidden}
    if isinstance(value, Mapping):
        return {str(to_json(name)): to_json(entry) for name, entry in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        return [to_json(entry) for entry in value]
    raise InvalidInput(f"{type(value).__name__} is not a value of the contract.", hint="Pass a contract value.")


_HIDDEN: dict[type, frozenset[str]] = {
    Editor: frozenset({"schema"}),
    AccountType: frozenset({"connect", "normalise", "run"}),
}
