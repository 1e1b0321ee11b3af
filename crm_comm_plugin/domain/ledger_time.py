"""The ledger's time: whole microseconds that never run backwards for an account."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LATEST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // MICROSECOND


def to_micros(at: datetime) -> int:
    """Whole microseconds since 1970."""
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC time; what lies beyond the calendar is its end."""
    return EPOCH + timedelta(microseconds=min(max(micros, 0), LATEST))


@dataclass(frozen=True, slots=True)
class Reading:
    """Clocks read at one moment, in microseconds, after the account's row was locked.

    wall: the time for people. boot: which run of which machine `ticks` belong to, "" when there are none: then the
    wall is all there is. ticks: since boot; setting the wall's clock does not move them.
    """

    wall: int
    boot: str = ""
    ticks: int = 0
