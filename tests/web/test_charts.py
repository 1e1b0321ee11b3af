"""Usage as bars: every recipient is in them once, on the person's own day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_comm_hookspecs import UsagePoint
from crm_comm_plugin.hosts.web.charts import HEIGHT, OTHERS, SERIES, UNNAMED, WIDTH, nice, usage_chart

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


def test_days_are_the_persons_own():
    points = [UsagePoint(at=datetime(2026, 11, 23, 23, tzinfo=UTC), campaign="a", sent=3)]
    assert [d.isoformat() for d, n in usage_chart(points, NOW, "Europe/Berlin").days if sum(n)] == ["2026-11-24"]
    assert [d.isoformat() for d, n in usage_chart(points, NOW, "UTC").days if sum(n)] == ["2026-11-23"]


def test_the_largest_have_a_colour_and_the_rest_is_one():
    points = [UsagePoint(at=NOW, campaign=f"c{n}" if n else "", sent=n + 1) for n in range(SERIES + 3)]
    chart = usage_chart(points, NOW, "UTC")
    assert chart.names[-1] == OTHERS
    assert len(chart.names) == SERIES + 1
    assert UNNAMED not in chart.names
    assert chart.total == sum(point.sent for point in points)


def test_nothing():
    chart = usage_chart([], NOW, "UTC")
    assert (chart.total, chart.bars, len(chart.days)) == (0, (), 30)


POINTS = st.builds(
    UsagePoint,
    at=st.integers(0, 40 * 24).map(lambda hours: NOW - timedelta(hours=hours)),
    campaign=st.sampled_from(["", "a", "b", "c", "d", "e", "f", "g"]),
    sent=st.integers(0, 10**6),
    unknown=st.integers(0, 10),
    skipped=st.integers(0, 10**6),
)


@given(points=st.lists(POINTS, max_size=60), zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York"]))
def test_bars_lie_inside_on_one_another_and_show_everything(points, zone):
    chart = usage_chart(points, NOW, zone)
    assert chart.total == sum(sum(numbers) for _, numbers in chart.days)
    tops: dict[float, float] = {}
    for bar in chart.bars:
        assert bar.y >= 0
        assert bar.y + bar.height <= HEIGHT
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH
        if bar.x in tops:
            assert bar.y + bar.height == pytest.approx(tops[bar.x], abs=0.05)
        tops[bar.x] = bar.y


@given(st.integers(0, 10**12))
def test_the_scale_is_round_and_not_too_large(largest):
    top = nice(largest)
    assert max(largest, 1) <= top <= max(2.5 * largest, 1)
    assert str(top).rstrip("0") in {"1", "2", "4", "5", "8"}
