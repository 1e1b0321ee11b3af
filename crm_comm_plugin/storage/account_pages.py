"""Keyset pages of accounts: every page costs the same, however many accounts there are and however deep it lies."""

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select, tuple_

from crm_comm_plugin.domain.accounts import sort_key
from crm_comm_plugin.domain.ports import AccountPage, AccountQuery
from crm_comm_plugin.storage.account_rows import COLUMNS, as_account, sort_value, storable
from crm_comm_plugin.storage.account_tables import accounts
from crm_comm_plugin.storage.schema import UtcTime

COUNTED = 1_000
"""Up to here the total is exact."""
_SORTS = {"name": accounts.c.sort_key, "type": accounts.c.type, "last_used": accounts.c.last_used}


def read_page(connection: Connection, query: AccountQuery) -> AccountPage:
    """One page, and how many accounts match."""
    words = sort_key(storable(query.search)).split()
    shape = (len(words), query.deleted_since is not None, connection.dialect.name)
    values: dict[str, Any] = {f"word{n}": word for n, word in enumerate(words)}
    if query.deleted_since is not None:
        values["since"] = query.deleted_since
    start = {} if query.after is None else _start(query.sort, *query.after)
    page = _page(query.sort, query.descending, bool(start), *shape)
    rows = connection.execute(page, {**values, **start, "rows": query.limit + 1}).all()
    found = tuple(as_account(row) for row in rows[: query.limit])
    more = len(rows) > query.limit
    total: int | None = len(found)
    if more or start:
        total = connection.execute(_count(*shape), values).scalar_one()
    return AccountPage(
        accounts=found,
        total=total if total is not None and total <= COUNTED else None,
        next=(sort_value(found[-1], query.sort), found[-1].id) if more else None,
    )


def _start(sort: str, value: str, after_id: str) -> dict[str, Any]:
    return {"start": int(value) if sort == "last_used" else value, "start_id": after_id}


@lru_cache(maxsize=256)
def _page(sort: str, descending: bool, starts: bool, words: int, deleted: bool, dialect: str) -> Select[Any]:
    """The statement of a page. It takes longer to build than to run, and there are few of them."""
    order = (_SORTS[sort], accounts.c.id)
    wanted = select(*COLUMNS).where(_matching(words, deleted, dialect))
    if starts:
        start = tuple_(bindparam("start", type_=order[0].type), bindparam("start_id", type_=accounts.c.id.type))
        wanted = wanted.where(tuple_(*order) < start if descending else tuple_(*order) > start)
    return wanted.order_by(*(c.desc() if descending else c for c in order)).limit(bindparam("rows"))


@lru_cache(maxsize=64)
def _count(words: int, deleted: bool, dialect: str) -> Select[Any]:
    """The statement that counts to one more than is counted."""
    some = select(accounts.c.id).where(_matching(words, deleted, dialect)).limit(COUNTED + 1).subquery()
    return select(func.count()).select_from(some)


def _matching(words: int, deleted: bool, dialect: str) -> ColumnElement[bool]:
    gone = accounts.c.deleted_at >= bindparam("since", type_=UtcTime())
    there: ColumnElement[bool] = gone if deleted else accounts.c.deleted_at.is_(None)
    position = func.instr if dialect == "sqlite" else func.strpos
    return and_(there, *(position(accounts.c.search_text, bindparam(f"word{n}")) > 0 for n in range(words)))
