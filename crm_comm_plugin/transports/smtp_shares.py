"""Lines of one account over all its sends in this process: together they keep to the number that the provider takes."""

import threading
import time
from weakref import WeakKeyDictionary

PATIENCE = 5.0
"""Seconds that a send without any line waits for another one to give one up, which it does when it begins its next
batch. After that one line more is tried, and the server says what it thinks of it."""


class Shares:
    """Who has how many lines. A holder that is gone without a word, such as a thread's that died, holds none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[str, WeakKeyDictionary[object, int]] = {}

    def fair(self, account_id: str, who: object, most: int) -> int:
        """How many lines each of those who send for this account may keep now. A draft has no others."""
        with self._changed:
            return max(1, most // len(self._holders(account_id, who))) if account_id else most

    def take(self, account_id: str, who: object, wanted: int, most: int) -> int:
        """How many lines may be used for the next batch, at least one. Those beyond `fair` are closed already."""
        if not account_id:
            return wanted
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            holders = self._holders(account_id, who)
            while True:
                others = sum(lines for holder, lines in holders.items() if holder is not who)
                fair = max(1, most // len(holders))
                kept = min(holders[who], fair)
                lines = min(wanted, fair, max(kept, most - others))
                left = deadline - time.monotonic()
                if lines > 0 or left <= 0 or len(holders) > most:  # more sends than lines: nobody could give one up
                    break
                self._changed.wait(left)
            lines = max(1, lines)
            holders[who] = max(kept, lines)
            self._changed.notify_all()
            return lines

    def release(self, account_id: str, who: object) -> None:
        """All lines of a holder are closed."""
        with self._changed:
            holders = self._held.get(account_id)
            if holders is not None and holders.pop(who, None) is not None:
                if not holders:
                    del self._held[account_id]
                self._changed.notify_all()

    def _holders(self, account_id: str, who: object) -> "WeakKeyDictionary[object, int]":
        holders = self._held.setdefault(account_id, WeakKeyDictionary())
        holders.setdefault(who, 0)
        return holders
