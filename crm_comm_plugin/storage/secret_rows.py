"""Rows of secrets: the SealedRows and SecretJournal ports over the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, or_, select, update

from crm_comm_plugin.domain.ports.secrets import DOOMED, LIVE, SPARE, SealedRow, SecretCopy
from crm_comm_plugin.storage.account_tables import accounts
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.schema import upsert
from crm_comm_plugin.storage.secret_tables import secret_journal, secrets

CHUNK = 500
"""Values in one IN (...): well under what SQLite takes."""


class _Overtaken(Exception):
    """Rolls a transaction back: somebody else changed the row first."""


class SealedSecretRows:
    """The SealedRows port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, service: str, username: str) -> SealedRow | None:
        """One row."""
        with self._database.read() as connection:
            row = connection.execute(select(secrets).where(_is(service, username))).one_or_none()
        return None if row is None else _sealed(row)

    def put(self, row: SealedRow) -> None:
        """Insert it, or replace the one of the same service and user name."""
        values = {"service": row.service, "username": row.username, "key_id": row.key_id, "data": row.data}
        changed = {"key_id": row.key_id, "data": row.data}
        with self._database.write() as connection:
            put = upsert(connection, secrets).values(values)
            connection.execute(put.on_conflict_do_update(index_elements=["service", "username"], set_=changed))

    def drop(self, service: str, username: str) -> bool:
        """Delete it; False when it is not there."""
        with self._database.write() as connection:
            return connection.execute(delete(secrets).where(_is(service, username))).rowcount > 0

    def swap(self, pairs: Sequence[tuple[SealedRow, SealedRow]]) -> int:
        """Replace old by new where old is still unchanged; how many were."""
        with self._database.write() as connection:
            return sum(
                connection.execute(
                    update(secrets)
                    .where(_is(old.service, old.username), secrets.c.data == old.data)
                    .values(key_id=new.key_id, data=new.data)
                ).rowcount
                for old, new in pairs
            )

    def not_under(self, key_id: str, after: tuple[str, str], limit: int) -> tuple[SealedRow, ...]:
        """Rows encrypted with another key, in order of (service, username)."""
        service, username = secrets.c.service, secrets.c.username
        query = (
            select(secrets)
            .where(
                secrets.c.key_id != key_id,
                or_(service > after[0], and_(service == after[0], username > after[1])),
            )
            .order_by(service, username)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(_sealed(row) for row in connection.execute(query))

    def counts(self) -> dict[str, int]:
        """How many rows each key id has."""
        query = select(secrets.c.key_id, func.count()).group_by(secrets.c.key_id)
        with self._database.read() as connection:
            return {name: int(count) for name, count in connection.execute(query)}


class SecretJournalRows:
    """The SecretJournal port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, copy: SecretCopy) -> None:
        """A copy is about to be written."""
        values = {name: getattr(copy, name) for name in secret_journal.c.keys()}  # noqa: SIM118 - not a dict
        with self._database.write() as connection:
            connection.execute(insert(secret_journal).values(values))

    def live(self, ref: str) -> SecretCopy | None:
        """The copy that counts."""
        query = select(secret_journal).where(secret_journal.c.ref == ref, secret_journal.c.state == LIVE)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _copy(row)

    def pinned(self) -> str:
        """The backend of the oldest live copy, "" without any."""
        query = (
            select(secret_journal.c.backend)
            .where(secret_journal.c.state == LIVE)
            .order_by(secret_journal.c.created_at, secret_journal.c.slot)
            .limit(1)
        )
        with self._database.read() as connection:
            return str(connection.execute(query).scalar() or "")

    def counts(self) -> dict[str, int]:
        """How many live copies each backend has."""
        backend = secret_journal.c.backend
        query = select(backend, func.count()).where(secret_journal.c.state == LIVE).group_by(backend)
        with self._database.read() as connection:
            return {name: int(count) for name, count in connection.execute(query)}

    def switch(self, old: str, new: str) -> bool:
        """Make spare slot `new` live and live slot `old` doomed, both or, when one is no longer so, neither."""
        try:
            with self._database.write() as connection:
                for slot, before, after in ((old, LIVE, DOOMED), (new, SPARE, LIVE)):
                    change = update(secret_journal).where(
                        secret_journal.c.slot == slot, secret_journal.c.state == before
                    )
                    if connection.execute(change.values(state=after)).rowcount != 1:
                        raise _Overtaken
        except _Overtaken:
            return False
        return True

    def doom(self, refs: Sequence[str]) -> None:
        """All copies of these references are to be erased."""
        with self._database.write() as connection:
            for start in range(0, len(refs), CHUNK):
                chosen = secret_journal.c.ref.in_(refs[start : start + CHUNK])
                connection.execute(update(secret_journal).where(chosen).values(state=DOOMED))

    def doom_spares(self, before: datetime) -> None:
        """Copies of moves that died are to be erased."""
        old = and_(secret_journal.c.state == SPARE, secret_journal.c.created_at < before)
        with self._database.write() as connection:
            connection.execute(update(secret_journal).where(old).values(state=DOOMED))

    def doomed(self, ref: str = "") -> tuple[SecretCopy, ...]:
        """Copies to be erased, of one reference or all."""
        query = select(secret_journal).where(secret_journal.c.state == DOOMED).order_by(secret_journal.c.slot)
        if ref:
            query = query.where(secret_journal.c.ref == ref)
        with self._database.read() as connection:
            return tuple(_copy(row) for row in connection.execute(query))

    def forget(self, slot: str) -> None:
        """The copy was erased."""
        with self._database.write() as connection:
            connection.execute(delete(secret_journal).where(secret_journal.c.slot == slot))

    def suspects(self, before: datetime) -> tuple[str, ...]:
        """Live references written before this time that the account they were written for does not point to."""
        copy = secret_journal.c
        in_use = exists().where(accounts.c.id == copy.account_id, accounts.c.secrets.contains(copy.ref))
        query = select(copy.ref).where(copy.state == LIVE, copy.created_at < before, ~in_use)
        with self._database.read() as connection:
            return tuple(connection.execute(query).scalars())

    def not_in(self, backend: str, after: str, limit: int) -> tuple[SecretCopy, ...]:
        """Live copies that are in another backend, by slot."""
        query = (
            select(secret_journal)
            .where(secret_journal.c.state == LIVE, secret_journal.c.backend != backend, secret_journal.c.slot > after)
            .order_by(secret_journal.c.slot)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(_copy(row) for row in connection.execute(query))


def _is(service: str, username: str) -> ColumnElement[bool]:
    return and_(secrets.c.service == service, secrets.c.username == username)


def _sealed(row: Row[tuple[object, ...]]) -> SealedRow:
    return SealedRow(**{**row._mapping, "data": bytes(row._mapping["data"])})


def _copy(row: Row[tuple[object, ...]]) -> SecretCopy:
    return SecretCopy(**row._mapping)
