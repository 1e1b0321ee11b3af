"""The tables of secrets: encrypted rows of the database keyring, and the journal of copies."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "crm_comm_secrets",
        sa.Column("service", sa.String(255), nullable=False),
        sa.Column("username", sa.String(255), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("service", "username", name="pk_crm_comm_secrets"),
    )
    op.create_table(
        "crm_comm_secret_journal",
        sa.Column("slot", sa.String(64), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("field", sa.String(100), nullable=False),
        sa.Column("backend", sa.String(255), nullable=False),
        sa.Column("parts", sa.Integer, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_crm_comm_secret_journal"),
    )
    op.create_index("ix_crm_comm_secret_journal_ref", "crm_comm_secret_journal", ["ref"])
    op.create_index("ix_crm_comm_secret_journal_state", "crm_comm_secret_journal", ["state", "created_at"])
