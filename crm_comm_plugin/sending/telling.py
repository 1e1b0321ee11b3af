"""Who is told how a send goes: the caller's progress, the usage history, the limit's notice."""

from collections import Counter
from collections.abc import Callable, Mapping

from crm_comm_hookspecs import Progress, RecipientStatus, UsagePoint
from crm_comm_hookspecs.working import OnProgress
from crm_comm_plugin.sending.parts import SendParts

TOUCH_SECONDS = 30.0


class Teller:
    """Tells of one run. total: how many recipients there are, where that is known beforehand."""

    def __init__(self, parts: SendParts, campaign: str, on_progress: OnProgress | None, total: int | None) -> None:
        self._parts = parts
        self._campaign = campaign
        self._on_progress = on_progress
        self._total = total
        self._touched = float("-inf")

    def goes_on(self, counts: Callable[[], Mapping[str, int]], done: int) -> bool:
        """Tell the caller; False when it asks to stop."""
        if self._on_progress is None:
            return True
        numbers = Counter({RecipientStatus(status): number for status, number in counts().items() if number})
        total = None if self._total is None else max(self._total, done)
        return self._on_progress(Progress(done=done, total=total, counts=numbers)) is not False

    def usage(self, account_id: str, told: Counter[str]) -> None:
        """Add the outcomes of this run by status to the hour's numbers, and empty them."""
        numbers = {str(status): told[status] for status in RecipientStatus if told[status] > 0}
        if not numbers:
            return
        hour = self._parts.clock.now().replace(minute=0, second=0, microsecond=0)
        self._parts.usage.add(account_id, UsagePoint(at=hour, campaign=self._campaign, **numbers))
        told.clear()
        used = set(numbers) - {RecipientStatus.SKIPPED}
        if used and self._parts.clock.ticks() - self._touched > TOUCH_SECONDS:
            self._parts.accounts.touch(account_id)
            self._touched = self._parts.clock.ticks()
