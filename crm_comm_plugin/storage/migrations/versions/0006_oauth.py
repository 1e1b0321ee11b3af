"""The tables of OAuth sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "crm_comm_oauth_flows",
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("verifier", sa.String(64), nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("state", name="pk_crm_comm_oauth_flows"),
    )
    op.create_index("ix_crm_comm_oauth_flows_expires_at", "crm_comm_oauth_flows", ["expires_at"])
    op.create_table(
        "crm_comm_oauth_grants",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("user", sa.String(255), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("lease_owner", sa.String(64), nullable=False, server_default=""),
        sa.Column("lease_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("account_id", name="pk_crm_comm_oauth_grants"),
    )
