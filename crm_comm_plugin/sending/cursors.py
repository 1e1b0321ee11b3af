"""Cursors of sends and outcomes: opaque, and bound to the search they belong to."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crm_comm_hookspecs import InvalidInput
from crm_comm_plugin.domain.sends import keepable


def outcomes_cursor(position: int, search: Sequence[str]) -> str:
    """Where the next page of outcomes starts."""
    return _encoded([position], search)


def outcomes_after(cursor: str, search: Sequence[str]) -> int:
    """The position of the last outcome before; -1 from the start. Raises InvalidInput."""
    found = _decoded(cursor, search)
    if not found:
        return -1
    if len(found) == 1 and type(found[0]) is int and 0 <= found[0] < 2**31:
        return found[0]
    raise _foreign()


def sends_cursor(created_at: datetime, id: str, search: Sequence[str]) -> str:
    """Where the next page of sends starts."""
    return _encoded([created_at.isoformat(), id], search)


def sends_after(cursor: str, search: Sequence[str]) -> tuple[datetime, str] | None:
    """(created_at, id) of the last send before, or None from the start. Raises InvalidInput."""
    found = _decoded(cursor, search)
    if not found:
        return None
    if len(found) == 2 and all(isinstance(part, str) for part in found):
        try:
            at = datetime.fromisoformat(found[0])
        except ValueError:
            raise _foreign() from None
        if at.tzinfo is not None and keepable(found[1]):
            return at, found[1]
    raise _foreign()


def _encoded(place: list[object], search: Sequence[str]) -> str:
    text = json.dumps([_digest(search), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str, search: Sequence[str]) -> list[Any]:
    if cursor == "":
        return []
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, AttributeError, RecursionError):
        raise _foreign() from None
    if not isinstance(found, list) or len(found) < 2 or found[0] != _digest(search):
        raise _foreign()
    return found[1:]


def _digest(search: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(search).encode(errors="surrogatepass")).hexdigest()[:12]


def _foreign() -> InvalidInput:
    return InvalidInput("This cursor does not belong to this search.", hint="Start from the first page.")
