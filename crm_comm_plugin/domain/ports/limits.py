"""The ports of the send limit: the ledger that keeps it, and the limiter that use-cases ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crm_comm_hookspecs import Allowance, Limit, Reservation
from crm_comm_plugin.domain.accounts import StoredAccount

Later = tuple[tuple[datetime, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """The provider said that an account is over its limit. strikes: how often in a row, for the back-off.

    below: how often in a row it did so below the count that is set; stopped_at: at how many recipients the last time.
    in_force: it is not over yet.
    """

    until: datetime
    reason: str
    strikes: int = 1
    below: int = 0
    stopped_at: int = 0
    in_force: bool = True


@dataclass(frozen=True, slots=True)
class Grant:
    """What the ledger answers. warn: this reservation made a watched limit nearly full, and nobody was told yet."""

    reservation: Reservation
    warn: bool = False


class Ledger(Protocol):
    """Exact capacity per account (limits.md). One call is one transaction; Busy after the configured time.

    The ceiling of the installation, if there is one, is the ledger's own and is always charged and shown too.
    """

    def reserve(
        self,
        account_id: str,
        limits: Sequence[Limit],
        units: int,
        *,
        key: str = "",
        campaign: str = "",
        hold_seconds: float = 300.0,
        watched: Sequence[Limit] = (),
    ) -> Grant:
        """Grant min(units, what is free in every limit); the same key on the account replays; raises KeyReused.

        watched: those of the limits whose filling is told to people.
        """
        ...

    def settle(self, reservation_id: str, used: int) -> str:
        """Count `used` as sent now, free the rest; the account's id. UnknownReservation, ReservationMismatch."""
        ...

    def claim_reached(self, account_id: str, watched: Sequence[Limit]) -> bool:
        """True when people are to be told now that recipients were skipped: once per window."""
        ...

    def allowances(self, wanted: Mapping[str, Sequence[Limit]]) -> dict[str, Allowance]:
        """What is left of each account's limits: of the tightest, and of each; in one query."""
        ...

    def forecast(self, account_id: str, limits: Sequence[Limit], units: int) -> tuple[int, Later]:
        """(how many of units go now, when how many more, in at most 20 steps) if nothing else sends."""
        ...

    def close(
        self, account_id: str, until: datetime | None, reason: str, limit: Limit | None, sent: int = 0
    ) -> Closure:
        """The provider's limit was hit: grant nothing until then (None = with back-off). limit: the account's own.

        sent: so many were sent under a hold that is not settled yet.
        """
        ...

    def reopen(self, account_id: str) -> None:
        """A person takes a closure back."""
        ...

    def closures(self, account_ids: Sequence[str]) -> dict[str, Closure]:
        """The last closure of each account, also when it is over."""
        ...

    def forget(self, account_ids: Sequence[str]) -> None:
        """Accounts are gone for good."""
        ...

    def reset_clock(self) -> int:
        """Take a wrong future back: what lies ahead of the clock counts from now on. How many accounts it was."""
        ...


class Limiter(Protocol):
    """The limit as use-cases ask for it: knows an account's limits (own pair, pace, installation), tells events."""

    def reserve(self, account: StoredAccount, units: int, campaign: str, hold_seconds: float) -> Reservation:
        """A hold of a running send, without a key. granted 0 with retry_at when nothing is free."""
        ...

    def settle(self, reservation_id: str, used: int) -> None:
        """Give back what was not used."""
        ...

    def skipped(self, account: StoredAccount, campaign: str, count: int, retry_at: datetime | None) -> None:
        """Recipients were skipped by the limit: tells `crm_comm_limit_reached` once per account and window."""
        ...

    def provider_limit(self, account: StoredAccount, retry_at: datetime | None, reason: str, sent: int = 0) -> datetime:
        """The provider said the account is over its limit: closes it; answers until when.

        sent: so many the caller has sent under the hold that it has in hand.
        """
        ...

    def forecast(self, account: StoredAccount, units: int) -> tuple[int, Later]:
        """(now, later) for a dry run."""
        ...

    def allowances(self, accounts: Sequence[StoredAccount]) -> dict[str, Allowance]:
        """Usage of a page of accounts by id."""
        ...

    def closures(self, accounts: Sequence[StoredAccount]) -> dict[str, Closure]:
        """Provider closures in force, by account id."""
        ...

    def hints(self, accounts: Sequence[StoredAccount]) -> dict[str, int]:
        """Accounts that their provider stopped again and again below their count -> at how many recipients."""
        ...

    def reopen(self, account: StoredAccount) -> None:
        """A person takes a closure back."""
        ...
