"""Drivers' connections that wait for their next use by the hot path: less work than a pool's checks on every call."""

import os
import time
from contextlib import suppress
from typing import Any

MOST = 16
IDLE_SECONDS = 5.0
"""A connection that was not used for so long is tried out before it is used again."""


class Idle:
    """A stack of connections of one process. One that comes from a parent is never touched, closing it hurts both."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, Any]] = []
        self._inherited: list[list[tuple[float, Any]]] = []
        self._pid = os.getpid()

    def take(self) -> Any:
        """A connection that is alive, None when there is none."""
        if self._pid != os.getpid():
            self._inherited.append(self._waiting)
            self._waiting, self._pid = [], os.getpid()
        while True:
            try:
                since, raw = self._waiting.pop()
            except IndexError:
                return None
            if time.monotonic() - since < IDLE_SECONDS or _alive(raw):
                return raw

    def give_back(self, raw: Any) -> None:
        """It may be used again."""
        if len(self._waiting) < MOST:
            self._waiting.append((time.monotonic(), raw))
        else:
            raw.close()

    def close(self) -> None:
        """Close all that wait."""
        while self._pid == os.getpid() and self._waiting:
            with suppress(Exception):  # whatever it says, it is gone
                self._waiting.pop()[1].close()


def _alive(raw: Any) -> bool:
    try:
        raw.execute("SELECT 1").fetchone()
        raw.rollback()
    except Exception:  # noqa: BLE001 - drivers differ in what a dead line raises
        with suppress(Exception):
            raw.close()
        return False
    return True
