"""The ports of sending: sends, the outcome of each recipient, who runs a send, and usage by the hour."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from crm_comm_hookspecs import Outcome, Recipient, Rejected, UsagePoint
from crm_comm_plugin.domain.sends import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRow:
    """A send as it is kept. state: running | interrupted | finished.

    run: how often it was started. owner: the token of the run that may write. hold: the reservation in hand or last
    settled; charged: how many recipients of that hold count as used, so far. counts: RecipientStatus -> number, always
    equal to the outcome rows. retry_at: when skipped recipients may be tried again, if known.
    """

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
    charged: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to write to a send: raises SendInProgress once another run has taken it over."""

    send_id: str
    run: int
    owner: str


@dataclass(frozen=True, slots=True)
class Written:
    """A send after a write. charged: recipients of `hold` that count as used. handed: False = nothing was handed over,
    because the send was cancelled."""

    counts: Mapping[str, int]
    hold: str = ""
    charged: int = 0
    cancelled: bool = False
    handed: bool = True


class SendStore(Protocol):
    """Sends. Every write is fenced: a run that lost its lock cannot write any more."""

    def begin(self, row: SendRow) -> SendRow:
        """Make the send, or take it over with this row's owner and campaign; its run grows by one.

        Answers the row as it was before (state, hold, charged, counts of the last run) with the new run, owner and
        campaign. `cancelled` is taken back.
        """
        ...

    def find(self, id: str) -> SendRow | None:
        """One send."""
        ...

    def page(
        self, account_id: str, campaign: str, key: str, after: tuple[datetime, str] | None, limit: int
    ) -> tuple[SendRow, ...]:
        """Newest first; "" = any."""
        ...

    def end(self, ticket: Ticket, state: str, at: datetime, retry_at: datetime | None) -> None:
        """The run is over."""
        ...

    def ask_to_stop(self, id: str) -> bool:
        """Mark a running send as cancelled: its process sees it before its next batch. False: it does not run."""
        ...


class OutcomeStore(Protocol):
    """One row per recipient of a send, told apart by normalised address. Each call is one transaction."""

    def admit(
        self, ticket: Ticket, chunk: Sequence[Recipient | Rejected], at: datetime
    ) -> tuple[Sequence[Entry], Written]:
        """Write a chunk: recipients as pending, rejected ones and repeats with their outcome; what is there stays.

        Answers who is to be tried now: the new ones, and those that an earlier run skipped.
        """
        ...

    def hand_over(
        self, ticket: Ticket, done: Sequence[tuple[Entry, Outcome]], batch: Sequence[Entry], hold: str, at: datetime
    ) -> Written:
        """Record outcomes, and mark a batch as handed over just before it goes: a crash leaves these unknown.

        hold: the reservation it goes under. When the send is cancelled, nothing is handed over. at: as in `record`.
        """
        ...

    def record(
        self, ticket: Ticket, done: Sequence[tuple[Entry, Outcome]], at: datetime, handed: bool = True
    ) -> Written:
        """What became of recipients; twice is harmless. at: for outcomes that do not say when they came.

        handed: whether most of them were handed over, which is only quicker.
        """
        ...

    def release(self, ticket: Ticket, batch: Sequence[Entry]) -> Written:
        """Take back what was handed over and provably not tried: it is as before."""
        ...

    def recover(self, ticket: Ticket, at: datetime) -> Written:
        """After a crash or an error: handed over ones become unknown, pending ones skipped as interrupted."""
        ...

    def page(self, send_id: str, status: str, after: int, limit: int) -> tuple[tuple[tuple[int, Outcome], ...], bool]:
        """((position, outcome) ...), whether more follow; in order of arrival. after: a position, -1 = the start."""
        ...


class SendLocks(Protocol):
    """Who runs a send now; ends with its process, however that ends."""

    def hold(self, send_id: str) -> AbstractContextManager[None]:
        """Hold it; raises SendInProgress when somebody alive does."""
        ...


class UsageStore(Protocol):
    """Usage per account, campaign and hour, kept 400 days."""

    def add(self, account_id: str, point: UsagePoint) -> None:
        """Add to the hour's numbers."""
        ...

    def read(self, account_id: str, since: datetime, until: datetime) -> tuple[UsagePoint, ...]:
        """Points in order of time, then campaign."""
        ...
