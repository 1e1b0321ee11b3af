"""When a job of any size will have gone, if nothing else sends: exact, without stepping through every window."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.ledger import Book, Hold
from crm_comm_plugin.domain.ledger_codec import compacted
from crm_comm_plugin.domain.ledger_log import LENGTHS

MOST_STEPS = 20
MOST_MERGED = 2_000
"""For so many sends the log's merging is followed too. What it delays later, under 1 % of the time, is left out."""
MOST_WALKED = 250_000
"""So many sends are walked through; by then what has not settled into a rhythm is said as if it had."""
Steps = list[tuple[int, int]]


class Gate:
    """One limit on its way through time: how much is left, and which entry of the log returns to it next."""

    __slots__ = ("count", "first", "left", "length", "window")

    def __init__(self, limit: Limit) -> None:
        self.window, self.length = limit.window, LENGTHS[limit.window]
        self.count = limit.count or 0
        self.left = self.first = 0


class Path:
    """One book on its way through time, moved as `reserve` and `settle` move it. Times are on `now`'s scale."""

    def __init__(self, book: Book, limits: Sequence[Limit], now: int) -> None:
        self.gates = [Gate(limit) for limit in limits]
        self._book, self._log = book, book.log
        self._ahead = book.latest - now
        self._sent = 0
        book.in_force = frozenset(gate.window for gate in self.gates)
        if book.spilled:
            book.holds.append(Hold(b"", book.spill_last, book.spilled_units))
            book.unspill(book.spilled_units, book.spilled)
        book.holds.sort(key=lambda hold: hold.until)
        self._recount()

    @property
    def past_ends(self) -> int:
        """When all that was sent or held before has left every window."""
        newest = [*self._log.at[-1:], *(hold.until for hold in self._book.holds[-1:])]
        return max(newest, default=0) + max(gate.length for gate in self.gates) - self._ahead

    def next(self, gate: Gate) -> int | None:
        """When something returns to this gate next."""
        moments = [hold.until for hold in self._book.holds[:1]]
        if gate.first < len(self._log):
            moments.append(self._log.at[gate.first])
        return min(moments) + gate.length - self._ahead if moments else None

    def move(self, now: int) -> None:
        """Go to this moment: holds run out, and what has left a window is free again."""
        book, log = self._book, self._log
        book.latest = now + self._ahead
        if book.holds and book.holds[0].until <= book.latest:
            book.expire()
            self._recount()
        for gate in self.gates:
            before = book.latest - gate.length
            while gate.first < len(log) and log.at[gate.first] <= before:
                gate.left += log.units[gate.first]
                gate.first += 1

    def send(self, units: int) -> None:
        """Send so many at the moment reached."""
        self._log.add(self._book.latest, units)
        self._sent += 1
        for gate in self.gates:
            gate.left -= units
        if self._sent <= MOST_MERGED and compacted(self._book):
            self._recount()

    def _recount(self) -> None:
        now, held = self._book.latest, self._book.held
        for gate in self.gates:
            gate.first = bisect_right(self._log.at, now - gate.length)
            gate.left = gate.count - self._log.used(gate.window, now) - held


def forecast(rules: Sequence[tuple[Book, Limit]], opens_at: int, now: int, units: int) -> tuple[int, Steps]:
    """(how many of units go now, [(when, how many)...]), times on `now`'s scale; what can never go is in no step.

    opens_at: nothing goes before. What is held is taken as sent at the end of its hold.
    """
    limited = [(book, limit) for book, limit in rules if limit.count is not None and limit.window is not Window.NONE]
    if any(limit.count == 0 for _, limit in limited):
        return 0, []
    paths = [Path(book, [limit for one, limit in limited if one is book], now) for book in _distinct(limited)]
    steps = _walked(paths, max(opens_at, now), units)
    at_once = steps.pop(0)[1] if steps and steps[0][0] <= now else 0
    return at_once, _fewer(steps)


def _distinct(rules: Sequence[tuple[Book, Limit]]) -> list[Book]:
    return list({book.id: book for book, _ in rules}.values())


def _walked(paths: list[Path], now: int, units: int) -> Steps:
    steps: Steps = []
    if not paths:
        return [(now, units)]
    gates = [gate for path in paths for gate in path.gates]
    slowest = max(gates, key=lambda gate: (gate.length / gate.count, gate.length))
    look_at = max(now, *(path.past_ends for path in paths)) + 2 * slowest.length
    start: int | None = now
    while units and start is not None:
        for path in paths:
            path.move(start)
        sent = min(units, *(gate.left for gate in gates))
        if sent > 0:
            steps.append((start, sent))
            units -= sent
            for path in paths:
                path.send(sent)
        if start >= look_at and units > slowest.count:
            if len(steps) >= MOST_WALKED or _in_rhythm(steps, start, slowest.length):
                return steps + _repeated(steps, slowest, start, units)
            look_at += slowest.length
        start = _next(paths)
    return steps


def _in_rhythm(steps: Steps, now: int, length: int) -> bool:
    """True when the last window's sends were those of the window before: entries that merge change it for a while."""
    before, last = (bisect_left(steps, (now - n * length + 1, 0)) for n in (2, 1))
    return steps[last:] == [(at + length, sent) for at, sent in steps[before:last]]


def _next(paths: list[Path]) -> int | None:
    blocked = [path.next(gate) for path in paths for gate in path.gates if gate.left <= 0]
    moments = [at for at in blocked if at is not None]
    return max(moments, default=None)


def _repeated(steps: Steps, slowest: Gate, now: int, units: int) -> Steps:
    """Once the past is over, the slowest limit repeats what went in its last window, window by window."""
    pattern = [(at, sent) for at, sent in steps if at > now - slowest.length]
    total = sum(sent for _, sent in pattern)
    whole = units // total
    group = -(-whole // MOST_STEPS) or 1
    result: Steps = []
    done = 0
    while done < whole:
        now_done = min(group, whole - done)
        done += now_done
        result.append((pattern[-1][0] + done * slowest.length, now_done * total))
    rest = units - whole * total
    for at, sent in pattern:
        if rest <= 0:
            break
        result.append((at + (whole + 1) * slowest.length, min(sent, rest)))
        rest -= sent
    return result


def _fewer(steps: Steps) -> Steps:
    """At most MOST_STEPS, each dated by its last: what is promised by a time has gone by then."""
    while len(steps) > MOST_STEPS:
        span = max(1, -(-(steps[-1][0] - steps[0][0]) // (MOST_STEPS - 1)))
        merged: Steps = []
        last = None
        for at, units in steps:
            cell = (at - steps[0][0]) // span
            if cell == last:
                merged[-1] = (at, merged[-1][1] + units)
            else:
                merged.append((at, units))
            last = cell
        steps = merged if len(merged) < len(steps) else [*steps[:-2], (steps[-1][0], steps[-2][1] + steps[-1][1])]
    return steps
