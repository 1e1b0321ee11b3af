"""The limit as use-cases ask for it: the Limiter port over a ledger."""

from collections.abc import Sequence
from datetime import datetime

from crm_comm_hookspecs import Allowance, Limit, Notice, Reservation, Window
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports.events import Events
from crm_comm_plugin.domain.ports.limits import Closure, Later, Ledger
from crm_comm_plugin.limits.rules import Rules, own

WARNING, REACHED = "warning", "reached"
BLOCKED = Limit(0, Window.DAY)
HINT_AFTER = 3
"""So often must a provider stop an account below its count before people are told to lower it."""


class LedgerLimiter:
    """The Limiter port: knows an account's limits, and tells other plugins when one fills up."""

    def __init__(self, *, ledger: Ledger, rules: Rules, events: Events) -> None:
        self._ledger = ledger
        self._rules = rules
        self._events = events

    def reserve(self, account: StoredAccount, units: int, campaign: str, hold_seconds: float) -> Reservation:
        """A hold of a running send, without a key. granted 0 with retry_at when nothing is free."""
        return self.reserve_keyed(account, units, "", campaign, hold_seconds)

    def reserve_keyed(
        self, account: StoredAccount, units: int, key: str, campaign: str, hold_seconds: float
    ) -> Reservation:
        """The same; the same key returns the first answer. An inactive account is granted 0, without retry_at."""
        limits = self._rules.of(account)
        grant = self._ledger.reserve(
            account.id,
            limits if account.active else (*limits, BLOCKED),
            units,
            key=key,
            campaign=campaign,
            hold_seconds=hold_seconds,
            watched=own(account),
        )
        if grant.warn:
            self._tell(account, campaign, 0, None, WARNING)
        return grant.reservation

    def settle(self, reservation_id: str, used: int) -> None:
        """Give back what was not used."""
        self._ledger.settle(reservation_id, used)

    def skipped(self, account: StoredAccount, campaign: str, count: int, retry_at: datetime | None) -> None:
        """Recipients were skipped by the limit: tells `crm_comm_limit_reached` once per account and window."""
        if count <= 0 or not account.active or self._only_paced(account):
            return
        if self._ledger.claim_reached(account.id, own(account)):
            self._tell(account, campaign, count, retry_at, REACHED)

    def _only_paced(self, account: StoredAccount) -> bool:
        """Its provider's pace is used up and no other limit: told of that, nobody would be told of the others later."""
        parts = self.allowances([account])[account.id].limits
        full = {part.limit for part in parts if part.remaining == 0}
        return bool(full) and full.issubset(self._rules.of(account)) and full.isdisjoint(own(account))

    def _tell(self, account: StoredAccount, campaign: str, skipped: int, retry_at: datetime | None, level: str) -> None:
        notice = Notice(account_id=account.id, campaign=campaign, skipped=skipped, retry_at=retry_at, level=level)
        self._events.limit_reached(notice)

    def provider_limit(self, account: StoredAccount, retry_at: datetime | None, reason: str, sent: int = 0) -> datetime:
        """The provider said the account is over its limit: closes it; answers until when."""
        return self._ledger.close(account.id, retry_at, reason, account.limit(), sent).until

    def forecast(self, account: StoredAccount, units: int) -> tuple[int, Later]:
        """(now, later) for a dry run."""
        return self._ledger.forecast(account.id, self._rules.of(account), units)

    def allowances(self, accounts: Sequence[StoredAccount]) -> dict[str, Allowance]:
        """Usage of a page of accounts by id."""
        return self._ledger.allowances(self._rules.of_all(accounts))

    def closures(self, accounts: Sequence[StoredAccount]) -> dict[str, Closure]:
        """Provider closures in force, by account id."""
        found = self._ledger.closures([account.id for account in accounts])
        return {one: closure for one, closure in found.items() if closure.in_force}

    def hints(self, accounts: Sequence[StoredAccount]) -> dict[str, int]:
        """Accounts that their provider stopped again and again below their count -> at how many recipients."""
        found = self._ledger.closures([account.id for account in accounts])
        counts = {account.id: account.limit().count for account in accounts}
        return {
            one: closure.stopped_at
            for one, closure in found.items()
            if closure.below >= HINT_AFTER and (count := counts[one]) is not None and 0 < closure.stopped_at < count
        }

    def reopen(self, account: StoredAccount) -> None:
        """A person takes a closure back."""
        self._ledger.reopen(account.id)
