"""The ledger's time: whole microseconds that never run backwards for an account."""

import json
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
    wall is all there is. ticks: since boot; setting the wall's clock does not move them. offset: added to ticks, it
    is the time as the wall had it when the ledger was first used in this boot.
    """

    wall: int
    boot: str = ""
    ticks: int = 0
    offset: int = 0

    @property
    def steady(self) -> int:
        """The time that no step of the wall's clock moves, as far as there is one."""
        return self.offset + self.ticks if self.boot else self.wall


class Anchors:
    """What the wall said when the ledger was first used in a boot; of the last few boots that use one database."""

    MOST = 8

    def __init__(self, text: str = "") -> None:
        self._offsets: dict[str, int] = json.loads(text) if text else {}
        self.changed = False

    def __str__(self) -> str:
        return json.dumps(self._offsets)

    def steadied(self, reading: Reading) -> Reading:
        """The reading with its boot's offset; an unknown boot is noted, the oldest forgotten."""
        if not reading.boot:
            return reading
        if reading.boot not in self._offsets:
            self._offsets[reading.boot] = reading.wall - reading.ticks
            self._offsets = dict(list(self._offsets.items())[-self.MOST :])
            self.changed = True
        return Reading(reading.wall, reading.boot, reading.ticks, self._offsets[reading.boot])
