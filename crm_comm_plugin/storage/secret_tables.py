"""The tables of secrets: encrypted rows of the database keyring, and the journal of copies."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from crm_comm_plugin.storage.schema import UtcTime, metadata

secrets = Table(
    "crm_comm_secrets",
    metadata,
    Column("service", String(255), primary_key=True),
    Column("username", String(255), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("data", LargeBinary, nullable=False),
)

secret_journal = Table(
    "crm_comm_secret_journal",
    metadata,
    Column("slot", String(64), primary_key=True),
    Column("ref", String(64), nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("field", String(100), nullable=False),
    Column("backend", String(255), nullable=False),
    Column("parts", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_crm_comm_secret_journal_ref", "ref"),
    Index("ix_crm_comm_secret_journal_state", "state", "created_at"),
)
