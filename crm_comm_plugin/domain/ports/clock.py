"""The clock: the wall's time for people, and ticks for deadlines."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the plugin sees it."""

    def now(self) -> datetime:
        """The wall's time, aware, UTC."""
        ...

    def ticks(self) -> float:
        """Seconds that only go forward, also while the machine sleeps; for deadlines within one boot."""
        ...
