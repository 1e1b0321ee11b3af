"""The tables of the send limit: one row per account that decides, holds and keyed reservations, usage by the hour."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from crm_comm_plugin.storage.schema import UtcTime, metadata

ledger = Table(
    "crm_comm_ledger",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("state", LargeBinary, nullable=False),
    Column("past", LargeBinary, nullable=False),
    Column("latest", BigInteger, nullable=False, server_default="0"),
    Column("calm_until", BigInteger, nullable=False, server_default="0"),
    Column("windows", Integer, nullable=False, server_default="0"),
    Column("shortest", BigInteger, nullable=False, server_default="0"),
    Column("held", BigInteger, nullable=False, server_default="0"),
    Column("used_minute", BigInteger, nullable=False, server_default="0"),
    Column("used_hour", BigInteger, nullable=False, server_default="0"),
    Column("used_day", BigInteger, nullable=False, server_default="0"),
    Column("used_month", BigInteger, nullable=False, server_default="0"),
    Column("journal", LargeBinary, nullable=False, server_default=""),
    postgresql_with={"fillfactor": "50"},
)
"""All that decides. `past` is the older part of the log, which seldom changes.

From `latest` on: the quick lane of PostgreSQL (domain/ledger_quick.py); SQLite leaves them alone.
"""

ledger_holds = Table(
    "crm_comm_ledger_holds",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("token", LargeBinary(16), primary_key=True),
    Column("units", BigInteger, nullable=False),
    Column("held_until", BigInteger, nullable=False),
    Column("expired", Boolean, nullable=False),
    Index("ix_crm_comm_ledger_holds_account_id_held_until", "account_id", "held_until"),
    sqlite_with_rowid=False,
)
"""Live holds that no longer fit into the account's row, and expired ones until they are settled late or forgotten."""

ledger_keys = Table(
    "crm_comm_ledger_keys",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("token", LargeBinary(16), primary_key=True),
    Column("nonce", Integer, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("requested", Integer, nullable=False),
    Column("granted", Integer, nullable=False),
    Column("used", Integer),
    Column("held_until", BigInteger, nullable=False),
    Column("retry_at", BigInteger),
    Column("made_at", BigInteger, nullable=False),
    Column("campaign", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Reservations with a key. token: a hash of the key. Times in the ledger's microseconds."""

usage = Table(
    "crm_comm_usage",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("hour", UtcTime, primary_key=True),
    Column("campaign", String(200), primary_key=True),
    Column("sent", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("unknown", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What each campaign did in each hour, for charts."""
