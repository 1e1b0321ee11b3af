"""The tables of accounts and of their audit trail."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text
from sqlalchemy.types import TypeEngine

from crm_comm_plugin.storage.schema import UtcTime, metadata

KEY_LENGTH = 300
"""Longest name key that is indexed; PostgreSQL has no index entries above 2 700 bytes."""


def bytewise(length: int) -> TypeEngine[str]:
    """Text that every database sorts by code points, whatever its own collation, as keyset pages need."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


PRESENT = text("deleted_at IS NULL")
GONE = text("deleted_at IS NOT NULL")

accounts = Table(
    "crm_comm_accounts",
    metadata,
    Column("id", bytewise(32), primary_key=True),
    Column("type", bytewise(100), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("name_key", bytewise(KEY_LENGTH), nullable=False),
    Column("sort_key", bytewise(KEY_LENGTH), nullable=False),
    Column("search_text", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("sender", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("status_detail", Text, nullable=False),
    Column("status_until", UtcTime),
    Column("entered", Text, nullable=False),  # JSON: what people entered, without secrets
    Column("secrets", Text, nullable=False),  # JSON: where each secret lies, when it was set, what it is bound to
    Column("version", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("deleted_at", UtcTime),
    Column("deleted_by", Text, nullable=False),
    Column("last_used", BigInteger, nullable=False),  # microseconds since 1970, 0 = never: never sorts first
)
Index("uq_crm_comm_accounts_name_key", accounts.c.name_key, unique=True, sqlite_where=PRESENT, postgresql_where=PRESENT)
for _name, _column in (
    ("sort_key", accounts.c.sort_key),
    ("type", accounts.c.type),
    ("last_used", accounts.c.last_used),
):
    Index(f"ix_crm_comm_accounts_{_name}", _column, accounts.c.id, sqlite_where=PRESENT, postgresql_where=PRESENT)
Index("ix_crm_comm_accounts_deleted_at", accounts.c.deleted_at, sqlite_where=GONE, postgresql_where=GONE)

audit = Table(
    "crm_comm_audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("account_id", bytewise(32), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("user", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("fields", Text, nullable=False),  # JSON: names, never values
)
Index("ix_crm_comm_audit_account_id", audit.c.account_id, audit.c.id)
