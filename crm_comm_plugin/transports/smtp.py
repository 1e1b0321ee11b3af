"""The SMTP transport: lines kept for many messages; each recipient gets one outcome, and none is sent to twice."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crm_comm_hookspecs import (
    Account,
    Diagnosis,
    MailServer,
    Outcome,
    Reason,
    Recipient,
    Settings,
    Transport,
)
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.transports.network import Networks
from crm_comm_plugin.transports.scrub import Scrubber
from crm_comm_plugin.transports.smtp_diagnose import diagnose
from crm_comm_plugin.transports.smtp_jobs import Jobs, refusal
from crm_comm_plugin.transports.smtp_lane import Job, Lane, Outcomes
from crm_comm_plugin.transports.smtp_target import Target, Tokens, target_of

BATCH = 50
"""Recipients for each line."""
WORTH_A_LINE = 8
"""Another line is opened for so many recipients more."""
LOST = 3
"""So many messages in a row with which the line broke: it is not the recipients' fault."""
_WHOLE_ACCOUNT = frozenset({Reason.AUTH, Reason.PROVIDER_LIMIT})

Connect = Callable[[Account, Mapping[str, Any], Mapping[str, str]], Transport]
Running = dict["Future[Outcomes]", tuple[Lane, Job]]


def smtp_connect(
    settings: Settings, servers: Callable[[], Mapping[str, MailServer]], tokens: Tokens | None = None
) -> Connect:
    """The `connect` of the e-mail account type. servers: the presets as registered now; tokens: where OAuth's are."""
    now = settings.clock or _now
    networks = Networks(settings.allowed_networks, settings.denied_networks)

    def connect(account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        found = target_of(account, values, secrets, servers(), tokens)
        target = replace(found, networks=networks, plain_passwords=settings.allow_plain_passwords)
        return SmtpTransport(target, settings.smtp_timeout, settings.smtp_ca_file, now)

    return connect


class SmtpTransport:
    """The contract's Transport. seconds: the longest wait of each phase; ca_file: further authorities."""

    def __init__(self, target: Target, seconds: float, ca_file: str, now: Callable[[], datetime]) -> None:
        self._target, self._seconds, self._ca_file, self._now = target, seconds, ca_file, now
        self.batch = BATCH * target.connections
        self._scrubber = Scrubber(target.user, [target.password])
        self._lanes = [self._make()]
        self._most = target.connections
        self._pool: ThreadPoolExecutor | None = None
        self._jobs = Jobs(target, now)
        self._hopeless: Outcome | None = None
        self._lost = 0

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        """Message by message; once there is no hope, the rest of the batch is skipped untried."""
        self._hopeless, self._lost = None, 0
        lines = min(self._most, 1 + len(batch) // WORTH_A_LINE)
        return self._alone(batch) if lines == 1 else self._together(batch, lines)

    def diagnose(self) -> Diagnosis:
        """Step by step up to RCPT, nothing is sent."""
        return diagnose(self._target, self._seconds, self._ca_file, self._scrubber)

    def close(self) -> None:
        """Say goodbye."""
        pool, self._pool = self._pool, None
        if pool is not None:
            list(pool.map(Lane.close, self._lanes))
            pool.shutdown()
        for lane in self._lanes:
            lane.close()

    def _make(self) -> Lane:
        return Lane(self._target, self._seconds, self._ca_file, self._now, self._scrubber)

    def _alone(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        lane = self._lanes[0]
        for item in self._items(batch):
            if isinstance(item, Outcome):
                yield item
                continue
            outcomes = lane.run(item)
            self._note(lane, outcomes)
            yield from outcomes

    def _together(self, batch: Sequence[tuple[Recipient, Message]], lines: int) -> Iterator[Outcome]:
        """Over several lines at once; the batch is read, and outcomes are told, in the caller's thread."""
        self._lanes += [self._make() for _ in range(lines - len(self._lanes))]
        pool = self._pool = self._pool or ThreadPoolExecutor(self._target.connections, "crm-comm-smtp")
        free, running, again = self._lanes[:lines], Running(), deque[Job | Outcome]()
        items = self._items(batch)
        try:
            while True:
                while free and (item := self._next(again, items)) is not None:
                    if isinstance(item, Outcome):
                        yield item
                    else:
                        lane = free.pop(0)
                        running[pool.submit(lane.run, item)] = lane, item
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    lane, job = running.pop(future)
                    outcomes = future.result()
                    if self._one_too_many(lane, free, running):
                        again.append(job)
                        continue
                    self._note(lane, outcomes)
                    free.append(lane)
                    yield from outcomes
        finally:
            wait(running)  # what is on its way is not left to itself

    def _next(self, again: deque[Job | Outcome], items: Iterator[Job | Outcome]) -> Job | Outcome | None:
        """What a line gave back comes first; without hope it is not tried again."""
        if not again:
            return next(items, None)
        item = again.popleft()
        if isinstance(item, Outcome) or self._hopeless is None:
            return item
        again.extendleft(refusal(recipient, self._hopeless) for recipient in item.recipients)
        return again.popleft()

    def _one_too_many(self, lane: Lane, free: list[Lane], running: Running) -> bool:
        """A further line that cannot be opened while others can, or still try to: go on with fewer."""
        if not (lane.closed and lane.untried) or not (running or any(other.is_open for other in free)):
            return False
        self._most = max(1, len(free) + len(running))
        self._lanes.remove(lane)
        return True

    def _items(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Job | Outcome]:
        """Jobs as long as there is hope, and outcomes for whom none is made."""
        for item in self._jobs.of(batch):
            if self._hopeless is None or isinstance(item, Outcome):
                yield item
            else:
                yield from (refusal(recipient, self._hopeless) for recipient in item.recipients)

    def _note(self, lane: Lane, outcomes: Outcomes) -> None:
        """When something concerns the whole account, or the line is gone for good, nobody else is tried."""
        unreachable = all(outcome.reason == Reason.UNREACHABLE for outcome in outcomes)
        self._lost = self._lost + 1 if unreachable else 0
        worst = next((outcome for outcome in outcomes if outcome.reason in _WHOLE_ACCOUNT), outcomes[-1])
        if worst.reason in _WHOLE_ACCOUNT or lane.closed or self._lost >= LOST:
            self._hopeless = worst


def _now() -> datetime:
    return datetime.now(UTC)
