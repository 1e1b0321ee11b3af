"""What other plugins ask of the limit: allowance, reserve, settle, usage."""

from datetime import datetime
from typing import Any

from crm_comm_hookspecs import Allowance, Reservation, UnknownAccount, UsagePoint
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports.accounts import AccountStore
from crm_comm_plugin.domain.ports.limits import Ledger
from crm_comm_plugin.domain.ports.sends import UsageStore
from crm_comm_plugin.limits import checking
from crm_comm_plugin.limits.limiter import LedgerLimiter


class Limits:
    """The send limit for senders of their own. Every argument is checked before anything is charged."""

    def __init__(self, *, accounts: AccountStore, ledger: Ledger, limiter: LedgerLimiter, usage: UsageStore) -> None:
        self._accounts = accounts
        self._ledger = ledger
        self._limiter = limiter
        self._usage = usage

    def allowance(self, account_id: str) -> Allowance:
        """How much of an account's limits is left. Raises UnknownAccount."""
        return self._allowance(self._known(account_id))

    def _allowance(self, account: StoredAccount) -> Allowance:
        return self._limiter.allowances([account])[account.id]

    def reserve(
        self, account_id: str, units: int, key: str, campaign: str = "", hold_seconds: float = 300
    ) -> Reservation:
        """Set capacity aside. Raises InvalidInput, UnknownAccount, KeyReused, Busy.

        The same key on the account gives the first answer, also when that was 0: to ask anew, use a new key. An
        inactive account, and one whose count is 0, grants 0 without retry_at.
        """
        units, key = checking.check_units(units), checking.check_key(key)
        campaign, seconds = checking.check_campaign(campaign), checking.check_hold(hold_seconds)
        account = self._known(account_id)
        found = self._limiter.reserve_keyed(account, units, key, campaign, seconds)
        if found.granted < units and not found.replayed:
            self._limiter.skipped(account, campaign, units - found.granted, found.retry_at)
        return found

    def settle(self, reservation_id: str, used: int) -> Allowance:
        """Say how much was used; the rest is free. Raises UnknownReservation, ReservationMismatch, InvalidInput."""
        account_id = self._ledger.settle(checking.check_reservation(reservation_id), checking.check_used(used))
        account = self._accounts.find(account_id) or self._accounts.find(account_id, deleted=True)
        if account is None:
            raise UnknownAccount
        return self._allowance(account)

    def usage(self, account_id: str, since: datetime, until: datetime) -> tuple[UsagePoint, ...]:
        """What each campaign did in each hour that overlaps [since, until), kept for 400 days."""
        start, end = checking.check_time("since", since), checking.check_time("until", until)
        return self._usage.read(self._known(account_id).id, start, end)

    def reset_clock(self) -> int:
        """Take a wrong future back, when the clock was ahead: on how many accounts it was."""
        return self._ledger.reset_clock()

    def _known(self, account_id: Any) -> StoredAccount:
        account = self._accounts.find(checking.check_account_id(account_id))
        if account is None:
            raise UnknownAccount
        return account
