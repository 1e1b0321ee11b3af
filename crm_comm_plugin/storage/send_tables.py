"""The tables of sends and their outcomes."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, UniqueConstraint, false

from crm_comm_plugin.storage.schema import UtcTime, metadata

COUNTED = ("sent", "skipped", "failed", "unknown")

sends = Table(
    "crm_comm_sends",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("account_id", String(64), nullable=False),
    Column("key", String(200), nullable=False),
    Column("campaign", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("cancelled", Boolean, nullable=False, server_default=false()),
    Column("run", Integer, nullable=False, server_default="0"),
    Column("owner", String(64), nullable=False, server_default=""),
    Column("hold", String(200), nullable=False, server_default=""),
    Column("charged", Integer, nullable=False, server_default="0"),
    Column("taken", Integer, nullable=False, server_default="0"),
    *(Column(f"n_{status}", Integer, nullable=False, server_default="0") for status in COUNTED),
    Column("retry_at", UtcTime),
    Index(None, "created_at", "id"),
    Index(None, "account_id", "created_at", "id"),
    Index(None, "campaign", "created_at", "id"),
    Index(None, "key", "created_at", "id"),
)
"""One row per send. taken: how many positions are taken; n_...: how many of each status."""

outcomes = Table(
    "crm_comm_outcomes",
    metadata,
    Column("send", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("address", String(400), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(32), nullable=False, server_default=""),
    Column("detail", String(500), nullable=False, server_default=""),
    Column("code", String(40), nullable=False, server_default=""),
    Column("at", UtcTime),
    Column("retry_at", UtcTime),
    Column("delivery", String(16), nullable=False, server_default=""),
    Column("run", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
    UniqueConstraint("send", "address", "nth"),
    sqlite_with_rowid=False,
)
"""One row per recipient (nth 0) and one per repeat of it (nth 1, 2 ...), in order of arrival.

run, seen: the last run in whose list it was, and how often. No foreign key: it would cost a look-up per recipient, and
sends are never deleted alone.
"""
