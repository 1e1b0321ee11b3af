"""How a book is kept: a few hundred bytes that change with every call, and the log's past, which seldom does."""

import json
import struct
import sys
from array import array
from collections.abc import Iterable

from crm_comm_hookspecs import Window
from crm_comm_plugin.domain.ledger import Book, Hold
from crm_comm_plugin.domain.ledger_log import WINDOWS, Log

VERSION = 1
FRESH = 24
"""So many new entries are kept beside the past before it is written again."""
_HEAD = struct.Struct("<BBqqqqqIqqHHH")
_HOLD = struct.Struct(">16sIq")
_BOOT = 36
HOLDS_AT = _HEAD.size + _BOOT
HOLDS_COUNT_AT = struct.calcsize("<BBqqqqqIqq")
HOLD_SIZE = _HOLD.size
"""Where a state has its holds, how many they are (2 bytes, the lower first), and the size of one, for SQL."""


def encode(book: Book) -> tuple[bytes, bytes | None]:
    """(state, past); past is None when it need not be written. May compact the log."""
    log = book.log
    past = _entries(log, 0, len(log)) if compacted(book) else None
    fresh = _entries(log, book.stored, len(log))
    notes = json.dumps(book.notes, separators=(",", ":"), sort_keys=True).encode() if book.notes else b""
    head = _HEAD.pack(
        VERSION,
        mask(book.in_force),
        book.latest,
        book.offset,
        book.spilled_units,
        book.spill_due,
        book.spill_last,
        book.spilled,
        book.prune_at,
        0,
        len(book.holds),
        len(fresh),
        len(notes),
    )
    boot = book.boot.encode().ljust(_BOOT, b"\0")[:_BOOT]
    holds = b"".join(_HOLD.pack(h.token, h.units, h.until) for h in book.holds)
    return head + boot + holds + fresh + notes, past


def compacted(book: Book) -> bool:
    """Compact the log when enough is new; True when its past must be written again."""
    log = book.log
    if log.settled >= book.stored and len(log) - book.stored <= FRESH:
        return False
    log.compact(book.latest, book.in_force)
    book.stored = log.settled = len(log)
    return True


def decode(id: str, state: bytes, past: bytes) -> Book:
    """The book as it was kept."""
    (_, force, latest, offset, units, due, last, spilled, prune_at, _, holds, fresh, notes) = _HEAD.unpack_from(state)
    start = HOLDS_AT
    book = Book(id)
    book.boot = state[_HEAD.size : start].rstrip(b"\0").decode()
    book.latest, book.offset, book.prune_at = latest, offset, prune_at
    book.spilled, book.spilled_units, book.spill_due, book.spill_last = spilled, units, due, last
    book.in_force = frozenset(window for i, window in enumerate(WINDOWS) if force >> i & 1)
    end = start + holds * _HOLD.size
    book.holds = [Hold(token, until, units) for token, units, until in _HOLD.iter_unpack(state[start:end])]
    start = end
    book.log = _log(past, state[start : start + fresh])
    book.stored = book.log.settled = len(past) // 12
    book.log.settled = len(book.log)
    start += fresh
    book.notes = json.loads(state[start : start + notes]) if notes else {}
    return book


def mask(windows: Iterable[Window]) -> int:
    """A bit for each window."""
    return sum(1 << WINDOWS.index(window) for window in frozenset(windows))


def _entries(log: Log, start: int, stop: int) -> bytes:
    at, units = log.at[start:stop], log.units[start:stop]
    if sys.byteorder == "big":
        at.byteswap()
        units.byteswap()
    return at.tobytes() + units.tobytes()


def _log(*blocks: bytes) -> Log:
    log = Log()
    for block in blocks:
        count = len(block) // 12
        at, units = array("q"), array("I")
        at.frombytes(block[: count * 8])
        units.frombytes(block[count * 8 :])
        if sys.byteorder == "big":
            at.byteswap()
            units.byteswap()
        log.at.extend(at)
        log.units.extend(units)
    return log
