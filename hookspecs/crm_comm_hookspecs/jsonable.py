"""`to_json`: any value of the contract as plain JSON types, for hosts with a JavaScript front end."""

import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from .errors import InvalidInput
from .extending import AccountType
from .rendering import Editor
from .settings import Settings

_HIDDEN: dict[type, frozenset[str]] = {
    Editor: frozenset({"schema"}),
    AccountType: frozenset({"connect", "normalise", "run"}),
    Settings: frozenset(f.name for f in fields(Settings) if not f.repr) | {"clock"},
}


def to_json(value: Any) -> Any:
    """Dataclasses as objects with their own field names, enums as values, Decimal as text, times as ISO 8601 with Z.

    Bytes are Base64; sets are sorted. Of an Editor the fields, never the schema; of an AccountType what can be shown,
    never its functions; of Settings nothing secret. Raises InvalidInput for what the contract has no values of.
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal | datetime | bytes | bytearray):
        return _scalar(value)
    if is_dataclass(value) and not isinstance(value, type):
        hidden = _HIDDEN.get(type(value), frozenset())
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value) if f.name not in hidden}
    if isinstance(value, Mapping):
        return {str(to_json(name)): to_json(entry) for name, entry in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((to_json(entry) for entry in value), key=str)
    if isinstance(value, Iterable) and not isinstance(value, type):
        return [to_json(entry) for entry in value]
    raise InvalidInput(f"{type(value).__name__} is not a value of the contract.", hint="Pass a contract value.")


def _scalar(value: float | Decimal | datetime | bytes | bytearray) -> float | str:
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput("A time without a time zone cannot be written.", hint="Use aware UTC times.")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if not math.isfinite(value):
        raise InvalidInput("JSON has no infinite numbers and no NaN.", hint="Leave the number out.")
    return value
