"""Outcome rows: each write moves rows from one state to another and keeps the send's numbers equal to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from crm_comm_hookspecs import Outcome, Reason, Recipient, RecipientStatus, Rejected
from crm_comm_plugin.domain.ports.sends import Ticket, Written
from crm_comm_plugin.domain.sends import (
    HANDED,
    MAX_CODE,
    MAX_DETAIL,
    PENDING,
    Entry,
    counts_as_used,
    detail_of,
    plain,
)
from crm_comm_plugin.storage.admission import admit
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.send_tables import COUNTED, outcomes, sends
from crm_comm_plugin.storage.sends import counts_of, fenced

_CHANGED = ("status", "reason", "detail", "code", "at", "retry_at")
_MOVE = (
    update(outcomes)
    .where(
        outcomes.c.send == bindparam("b_send"),
        outcomes.c.position.between(bindparam("b_first"), bindparam("b_last")),
        outcomes.c.status == bindparam("b_before"),
    )
    .values({name: bindparam(f"b_{name}") for name in _CHANGED})
)
_MARK = (
    update(outcomes)
    .where(
        outcomes.c.send == bindparam("b_send"),
        outcomes.c.position.between(bindparam("b_first"), bindparam("b_last")),
        outcomes.c.status == bindparam("b_before"),
    )
    .values(status=bindparam("b_status"))
)
_KEPT = (*(f"n_{status}" for status in COUNTED), "charged", "hold", "taken")
_WRITE = (
    update(sends)
    .where(sends.c.number == bindparam("b_number"))
    .values({name: bindparam(f"b_{name}") for name in _KEPT})
)


@dataclass(slots=True)
class _Books:
    """The numbers of one send during one transaction."""

    number: int
    counts: dict[str, int]
    charged: int
    hold: str
    cancelled: bool
    taken: int
    changes: dict[str, Any] = field(default_factory=dict)

    def moved(self, before: str, after: str, rows: int, used: bool) -> None:
        """So many rows changed their state."""
        for status, sign in ((before, -1), (after, 1)):
            if status in COUNTED:
                self.counts[status] = self.counts.get(status, 0) + sign * rows
        if before == HANDED and not used:
            self.charged -= rows
        elif after == HANDED:
            self.charged += rows

    def write(self, connection: Connection) -> None:
        """Store the numbers."""
        values: dict[str, Any] = {f"b_n_{status}": self.counts.get(status, 0) for status in COUNTED}
        values |= {"b_number": self.number, "b_charged": self.charged, "b_hold": self.hold, "b_taken": self.taken}
        connection.execute(_WRITE, values)

    def written(self, handed: bool = True) -> Written:
        """For the caller."""
        counts = {status: number for status, number in self.counts.items() if number}
        return Written(counts, self.hold, self.charged, self.cancelled, handed)


class SqlOutcomes:
    """The OutcomeStore port over SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(
        self, ticket: Ticket, chunk: Sequence[Recipient | Rejected], at: datetime
    ) -> tuple[Sequence[Entry], Written]:
        """Write a chunk of recipients; answers who is to be tried now."""
        with self._database.write() as connection:
            books = _opened(connection, ticket)
            admitted = admit(connection, books.number, ticket.run, books.taken, chunk, at)
            books.taken = admitted.taken
            for status, rows in admitted.counts.items():
                books.moved(PENDING, status, rows, used=False)
            books.write(connection)
        return admitted.entries, books.written()

    def hand_over(
        self, ticket: Ticket, done: Sequence[tuple[Entry, Outcome]], batch: Sequence[Entry], hold: str, at: datetime
    ) -> Written:
        """Record outcomes, then mark a batch as handed over; nothing is handed over when the send was cancelled."""
        with self._database.write() as connection:
            books = _opened(connection, ticket)
            _record(connection, books, done, at, handed=True)
            if not books.cancelled:
                if books.hold != hold:
                    books.hold, books.charged = hold, 0
                _mark(connection, books, batch, to_handed=True)
            books.write(connection)
        return books.written(handed=not books.cancelled)

    def record(
        self, ticket: Ticket, done: Sequence[tuple[Entry, Outcome]], at: datetime, handed: bool = True
    ) -> Written:
        """What became of recipients."""
        with self._database.write() as connection:
            books = _opened(connection, ticket)
            _record(connection, books, done, at, handed)
            books.write(connection)
        return books.written()

    def release(self, ticket: Ticket, batch: Sequence[Entry]) -> Written:
        """Handed over ones are as before."""
        with self._database.write() as connection:
            books = _opened(connection, ticket)
            _mark(connection, books, batch, to_handed=False)
            books.write(connection)
        return books.written()

    def recover(self, ticket: Ticket, at: datetime) -> Written:
        """Handed over ones become unknown, pending ones skipped as interrupted."""
        stopped = {"status": RecipientStatus.SKIPPED, "reason": Reason.INTERRUPTED, "at": at}
        with self._database.write() as connection:
            books = _opened(connection, ticket)
            for before, values in ((HANDED, {"status": RecipientStatus.UNKNOWN, "at": at}), (PENDING, stopped)):
                rows = (outcomes.c.send == books.number) & (outcomes.c.status == before)
                changed = connection.execute(update(outcomes).where(rows).values(values)).rowcount
                books.moved(before, str(values["status"]), changed, used=True)
            books.write(connection)
        return books.written()

    def page(self, send_id: str, status: str, after: int, limit: int) -> tuple[tuple[tuple[int, Outcome], ...], bool]:
        """((position, outcome) ...), whether more follow."""
        query = (
            select(outcomes)
            .join(sends, sends.c.number == outcomes.c.send)
            .where(sends.c.id == send_id, outcomes.c.position > after)
            .order_by(outcomes.c.position)
            .limit(limit + 1)
        )
        query = query.where(outcomes.c.status == status if status else outcomes.c.status.in_(COUNTED))
        with self._database.read() as connection:
            found = [(row.position, _outcome(row)) for row in connection.execute(query)]
        return tuple(found[:limit]), len(found) > limit


