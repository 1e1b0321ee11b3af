"""The tables of the send limit, and of usage by the hour."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SUMS = ("shortest", "held", "used_minute", "used_hour", "used_day", "used_month")


def upgrade() -> None:
    """Make the tables."""
    make_books()
    make_keys()
    op.create_table(
        "crm_comm_usage",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("campaign", sa.String(200), nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("unknown", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hour", "campaign", name="pk_crm_comm_usage"),
        sqlite_with_rowid=False,
    )


def make_books() -> None:
    """One row per account that decides, with room beside it for its next version; the rare holds outside of it."""
    op.create_table(
        "crm_comm_ledger",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("past", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in ("latest", "calm_until")),
        sa.Column("windows", sa.Integer, nullable=False, server_default="0"),
        *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in SUMS),
        sa.Column("journal", sa.LargeBinary, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("account_id", name="pk_crm_comm_ledger"),
        postgresql_with={"fillfactor": "50"},
    )
    if op.get_context().dialect.name == "postgresql":
        for column, storage in (("past", "EXTERNAL"), ("state", "PLAIN"), ("journal", "PLAIN")):
            op.execute(f"ALTER TABLE crm_comm_ledger ALTER COLUMN {column} SET STORAGE {storage}")
    op.create_table(
        "crm_comm_ledger_holds",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("token", sa.LargeBinary(16), nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.Column("expired", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "token", name="pk_crm_comm_ledger_holds"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_crm_comm_ledger_holds_account_id_held_until", "crm_comm_ledger_holds", ["account_id", "held_until"]
    )


def make_keys() -> None:
    """Reservations with a key."""
    op.create_table(
        "crm_comm_ledger_keys",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("token", sa.LargeBinary(16), nullable=False),
        sa.Column("nonce", sa.Integer, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("requested", sa.Integer, nullable=False),
        sa.Column("granted", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.Column("retry_at", sa.BigInteger),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "token", name="pk_crm_comm_ledger_keys"),
        sqlite_with_rowid=False,
    )
