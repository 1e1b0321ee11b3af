"""Small stand-ins for what other parts give to sending: accounts, the limit, usage, and a provider that remembers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_comm_hookspecs import (
    AccountSchema,
    AccountType,
    Diagnosis,
    Editor,
    EmailMessage,
    Outcome,
    Recipient,
    RecipientStatus,
    Rejected,
    Reservation,
    UnknownAccount,
)
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.domain.ports.limits import Closure
from crm_comm_plugin.sending import Sending
from crm_comm_plugin.storage.locks import SqlSendLocks
from crm_comm_plugin.storage.outcomes import SqlOutcomes
from crm_comm_plugin.storage.sends import SqlSends

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MESSAGE = EmailMessage(subject="Hello", text="Good morning")


class LetterSchema(AccountSchema):
    pass


class Post:
    """A transport that notes who was reached, and does what its script says."""

    batch = 50

    def __init__(self, post_office: "PostOffice") -> None:
        self.office = post_office
        self.closed = False

    def deliver(self, batch):
        self.office.batches.append(len(batch))
        for recipient, message in batch:
            yield self.office.answer(recipient, message)

    def diagnose(self):
        return Diagnosis(ok=True, steps=())

    def close(self):
        self.closed = True


class PostOffice:
    """Everything that reached the provider, whatever the sender made of it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.batches: list[int] = []
        self.transports: list[Post] = []
        self.answer: Callable = self.accept
        self.make: Callable = Post

    def accept(self, recipient, message):
        self.reached.append(recipient.address)
        return Outcome(recipient=recipient, status=RecipientStatus.SENT)

    def connect(self, account, values, secrets):
        self.transports.append(self.make(self))
        return self.transports[-1]


class Accounts:
    """The AccountOpener port over a dict."""

    def __init__(self, kind: AccountType) -> None:
        self.kind = kind
        self.kept = {"a": account("a", kind)}
        self.statuses: list[tuple[str, str]] = []
        self.touched: list[str] = []
        self.look = lambda: None

    def find(self, account_id):
        self.look()
        if account_id not in self.kept:
            raise UnknownAccount
        return self.kept[account_id]

    def change(self, account_id="a", **changes):
        self.kept[account_id] = replace(self.kept[account_id], **changes)

    def type_of(self, account):
        return self.kind

    def values_of(self, account):
        return account.values

    def secrets_of(self, account):
        return {}

    def connect(self, account):
        return self.kind.connect(account.shown(AT), account.values, {})

    def set_status(self, account_id, status, detail="", until=None):
        self.statuses.append((account_id, str(status)))

    def touch(self, account_id):
        self.touched.append(account_id)


class Limits:
    """The Limiter port: an exact log for one account; holds expire as used."""

    def __init__(self, clock: InjectedClock) -> None:
        self.clock = clock
        self.count: int | None = None
        self.window = timedelta(hours=1)
        self.holds: dict[str, list] = {}
        self.asked = 0
        self.notices: list[tuple[int, datetime | None]] = []
        self.closure: Closure | None = None

    def used(self) -> int:
        now = self.clock.now()
        return sum(units for units, at, _ in self.holds.values() if at + self.window > now)

    def settled(self) -> int:
        return sum(units for units, _, done in self.holds.values() if done)

    def reserve(self, account, units, campaign, hold_seconds):
        self.asked += 1
        now = self.clock.now()
        free = units if self.count is None else max(0, self.count - self.used())
        granted = 0 if self.closure else min(units, free)
        hold = Reservation(
            id=f"h{self.asked}",
            account_id=account.id,
            requested=units,
            granted=granted,
            held_until=now + timedelta(seconds=hold_seconds),
            retry_at=None if granted == units else now + self.window,
        )
        if granted:
            self.holds[hold.id] = [granted, hold.held_until, False]
        return hold

    def settle(self, reservation_id, used):
        hold = self.holds[reservation_id]
        assert 0 <= used <= hold[0] or hold[2]
        if hold[2]:
            assert used == hold[0], "settled twice with different numbers"
        self.holds[reservation_id] = [used, min(hold[1], self.clock.now()), True]

    def skipped(self, account, campaign, count, retry_at):
        self.notices.append((count, retry_at))

    def provider_limit(self, account, retry_at, reason, sent=0):
        until = retry_at or self.clock.now() + timedelta(hours=6)
        self.closure = Closure(until=until, reason=reason)
        return until

    def forecast(self, account, units):
        free = units if self.count is None else max(0, min(units, self.count - self.used()))
        return free, (() if free == units else ((self.clock.now() + self.window, units - free),))

    def closures(self, accounts):
        return {a.id: self.closure for a in accounts if self.closure}


class Usage:
    """The UsageStore port."""

    def __init__(self) -> None:
        self.points = []

    def add(self, account_id, point):
        self.points.append((account_id, point))

    def total(self, status: str) -> int:
        return sum(getattr(point, status) for _, point in self.points)


def account(id: str, kind: AccountType) -> StoredAccount:
    return StoredAccount(
        id=id, type=kind.key, channel=kind.channel, name=id, created_at=AT, updated_at=AT, status="connected"
    )


def normalise(recipient: Recipient, values) -> Recipient | Rejected:
    address = recipient.address.strip().lower()
    if "@" not in address:
        return Rejected(recipient=recipient, reason="invalid_address", detail="no @")
    return replace(recipient, address=address)


class World:
    """Everything that a test of sending needs."""

    def __init__(self, database, clock) -> None:
        self.database = database
        self.wall = clock
        self.clock = InjectedClock(clock)
        self.office = PostOffice()
        editor = Editor(name="letter", title="Letter", schema=LetterSchema)
        self.kind = AccountType(
            key="letter",
            label="Letter",
            icon="mail",
            channel="email",
            editor=editor,
            connect=self.office.connect,
            normalise=normalise,
        )
        self.accounts = Accounts(self.kind)
        self.limits = Limits(self.clock)
        self.usage = Usage()
        self.sends, self.outcomes, self.locks = SqlSends(database), SqlOutcomes(database), SqlSendLocks(database)

    def sending(self) -> Sending:
        return Sending(
            accounts=self.accounts,
            limiter=self.limits,
            sends=self.sends,
            outcomes=self.outcomes,
            locks=self.locks,
            usage=self.usage,
            clock=self.clock,
        )

    def send(self, recipients, message=MESSAGE, key="k", **more):
        return self.sending().send("a", message, recipients, key, **more)

    def by_status(self, report) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for outcome in self.sending().outcomes(report.send_id, limit=10_000).outcomes:
            found.setdefault(str(outcome.status), []).append(outcome.recipient.address)
        return found


def people(count: int, start: int = 0) -> list[Recipient]:
    return [Recipient(f"p{n}@example.com", f"Person {n}") for n in range(start, start + count)]
