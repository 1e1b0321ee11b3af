"""The ledger's Shelf over a database: one transaction with its books locked."""

from collections.abc import Callable, Sequence

from crm_comm_plugin.domain.ledger import ANCHORS, INSTALLATION, LONGEST_HOLD, Book, Hold
from crm_comm_plugin.domain.ledger_codec import decode, encode
from crm_comm_plugin.domain.ledger_quick import replay, sums
from crm_comm_plugin.domain.ledger_shelf import Record, kept
from crm_comm_plugin.domain.ledger_time import Anchors, Reading
from crm_comm_plugin.storage.ledger_lines import Line, Row, Rows, Statement
from crm_comm_plugin.storage.ledger_usage import count_usage, prune_usage

BOOK = "SELECT state, past FROM crm_comm_ledger WHERE account_id = ?"
LOCKED_BOOKS = (
    "SELECT account_id, state, past, latest, journal FROM crm_comm_ledger WHERE account_id IN ({})"  # noqa: S608 - ours
    f" ORDER BY account_id <> '{INSTALLATION}' FOR UPDATE"
)
"""PostgreSQL locks rows in this order, so nobody waits in a circle."""
SUMS = (
    "latest = ?, calm_until = ?, windows = ?, shortest = ?, held = ?, used_minute = ?, used_hour = ?, used_day = ?,"
    " used_month = ?, journal = ''"
)
NEW_BOOK = "INSERT INTO crm_comm_ledger (account_id, state, past) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
NEW_ANCHORS = (
    "INSERT INTO crm_comm_ledger (account_id, state, past) VALUES (?, ?, ?)"
    " ON CONFLICT (account_id) DO UPDATE SET state = excluded.state"
)
RECORD = (
    "SELECT nonce, shared, requested, granted, held_until, retry_at, made_at, campaign, used"
    " FROM crm_comm_ledger_keys WHERE account_id = ? AND token = ?"
)
SPILL = (
    "INSERT INTO crm_comm_ledger_holds (account_id, token, units, held_until, expired) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (account_id, token) DO UPDATE SET units = excluded.units, held_until = excluded.held_until,"
    " expired = excluded.expired"
)
"""The ceiling's book is pruned at another hour than the account's: it may still have what a forgotten key held."""
CHUNK = 500
CLOCK = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t) AS c"
SERVER_TIME = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
DUE = (
    "SELECT token, held_until, units FROM crm_comm_ledger_holds"
    " WHERE account_id = ? AND held_until <= ? AND expired = ? ORDER BY held_until"
)
NEXT_DUE = "SELECT min(held_until) FROM crm_comm_ledger_holds WHERE account_id = ? AND held_until > ? AND expired = ?"


