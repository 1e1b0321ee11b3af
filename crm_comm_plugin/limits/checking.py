"""What may be asked of the limit: everything else is refused with a typed error before anything is charged."""

from datetime import UTC, datetime
from typing import Any

from crm_comm_hookspecs import InvalidInput, UnknownAccount, UnknownReservation
from crm_comm_plugin.domain.ledger import LONGEST_HOLD
from crm_comm_plugin.domain.ledger_log import SECOND

MOST_UNITS = 10_000_000
ABOVE_ALL = 10**15
"""More than can be granted: a number above it says no more, and may have too many digits to be written."""
LONGEST_TEXT = 200
SHORTEST_HOLD = 1.0


def check_units(units: Any) -> int:
    """A whole number from 1 to 10 million."""
    if isinstance(units, bool) or not isinstance(units, int) or not 1 <= units <= MOST_UNITS:
        raise InvalidInput(f"units is {_shown(units)}.", hint="Pass a whole number from 1 to 10 million.")
    return units


def check_used(used: Any) -> int:
    """A whole number from 0 on."""
    if isinstance(used, bool) or not isinstance(used, int) or used < 0:
        raise InvalidInput(f"used is {_shown(used)}.", hint="Pass a whole number from 0 to what was granted.")
    return min(used, ABOVE_ALL)


def check_key(key: Any) -> str:
    """1 to 200 characters."""
    return _text("key", key, shortest=1)


def check_campaign(campaign: Any) -> str:
    """0 to 200 characters."""
    return _text("campaign", campaign, shortest=0)


def check_hold(seconds: Any) -> float:
    """From a second to a day."""
    wrong = isinstance(seconds, bool) or not isinstance(seconds, int | float)
    if wrong or not SHORTEST_HOLD <= seconds <= LONGEST_HOLD / SECOND:
        raise InvalidInput(f"hold_seconds is {_shown(seconds)}.", hint="Pass 1 to 86400 seconds.")
    return float(seconds)


def check_account_id(id: Any) -> str:
    """A text that may be an account's id."""
    if not isinstance(id, str) or len(id) > LONGEST_TEXT or not (id.isascii() and id.isprintable()):
        raise UnknownAccount
    return id


def check_reservation(id: Any) -> str:
    """A text; whose it is, the ledger knows."""
    if not isinstance(id, str):
        raise UnknownReservation
    return id


def check_time(name: str, at: Any) -> datetime:
    """An aware time, as UTC."""
    if not isinstance(at, datetime) or at.tzinfo is None or at.utcoffset() is None:
        raise InvalidInput(f"{name} is not a time with its zone.", hint="Pass an aware datetime, best in UTC.")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(f"{name} is out of range.", hint="Pass a time from year 1 to 9999.") from error


def _text(name: str, text: Any, shortest: int) -> str:
    if not isinstance(text, str):
        raise InvalidInput(f"{name} is not a text.", hint=f"Pass a text of at most {LONGEST_TEXT} characters.")
    if not shortest <= len(text) <= LONGEST_TEXT:
        raise InvalidInput(f"{name} has {len(text)} characters.", hint=f"Pass {shortest} to {LONGEST_TEXT} characters.")
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise InvalidInput(f"{name} has characters that cannot be stored.", hint="Leave out NUL and lone surrogates.")
    return text


def _shown(value: Any) -> str:
    """A number as it is; of anything else its kind only, as it may hold anything."""
    return str(value)[:40] if isinstance(value, int | float) and abs(value) < 10**30 else f"a {type(value).__name__}"
