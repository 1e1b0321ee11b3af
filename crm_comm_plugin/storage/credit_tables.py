"""The tables of SMS credits: orders, balances, report URLs, and the references of texts."""

from sqlalchemy import Column, Index, String, Table, Text

from crm_comm_plugin.storage.schema import UtcTime, metadata

orders = Table(
    "crm_comm_orders",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("owner", Text, nullable=False),  # an account's id, or draft:USER
    Column("gateway", String(100), nullable=False),
    Column("place", Text, nullable=False),  # JSON: the gateway's own fields, such as its address
    Column("user", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("order_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("credits", String(40)),  # an exact decimal number
    Index(None, "gateway", "created_at"),
)
"""One row per purchase, from before the gateway hears of it."""

balances = Table(
    "crm_comm_balances",
    metadata,
    Column("account_id", String(64), primary_key=True),
    Column("balance", String(40), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("as_of", UtcTime, nullable=False),
)
"""What each account had left when its gateway was asked last."""

report_tokens = Table(
    "crm_comm_report_tokens",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False, unique=True),
)
"""The secret part of each account's report URLs."""

texts = Table(
    "crm_comm_texts",
    metadata,
    Column("ref", String(40), primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("send_id", String(64), nullable=False),
    Column("address", String(400), nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "send_id", "address"),
    Index(None, "at"),
)
"""What each reference that went to a gateway stands for."""
