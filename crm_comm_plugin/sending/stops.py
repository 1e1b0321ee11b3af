"""Why the rest of a send is skipped: decided once for all, never asked for each recipient."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crm_comm_hookspecs import Outcome, Reason, RecipientStatus, Reservation, UnknownAccount
from crm_comm_plugin.domain.accounts import Status, StoredAccount
from crm_comm_plugin.domain.sends import detail_of
from crm_comm_plugin.sending.dispatch import Failure
from crm_comm_plugin.sending.parts import SendParts

UNREACHABLE_STREAK = 3
"""So many recipients in a row for whom there was no line: there is none for the rest either."""
_WHOLE_ACCOUNT = frozenset({Reason.PROVIDER_LIMIT, Reason.AUTH, Reason.CREDITS, Reason.INACTIVE})


@dataclass(frozen=True, slots=True)
class Stop:
    """Nobody is tried any more, or not before `ends` on our clock. retry_at: for people."""

    reason: str
    detail: str = ""
    retry_at: datetime | None = None
    ends: datetime | None = None


class Stops:
    """What was learnt about one account during one run. `account` is as it was read last."""

    def __init__(self, parts: SendParts, account: StoredAccount) -> None:
        self.account = account
        self._parts = parts
        self._stop: Stop | None = None
        self._streak = 0
        self._working = False
        self._sent = 0

    def current(self) -> Stop | None:
        """Why nobody may be tried now; a limit's stop ends by itself when capacity is back."""
        stop = self._stop
        if stop is not None and stop.ends is not None and self._parts.clock.now() >= stop.ends:
            self._stop = None
        return self._stop

    def look_again(self) -> Stop | None:
        """The same, after a look at whether the account is still there and active."""
        if (stop := self.current()) is not None:
            return stop
        try:
            self.account = self._parts.accounts.find(self.account.id)
        except UnknownAccount:
            self._stop = Stop(Reason.INACTIVE, "The account was deleted.")
            return self._stop
        if not self.account.active:
            self._stop = Stop(Reason.INACTIVE)
        return self._stop

    def new_hold(self) -> None:
        """What is sent from now on is sent under another hold."""
        self._sent = 0

    def interrupt(self) -> None:
        """Somebody asked to stop."""
        self._stop = Stop(Reason.INTERRUPTED)

    def nothing_free(self, hold: Reservation, seconds: float) -> None:
        """The ledger granted nothing: the account's own limit, or one that its provider has told.

        seconds: how long the hold was to last. It tells the ledger's time, which may be that of another machine.
        """
        closure = self._parts.limiter.closures([self.account]).get(self.account.id)
        if closure is None:
            asked_at = hold.held_until - timedelta(seconds=seconds)
            ends = None if hold.retry_at is None else self._parts.clock.now() + (hold.retry_at - asked_at)
            self._stop = Stop(Reason.LIMIT, retry_at=hold.retry_at, ends=ends)
        else:
            self._stop = Stop(Reason.PROVIDER_LIMIT, closure.reason, closure.until)

    def failed(self, failure: Failure) -> None:
        """The whole line failed."""
        self._halt(Stop(failure.reason, failure.detail, failure.retry_at))

    def heard(self, outcome: Outcome) -> Outcome:
        """Learn from one outcome; answers it with the time of the next try where that is known now."""
        if outcome.status is RecipientStatus.SENT:
            self._streak, self._sent = 0, self._sent + 1
            if not self._working:
                self._works()
            return outcome
        if outcome.reason == Reason.UNREACHABLE and outcome.status is RecipientStatus.SKIPPED:
            self._streak += 1
            if self._streak >= UNREACHABLE_STREAK and self._stop is None:
                self._halt(Stop(Reason.UNREACHABLE, outcome.detail, outcome.retry_at))
            return outcome
        self._streak = 0
        if outcome.status is RecipientStatus.SKIPPED and outcome.reason in _WHOLE_ACCOUNT:
            if self._stop is None or self._stop.reason != outcome.reason:
                self._halt(Stop(outcome.reason, outcome.detail, outcome.retry_at))
            if self._stop is not None and outcome.retry_at is None:
                return replace(outcome, retry_at=self._stop.retry_at)
        return outcome

    def _halt(self, stop: Stop) -> None:
        accounts, account_id = self._parts.accounts, self.account.id
        detail = detail_of("skipped", stop.reason, stop.detail)
        if stop.reason == Reason.PROVIDER_LIMIT:
            until = self._parts.limiter.provider_limit(self.account, stop.retry_at, detail, self._sent)
            stop = replace(stop, retry_at=until)
            accounts.set_status(account_id, Status.PAUSED, detail, until)
        elif stop.reason == Reason.AUTH:
            accounts.set_status(account_id, Status.AUTH_FAILED, detail)
        elif stop.reason == Reason.CREDITS:
            accounts.set_status(account_id, Status.NO_CREDITS, detail)
        self._stop = stop

    def _works(self) -> None:
        self._working = True
        if self.account.status != Status.CONNECTED:
            self._parts.accounts.set_status(self.account.id, Status.CONNECTED)
            self.account = replace(self.account, status=Status.CONNECTED)
