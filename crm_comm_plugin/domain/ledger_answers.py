"""What is left of an account's limits, as the contract's Allowance."""

import math
from collections.abc import Sequence

from crm_comm_hookspecs import Allowance, Limit, Window
from crm_comm_plugin.domain.ledger import Book
from crm_comm_plugin.domain.ledger_time import from_micros

UNLIMITED = Limit(None, Window.NONE)


def allowance(book: Book, rules: Sequence[tuple[Book, Limit]]) -> Allowance:
    """What is left of the tightest of these limits, and of each. book: the account's own; a rule names its own book.

    Without any limit `used` is what was sent in the last 31 days. next_free_at is None while something is free.
    """
    parts = tuple(_part(book.id, *rule) for rule in rules if rule[1].count is not None)
    if parts:
        chosen = min(parts, key=lambda part: (part.remaining, -_waiting(part)))
    else:
        used, held = book.used(Window.MONTH), book.held
        chosen = Allowance(account_id=book.id, limit=UNLIMITED, used=used, held=held, remaining=None)
    free_at, remaining = chosen.next_free_at, chosen.remaining
    closed = max(
        (one.closed_until + one.shift for one in {book, *(one for one, _ in rules)} if _is_closed(one)), default=0
    )
    if closed:
        never = remaining == 0 and free_at is None
        free_at = None if never else max(from_micros(closed), free_at or from_micros(closed))
        remaining = 0
    return Allowance(
        account_id=book.id,
        limit=chosen.limit,
        used=chosen.used,
        held=chosen.held,
        remaining=remaining,
        next_free_at=free_at,
        full_at=chosen.full_at,
        limits=parts,
    )


def _part(account_id: str, book: Book, limit: Limit) -> Allowance:
    remaining = book.left(limit)
    fits_at = book.fits_at(limit) if remaining == 0 else None
    full_at = book.all_back_at(limit.window)
    return Allowance(
        account_id=account_id,
        limit=limit,
        used=book.used(limit.window),
        held=book.held,
        remaining=remaining,
        next_free_at=None if fits_at is None else from_micros(fits_at + book.shift),
        full_at=None if full_at is None else from_micros(full_at + book.shift),
    )


def _is_closed(book: Book) -> bool:
    return book.closed_until > book.latest


def _waiting(part: Allowance) -> float:
    """Until when one has to wait for it: of limits that are used up, the one that opens last counts, or never does."""
    if part.remaining:
        return 0.0
    return part.next_free_at.timestamp() if part.next_free_at is not None else math.inf
