"""The quick lane: while nothing can leave a window, one statement of a server can reserve or settle by plain sums.

Such a statement keeps the sums right and notes what it did in the row's journal, which `replay` puts into the book.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from crm_comm_hookspecs import Limit
from crm_comm_plugin.domain.ledger import Book, Hold
from crm_comm_plugin.domain.ledger_codec import mask
from crm_comm_plugin.domain.ledger_log import LENGTHS, LONGEST, WINDOWS

RESERVED, SETTLED = b"R", b"S"
NOTE = struct.Struct(">c16sIq")
"""What was done, token, units (big-endian, 4 bytes), when the hold ends or was settled (8 bytes)."""
FULL_BYTES, MOST_BYTES = 40 * NOTE.size, 64 * NOTE.size
"""Who fills a journal so far puts it into the book; the others may go on meanwhile, up to the most."""
ANY_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class Sums:
    """What the quick lane adds up. calm_until: before that nothing leaves a window of the mask, and no hold ends.

    used: in each window, in their order. shortest: the length of the shortest window of the mask.
    """

    latest: int
    calm_until: int
    mask: int
    shortest: int
    held: int
    used: tuple[int, ...]


def sums(book: Book) -> Sums:
    """The sums of a book as it is at its latest moment."""
    return Sums(
        latest=book.latest,
        calm_until=0 if book.closed_until > book.latest else _calm_until(book),
        mask=mask(book.in_force),
        shortest=min((LENGTHS[window] for window in book.in_force), default=LONGEST),
        held=book.held,
        used=tuple(book.used(window) for window in WINDOWS),
    )


def _calm_until(book: Book) -> int:
    moments = [book.prune_at, *(hold.until for hold in book.holds)]
    if book.spilled:
        moments.append(book.spill_due)
    for window in book.in_force:
        moments.extend(at for at, _ in book.log.leaving(window, book.latest, most=1))
    return min(moments)


def bounds(limits: Sequence[Limit]) -> tuple[int, ...]:
    """8 times the count for each window: a quick grant stays under 80 %, beyond that there may be a notice to tell."""
    found = dict.fromkeys(WINDOWS, ANY_NUMBER)
    for limit in limits:
        if limit.count is not None and limit.window in found:
            found[limit.window] = min(found[limit.window], limit.count * 8)
    return tuple(found[window] for window in WINDOWS)


def replay(book: Book, latest: int, journal: bytes) -> None:
    """Put into the book what quick statements noted since it was stored."""
    for done, token, units, at in NOTE.iter_unpack(journal):
        if done == RESERVED:
            book.holds.append(Hold(token, at, units))
        else:
            book.take(token)
            book.log.add(at, units)
    book.latest = max(book.latest, latest)
