"""The send limit's ledger over SQLite or PostgreSQL: the Ledger port."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from crm_comm_hookspecs import Allowance, Limit
from crm_comm_plugin.domain import ledger_moves as moves
from crm_comm_plugin.domain import ledger_views as views
from crm_comm_plugin.domain.ledger import ANCHORS, INSTALLATION, LONGEST_HOLD, REMEMBERED
from crm_comm_plugin.domain.ledger_ids import Ref
from crm_comm_plugin.domain.ledger_moves import Wish
from crm_comm_plugin.domain.ledger_time import Reading
from crm_comm_plugin.domain.ports.limits import Closure, Grant, Later
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger_lines import reading, writing
from crm_comm_plugin.storage.ledger_quick import QuickLane
from crm_comm_plugin.storage.ledger_shelf import SqlGlance, SqlShelf

GONE = (
    "SELECT account_id FROM crm_comm_ledger AS l WHERE account_id NOT IN (?, ?)"
    " AND NOT EXISTS (SELECT 1 FROM crm_comm_accounts AS a WHERE a.id = l.account_id)"
)


class SqlLedger:
    """The Ledger port. One call is one transaction.

    read: the machine's clock, or a test's; None = the server's own, which only PostgreSQL has. ceiling: the limit of
    the whole installation.
    """

    def __init__(
        self, database: Database, read: Callable[[], Reading] | None = None, ceiling: Limit | None = None
    ) -> None:
        self._database = database
        self._read = read
        self._ceiling = ceiling
        self._quick = None if database.is_sqlite or ceiling is not None else QuickLane(database, read, self._tidy)

    @contextmanager
    def _shelf(
        self, books: Sequence[str], account_id: str = "", token: bytes = b"", began: float | None = None
    ) -> Iterator[SqlShelf]:
        with writing(self._database, began) as line:
            shelf = SqlShelf(line, self._read)
            shelf.open(books, account_id, token)
            yield shelf

    @contextmanager
    def _glance(self, books: Sequence[str]) -> Iterator[SqlGlance]:
        with reading(self._database) as line:
            shelf = SqlGlance(line, self._read)
            shelf.look(books)
            yield shelf

    def _tidy(self, account_id: str) -> None:
        """Bring a book up to date and store it."""
        with self._shelf((account_id,)) as shelf:
            moves.wake_all(shelf)
            moves.save_all(shelf)

    def reserve(
        self,
        account_id: str,
        limits: Sequence[Limit],
        units: int,
        *,
        key: str = "",
        campaign: str = "",
        hold_seconds: float = 300.0,
        watched: Sequence[Limit] = (),
    ) -> Grant:
        """Grant min(units, what is free in every limit); the same key on the account replays; raises KeyReused."""
        wish = Wish(
            account_id=account_id,
            limits=limits,
            units=units,
            key=key,
            campaign=campaign,
            hold_seconds=hold_seconds,
            ceiling=self._ceiling,
            watched=watched,
        )
        token = wish.token()
        began = time.monotonic()
        quick = self._quick.reserve(wish, token) if self._quick is not None and not key else None
        if quick is not None:
            return Grant(quick)
        with self._shelf(wish.books, account_id, token if key else b"", began) as shelf:
            return moves.reserve(shelf, wish, token)

    def settle(self, reservation_id: str, used: int) -> str:
        """Count `used` as sent now, free the rest; the account's id. UnknownReservation, ReservationMismatch."""
        ref = Ref.parse(reservation_id)
        began = time.monotonic()
        if self._quick is not None and not ref.keyed and not ref.shared and self._quick.settle(ref, used):
            return ref.account_id
        books = (INSTALLATION, ref.account_id) if ref.shared else (ref.account_id,)
        with self._shelf(books, ref.account_id, ref.token if ref.keyed else b"", began) as shelf:
            moves.settle(shelf, ref, used)
        return ref.account_id

    def claim_reached(self, account_id: str, watched: Sequence[Limit]) -> bool:
        """True when people are to be told now that recipients were skipped: once per window."""
        with self._shelf(self._books(account_id)) as shelf:
            return views.claim_reached(shelf, account_id, watched, self._ceiling)

    def allowances(self, wanted: Mapping[str, Sequence[Limit]]) -> dict[str, Allowance]:
        """What is left of each account's limits: of the tightest, and of each; in one query."""
        with self._glance(self._books(*wanted)) as shelf:
            return {one: views.allowance(shelf, one, limits, self._ceiling) for one, limits in wanted.items()}

    def forecast(self, account_id: str, limits: Sequence[Limit], units: int) -> tuple[int, Later]:
        """(how many of units go now, when how many more, in at most 20 steps) if nothing else sends."""
        with self._glance(self._books(account_id)) as shelf:
            return views.forecast(shelf, account_id, limits, self._ceiling, units)

    def close(
        self, account_id: str, until: datetime | None, reason: str, limit: Limit | None, sent: int = 0
    ) -> Closure:
        """The provider's limit was hit: grant nothing until then (None = with back-off). limit: the account's own."""
        with self._shelf((account_id,)) as shelf:
            return views.close(shelf, account_id, until, reason, limit, sent)

    def reopen(self, account_id: str) -> None:
        """A person takes a closure back."""
        with self._shelf((account_id,)) as shelf:
            views.reopen(shelf, account_id)

    def closures(self, account_ids: Sequence[str]) -> dict[str, Closure]:
        """The last closure of each account, also when it is over."""
        with self._glance(account_ids) as shelf:
            return views.closures(shelf)

    def forget(self, account_ids: Sequence[str]) -> None:
        """Accounts are gone for good."""
        with writing(self._database) as line:
            for one in account_ids:
                for table in ("ledger", "ledger_holds", "ledger_keys", "usage"):
                    line.tell(f"DELETE FROM crm_comm_{table} WHERE account_id = ?", (one,))  # noqa: S608 - our names

    def sweep(self) -> int:
        """Forget accounts that are gone for good, once no window and no key needs what they did; how many.

        Found by what is there, not by who was told: whoever dies between the two leaves nothing behind for ever.
        """
        with reading(self._database) as line:
            (rows,) = line.ask((GONE, (INSTALLATION, ANCHORS)))
        if not rows:
            return 0
        with self._glance([one for (one,) in rows]) as shelf:
            gone = [book.id for book in shelf.books.values() if book.idle(shelf.reading) > REMEMBERED + LONGEST_HOLD]
        self.forget(gone)
        return len(gone)

    def reset_clock(self) -> int:
        """Take a wrong future back: what lies ahead of the clock counts from now on. How many accounts it was."""
        self.forget([ANCHORS])
        with reading(self._database) as line:
            (rows,) = line.ask(
                ("SELECT account_id FROM crm_comm_ledger WHERE account_id <> ? ORDER BY account_id", (ANCHORS,))
            )
        changed = 0
        for (one,) in rows:
            with self._shelf((one,)) as shelf:
                changed += views.reset_clock(shelf, one)
        return changed

    def _books(self, *account_ids: str) -> tuple[str, ...]:
        return account_ids if self._ceiling is None else (INSTALLATION, *account_ids)
