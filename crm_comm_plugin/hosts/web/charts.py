"""Usage as a drawing made on the server: bars of days, stacked by campaign; positions only, colours are in the CSS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm_comm_hookspecs import UsagePoint

SERIES = 5
"""So many campaigns have a colour of their own; the rest is one more."""
OTHERS = "Others"
UNNAMED = "No campaign"
WIDTH, HEIGHT = 720, 200
_LEFT, _BOTTOM, _TOP = 44, 22, 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One campaign on one day. series: number of its colour."""

    x: float
    y: float
    width: float
    height: float
    series: int
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws, and the same numbers as a table: days x (day, [number of each name])."""

    names: tuple[str, ...]
    days: tuple[tuple[date, tuple[int, ...]], ...]
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, int], ...]
    labels: tuple[tuple[float, date], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT

    @property
    def total(self) -> int:
        """All of it."""
        return sum(sum(numbers) for _, numbers in self.days)


def usage_chart(points: Iterable[UsagePoint], until: datetime, timezone: str, days: int = 30) -> Chart:
    """Recipients reached (sent, or perhaps sent) on each of the last days, in the person's own days."""
    zone = ZoneInfo(timezone)
    last = until.astimezone(zone).date()
    dates = [last - timedelta(days=back) for back in reversed(range(days))]
    counted: dict[str, dict[date, int]] = {}
    for point in points:
        day = point.at.astimezone(zone).date()
        if day in dates and (number := point.sent + point.unknown):
            of_campaign = counted.setdefault(point.campaign or UNNAMED, {})
            of_campaign[day] = of_campaign.get(day, 0) + number
    named = _largest(counted)
    table = tuple((day, tuple(numbers.get(day, 0) for numbers in named.values())) for day in dates)
    top = nice(max((sum(numbers) for _, numbers in table), default=0))
    return Chart(tuple(named), table, _bars(table, tuple(named), top), _ticks(top), _labels(dates))


def _largest(counted: dict[str, dict[date, int]]) -> dict[str, dict[date, int]]:
    order = sorted(counted, key=lambda name: (-sum(counted[name].values()), name))
    kept = {name: counted[name] for name in order[:SERIES]}
    rest: dict[date, int] = {}
    for name in order[SERIES:]:
        for day, number in counted[name].items():
            rest[day] = rest.get(day, 0) + number
    return {**kept, OTHERS: rest} if rest else kept


def nice(largest: int) -> int:
    """The top of the scale: 1, 2, 4, 5 or 8 times a power of ten, not below the largest number."""
    scale = 1
    while True:
        for step in (1, 2, 4, 5, 8):
            if step * scale >= max(largest, 1):
                return step * scale
        scale *= 10


def _bars(table: Sequence[tuple[date, tuple[int, ...]]], names: Sequence[str], top: int) -> tuple[Bar, ...]:
    wide = (WIDTH - _LEFT) / len(table)
    full = HEIGHT - _BOTTOM - _TOP
    bars = []
    for index, (day, numbers) in enumerate(table):
        floor = float(HEIGHT - _BOTTOM)
        for series, number in enumerate(numbers):
            if number:
                height = full * number / top
                floor -= height
                text = f"{day.isoformat()}: {names[series]}, {number}"
                x = round(_LEFT + index * wide + wide * 0.15, 2)
                bars.append(Bar(x, round(floor, 2), round(wide * 0.7, 2), round(height, 2), series, text))
    return tuple(bars)


def _ticks(top: int) -> tuple[tuple[float, int], ...]:
    full = HEIGHT - _BOTTOM - _TOP
    marks = (0, top // 2, top) if top % 2 == 0 else (0, top)
    return tuple((round(HEIGHT - _BOTTOM - full * mark / top, 2), mark) for mark in marks)


def _labels(dates: Sequence[date]) -> tuple[tuple[float, date], ...]:
    wide = (WIDTH - _LEFT) / len(dates)
    return tuple(
        (round(_LEFT + (index + 0.5) * wide, 2), day)
        for index, day in enumerate(dates)
        if (len(dates) - 1 - index) % 7 == 0
    )
