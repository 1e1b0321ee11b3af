"""Clocks: the system's, and one that a test injects."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from crm_comm_hookspecs import InvalidInput
from crm_comm_plugin.domain.ledger_time import Reading, to_micros

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIME_NAMESPACE = Path("/proc/self/ns/time")


class SystemClock:
    """The machine's clock. Ticks count through sleep where the platform has such a clock (Linux: CLOCK_BOOTTIME)."""

    def now(self) -> datetime:
        """The wall's time, UTC."""
        return datetime.now(UTC)

    def ticks(self) -> float:
        """Seconds since boot."""
        return self._nanoseconds() / 1e9

    def reading(self) -> Reading:
        """Wall and ticks at one moment, for the ledger."""
        return Reading(time.time_ns() // 1000, self.boot, self._nanoseconds() // 1000)

    @cached_property
    def boot(self) -> str:
        """Names this run of this machine; "" where ticks of two processes cannot be compared."""
        if not sys.platform.startswith("linux"):
            return ""
        try:
            boot = BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return ""
        try:
            return f"{boot[:24]}{TIME_NAMESPACE.readlink().name[-12:]}"  # a container may have ticks of its own
        except OSError:
            return boot

    @staticmethod
    def _nanoseconds() -> int:
        source = getattr(time, "CLOCK_BOOTTIME", None)
        return time.clock_gettime_ns(source) if source is not None else time.monotonic_ns()


class InjectedClock:
    """A test's clock: all time comes from one callable."""

    def __init__(self, read: Callable[[], datetime]) -> None:
        self._read = read
        self._latest = float("-inf")

    def now(self) -> datetime:
        """What the callable says, as UTC."""
        at = self._read()
        if not isinstance(at, datetime) or at.tzinfo is None:
            raise InvalidInput("Settings.clock gave no aware time.", hint="Let it return datetime.now(UTC).")
        return at.astimezone(UTC)

    def ticks(self) -> float:
        """The same time in seconds, never backwards."""
        self._latest = max(self._latest, self.now().timestamp())
        return self._latest

    def reading(self) -> Reading:
        """The same time, for the ledger."""
        return Reading(to_micros(self.now()))
