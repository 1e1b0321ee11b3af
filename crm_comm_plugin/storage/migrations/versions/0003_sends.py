"""The tables of sends and their outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SENDS = "crm_comm_sends"
_OUTCOMES = "crm_comm_outcomes"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        _SENDS,
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("campaign", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("cancelled", sa.Boolean, nullable=False, server_default=sa.false()),
        _number("run"),
        sa.Column("owner", sa.String(64), nullable=False, server_default=""),
        sa.Column("hold", sa.String(200), nullable=False, server_default=""),
        _number("charged"),
        _number("taken"),
        *(_number(f"n_{status}") for status in ("sent", "skipped", "failed", "unknown")),
        sa.Column("retry_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("number", name="pk_crm_comm_sends"),
        sa.UniqueConstraint("id", name="uq_crm_comm_sends_id"),
    )
    for first in ("account_id", "campaign", "key"):
        columns = [first, "created_at", "id"]
        op.create_index(f"ix_{_SENDS}_{first}_created_at_id", _SENDS, columns)
    op.create_index(f"ix_{_SENDS}_created_at_id", _SENDS, ["created_at", "id"])
    op.create_table(
        _OUTCOMES,
        sa.Column("send", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("address", sa.String(400), nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False, server_default=""),
        sa.Column("detail", sa.String(500), nullable=False, server_default=""),
        sa.Column("code", sa.String(40), nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger),
        sa.Column("retry_at", sa.BigInteger),
        sa.Column("delivery", sa.String(16), nullable=False, server_default=""),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("send", "position", name="pk_crm_comm_outcomes"),
        sa.UniqueConstraint("send", "address", "nth", name="uq_crm_comm_outcomes_send_address_nth"),
        sqlite_with_rowid=False,
    )


def _number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")
