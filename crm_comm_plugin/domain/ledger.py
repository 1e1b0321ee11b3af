"""A book: all that decides how many recipients one account may reach now. Pure; times in microseconds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.ledger_log import LENGTHS, LONGEST, SECOND, Log
from crm_comm_plugin.domain.ledger_time import Reading

INSTALLATION = "*"
"""The book of the ceiling for all accounts together."""
ANCHORS = "@"
"""No book: where the first time of each boot is kept."""
INLINE_HOLDS = 16
"""So many live holds are in the book itself; further ones have rows of their own."""
MOST_INLINE = 64
"""Of holds that came by the quick lane so many may stay in the book."""
DAY = 86_400 * SECOND
LONGEST_HOLD = DAY
REMEMBERED = LONGEST + 8 * DAY
"""A keyed reservation is known for the longest window and 7 days; and a day, as that is how often is pruned."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Capacity set aside: it counts now, and as sent at `until` when nobody settles it."""

    token: bytes
    until: int
    units: int


def put_right(until: int, now: int, ahead: int) -> int:
    """When a live hold ends after a wrong future was taken back, which was so far ahead.

    One that was made before the clock was wrong may be used until the end that its holder knows. So only an end that no
    hold of now can have is moved; the others may last longer than they must, at most a day.
    """
    return until if until <= now + LONGEST_HOLD else until - ahead


