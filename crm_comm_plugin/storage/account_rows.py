"""Accounts as rows: what goes into the columns, and back."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from crm_comm_plugin.domain.accounts import SecretRef, StoredAccount, name_key, sort_key
from crm_comm_plugin.domain.ports import AuditEntry
from crm_comm_plugin.storage.account_tables import KEY_LENGTH, accounts
from crm_comm_plugin.storage.schema import from_micros, to_micros

ID_LENGTH = 32
_DERIVED = {"name_key", "sort_key", "search_text"}
COLUMNS = tuple(column for column in accounts.c if column.name not in _DERIVED)
"""What an account is read from."""
_NAMES = tuple(column.name for column in COLUMNS)


def possible_id(id: object) -> bool:
    """False for what no account can have as its id, however hostile; drivers would raise for some of it."""
    return isinstance(id, str) and len(id) <= ID_LENGTH and id.isascii() and id.isalnum()


def indexed(key: str) -> str:
    """A key that fits into an index: a very long one ends in its hash."""
    if len(key) <= KEY_LENGTH:
        return key
    return key[: KEY_LENGTH - 64] + hashlib.sha256(key.encode()).hexdigest()


def storable(text: str) -> str:
    """A host's text (a user's name, say) without what databases cannot hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def entered_columns(account: StoredAccount) -> dict[str, Any]:
    """The columns that people change."""
    key = sort_key(account.name)
    return {
        "name": account.name,
        "name_key": indexed(name_key(account.name)),
        "sort_key": indexed(key),
        "search_text": f"{key}\n{sort_key(account.sender)}",
        "active": account.active,
        "sender": account.sender,
        "entered": json.dumps(dict(account.values), sort_keys=True),
        "secrets": json.dumps({field: _written(ref) for field, ref in account.secrets.items()}, sort_keys=True),
        "updated_at": account.updated_at,
        "updated_by": storable(account.updated_by),
    }


def all_columns(account: StoredAccount) -> dict[str, Any]:
    """All columns of a new row."""
    return {
        **entered_columns(account),
        "id": account.id,
        "type": account.type,
        "channel": account.channel,
        "status": account.status,
        "status_detail": account.status_detail,
        "status_until": account.status_until,
        "version": account.version,
        "created_at": account.created_at,
        "created_by": storable(account.created_by),
        "deleted_at": account.deleted_at,
        "deleted_by": storable(account.deleted_by),
        "last_used": 0 if account.last_used_at is None else to_micros(account.last_used_at),
    }


def _written(ref: SecretRef) -> dict[str, Any]:
    return {"ref": ref.ref, "set_at": to_micros(ref.set_at), "bound": dict(ref.bound)}


class _Refs(Mapping[str, SecretRef]):
    """Secret references, read when somebody looks: a list of accounts never does."""

    __slots__ = ("_known", "_written")

    def __init__(self, written: str) -> None:
        self._written = written
        self._known: dict[str, SecretRef] | None = None

    def _refs(self) -> dict[str, SecretRef]:
        if self._known is None:
            self._known = {field: _read(ref) for field, ref in json.loads(self._written).items()}
        return self._known

    def __getitem__(self, field: str) -> SecretRef:
        return self._refs()[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs())

    def __len__(self) -> int:
        return len(self._refs())

    def __repr__(self) -> str:
        return repr(self._refs())


def _read(written: Mapping[str, Any]) -> SecretRef:
    return SecretRef(ref=written["ref"], set_at=from_micros(written["set_at"]), bound=written["bound"])


def refs_in(written: str) -> Iterator[str]:
    """The references in the column `secrets`."""
    return (ref["ref"] for ref in json.loads(written).values())


def as_account(row: Row[Any]) -> StoredAccount:
    """An account from `COLUMNS`."""
    known = dict(zip(_NAMES, row, strict=True))
    last_used = known.pop("last_used")
    known["values"] = json.loads(known.pop("entered"))
    known["secrets"] = _Refs(known["secrets"])
    return StoredAccount(last_used_at=from_micros(last_used) if last_used else None, **known)


def sort_value(account: StoredAccount, sort: str) -> str:
    """Where an account stands in a sorted list, as text."""
    if sort == "name":
        return indexed(sort_key(account.name))
    return account.type if sort == "type" else str(_used(account.last_used_at))


def _used(at: datetime | None) -> int:
    return 0 if at is None else to_micros(at)


def as_entry(row: Row[Any]) -> AuditEntry:
    """One line of the audit trail."""
    return AuditEntry(
        account_id=row.account_id, at=row.at, user=row.user, kind=row.kind, fields=tuple(json.loads(row.fields))
    )


def entry_columns(entry: AuditEntry) -> dict[str, Any]:
    """The columns of a line of the audit trail."""
    return {
        "account_id": entry.account_id,
        "at": entry.at,
        "user": storable(entry.user),
        "kind": entry.kind,
        "fields": json.dumps(list(entry.fields)),
    }
