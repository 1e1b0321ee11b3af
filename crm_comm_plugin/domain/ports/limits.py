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
    """The provider said that an account is over its limit. strikes: how often in a row, for the back-off."""

    until: datetime
    reason: str
    strikes: int = 1


class Ledger(Protocol):
    """Exact capacity per account (limits.md). One call is one transaction; Busy after the configured time."""

    def reserve(
        self,
        account_id: str,
        limits: Sequence[Limit],
        units: int,
        *,
        key: str = "",
        campaign: str = "",
        hold_seconds: float = 300.0,
    ) -> Reservation:
        """Grant min(units, what is free in every limit); the same key on the account replays; raises KeyReused."""
        ...

    def settle(self, reservation_id: str, used: int) -> str:
        """Count `used` as sent now, free the rest; answers the account's id. UnknownReservation, ReservationMismatch."""
        ...

    def allowance(self, account_id: str, limits: Sequence[Limit]) -> Allowance:
        """What is left of the tightest limit, and of each."""
        ...

    def allowances(self, wanted: Mapping[str, Sequence[Limit]]) -> dict[str, Allowance]:
        """The same for a page of accounts, in one query."""
        ...

    def forecast(self, account_id: str, limits: Sequence[Limit], units: int) -> tuple[int, Later]:
        """(how many of units go now, when how many more) if nothing else sends."""
        ...

    def close(self, account_id: str, until: datetime, reason: str) -> Closure:
        """The provider's own limit was hit: grant nothing until then."""
        ...

    def reopen(self, account_id: str) -> None:
        """A person takes a closure back."""
        ...

    def closures(self, account_ids: Sequence[str]) -> dict[str, Closure]:
        """Closures in force."""
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

    def provider_limit(self, account: StoredAccount, retry_at: datetime | None, reason: str) -> datetime:
        """The provider said the account is over its limit: closes it; answers until when."""
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

    def reopen(self, account: StoredAccount) -> None:
        """A person takes a closure back."""
        ...
