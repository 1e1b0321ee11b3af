"""The tables of OAuth: sign-ins under way, and those that stand. Tokens are in the secret store."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from crm_comm_plugin.storage.schema import UtcTime, metadata

oauth_flows = Table(
    "crm_comm_oauth_flows",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("user", String(255), nullable=False),
    Column("provider", String(100), nullable=False),
    Column("place", Text, nullable=False),
    Column("verifier", String(64), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index("ix_crm_comm_oauth_flows_expires_at", "expires_at"),
)

oauth_grants = Table(
    "crm_comm_oauth_grants",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("provider", String(100), nullable=False),
    Column("place", Text, nullable=False),
    Column("ref", String(64), nullable=False),
    Column("user", String(255), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("number", Integer, nullable=False),
    Column("refused", Boolean, nullable=False),
    Column("lease_owner", String(64), nullable=False, server_default=""),
    Column("lease_until", UtcTime),
)
