"""The log of what was sent: (time, units) entries that serve all windows at once, in bounded space."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from crm_comm_hookspecs import Window

SECOND = 1_000_000
"""Times are whole microseconds."""

WINDOWS = (Window.MINUTE, Window.HOUR, Window.DAY, Window.MONTH)
LENGTHS = {w: int(w.length.total_seconds()) * SECOND for w in WINDOWS if w.length is not None}
LONGEST = LENGTHS[Window.MONTH]

KEEP = 288
"""So many entries are kept as they are; then neighbours are merged."""
ENOUGH = 270
TARGET = 216
"""Down to how many: with ENOUGH nothing more than necessary is merged, with TARGET it lasts for a while."""
MOST_UNITS = 2**32 - 1

FINE = {
    Window.MINUTE: 5 * SECOND // 12,
    Window.HOUR: 25 * SECOND,
    Window.DAY: 600 * SECOND,
    Window.MONTH: 18_600 * SECOND,
}
"""Cells of W/144 of windows that a limit uses: a unit comes back at most so late, under 0.5 % of the volume."""
COARSE = {
    Window.MINUTE: 5 * SECOND,
    Window.HOUR: 200 * SECOND,
    Window.DAY: 6_200 * SECOND,
    Window.MONTH: 223_200 * SECOND,
}
"""Cells of windows that no limit uses now, kept for the day a limit changes. Larger cells are multiples of smaller."""
SCALES = ((0, 1), (1, 8), (1, 4), (1, 2), (1, 1), (2, 1), (4, 1), (8, 1), (16, 1))
"""Cells are tried from small to large, so that no more is merged than has to be; first only what no limit can see."""


class Log:
    """Entries in order of time. An entry at t counts in (now - W, now]: it is free again at exactly t + W."""

    __slots__ = ("at", "settled", "units")

    def __init__(self, entries: Iterable[tuple[int, int]] = ()) -> None:
        self.at = array("q")
        self.units = array("I")
        self.settled = 0
        """So many leading entries are unchanged since the log was read."""
        for at, units in entries:
            self.add(at, units)

    def __len__(self) -> int:
        return len(self.at)

    def used(self, window: Window, now: int) -> int:
        """Units that count in the window."""
        return sum(self.units[bisect_right(self.at, now - LENGTHS[window]) :])

    def leaving(self, window: Window, now: int, most: int = MOST_UNITS) -> Iterable[tuple[int, int]]:
        """(when it is free again, units) of each entry that counts in the window, in order; the first so many."""
        length = LENGTHS[window]
        first = bisect_right(self.at, now - length)
        for i in range(first, min(len(self.at), first + most)):
            yield self.at[i] + length, self.units[i]

    def newest(self, window: Window, now: int) -> int | None:
        """When the last was sent that counts in the window; None when nothing does."""
        i = len(self.at)
        while i and self.at[i - 1] > now - LENGTHS[window]:
            i -= 1
            if self.units[i]:
                return self.at[i]
        return None

    def add(self, at: int, units: int) -> None:
        """Something was sent; usually the newest entry."""
        if units <= 0:
            return
        i = bisect_right(self.at, at)
        if i and self.at[i - 1] == at and self.units[i - 1] + units <= MOST_UNITS:
            self.units[i - 1] += units
            self.settled = min(self.settled, i - 1)
        else:
            self.at.insert(i, at)
            self.units.insert(i, units)
            self.settled = min(self.settled, i)

    def lower(self, at: int, units: int) -> None:
        """Of what was entered at this time so many were not used. It is in the first entry that is not older."""
        i = bisect_left(self.at, at)
        if i < len(self.at) and units > 0:
            self.units[i] = max(0, self.units[i] - units)
            self.settled = min(self.settled, i)

    def compact(self, now: int, in_force: Iterable[Window]) -> None:
        """Forget what no window can see; merge neighbours when there are too many, each as little as will do."""
        gone = bisect_right(self.at, now - LONGEST)
        entries = [e for e in zip(self.at[gone:], self.units[gone:], strict=True) if e[1]]
        chosen = frozenset(in_force)
        if len(entries) > KEEP:
            for times, parts in SCALES:
                merged = self.merged(entries, _grades(now, chosen, times, parts))
                if len(merged) <= (TARGET if 0 < times < parts else ENOUGH):
                    break
            entries = merged
        self.at = array("q", [at for at, _ in entries])
        self.units = array("I", [units for _, units in entries])
        self.settled = 0

    @staticmethod
    def merged(entries: list[tuple[int, int]], grades: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Entries of one cell as one, dated by its LAST: a unit never comes back too early.

        grades: (from when, cell) in order of time; cells lie on a fixed grid, so merging again moves nothing further.
        """
        result: list[tuple[int, int]] = []
        grade, last_cell = 0, (-1, -1)
        for at, units in entries:
            while grade + 1 < len(grades) and at > grades[grade + 1][0]:
                grade += 1
            cell = (grade, at // grades[grade][1])
            if cell == last_cell and result[-1][1] + units <= MOST_UNITS:
                result[-1] = (at, result[-1][1] + units)
            else:
                result.append((at, units))
            last_cell = cell
        return result


def _grades(now: int, chosen: frozenset[Window], times: int, parts: int) -> list[tuple[int, int]]:
    """(from when, cell) from old to new: an entry needs the smallest cell among the windows that can still see it."""
    grades: list[tuple[int, int]] = []
    smallest = 2 * LONGEST
    for window in reversed(WINDOWS):
        scaled = (FINE if window in chosen else COARSE)[window] * times // parts
        cell = max(1, scaled) if window in chosen else max(COARSE[window], scaled)
        smallest = min(smallest, cell)
        grades.append((now - LENGTHS[window], smallest))
    return grades
