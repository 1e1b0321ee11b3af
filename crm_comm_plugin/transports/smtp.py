"""The SMTP transport: lines kept for many messages; each recipient gets one outcome, and none is sent to twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crm_comm_hookspecs import (
    Account,
    Diagnosis,
    MailServer,
    Outcome,
    Recipient,
    Settings,
    Transport,
)
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.domain.scrub import Scrubber
from crm_comm_plugin.transports.network import Networks
from crm_comm_plugin.transports.smtp_crew import Crew
from crm_comm_plugin.transports.smtp_diagnose import diagnose
from crm_comm_plugin.transports.smtp_jobs import Jobs
from crm_comm_plugin.transports.smtp_lane import Lane
from crm_comm_plugin.transports.smtp_shares import Shares
from crm_comm_plugin.transports.smtp_target import Target, Tokens, target_of

BATCH = 50
"""Recipients for each line."""
WORTH_A_LINE = 8
"""Another line is opened for so many recipients more."""

Connect = Callable[[Account, Mapping[str, Any], Mapping[str, str]], Transport]


def smtp_connect(
    settings: Settings, servers: Callable[[], Mapping[str, MailServer]], tokens: Tokens | None = None
) -> Connect:
    """The `connect` of the e-mail account type. servers: the presets as registered now; tokens: where OAuth's are."""
    now = settings.clock or _now
    networks, shares = Networks(settings.allowed_networks, settings.denied_networks), Shares()

    def connect(account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        found = target_of(account, values, secrets, servers(), tokens)
        target = replace(found, networks=networks, plain_passwords=settings.allow_plain_passwords)
        return SmtpTransport(target, settings.smtp_timeout, settings.smtp_ca_file, now, (shares, account.id))

    return connect


class SmtpTransport:
    """The contract's Transport. seconds: the longest wait of each phase; ca_file: further authorities; share: with whom
    it shares the account's lines, and the account's id."""

    def __init__(
        self, target: Target, seconds: float, ca_file: str, now: Callable[[], datetime], share: tuple[Shares, str]
    ) -> None:
        self._shares, self._account_id = share
        self._target, self._seconds, self._ca_file, self._now = target, seconds, ca_file, now
        self.batch = BATCH * target.connections
        self._scrubber = Scrubber(target.user, [target.password])
        self._lanes = [self._make()]
        self._most = target.connections
        self._pool: ThreadPoolExecutor | None = None
        self._jobs = Jobs(target, now)

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        """Message by message; once there is no hope, the rest of the batch is skipped untried."""
        lines = self._share(min(self._most, 1 + len(batch) // WORTH_A_LINE))
        self._lanes += [self._make() for _ in range(lines - len(self._lanes))]
        crew = Crew(self._lanes[:lines], self._jobs.of(batch))
        return crew.alone() if lines == 1 else self._together(crew)

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
        self._shares.release(self._account_id, self)

    def _share(self, wanted: int) -> int:
        """How many lines the next batch may use; those that others have a right to are closed first."""
        most = self._target.connections
        fair = self._shares.fair(self._account_id, self, most)
        for lane in self._lanes[fair:]:
            lane.close()
        del self._lanes[fair:]
        return self._shares.take(self._account_id, self, wanted, most)

    def _make(self) -> Lane:
        return Lane(self._target, self._seconds, self._ca_file, self._now, self._scrubber)

    def _together(self, crew: Crew) -> Iterator[Outcome]:
        pool = self._pool = self._pool or ThreadPoolExecutor(self._target.connections, "crm-comm-smtp")
        try:
            yield from crew.together(pool)
        finally:
            if crew.let_go:
                self._lanes = [lane for lane in self._lanes if lane not in crew.let_go]
                self._most = max(1, len(self._lanes))


def _now() -> datetime:
    return datetime.now(UTC)