class Book:
    """One account, or the installation. `advance` first: every answer is of the moment `latest`."""

    __slots__ = (
        "boot",
        "holds",
        "id",
        "in_force",
        "latest",
        "log",
        "notes",
        "offset",
        "prune_at",
        "shift",
        "spill_due",
        "spill_last",
        "spilled",
        "spilled_units",
        "stored",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        self.latest = 0
        self.boot = ""
        self.offset = 0
        self.shift = 0
        """Add it to the ledger's time to get the wall's."""
        self.log = Log()
        self.stored = 0
        """So many entries of the log are in the stored past."""
        self.holds: list[Hold] = []
        self.spilled = 0
        self.spilled_units = 0
        self.spill_due = 0
        self.spill_last = 0
        self.in_force: frozenset[Window] = frozenset()
        self.prune_at = 0
        self.notes: dict[str, Any] = {}
        """What is seldom there: a closure ("closed"), notices told ("told")."""

    def advance(self, reading: Reading) -> int:
        """Move to this moment, never back; answers it.

        Within one boot of a machine ticks alone count, so a step of the wall's clock changes nothing. On a new boot
        its first time is believed, but not when it is behind what was seen before: then time goes on from there.
        """
        now = reading.steady
        if reading.boot:
            if reading.boot != self.boot:
                self.offset = max(now, self.latest) - reading.ticks
            now = self.offset + reading.ticks
        self.boot = reading.boot
        self.latest = max(now, self.latest)
        self.shift = reading.wall - self.latest if reading.boot else 0
        return self.latest

    def idle(self, reading: Reading) -> int:
        """How long ago anything happened here; moves the book's time on."""
        before = self.latest
        return self.advance(reading) - before

    def expire(self) -> list[Hold]:
        """Holds that ran out count as sent at their end; answers them."""
        due = [hold for hold in self.holds if hold.until <= self.latest]
        if due:
            self.holds = [hold for hold in self.holds if hold.until > self.latest]
            for hold in due:
                self.log.add(hold.until, hold.units)
        return due

    @property
    def held(self) -> int:
        """Units in live holds."""
        return sum(hold.units for hold in self.holds) + self.spilled_units

    def used(self, window: Window) -> int:
        """Units that count as sent in the window."""
        return self.log.used(window, self.latest)

    def free(self, limits: Iterable[Limit]) -> int | None:
        """How many units fit in all limits now, at least 0; None = any number."""
        if self.closed_until > self.latest:
            return 0
        found = [self.left(limit) for limit in limits]
        return min((left for left in found if left is not None), default=None)

    def left(self, limit: Limit) -> int | None:
        """How many units fit in one limit; None = any number."""
        if limit.count is None or limit.window is Window.NONE:
            return None
        return max(0, limit.count - self.used(limit.window) - self.held)

    def returning(self, window: Window) -> Iterator[tuple[int, int]]:
        """(when it is free again at the latest, units) of all that counts in the window, in order."""
        yield from self.log.leaving(window, self.latest)
        length = LENGTHS[window]
        for hold in sorted(self.holds, key=lambda hold: hold.until):
            yield hold.until + length, hold.units
        if self.spilled_units:
            yield self.spill_last + length, self.spilled_units

    def all_back_at(self, window: Window) -> int | None:
        """When all that counts in the window is free again, at the latest; None when nothing counts."""
        newest = self.log.newest(window, self.latest)
        moments = [hold.until for hold in self.holds] + ([] if newest is None else [newest])
        if self.spilled_units:
            moments.append(self.spill_last)
        return max(moments) + LENGTHS[window] if moments else None

    def fits_at(self, limit: Limit) -> int | None:
        """When one more unit fits, at the latest; now or a past moment when it does; None = never."""
        if limit.count is None or limit.window is Window.NONE:
            return self.latest
        missing = self.used(limit.window) + self.held + 1 - limit.count
        if missing <= 0:
            return self.latest
        for at, units in sorted(self.returning(limit.window)):
            missing -= units
            if missing <= 0:
                return at
        return None

    def all_fits_at(self, limits: Sequence[Limit]) -> int | None:
        """When one more unit fits in all limits, at the latest; None = never."""
        moments = [self.fits_at(limit) for limit in limits]
        found = [at for at in moments if at is not None]
        return max([*found, self.closed_until, self.latest]) if len(found) == len(moments) else None

    @property
    def closed_until(self) -> int:
        """Until when the provider wants nothing; 0 when it is open."""
        return int(self.notes.get("closed", {}).get("until", 0))

    def put(self, hold: Hold) -> bool:
        """Keep a hold in the book; False when there is no more room for it here, and it was only counted."""
        if len(self.holds) < INLINE_HOLDS:
            self.holds.append(hold)
            return True
        self.spilled += 1
        self.spilled_units += hold.units
        self.spill_due = min(self.spill_due or hold.until, hold.until)
        self.spill_last = max(self.spill_last, hold.until)
        return False

    def overflow(self) -> list[Hold]:
        """The holds that are too many for the book; they count as kept in rows of their own."""
        if len(self.holds) <= MOST_INLINE:
            return []
        rest, self.holds = self.holds[INLINE_HOLDS:], self.holds[:INLINE_HOLDS]
        return [hold for hold in rest if not self.put(hold)]

    def take(self, token: bytes) -> Hold | None:
        """Remove a hold of the book; None when it is not here."""
        for i, hold in enumerate(self.holds):
            if hold.token == token:
                return self.holds.pop(i)
        return None

    def unspill(self, units: int, count: int = 1) -> None:
        """Holds with rows of their own are no longer live."""
        self.spilled -= count
        self.spilled_units -= units
        if not self.spilled:
            self.spill_due = self.spill_last = 0

    def reset(self, reading: Reading) -> bool:
        """Take a wrong future back: what lies in it counts from now on, in full. True when there was one."""
        ahead = self.latest - reading.wall
        if ahead <= 0:
            return False
        now = reading.wall
        self.latest, self.boot = now, ""
        entries = [(min(at, now), units) for at, units in zip(self.log.at, self.log.units, strict=True)]
        self.log, self.stored = Log(entries), len(entries) + 1
        self.holds = [Hold(h.token, put_right(h.until, now, ahead), h.units) for h in self.holds]
        self.spill_due, self.spill_last = max(0, self.spill_due - ahead), put_right(self.spill_last, now, ahead)
        self.prune_at = 0
        closed = self.notes.get("closed")
        if closed and closed["until"] > now:
            closed["until"] = max(now, closed["until"] - ahead)
        self.notes.pop("told", None)
        return True