class SqlShelf:
    """The Shelf of one transaction. read: the machine's or a test's clock; None = the server's."""

    def __init__(self, line: Line, read: Callable[[], Reading] | None) -> None:
        self._line = line
        self._read = read
        self.books: dict[str, Book] = {}
        self.reading = Reading(0)
        self.record: Record | None = None

    def open(self, ids: Sequence[str], account_id: str = "", token: bytes = b"") -> None:
        """Lock the books (always the installation's first), then look for a keyed reservation and read the clock."""
        with self._line.patience():
            books, rest = self._asked(ids, account_id, token)
        missing = [one for one in ids if one not in books]
        if missing and self._line.quick:  # somebody may be quicker: lock what is there then
            with self._line.patience():
                self._line.ask(*(self._new(one) for one in missing))
            with self._line.patience():
                books, rest = self._asked(ids, account_id, token)
        elif missing:
            for one in missing:
                self._line.tell(*self._new(one))
        self.books = {one: _book(one, *books[one]) if one in books else Book(one) for one in ids}
        if token and rest[0]:
            self.record = _record(account_id, token, rest[0][0])
        self.reading = Reading(int(rest[-1][0][0])) if self._read is None else self._steadied(self._read())

    def _asked(self, ids: Sequence[str], account_id: str, token: bytes) -> tuple[dict[str, Row], list[Rows]]:
        """(the books that are there, locked; a keyed reservation's rows, if asked for, and the server's time).

        The clock comes last and as a statement of its own: in the locking one it is read before the lock is had.
        PostgreSQL locks all books by one statement, as how long to wait is set for each statement by itself.
        """
        if self._line.quick:
            statements: list[Statement] = [(LOCKED_BOOKS.format(", ".join("?" * len(ids))), tuple(ids))]
        else:
            statements = [(BOOK, (one,)) for one in ids]
        count = len(statements)
        if token:
            statements.append((RECORD, (account_id, token)))
        if self._read is None:
            statements.append((SERVER_TIME, ()))
        rows = self._line.ask(*statements)
        if self._line.quick:
            return {one: row for one, *row in rows[0]}, rows[count:]
        return {one: found[0] for one, found in zip(ids, rows, strict=False) if found}, rows[count:]

    @staticmethod
    def _new(book_id: str) -> Statement:
        state, past = encode(Book(book_id))
        return NEW_BOOK, (book_id, state, past or b"")

    def _steadied(self, reading: Reading) -> Reading:
        """What a machine's clocks say, with what the wall said first in this boot."""
        if not reading.boot:
            return reading
        (found,) = self._line.ask((BOOK, (ANCHORS,)))
        anchors = _anchors(found[0] if found else None)
        reading = anchors.steadied(reading)
        if anchors.changed:
            self._keep(anchors)
        return reading

    def _keep(self, anchors: Anchors) -> None:
        state = str(anchors).encode()
        self._line.tell(NEW_ANCHORS, (ANCHORS, state, b""))

    def save(self, book: Book) -> None:
        """Store a book; its past only when it changed."""
        state, past = encode(book)
        values: list[object] = [state]
        sql = "state = ?"
        if past is not None:
            sql, values = "state = ?, past = ?", [state, past]
        if self._line.quick:
            found = sums(book)
            sql = f"{sql}, {SUMS}"
            values += [found.latest, found.calm_until, found.mask, found.shortest, found.held, *found.used]
        self._line.tell(f"UPDATE crm_comm_ledger SET {sql} WHERE account_id = ?", [*values, book.id])  # noqa: S608

    def spill(self, book_id: str, hold: Hold, expired: bool) -> None:
        """Keep a hold in a row of its own."""
        self._line.tell(SPILL, (book_id, hold.token, hold.units, hold.until, expired))

    def due(self, book_id: str, now: int) -> tuple[list[Hold], int]:
        """Live holds with rows of their own that ran out, marked as expired; when the next one does (0 = none)."""
        found, following = self._due(book_id, now)
        if found:
            sql = (
                "UPDATE crm_comm_ledger_holds SET expired = ? WHERE account_id = ? AND held_until <= ? AND expired = ?"
            )
            self._line.tell(sql, (True, book_id, now, False))
        return found, following

    def _due(self, book_id: str, now: int) -> tuple[list[Hold], int]:
        found, following = self._line.ask((DUE, (book_id, now, False)), (NEXT_DUE, (book_id, now, False)))
        return [Hold(bytes(token), until, units) for token, until, units in found], following[0][0] or 0

    def take(self, book_id: str, token: bytes) -> tuple[Hold, bool] | None:
        """Remove a hold with a row of its own: (hold, whether it had expired)."""
        where = " FROM crm_comm_ledger_holds WHERE account_id = ? AND token = ?"
        (found,) = self._line.ask(("SELECT held_until, units, expired" + where, (book_id, token)))
        if not found:
            return None
        self._line.tell("DELETE" + where, (book_id, token))
        until, units, expired = found[0]
        return Hold(token, until, units), bool(expired)

    def put_right(self, book_id: str, now: int, ahead: int) -> None:
        """The clock was so far ahead: holds with rows of their own end as `ledger.put_right` says, expired ones now."""
        where = " WHERE account_id = ? AND expired = ? AND held_until > ?"
        update = "UPDATE crm_comm_ledger_holds SET held_until = "
        self._line.tell(f"{update}held_until - ?{where}", (ahead, book_id, False, now + LONGEST_HOLD))
        self._line.tell(f"{update}?{where}", (now, book_id, True, now))

    def add_record(self, record: Record) -> None:
        """Remember a keyed reservation."""
        sql = (
            "INSERT INTO crm_comm_ledger_keys (account_id, token, nonce, shared, requested, granted, held_until,"
            " retry_at, made_at, campaign) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        values = (record.account_id, record.token, record.nonce, record.shared, record.requested, record.granted)
        rest = (record.held_until, record.retry_at, record.made_at, record.campaign)
        self._line.tell(sql, values + rest)

    def settle_record(self, record: Record, used: int) -> None:
        """Remember what was used of it."""
        sql = "UPDATE crm_comm_ledger_keys SET used = ? WHERE account_id = ? AND token = ?"
        self._line.tell(sql, (used, record.account_id, record.token))

    def prune(self, book_id: str, before: int) -> None:
        """Forget keyed reservations and expired holds whose hold ended before this time; and old usage."""
        self._line.tell("DELETE FROM crm_comm_ledger_keys WHERE account_id = ? AND held_until < ?", (book_id, before))
        sql = "DELETE FROM crm_comm_ledger_holds WHERE account_id = ? AND held_until < ? AND expired = ?"
        self._line.tell(sql, (book_id, before, True))
        prune_usage(self._line, book_id, self.reading.wall)
        self.record = kept(self.record, book_id, before)

    def count_usage(self, account_id: str, at: int, campaign: str, sent: int, skipped: int) -> None:
        """Add to the usage history."""
        count_usage(self._line, account_id, at, campaign, (sent, skipped, 0, 0))


class SqlGlance(SqlShelf):
    """A Shelf for who only reads: nothing is locked or stored. What ran out is worked out anew by each who looks."""

    def look(self, ids: Sequence[str]) -> None:
        """Read these books, and the server's clock with them; new ones are empty."""
        columns = (
            "l.account_id, l.state, l.past, l.latest, l.journal" if self._line.quick else "account_id, state, past"
        )
        rows: Rows = []
        wanted = ids if self._read is None else (ANCHORS, *ids)
        for start in range(0, len(wanted), CHUNK):
            part = tuple(wanted[start : start + CHUNK])
            marks = ", ".join("?" * len(part))
            sql = f"SELECT 0, {columns} FROM crm_comm_ledger AS l WHERE account_id IN ({marks})"  # noqa: S608
            if self._read is None:
                sql = f"SELECT c.t, {columns} FROM {CLOCK} LEFT JOIN crm_comm_ledger AS l ON account_id IN ({marks})"  # noqa: S608
            rows += self._line.ask((sql, part))[0]
        found = {one: row for _, one, *row in rows if one is not None}
        anchors = found.pop(ANCHORS, None)
        if self._read is None:
            self.reading = Reading(int(rows[0][0]) if rows else 0)
        else:
            self.reading = _anchors(anchors).steadied(self._read())
        self.books = {one: _book(one, *found[one]) if one in found else Book(one) for one in ids}

    def spill(self, book_id: str, hold: Hold, expired: bool) -> None:
        """Left to the next who writes."""

    def due(self, book_id: str, now: int) -> tuple[list[Hold], int]:
        """Holds that ran out and when the next one does; none is marked."""
        return self._due(book_id, now)

    def prune(self, book_id: str, before: int) -> None:
        """Left to the next who writes."""


def _book(account_id: str, state: bytes, past: bytes, latest: int = 0, journal: bytes = b"") -> Book:
    book = decode(account_id, bytes(state), bytes(past))
    if latest:
        replay(book, latest, bytes(journal))
    return book


def _anchors(row: Sequence[bytes] | None) -> Anchors:
    return Anchors(bytes(row[0]).decode() if row else "")


def _record(account_id: str, token: bytes, row: tuple[object, ...]) -> Record:
    names = ("nonce", "shared", "requested", "granted", "held_until", "retry_at", "made_at", "campaign", "used")
    values: dict[str, object] = dict(zip(names, row, strict=True))
    values["shared"] = bool(values["shared"])
    return Record(account_id=account_id, token=token, **values)  # type: ignore[arg-type]
