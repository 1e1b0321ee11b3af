"""Values that other plugins work with: accounts, limits, outcomes, credits. Times are aware UTC datetimes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .enums import Reason, RecipientStatus, Window
from .messages import Recipient, TextSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account without its secrets.

    channel: "email" | "sms" | another plugin's. sender: what recipients see. status: connected | untested |
    auth_failed | paused | no_credits | secret_missing | inactive.
    """

    id: str
    name: str
    type: str
    channel: str
    active: bool
    sender: str
    status: str


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` recipients in any rolling `window`; count None = no limit, 0 = blocked."""

    count: int | None
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of the tightest limit is left now, in recipients; `limits` has one Allowance for each limit.

    remaining None = unlimited. next_free_at: when one more recipient fits; full_at: when all of it is free again.
    """

    account_id: str
    limit: Limit
    used: int
    held: int
    remaining: int | None
    next_free_at: datetime | None = None
    full_at: datetime | None = None
    limits: "tuple[Allowance, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Capacity set aside until `held_until`; after it the holder may no longer send. retry_at: when more is free."""

    id: str
    account_id: str
    requested: int
    granted: int
    held_until: datetime
    retry_at: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recipient.

    detail: a sentence for people; what a server said itself follows in brackets, and is left out for a context without
    `communication.edit`. code: the server's own ("550 5.1.1"). retry_at: when to try again. delivery: what a later
    report says of a sent text: "" | "delivered" | "undelivered".
    """

    recipient: Recipient
    status: RecipientStatus
    reason: Reason | str = ""
    detail: str = ""
    code: str = ""
    at: datetime | None = None
    retry_at: datetime | None = None
    delivery: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """A send so far. counts: RecipientStatus -> number, those that are 0 left out; finished: nothing is running or
    cut off. The plugin's own mappings of numbers answer 0 for what they leave out."""

    send_id: str
    account_id: str
    campaign: str
    counts: Mapping[RecipientStatus, int]
    finished: bool
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPage:
    """Sends, newest first."""

    sends: tuple[SendReport, ...]
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePage:
    """Outcomes of one send, in the order in which its recipients came."""

    outcomes: tuple[Outcome, ...]
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a send is. total may be None for a stream."""

    done: int
    total: int | None
    counts: Mapping[RecipientStatus, int]


OnProgress = Callable[[Progress], "bool | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A dry run. rejected: {Reason: number}; now: how many go at once; later: ((time, how many), ...)."""

    total: int
    rejected: Mapping[Reason, int]
    now: int
    later: tuple[tuple[datetime, int], ...] = ()
    text: TextSize | None = None
    credits: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePoint:
    """What one campaign did in one hour; at is the start of the hour."""

    at: datetime
    campaign: str
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a connection test. field: which input is to blame; hint: what to try next."""

    name: str
    ok: bool
    detail: str = ""
    hint: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The answer of a connection test."""

    ok: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """What is left at a gateway, and when that was read."""

    balance: Decimal
    unit: str
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A purchase. state: open | paid | used | failed."""

    id: str
    url: str
    state: str
    credits: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What uses an account. A blocking one stops a delete."""

    text: str
    url: str = ""
    blocking: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something happened to an account. kind: created | changed | deleted | restored | status."""

    account_id: str
    kind: str
    fields: tuple[str, ...]
    user: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An account is near or at its limit. level: warning (80 %) | reached."""

    account_id: str
    campaign: str
    skipped: int
    retry_at: datetime | None
    level: str
