"""The port to where accounts are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crm_comm_plugin.domain.accounts import StoredAccount


class NameTaken(Exception):
    """Another account has this name."""


class StaleVersion(Exception):
    """Somebody saved in between; `current` is what is stored now."""

    def __init__(self, current: StoredAccount) -> None:
        super().__init__(current.id)
        self.current = current


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to an account when; fields: names only, never values of secrets."""

    account_id: str
    at: datetime
    user: str
    kind: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQuery:
    """A part of the list. search: words that must all be found; sort: name | type | last_used; after: (sort value as
    text, id) of the last row before."""

    search: str = ""
    sort: str = "name"
    descending: bool = False
    after: tuple[str, str] | None = None
    limit: int = 50
    deleted_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Accounts, how many match (exact up to 1 000, else None), and where the next page starts."""

    accounts: tuple[StoredAccount, ...]
    total: int | None
    next: tuple[str, str] | None = None


class AccountStore(Protocol):
    """Accounts in a database. Every write is one transaction that also writes its audit entry."""

    def find(self, id: str, deleted: bool = False) -> StoredAccount | None:
        """One account; a deleted one only when asked for."""
        ...

    def find_many(self, ids: Sequence[str], deleted: bool = False) -> tuple[StoredAccount, ...]:
        """Those of the ids that exist, in the order of ids."""
        ...

    def name_owner(self, key: str) -> str:
        """The id of the account whose name has this `name_key`, or ""."""
        ...

    def insert(self, account: StoredAccount) -> None:
        """Add a new account; raises NameTaken."""
        ...

    def update(
        self, account: StoredAccount, expected: int | None, fields: Iterable[str], status: str = ""
    ) -> StoredAccount:
        """Replace what people enter (its version grows by one), and its status where one is given.

        Raises StaleVersion unless expected is its version or None; NameTaken; UnknownAccount when it was deleted.
        """
        ...

    def delete(self, ids: Sequence[str], at: datetime, user: str) -> tuple[str, ...]:
        """Mark as deleted; answers which were there. Their names are free again."""
        ...

    def restore(self, id: str, at: datetime, user: str) -> bool:
        """Bring a deleted one back; raises NameTaken; False when it is not among the deleted ones."""
        ...

    def purge(self, before: datetime) -> tuple[StoredAccount, ...]:
        """Forget accounts deleted before this time; answers them, so that their secrets can go too."""
        ...

    def page(self, query: AccountQuery) -> AccountPage:
        """One keyset page."""
        ...

    def all(self, channel: str = "") -> tuple[StoredAccount, ...]:
        """All accounts of a channel ("" = all) that are not deleted, by name."""
        ...

    def set_status(self, id: str, status: str, detail: str, until: datetime | None) -> bool:
        """What was last seen of an account; not a version; True when it is another status than before."""
        ...

    def touch(self, id: str, at: datetime) -> None:
        """It was used now."""
        ...

    def history(self, id: str, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The audit trail, newest first."""
        ...

    def secret_refs(self) -> frozenset[str]:
        """All secret references that any account (also a deleted one) points to."""
        ...
