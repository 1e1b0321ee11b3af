"""References of texts, and what delivery reports do to the outcomes they are about."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, true, tuple_, update

from crm_comm_hookspecs import RecipientStatus
from crm_comm_plugin.domain.ports.credits import SentText
from crm_comm_plugin.storage.credit_tables import texts
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.send_tables import outcomes, sends

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

KEPT = timedelta(days=90)
CHUNK = 200
"""Pairs per query: SQLite bounds how many values one statement may have."""
_UNKNOWN, _SKIPPED, _FAILED = RecipientStatus.UNKNOWN, RecipientStatus.SKIPPED, RecipientStatus.FAILED
RECENT = 100
"""Without a reference, a report is looked for in so many of the account's latest sends."""


class SqlTexts:
    """The TextRefs and DeliveryOutcomes ports over SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, sent: Sequence[SentText]) -> None:
        """Write them, in one transaction."""
        if not sent:
            return
        rows = [
            {"ref": t.ref, "account_id": t.account_id, "send_id": t.send_id, "address": t.address[:400], "at": t.at}
            for t in sent
        ]
        with self._database.write() as connection:
            connection.execute(insert(texts), rows)
            if any(text.ref.startswith("00") for text in sent):  # about every 256th text
                connection.execute(delete(texts).where(texts.c.at < sent[0].at - KEPT))

    def find(self, account_id: str, refs: Sequence[str]) -> dict[str, SentText]:
        """Those of the references that belong to this account."""
        query = select(texts).where(texts.c.account_id == account_id, texts.c.ref.in_(refs))
        with self._database.read() as connection:
            return {row.ref: _text(row) for row in connection.execute(query)}

    def of(self, account_id: str, recipients: Sequence[tuple[str, str]]) -> tuple[SentText, ...]:
        """The references given to these (send id, address) pairs."""
        found: list[SentText] = []
        with self._database.read() as connection:
            for start in range(0, len(recipients), CHUNK):
                pairs = tuple_(texts.c.send_id, texts.c.address).in_(recipients[start : start + CHUNK])
                query = select(texts).where(texts.c.account_id == account_id, pairs)
                found += [_text(row) for row in connection.execute(query)]
        return tuple(found)

    def delivered(self, account_id: str, send_id: str, address: str, delivery: str, at: datetime) -> bool:
        """Set an outcome's delivery; one that was unknown, or skipped and yet reported, becomes sent."""
        with self._database.write() as connection:
            place = _place(connection, account_id, send_id, address)
            if place is None:
                return False
            number, position = place
            row = (outcomes.c.send == number) & (outcomes.c.position == position)
            if delivery:
                fresh = row if delivery == "delivered" else row & (outcomes.c.delivery != "delivered")
                connection.execute(
                    update(outcomes).where(fresh, outcomes.c.status != _FAILED).values(delivery=delivery)
                )
            for status in (_UNKNOWN, _SKIPPED) if delivery and send_id else (_UNKNOWN,):
                _settle(connection, number, row & (outcomes.c.status == status), status, at)
        return True

    def unknown(self, account_id: str, limit: int) -> tuple[tuple[str, str], ...]:
        """(send id, address) of recipients whose outcome is unknown, newest first."""
        query = (
            select(sends.c.id, outcomes.c.address)
            .join(outcomes, outcomes.c.send == sends.c.number)
            .where(
                sends.c.account_id == account_id,
                sends.c.n_unknown > 0,
                outcomes.c.status == RecipientStatus.UNKNOWN,
                outcomes.c.nth == 0,
            )
            .order_by(sends.c.number.desc(), outcomes.c.position)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple((row.id, row.address) for row in connection.execute(query))


def _settle(connection: Connection, number: int, row: "ColumnElement[bool]", status: str, at: datetime) -> None:
    """The gateway had it: it counts as sent from now on."""
    found = update(outcomes).where(row).values(status=RecipientStatus.SENT, reason="", detail="", code="", at=at)
    if connection.execute(found.values(retry_at=None)).rowcount:
        before, sent = sends.c[f"n_{status}"], sends.c.n_sent
        counts = {before.name: before - 1, sent.name: sent + 1}
        connection.execute(update(sends).where(sends.c.number == number).values(counts))


def _place(connection: Connection, account_id: str, send_id: str, address: str) -> tuple[int, int] | None:
    """Where the outcome is; its send's row is held, so that a running send and a report do not cross."""
    mine = select(sends.c.number).where(sends.c.account_id == account_id)
    mine = mine.where(sends.c.id == send_id) if send_id else mine.order_by(sends.c.number.desc()).limit(RECENT)
    numbers = [row.number for row in connection.execute(mine)]
    # Without a send, whoever was skipped or failed is not meant: nothing went to them.
    meant = outcomes.c.status.in_((RecipientStatus.SENT, _UNKNOWN)) if not send_id else true()
    query = (
        select(outcomes.c.send, outcomes.c.position)
        .where(outcomes.c.send.in_(numbers), outcomes.c.address == address, outcomes.c.nth == 0, meant)
        .order_by(outcomes.c.send.desc())
        .limit(1)
    )
    found = connection.execute(query).first()
    if found is None:
        return None
    connection.execute(select(sends.c.number).where(sends.c.number == found.send).with_for_update())
    return found.send, found.position


def _text(row: Any) -> SentText:
    return SentText(ref=row.ref, account_id=row.account_id, send_id=row.send_id, address=row.address, at=row.at)
