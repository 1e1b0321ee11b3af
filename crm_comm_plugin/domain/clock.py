"""Clocks: the system's, and one that a test injects."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock. Ticks count through sleep where the platform has such a clock (Linux: CLOCK_BOOTTIME)."""

    def now(self) -> datetime:
        """The wall's time, UTC."""
        return datetime.now(UTC)

    def ticks(self) -> float:
        """Seconds since boot."""
        source = getattr(time, "CLOCK_BOOTTIME", None)
        return time.clock_gettime(source) if source is not None else time.monotonic()


class InjectedClock:
    """A test's clock: all time comes from one callable."""

    def __init__(self, read: Callable[[], datetime]) -> None:
        self._read = read
        self._latest = float("-inf")

    def now(self) -> datetime:
        """What the callable says, as UTC."""
        return self._read().astimezone(UTC)

    def ticks(self) -> float:
        """The same time in seconds, never backwards."""
        self._latest = max(self._latest, self.now().timestamp())
        return self._latest
