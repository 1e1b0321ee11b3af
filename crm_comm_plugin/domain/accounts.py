"""An account as it is kept, and what a name is compared by."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm_comm_hookspecs import Account, Limit, Window


class Status(StrEnum):
    """The state of an account, as in the contract's `Account.status`."""

    CONNECTED = "connected"
    UNTESTED = "untested"
    AUTH_FAILED = "auth_failed"
    PAUSED = "paused"
    NO_CREDITS = "no_credits"
    SECRET_MISSING = "secret_missing"  # noqa: S105 - a state, not a secret
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret is kept, when it was set (UTC), and the destination it was set for (rule 4)."""

    ref: str
    set_at: datetime
    bound: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccount:
    """One account with all that is kept of it; `values` are the schema's loaded values without secrets, as JSON types.

    status is what was last seen (connected, untested, auth_failed, paused, no_credits, secret_missing); `state`
    also knows inactive. status_until: when a pause ends by itself. version grows by one with every save.
    """

    id: str
    type: str
    channel: str
    name: str
    active: bool = True
    sender: str = ""
    status: str = Status.UNTESTED
    status_detail: str = ""
    status_until: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    version: int = 1
    created_at: datetime
    created_by: str = ""
    updated_at: datetime
    updated_by: str = ""
    deleted_at: datetime | None = None
    deleted_by: str = ""
    last_used_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """The contract's status at a moment: a pause that is over is no pause."""
        if not self.active:
            return Status.INACTIVE
        if self.status == Status.PAUSED and self.status_until is not None and self.status_until <= now:
            return Status.CONNECTED
        return self.status

    def limit(self) -> Limit:
        """The account's own pair of limitation and count."""
        window = Window(self.values.get("limitation") or Window.NONE)
        count = self.values.get("limitation_count")
        return Limit(None if window is Window.NONE else count, window)

    def shown(self, now: datetime) -> Account:
        """The account as other plugins see it."""
        return Account(
            id=self.id,
            name=self.name,
            type=self.type,
            channel=self.channel,
            active=self.active,
            sender=self.sender,
            status=self.state(now),
        )


def name_key(name: str) -> str:
    """What makes two names the same: no regard to case, Unicode form, outer and repeated or invisible spaces."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    visible = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return " ".join(visible.split())


def sort_key(name: str) -> str:
    """What a name is sorted and found by: `name_key` without accents, so that "Ärzte" stands, and is found, under A."""
    plain = (c for c in unicodedata.normalize("NFKD", name_key(name)) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", "".join(plain))
