"""The tables of SMS credits: orders, balances, report URLs, and the references of texts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make all four tables."""
    op.create_table(
        "crm_comm_orders",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("gateway", sa.String(100), nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("credits", sa.String(40)),
        sa.PrimaryKeyConstraint("key", name="pk_crm_comm_orders"),
    )
    op.create_index("ix_crm_comm_orders_gateway_created_at", "crm_comm_orders", ["gateway", "created_at"])
    op.create_table(
        "crm_comm_balances",
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("balance", sa.String(40), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_crm_comm_balances"),
    )
    make_reports()


def make_reports() -> None:
    """What delivery reports are matched by."""
    op.create_table(
        "crm_comm_report_tokens",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_crm_comm_report_tokens"),
        sa.UniqueConstraint("account_id", name="uq_crm_comm_report_tokens_account_id"),
    )
    op.create_table(
        "crm_comm_texts",
        sa.Column("ref", sa.String(40), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("send_id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(400), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_crm_comm_texts"),
    )
    op.create_index("ix_crm_comm_texts_send_id_address", "crm_comm_texts", ["send_id", "address"])
    op.create_index("ix_crm_comm_texts_at", "crm_comm_texts", ["at"])
