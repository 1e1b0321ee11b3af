"""Opaque cursors: where a page ended, bound to the search and sort it belongs to."""

import base64
import hashlib
import json

from crm_comm_hookspecs import InvalidInput, Query

_LONGEST = 4_000


def cursor_of(query: Query, after: tuple[str, str]) -> str:
    """The cursor that leads to what follows `after` in this list."""
    text = json.dumps(after)
    return base64.urlsafe_b64encode(f"{_seal(query, text)}{text}".encode()).decode().rstrip("=")


def after_of(query: Query) -> tuple[str, str] | None:
    """Where a page starts; raises InvalidInput for a cursor of another list, or no cursor at all."""
    if not query.after:
        return None
    try:
        if len(query.after) > _LONGEST:
            raise ValueError
        padded = query.after + "=" * (-len(query.after) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        seal, text = raw[:16], raw[16:]
        if seal != _seal(query, text):
            raise ValueError
        value, id_ = json.loads(text)
        return str(value), str(id_)
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(
            "This cursor belongs to another list.", hint="Pass Page.next with the same search, sort and order."
        ) from None


def _seal(query: Query, text: str) -> str:
    bound = json.dumps([query.search, query.sort, query.descending, query.deleted, text])
    return hashlib.sha256(bound.encode()).hexdigest()[:16]
