"""Keyset pages of accounts: every page costs the same, however many accounts there are and however deep it lies."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, tuple_

from crm_comm_plugin.domain.accounts import sort_key
from crm_comm_plugin.domain.ports import AccountPage, AccountQuery
from crm_comm_plugin.storage.account_rows import COLUMNS, as_account, sort_value, storable
from crm_comm_plugin.storage.account_tables import accounts

COUNTED = 1_000
"""Up to here the total is exact."""
_SORTS = {"name": accounts.c.sort_key, "type": accounts.c.type, "last_used": accounts.c.last_used}


def read_page(connection: Connection, query: AccountQuery) -> AccountPage:
    """One page, and how many accounts match."""
    matching = _matching(query, connection.dialect.name)
    order = (_SORTS[query.sort], accounts.c.id)
    wanted = select(*COLUMNS).where(matching).limit(query.limit + 1)
    if query.after is not None:
        start = tuple_(*_start(query))
        wanted = wanted.where(tuple_(*order) < start if query.descending else tuple_(*order) > start)
    wanted = wanted.order_by(*(c.desc() if query.descending else c for c in order))
    rows = connection.execute(wanted).all()
    found = tuple(as_account(row) for row in rows[: query.limit])
    more = len(rows) > query.limit
    total = _total(connection, matching) if more or query.after is not None else len(found)
    return AccountPage(
        accounts=found, total=total, next=(sort_value(found[-1], query.sort), found[-1].id) if more else None
    )


def _start(query: AccountQuery) -> tuple[Any, str]:
    assert query.after is not None  # noqa: S101 - for the type checker
    value, after_id = query.after
    return (int(value) if query.sort == "last_used" else value), after_id


def _matching(query: AccountQuery, dialect: str) -> ColumnElement[bool]:
    since = query.deleted_since
    there: ColumnElement[bool] = accounts.c.deleted_at.is_(None) if since is None else accounts.c.deleted_at >= since
    position = func.instr if dialect == "sqlite" else func.strpos
    words = sort_key(storable(query.search)).split()
    return and_(there, *(position(accounts.c.search_text, word) > 0 for word in words))


def _total(connection: Connection, matching: ColumnElement[bool]) -> int | None:
    some = select(accounts.c.id).where(matching).limit(COUNTED + 1).subquery()
    total = int(connection.execute(select(func.count()).select_from(some)).scalar_one())
    return total if total <= COUNTED else None
