"""Accounts for tests of the store."""

import itertools
from datetime import UTC, datetime
from typing import Any

from crm_comm_plugin.domain.accounts import StoredAccount

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
_IDS = itertools.count(1)


def make(name: str, **changes: Any) -> StoredAccount:
    known = {
        "id": f"{next(_IDS):08d}",
        "type": "email",
        "channel": "email",
        "name": name,
        "sender": "news@example.com",
        "created_at": AT,
        "created_by": "alice",
        "updated_at": AT,
        "updated_by": "alice",
    }
    return StoredAccount(**{**known, **changes})
