"""Taking a chunk of recipients into a send: each address once, repeats told as such, whatever ran before."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update

from crm_comm_hookspecs import Reason, Recipient, RecipientStatus, Rejected
from crm_comm_plugin.domain.sends import MAX_DETAIL, MAX_NAME, PENDING, Entry, plain, row_address
from crm_comm_plugin.storage.schema import to_micros
from crm_comm_plugin.storage.send_tables import outcomes

# Both name the way through the unique index: with a plain IN, SQLite reads the whole send instead.
_FIND = {
    "sqlite": text(
        "SELECT o.address, o.position, o.status, o.run, o.seen"
        " FROM json_each(:addresses) AS j CROSS JOIN crm_comm_outcomes AS o"
        " WHERE o.send = :send AND o.address = j.value AND o.nth = 0"
    ),
    "postgresql": text(
        "SELECT address, position, status, run, seen FROM crm_comm_outcomes"
        " WHERE send = :send AND nth = 0 AND address = ANY(:addresses)"
    ),
}
_COLUMNS = ("send", "position", "address", "nth", "name", "status", "reason", "detail", "at", "run", "seen")
_STATUS = _COLUMNS.index("status")
_ADD = {
    kind: f"INSERT INTO {outcomes.name} ({', '.join(_COLUMNS)})"  # noqa: S608 - nothing but names of ours
    f" VALUES ({', '.join([mark] * len(_COLUMNS))}) ON CONFLICT DO NOTHING"
    for kind, mark in (("sqlite", "?"), ("postgresql", "%s"))
}
_SEEN = (
    update(outcomes)
    .where(outcomes.c.send == bindparam("b_send"), outcomes.c.position == bindparam("b_position"))
    .values(run=bindparam("b_run"), seen=bindparam("b_seen"))
)


@dataclass(slots=True)
class Admitted:
    """Who is to be tried now, the rows added that have their outcome already, and how many positions are taken."""

    taken: int
    entries: list[Entry] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Line:
    """One address of the chunk: what came first, how many more came, which row it is, and which repeat comes next."""

    item: Recipient | Rejected
    more: int = 0
    position: int = -1
    repeats: int = 1


def admit(
    connection: Connection, send: int, run: int, taken: int, chunk: Sequence[Recipient | Rejected], at: datetime
) -> Admitted:
    """Write a chunk within the caller's transaction. taken: the first free position."""
    lines = _lines(chunk)
    admitted = Admitted(taken + len(lines))
    rows = []
    for position, (address, line) in enumerate(lines.items(), taken):
        line.position = position
        rows.append(_row(send, run, position, address, line.item, 0, 1 + line.more, at))
    inserted = _insert(connection, rows)
    known = set() if inserted == len(rows) else _meet_again(connection, send, run, taken, lines, admitted)
    for row, (address, line) in zip(rows, lines.items(), strict=True):
        if address in known:
            continue
        if isinstance(line.item, Recipient):
            admitted.entries.append(Entry(line.position, line.item))
        else:
            _count(admitted, row[_STATUS], 1)
    admitted.entries.sort(key=lambda entry: entry.position)
    repeats = list(_repeats(send, run, admitted.taken, lines, at))
    admitted.taken += len(repeats)
    _count(admitted, RecipientStatus.FAILED, _insert(connection, repeats))
    return admitted


def _lines(chunk: Sequence[Recipient | Rejected]) -> dict[str, _Line]:
    lines: dict[str, _Line] = {}
    for item in chunk:
        address = row_address(_recipient(item))
        found = lines.get(address)
        if found is None:
            lines[address] = _Line(item)
        else:
            found.more += 1
    return lines


def _meet_again(
    connection: Connection, send: int, run: int, start: int, lines: dict[str, _Line], admitted: Admitted
) -> set[str]:
    """The addresses that were there before this chunk; those skipped earlier are to be tried again."""
    query = select(outcomes.c.position).where(outcomes.c.send == send, outcomes.c.position >= start)
    new = set(connection.execute(query).scalars())
    known = {address: line for address, line in lines.items() if line.position not in new}
    seen = []
    for row in _existing(connection, send, list(known)):
        line = known[row.address]
        line.position = row.position
        again = row.run == run
        line.repeats = row.seen if again else 1
        line.more += again  # the first of this chunk is itself a repeat of an earlier chunk
        seen.append({"b_send": send, "b_position": row.position, "b_run": run, "b_seen": line.repeats + line.more})
        tryable = row.status in {PENDING, RecipientStatus.SKIPPED}
        if not again and tryable and isinstance(line.item, Recipient):
            admitted.entries.append(Entry(row.position, line.item, row.status))
    if seen:
        connection.execute(_SEEN, seen)
    return set(known)


def _existing(connection: Connection, send: int, addresses: list[str]) -> Sequence[Any]:
    kind = connection.dialect.name
    wanted = json.dumps(addresses, ensure_ascii=False) if kind == "sqlite" else addresses
    return connection.execute(_FIND[kind], {"send": send, "addresses": wanted}).all()


def _repeats(send: int, run: int, position: int, lines: dict[str, _Line], at: datetime) -> Iterator[tuple[Any, ...]]:
    for address, line in lines.items():
        for nth in range(line.repeats, line.repeats + line.more):
            rejected = Rejected(recipient=_recipient(line.item), reason=Reason.DUPLICATE)
            yield _row(send, run, position, address, rejected, nth, 1, at)
            position += 1


def _row(
    send: int, run: int, position: int, address: str, item: Recipient | Rejected, nth: int, seen: int, at: datetime
) -> tuple[Any, ...]:
    """A row in the order of `_COLUMNS`."""
    if isinstance(item, Recipient):
        return (send, position, address, nth, plain(item.name, MAX_NAME), PENDING, "", "", None, run, seen)
    later = item.reason == Reason.INTERRUPTED
    status = str(RecipientStatus.SKIPPED if later else RecipientStatus.FAILED)
    told = (status, str(item.reason), plain(item.detail, MAX_DETAIL), to_micros(at))
    return (send, position, address, nth, plain(item.recipient.name, MAX_NAME), *told, run, seen)


def _insert(connection: Connection, rows: list[tuple[Any, ...]]) -> int:
    """Add those that are new; answers how many were. Raw, as it is what a send does most."""
    if not rows:
        return 0
    counted = {"preserve_rowcount": True}
    return connection.exec_driver_sql(_ADD[connection.dialect.name], rows, execution_options=counted).rowcount


def _recipient(item: Recipient | Rejected) -> Recipient:
    return item.recipient if isinstance(item, Rejected) else item


def _count(admitted: Admitted, status: str, rows: int) -> None:
    if rows:
        admitted.counts[status] = admitted.counts.get(status, 0) + rows
