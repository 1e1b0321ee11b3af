"""The ports of sending: sends, the outcome of each recipient, who runs a send, and usage by the hour."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from crm_comm_hookspecs import Outcome, Recipient, Rejected, UsagePoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRow:
    """A send as it is kept. state: running | interrupted | finished; hold: the reservation in hand, if any."""

    id: str
    account_id: str
    key: str
    campaign: str
    state: str
    created_at: datetime
    finished_at: datetime | None = None
    cancelled: bool = False
    run: int = 0
    owner: str = ""
    hold: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    retry_at: datetime | None = None


class SendStore(Protocol):
    """Sends. `owner` fences: a run that lost its lock cannot write any more."""

    def begin(self, row: SendRow) -> SendRow:
        """Make the send or take it over as a new run with a new owner; answers it as it was before, run counted up."""
        ...

    def find(self, id: str) -> SendRow | None:
        """One send."""
        ...

    def page(
        self, account_id: str, campaign: str, key: str, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[SendRow, ...]:
        """Newest first."""
        ...

    def save(self, row: SendRow) -> None:
        """Store state, hold, counts, retry_at; raises SendInProgress when another owner took it over."""
        ...

    def ask_to_stop(self, id: str) -> bool:
        """Mark as cancelled; the running process sees it before its next batch."""
        ...


class OutcomeStore(Protocol):
    """One row per recipient of a send, keyed by normalised address."""

    def admit(self, send_id: str, run: int, chunk: Sequence[Recipient | Rejected]) -> Sequence[Recipient]:
        """Write a chunk as pending (rejected ones as failed, repeats as duplicates); answers who is to be tried now."""
        ...

    def hand_over(self, send_id: str, owner: str, addresses: Sequence[str]) -> None:
        """Just before a batch goes: from here on a crash leaves these unknown. Raises SendInProgress if fenced off."""
        ...

    def record(self, send_id: str, owner: str, outcomes: Sequence[Outcome]) -> None:
        """What became of recipients."""
        ...

    def recover(self, send_id: str) -> int:
        """After a crash: handed over ones become unknown; how many recipients of the last hold may have been sent."""
        ...

    def page(self, send_id: str, status: str, after: int, limit: int) -> tuple[tuple[tuple[int, Outcome], ...], bool]:
        """((position, outcome) ...), whether more follow; in order of arrival."""
        ...

    def counts(self, send_id: str) -> dict[str, int]:
        """RecipientStatus -> number."""
        ...


class SendLocks(Protocol):
    """Who runs a send now; ends with its process, however that ends."""

    def hold(self, send_id: str) -> AbstractContextManager[None]:
        """Hold it; raises SendInProgress when somebody alive does."""
        ...

    def is_held(self, send_id: str) -> bool:
        """True while somebody alive holds it."""
        ...


class UsageStore(Protocol):
    """Usage per account, campaign and hour, kept 400 days."""

    def add(self, account_id: str, point: UsagePoint) -> None:
        """Add to the hour's numbers."""
        ...

    def read(self, account_id: str, since: datetime, until: datetime) -> tuple[UsagePoint, ...]:
        """Points in order of time, then campaign."""
        ...