def _opened(connection: Connection, ticket: Ticket) -> _Books:
    found = fenced(connection, ticket)
    return _Books(
        found["number"], counts_of(found), found["charged"], found["hold"], found["cancelled"], found["taken"]
    )


def _record(
    connection: Connection, books: _Books, done: Sequence[tuple[Entry, Outcome]], at: datetime, handed: bool
) -> None:
    """Rows that got the same outcome one after the other are moved by one statement; those moved before stay."""
    for (before, status, used), moves in _grouped(books.number, done, at).items():
        wanted = sum(move["b_last"] - move["b_first"] + 1 for move in moves)
        for state in (HANDED, before) if handed else (before, HANDED):
            rows = connection.execute(_MOVE, [{**move, "b_before": state} for move in moves]).rowcount
            books.moved(state, status, rows, used)
            if rows == wanted:
                break


def _grouped(
    number: int, done: Sequence[tuple[Entry, Outcome]], at: datetime
) -> dict[tuple[str, str, bool], list[dict[str, Any]]]:
    groups: dict[tuple[str, str, bool], list[dict[str, Any]]] = {}
    in_order = sorted(done, key=_position)  # several lines are done in no order, and that would make a range of each
    alike = _ranges((_key(entry, outcome), entry.position) for entry, outcome in in_order)
    for (before, used, status, reason, detail, code, said_at, retry_at), first, last in alike:
        move = {"b_send": number, "b_first": first, "b_last": last, "b_status": status, "b_reason": plain(reason, 32)}
        move |= {"b_detail": plain(detail, MAX_DETAIL), "b_code": plain(code, MAX_CODE)}
        move |= {"b_at": said_at or at, "b_retry_at": retry_at}
        groups.setdefault((before, status, used), []).append(move)
    return groups


def _position(pair: tuple[Entry, Outcome]) -> int:
    return pair[0].position


def _key(entry: Entry, outcome: Outcome) -> tuple[Any, ...]:
    """What neighbours must share to be moved together."""
    used = counts_as_used(outcome)
    said = outcome.status, outcome.reason, outcome.detail, outcome.code, outcome.at, outcome.retry_at
    return entry.before, used, *said


def _mark(connection: Connection, books: _Books, batch: Sequence[Entry], to_handed: bool) -> None:
    for original, first, last in _ranges((entry.before, entry.position) for entry in batch):
        before, after = (original, HANDED) if to_handed else (HANDED, original)
        where = {"b_send": books.number, "b_first": first, "b_last": last, "b_before": before, "b_status": after}
        rows = connection.execute(_MARK, where).rowcount
        books.moved(before, after, rows, used=False)


def _ranges(positions: Iterable[tuple[Any, int]]) -> list[tuple[Any, int, int]]:
    """Runs of neighbours that share what comes first in each pair: (shared, first, last)."""
    found: list[tuple[Any, int, int]] = []
    for shared, position in positions:
        if found and found[-1][2] == position - 1 and found[-1][0] == shared:
            found[-1] = (shared, found[-1][1], position)
        else:
            found.append((shared, position, position))
    return found


_REASONS: dict[str, str] = {str(reason): reason for reason in Reason}
"""A transport may have a reason of its own, which stays a text."""


def _outcome(row: Any) -> Outcome:
    return Outcome(
        recipient=Recipient(row.address, row.name),
        status=RecipientStatus(row.status),
        reason=_REASONS.get(row.reason, row.reason),
        detail=detail_of(row.status, row.reason, row.detail),
        code=row.code,
        at=row.at,
        retry_at=row.retry_at,
        delivery=row.delivery,
    )
