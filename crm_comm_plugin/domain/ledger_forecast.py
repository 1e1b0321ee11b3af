"""When a job of any size will have gone, if nothing else sends: exact, without stepping through every window."""

from collections import deque
from collections.abc import Sequence

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.ledger import Book
from crm_comm_plugin.domain.ledger_log import LENGTHS

MOST_STEPS = 20
Steps = list[tuple[int, int]]


class Gate:
    """One limit on its way through time: what returns to it, and how much fits."""

    def __init__(self, book: Book, limit: Limit, now: int) -> None:
        self.length = LENGTHS[limit.window]
        self.count = limit.count or 0
        self._old = deque(sorted((at + now - book.latest, units) for at, units in book.returning(limit.window)))
        self._own: deque[tuple[int, int]] = deque()
        self.left = self.count - sum(units for _, units in self._old)

    def next(self) -> int | None:
        """When something returns next."""
        return min((queue[0][0] for queue in (self._old, self._own) if queue), default=None)

    def move(self, now: int) -> None:
        """Take back what has returned by then."""
        for queue in (self._old, self._own):
            while queue and queue[0][0] <= now:
                self.left += queue.popleft()[1]

    def send(self, now: int, units: int) -> None:
        """Send so many now."""
        self._own.append((now + self.length, units))
        self.left -= units


def forecast(rules: Sequence[tuple[Book, Limit]], opens_at: int, now: int, units: int) -> tuple[int, Steps]:
    """(how many of units go now, [(when, how many)...]), times on `now`'s scale; what can never go is in no step.

    opens_at: nothing goes before. What is held is taken as sent at the end of its hold.
    """
    limited = [(book, limit) for book, limit in rules if limit.count is not None and limit.window is not Window.NONE]
    if any(limit.count == 0 for _, limit in limited):
        return 0, []
    gates = [Gate(book, limit, now) for book, limit in limited]
    steps = _simulated(gates, max(opens_at, now), units)
    at_once = steps.pop(0)[1] if steps and steps[0][0] <= now else 0
    return at_once, _fewer(steps)


def _simulated(gates: list[Gate], now: int, units: int) -> Steps:
    steps: Steps = []
    if not gates:
        return [(now, units)]
    slowest = max(gates, key=lambda gate: (gate.length / gate.count, gate.length))
    settled_at = max((gate._old[-1][0] for gate in gates if gate._old), default=now)
    start: int | None = now
    while units and start is not None:
        for gate in gates:
            gate.move(start)
        sent = min(units, *(gate.left for gate in gates))
        if sent > 0:
            steps.append((start, sent))
            units -= sent
            for gate in gates:
                gate.send(start, sent)
        if start >= settled_at + 2 * slowest.length and units > slowest.count:
            return steps + _repeated(steps, slowest, start, units)
        start = _next(gates)
    return steps


def _next(gates: list[Gate]) -> int | None:
    blocked = [gate.next() for gate in gates if gate.left <= 0]
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
