"""Accounts in the database. Every write is one transaction that also writes its audit entry."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from crm_comm_hookspecs import UnknownAccount
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports import AccountPage, AccountQuery, AuditEntry, NameTaken, StaleVersion
from crm_comm_plugin.storage.account_pages import read_page
from crm_comm_plugin.storage.account_rows import (
    COLUMNS,
    all_columns,
    as_account,
    as_entry,
    entered_columns,
    entry_columns,
    indexed,
    possible_id,
    refs_in,
    storable,
)
from crm_comm_plugin.storage.account_tables import accounts, audit
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.schema import to_micros

_PRESENT = accounts.c.deleted_at.is_(None)
_CHUNK = 500


class StoredAccounts:
    """The AccountStore port over a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, id: str, deleted: bool = False) -> StoredAccount | None:
        """One account; a deleted one only when asked for."""
        found = self.find_many([id], deleted)
        return found[0] if found else None

    def find_many(self, ids: Sequence[str], deleted: bool = False) -> tuple[StoredAccount, ...]:
        """Those of the ids that exist, in the order of ids."""
        wanted = list(dict.fromkeys(filter(possible_id, ids)))
        if not wanted:
            return ()
        found: dict[str, StoredAccount] = {}
        with self._database.read() as connection:
            for start in range(0, len(wanted), _CHUNK):
                among = accounts.c.id.in_(wanted[start : start + _CHUNK])
                query = select(*COLUMNS).where(among if deleted else and_(among, _PRESENT))
                found |= {row.id: as_account(row) for row in connection.execute(query)}
        return tuple(found[one] for one in wanted if one in found)

    def name_owner(self, key: str) -> str:
        """The id of the account whose name has this `name_key`, or ""."""
        query = select(accounts.c.id).where(accounts.c.name_key == indexed(key), _PRESENT)
        with self._database.read() as connection:
            return connection.execute(query).scalar() or ""

    def insert(self, account: StoredAccount) -> None:
        """Add a new account; raises NameTaken."""
        fields = (*account.values, *account.secrets)
        with self._database.write() as connection:
            try:
                connection.execute(insert(accounts).values(all_columns(account)))
            except IntegrityError:
                raise NameTaken(account.id) from None
            _note(connection, account.id, account.created_at, account.created_by, "created", fields)

    def update(
        self, account: StoredAccount, expected: int | None, fields: Iterable[str], status: str = ""
    ) -> StoredAccount:
        """Replace what people enter, and its status where one is given; StaleVersion, NameTaken, UnknownAccount."""
        values = entered_columns(account) | {"version": accounts.c.version + 1}
        if status:
            values |= {"status": status, "status_detail": "", "status_until": None}
        there = and_(accounts.c.id == account.id, _PRESENT)
        matching = there if expected is None else and_(there, accounts.c.version == expected)
        with self._database.write() as connection:
            try:
                changed = connection.execute(update(accounts).where(matching).values(values)).rowcount
            except IntegrityError:
                raise NameTaken(account.id) from None
            row = connection.execute(select(*COLUMNS).where(there)).one_or_none()
            if row is None:
                raise UnknownAccount("This account was deleted.")
            current = as_account(row)
            if not changed:
                raise StaleVersion(current)
            _note(connection, account.id, account.updated_at, account.updated_by, "changed", fields)
        return current

    def delete(self, ids: Sequence[str], at: datetime, user: str) -> tuple[str, ...]:
        """Mark as deleted; answers which were there. Their names are free again."""
        gone = []
        with self._database.write() as connection:
            for one in sorted(filter(possible_id, set(ids))):  # one order, so that no two wait for each other
                there = and_(accounts.c.id == one, _PRESENT)
                if _change(connection, there, {"deleted_at": at, "deleted_by": storable(user)}):
                    _note(connection, one, at, user, "deleted")
                    gone.append(one)
        return tuple(one for one in dict.fromkeys(ids) if one in gone)

    def restore(self, id: str, at: datetime, user: str) -> bool:
        """Bring a deleted one back; raises NameTaken; False when it is not among the deleted ones."""
        if not possible_id(id):
            return False
        gone = and_(accounts.c.id == id, accounts.c.deleted_at.is_not(None))
        with self._database.write() as connection:
            try:
                changed = _change(connection, gone, {"deleted_at": None, "deleted_by": ""})
            except IntegrityError:
                raise NameTaken(id) from None
            if changed:
                _note(connection, id, at, user, "restored")
        return changed

    def purge(self, before: datetime) -> tuple[StoredAccount, ...]:
        """Forget accounts deleted before this time; answers them, so that their secrets can go too."""
        old = accounts.c.deleted_at < before
        with self._database.read() as connection:
            if connection.execute(select(accounts.c.id).where(old).limit(1)).first() is None:
                return ()
        with self._database.write() as connection:
            found = tuple(as_account(row) for row in connection.execute(select(*COLUMNS).where(old)))
            connection.execute(delete(accounts).where(old))
            for account in found:
                _note(connection, account.id, before, "", "purged")
        return found

    def page(self, query: AccountQuery) -> AccountPage:
        """One keyset page."""
        with self._database.read() as connection:
            return read_page(connection, query)

    def all(self, channel: str = "") -> tuple[StoredAccount, ...]:
        """All accounts of a channel ("" = all) that are not deleted, by name."""
        query = select(*COLUMNS).where(_PRESENT).order_by(accounts.c.sort_key, accounts.c.id)
        if channel:
            query = query.where(accounts.c.channel == storable(channel))
        with self._database.read() as connection:
            return tuple(as_account(row) for row in connection.execute(query))

    def set_status(self, id: str, status: str, detail: str, until: datetime | None) -> bool:
        """What was last seen of an account; not a version; True when it is another status than before."""
        seen = {"status": str(status), "status_detail": storable(detail), "status_until": until}
        columns = (accounts.c.status, accounts.c.status_detail, accounts.c.status_until)
        with self._database.read() as connection:
            row = connection.execute(select(*columns).where(accounts.c.id == id)).one_or_none()
        if row is None or tuple(row) == tuple(seen.values()):
            return False
        other = and_(accounts.c.id == id, accounts.c.status != str(status))
        with self._database.write() as connection:
            if connection.execute(update(accounts).where(other).values(seen)).rowcount:
                return True
            connection.execute(update(accounts).where(accounts.c.id == id).values(seen))
        return False

    def touch(self, id: str, at: datetime) -> None:
        """It was used now."""
        used = to_micros(at)
        earlier = and_(accounts.c.id == id, accounts.c.last_used < used)
        with self._database.write() as connection:
            connection.execute(update(accounts).where(earlier).values(last_used=used))

    def history(self, id: str, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The audit trail, newest first."""
        query = select(audit).where(audit.c.account_id == id).order_by(audit.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(as_entry(row) for row in connection.execute(query))

    def secret_refs(self) -> frozenset[str]:
        """All secret references that any account (also a deleted one) points to."""
        query = select(accounts.c.secrets).where(accounts.c.secrets != "{}")
        with self._database.read() as connection:
            return frozenset(ref for written in connection.execute(query).scalars() for ref in refs_in(written))


def _change(connection: Connection, matching: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    grown = {**values, "version": accounts.c.version + 1}
    return connection.execute(update(accounts).where(matching).values(grown)).rowcount > 0


def _note(connection: Connection, id: str, at: datetime, user: str, kind: str, fields: Iterable[str] = ()) -> None:
    entry = AuditEntry(account_id=id, at=at, user=user, kind=kind, fields=tuple(fields))
    connection.execute(insert(audit).values(entry_columns(entry)))
