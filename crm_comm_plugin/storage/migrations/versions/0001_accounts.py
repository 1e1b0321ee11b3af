"""The tables of accounts and of their audit trail."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

PRESENT = sa.text("deleted_at IS NULL")
GONE = sa.text("deleted_at IS NOT NULL")


def bytewise(length: int) -> sa.types.TypeEngine[str]:
    """Text that every database sorts by code points."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables."""
    make_accounts()
    op.create_table(
        "crm_comm_audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("account_id", bytewise(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_crm_comm_audit"),
    )
    op.create_index("ix_crm_comm_audit_account_id", "crm_comm_audit", ["account_id", "id"])


def make_accounts() -> None:
    """The accounts, and an index for each way to look at them: those that are there, and those that were deleted."""
    op.create_table(
        "crm_comm_accounts",
        *columns_of_the_account(),
        *columns_of_its_life(),
        sa.PrimaryKeyConstraint("id", name="pk_crm_comm_accounts"),
    )
    index("uq_crm_comm_accounts_name_key", ["name_key"], PRESENT, unique=True)
    index("ix_crm_comm_accounts_sort_key", ["sort_key", "id"], PRESENT)
    index("ix_crm_comm_accounts_type", ["type", "id"], PRESENT)
    index("ix_crm_comm_accounts_last_used", ["last_used", "id"], PRESENT)
    index("ix_crm_comm_accounts_deleted_at", ["deleted_at"], GONE)


def columns_of_the_account() -> list[sa.Column[Any]]:
    """What it is."""
    return [
        sa.Column("id", bytewise(32), nullable=False),
        sa.Column("type", bytewise(100), nullable=False),
        sa.Column("channel", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", bytewise(300), nullable=False),
        sa.Column("sort_key", bytewise(300), nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("status_detail", sa.Text, nullable=False),
        sa.Column("status_until", sa.BigInteger),
        sa.Column("entered", sa.Text, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    ]


def columns_of_its_life() -> list[sa.Column[Any]]:
    """Who did what to it when."""
    return [
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
        sa.Column("deleted_by", sa.Text, nullable=False),
        sa.Column("last_used", sa.BigInteger, nullable=False),
    ]


def index(name: str, columns: list[str], where: sa.TextClause, unique: bool = False) -> None:
    """A partial index, which both databases have."""
    op.create_index(name, "crm_comm_accounts", columns, unique=unique, sqlite_where=where, postgresql_where=where)
