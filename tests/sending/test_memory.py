"""The memory of a send does not grow with its recipients, each size in a fresh process, through all of the plugin."""

import pytest

from benchmarks.sending import GOAL_MEGABYTES, measured


@pytest.mark.slow
def test_three_times_the_recipients_take_no_more_memory():
    some, more = measured("send", 20_000), measured("send", 60_000)
    assert max(some["megabytes"], more["megabytes"]) <= GOAL_MEGABYTES
    assert more["megabytes"] - some["megabytes"] <= 5
