"""The closed vocabularies: what became of a recipient, why, and over how long a limit counts."""

from datetime import timedelta
from enum import StrEnum


class Window(StrEnum):
    """How long a limit looks back. All windows roll; a day is 24 h, a month 31 days."""

    NONE = "none"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    @property
    def length(self) -> timedelta | None:
        """The window's length, or None for `NONE`."""
        return _LENGTHS[self.value]


_LENGTHS: dict[str, timedelta | None] = {
    "none": None,
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(hours=24),
    "month": timedelta(days=31),
}


class RecipientStatus(StrEnum):
    """What became of one recipient of a send."""

    SENT = "sent"
    """The relay or gateway accepted it."""
    SKIPPED = "skipped"
    """Not tried, or refused for now: free to be tried later by the same send key."""
    FAILED = "failed"
    """Never tried again: the address, the number or the message cannot work."""
    UNKNOWN = "unknown"
    """The connection broke after the content left: never tried again by itself."""


class Reason(StrEnum):
    """Why a recipient was not reached."""

    LIMIT = "limit"
    CREDITS = "credits"
    PROVIDER_LIMIT = "provider_limit"
    INVALID_ADDRESS = "invalid_address"
    INVALID_NUMBER = "invalid_number"
    DUPLICATE = "duplicate"
    INACTIVE = "inactive"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    AUTH = "auth"
    MESSAGE = "message"
    INTERRUPTED = "interrupted"
