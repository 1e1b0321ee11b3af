"""Orders, balances and report URLs in the database: an order is stored before the gateway hears of it."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from crm_comm_hookspecs import Credits
from crm_comm_plugin.domain.ports.credits import StoredOrder
from crm_comm_plugin.storage.credit_tables import balances, orders, report_tokens
from crm_comm_plugin.storage.database import Database

FINISHED = ("used", "failed")
_TOLD = frozenset({"state", "order_id", "url", "credits"})
TOKEN_BYTES = 16
"""128 bits, as 22 characters: short enough for gateways that bound the length of a callback URL."""
_ORDERS_LOCK = 7_266_367


class SqlCredits:
    """The CreditStore port over SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_order(self, order: StoredOrder, owners: Sequence[str]) -> StoredOrder:
        """The newest unfinished order of these owners at the same gateway and place, else this one."""
        with self._database.write() as connection:
            _lock(connection)
            found = connection.execute(_unfinished(order, owners)).first()
            if found is None:
                connection.execute(insert(orders).values(_values(order)))
                return order
            known = replace(_order(found), owner=order.owner)
            connection.execute(update(orders).where(orders.c.key == known.key).values(owner=known.owner))
        return known

    def unfinished(self, order: StoredOrder, owners: Sequence[str]) -> StoredOrder | None:
        """What `begin_order` would find."""
        with self._database.read() as connection:
            found = connection.execute(_unfinished(order, owners)).first()
        return _order(found) if found is not None else None

    def order(self, key: str) -> StoredOrder | None:
        """One order."""
        with self._database.read() as connection:
            found = connection.execute(select(orders).where(orders.c.key == key)).first()
        return _order(found) if found is not None else None

    def save_order(self, order: StoredOrder) -> None:
        """Store its state, id, url and credits. Whose it is may have changed since it was read, so that stays."""
        told = {name: value for name, value in _values(order).items() if name in _TOLD}
        with self._database.write() as connection:
            connection.execute(update(orders).where(orders.c.key == order.key).values(told))

    def save_balance(self, account_id: str, credits: Credits) -> None:
        """Keep a balance unless a newer one is stored."""
        values = {"balance": str(credits.balance), "unit": credits.unit[:20], "as_of": credits.as_of}
        with self._database.write() as connection:
            _lock(connection)
            row = balances.c.account_id == account_id
            known = connection.execute(select(balances.c.as_of).where(row)).scalar()
            if known is None:
                connection.execute(insert(balances).values(account_id=account_id, **values))
            elif known <= credits.as_of:
                connection.execute(update(balances).where(row).values(values))

    def balances(self, account_ids: Sequence[str]) -> dict[str, Credits]:
        """Stored balances."""
        query = select(balances).where(balances.c.account_id.in_(account_ids))
        with self._database.read() as connection:
            return {
                row.account_id: Credits(balance=Decimal(row.balance), unit=row.unit, as_of=row.as_of)
                for row in connection.execute(query)
            }

    def report_token(self, account_id: str) -> str:
        """The secret part of this account's report URLs."""
        query = select(report_tokens.c.token).where(report_tokens.c.account_id == account_id)
        with self._database.read() as connection:
            known = connection.execute(query).scalar()
        if known is not None:
            return str(known)
        with self._database.write() as connection:
            _lock(connection)
            known = connection.execute(query).scalar()
            token = str(known) if known is not None else secrets.token_urlsafe(TOKEN_BYTES)
            if known is None:
                connection.execute(insert(report_tokens).values(token=token, account_id=account_id))
        return token

    def token_owner(self, token: str) -> str:
        """The account id of a token, or ""."""
        query = select(report_tokens.c.account_id).where(report_tokens.c.token == token)
        with self._database.read() as connection:
            return str(connection.execute(query).scalar() or "")


def _lock(connection: Connection) -> None:
    """One at a time: SQLite's write transaction is that already, PostgreSQL is told."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ORDERS_LOCK})")


def _unfinished(order: StoredOrder, owners: Sequence[str]) -> Select[Any]:
    there = (orders.c.gateway == order.gateway) & (orders.c.place == order.place) & orders.c.owner.in_(owners)
    query = select(orders).where(there, orders.c.state.not_in(FINISHED))
    return query.order_by(orders.c.created_at.desc(), orders.c.key).limit(1)


def _values(order: StoredOrder) -> dict[str, Any]:
    return {
        "key": order.key,
        "owner": order.owner,
        "gateway": order.gateway,
        "place": order.place,
        "user": order.user,
        "created_at": order.created_at,
        "state": order.state,
        "order_id": order.id,
        "url": order.url,
        "credits": None if order.credits is None else str(order.credits),
    }


def _order(row: Any) -> StoredOrder:
    return StoredOrder(
        key=row.key,
        owner=row.owner,
        gateway=row.gateway,
        place=row.place,
        user=row.user,
        created_at=row.created_at,
        state=row.state,
        id=row.order_id,
        url=row.url,
        credits=None if row.credits is None else Decimal(row.credits),
    )
