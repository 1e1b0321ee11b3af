"""Sends in the database: begun, taken over, ended; every write is fenced by the run's owner."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, literal, select, tuple_, update

from crm_comm_hookspecs import SendInProgress
from crm_comm_plugin.domain.ports.sends import SendRow, Ticket
from crm_comm_plugin.domain.sends import RUNNING
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.schema import upsert
from crm_comm_plugin.storage.send_tables import COUNTED, sends

_FENCE = select(sends).where(sends.c.id == bindparam("b_id")).with_for_update()


class SqlSends:
    """The SendStore port over SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, row: SendRow) -> SendRow:
        """Make the send or take it over; answers it as it was, with the new run, owner and campaign."""
        with self._database.write() as connection:
            connection.execute(_insert(connection, _new_values(row)))
            query = select(sends).where(sends.c.id == row.id).with_for_update()
            before = _row(connection.execute(query).mappings().one())
            changes = {
                "run": before.run + 1,
                "owner": row.owner,
                "campaign": row.campaign,
                "cancelled": False,
                "state": RUNNING,
                "finished_at": None,
                "retry_at": None,
            }
            connection.execute(update(sends).where(sends.c.id == row.id).values(changes))
        return replace(before, run=before.run + 1, owner=row.owner, campaign=row.campaign, cancelled=False)

    def find(self, id: str) -> SendRow | None:
        """One send."""
        with self._database.read() as connection:
            found = connection.execute(select(sends).where(sends.c.id == id)).mappings().one_or_none()
        return None if found is None else _row(found)

    def page(
        self, account_id: str, campaign: str, key: str, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[SendRow, ...]:
        """Newest first."""
        query = select(sends).order_by(sends.c.created_at.desc(), sends.c.id.desc()).limit(limit)
        query = _narrowed(query, {"account_id": account_id, "campaign": campaign, "key": key})
        if after is not None:
            query = query.where(tuple_(sends.c.created_at, sends.c.id) < tuple_(*_literal(after)))
        with self._database.read() as connection:
            return tuple(_row(found) for found in connection.execute(query).mappings())

    def end(self, ticket: Ticket, state: str, at: datetime, retry_at: datetime | None) -> None:
        """The run is over."""
        changes = {"state": state, "finished_at": at, "retry_at": retry_at}
        with self._database.write() as connection:
            fenced(connection, ticket)
            connection.execute(update(sends).where(sends.c.id == ticket.send_id).values(changes))

    def ask_to_stop(self, id: str) -> bool:
        """Mark a running send as cancelled."""
        with self._database.write() as connection:
            running = (sends.c.id == id) & (sends.c.state == RUNNING)
            return bool(connection.execute(update(sends).where(running).values(cancelled=True)).rowcount)


def fenced(connection: Connection, ticket: Ticket) -> RowMapping:
    """The send's row, locked for this transaction; raises SendInProgress when another run has it."""
    found = connection.execute(_FENCE, {"b_id": ticket.send_id}).mappings().one_or_none()
    if found is None or found["owner"] != ticket.owner or found["run"] != ticket.run:
        raise SendInProgress("Another process has taken this send over.")
    return found


def counts_of(found: RowMapping) -> dict[str, int]:
    """RecipientStatus -> number, of those that are not 0."""
    return {status: found[f"n_{status}"] for status in COUNTED if found[f"n_{status}"]}


def _insert(connection: Connection, values: dict[str, Any]) -> Any:
    return upsert(connection, sends).values(values).on_conflict_do_nothing(index_elements=["id"])


def _new_values(row: SendRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "key": row.key,
        "campaign": row.campaign,
        "state": row.state,
        "created_at": row.created_at,
    }


def _narrowed(query: Select[Any], wanted: Mapping[str, str]) -> Select[Any]:
    for name, value in wanted.items():
        if value:
            query = query.where(sends.c[name] == value)
    return query


def _literal(after: tuple[datetime, str]) -> tuple[Any, Any]:
    return literal(after[0], sends.c.created_at.type), literal(after[1])


def _row(found: RowMapping) -> SendRow:
    return SendRow(
        id=found["id"],
        account_id=found["account_id"],
        key=found["key"],
        campaign=found["campaign"],
        state=found["state"],
        created_at=found["created_at"],
        finished_at=found["finished_at"],
        cancelled=found["cancelled"],
        run=found["run"],
        owner=found["owner"],
        hold=found["hold"],
        charged=found["charged"],
        counts=counts_of(found),
        retry_at=found["retry_at"],
    )
