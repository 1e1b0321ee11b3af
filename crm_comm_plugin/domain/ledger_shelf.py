"""What the ledger's moves need of a store: one transaction with its books locked."""

from dataclasses import dataclass
from typing import Protocol

from crm_comm_plugin.domain.ledger import Book, Hold
from crm_comm_plugin.domain.ledger_time import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is remembered of a reservation with a key. used None: not settled yet. Times in microseconds.

    token: stands for the key; nonce: tells it from an older reservation with the same key that was pruned.
    shared: the installation's ceiling was charged too. campaign: cut to what a chart needs.
    """

    account_id: str
    token: bytes
    nonce: int
    shared: bool
    requested: int
    granted: int
    held_until: int
    retry_at: int | None
    made_at: int
    campaign: str
    used: int | None = None


def kept(record: Record | None, book_id: str, before: int) -> Record | None:
    """The record, None when it is forgotten by pruning this book: who asks just then must not get its answer."""
    return None if record is not None and record.account_id == book_id and record.held_until < before else record


class Shelf(Protocol):
    """One transaction; every book in it is locked until its end."""

    books: dict[str, Book]
    """The books that were asked for, as stored or new."""
    reading: Reading
    """The clocks, read after the locks were had."""
    record: Record | None
    """The keyed reservation that was asked for."""

    def save(self, book: Book) -> None:
        """Store a book."""
        ...

    def spill(self, book_id: str, hold: Hold, expired: bool) -> None:
        """Keep a hold in a row of its own."""
        ...

    def due(self, book_id: str, now: int) -> tuple[list[Hold], int]:
        """Live holds with rows of their own that ran out, marked as expired; when the next one does (0 = none)."""
        ...

    def take(self, book_id: str, token: bytes) -> tuple[Hold, bool] | None:
        """Remove a hold with a row of its own: (hold, whether it had expired)."""
        ...

    def put_right(self, book_id: str, now: int, ahead: int) -> None:
        """The clock was so far ahead: holds with rows of their own end as `ledger.put_right` says, expired ones now."""
        ...

    def add_record(self, record: Record) -> None:
        """Remember a keyed reservation."""
        ...

    def settle_record(self, record: Record, used: int) -> None:
        """Remember what was used of it."""
        ...

    def prune(self, book_id: str, before: int) -> None:
        """Forget keyed reservations and expired holds whose hold ended before this time: both at once, or a key that is
        used again would meet its old hold."""
        ...

    def count_usage(self, account_id: str, at: int, campaign: str, sent: int, skipped: int) -> None:
        """Add to the usage history."""
        ...
