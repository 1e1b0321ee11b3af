"""What the sandbox remembers: what arrived and its switches in memory, access codes and credits in a small file."""

import json
import secrets
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

SWITCHES = {
    "wrong_password": "Refuse every sign-in",
    "daily_limit": "Daily limit of 5 recipients",
    "slow": "Slow: a second for each message",
    "drop": "Drop the line in DATA",
    "undelivered": "Report texts as undelivered",
}
DAILY_LIMIT = 5
SHOWN = 200
"""So many messages are kept; all are counted."""
PACKAGE = Decimal(100)
"""Credits of one purchase."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One message at one of the sandbox's servers."""

    number: int
    channel: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    at: datetime
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Code:
    """An access code with its credits, as decimal text. state: new | active."""

    balance: str = "0"
    state: str = "new"


@dataclass(slots=True)
class PaidOrder:
    """An order. code: the one it added to, or made; shown once on the payment page."""

    id: str
    key: str
    state: str = "open"
    code: str = ""
    return_url: str = ""
    credits: str = ""


@dataclass(slots=True)
class Book:
    """Codes and orders: what survives a restart."""

    codes: dict[str, Code] = field(default_factory=dict)
    orders: dict[str, PaidOrder] = field(default_factory=dict)


class State:
    """Shared by both servers and the pages; every method may be called from any thread."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.RLock()
        self._messages: deque[Arrived] = deque(maxlen=SHOWN)
        self._accepted: dict[str, deque[datetime]] = {}
        self._count = 0
        self._switches = dict.fromkeys(SWITCHES, False)
        self._book = _read(file)

    def switches(self) -> dict[str, bool]:
        """How they stand."""
        with self._lock:
            return dict(self._switches)

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self._switches[name]

    def switch(self, given: Mapping[str, bool]) -> None:
        """Set all of them: what is not named is off."""
        with self._lock:
            self._switches = {name: bool(given.get(name)) for name in SWITCHES}

    def arrive(
        self,
        channel: str,
        sender: str,
        to: tuple[str, ...],
        subject: str,
        text: str,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Arrived:
        """Keep a message."""
        with self._lock:
            self._count += 1
            message = Arrived(
                number=self._count,
                channel=channel,
                sender=sender,
                to=to,
                subject=subject,
                text=text,
                at=datetime.now(UTC),
                headers=headers,
            )
            self._messages.appendleft(message)
            return message

    def messages(self) -> tuple[tuple[Arrived, ...], int]:
        """(the newest messages first, how many arrived in all)."""
        with self._lock:
            return tuple(self._messages), self._count

    def empty(self) -> None:
        """Forget what arrived."""
        with self._lock:
            self._messages.clear()
            self._accepted.clear()
            self._count = 0

    def take(self, user: str, now: datetime | None = None) -> bool:
        """Count a recipient of a user; False when the daily limit is on and used up."""
        now = now or datetime.now(UTC)
        with self._lock:
            times = self._accepted.setdefault(user, deque(maxlen=DAILY_LIMIT))
            while times and times[0] <= now - timedelta(days=1):
                times.popleft()
            if self.on("daily_limit") and len(times) >= DAILY_LIMIT:
                return False
            times.append(now)
            return True

    @contextmanager
    def book(self) -> Iterator[Book]:
        """Codes and orders, to read and change; written down afterwards."""
        with self._lock:
            before = json.dumps(asdict(self._book))
            yield self._book
            after = json.dumps(asdict(self._book))
            if self._file is not None and after != before:
                self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                written = self._file.with_suffix(".new")
                written.write_text(after, encoding="utf-8")
                written.chmod(0o600)
                written.replace(self._file)


def new_code() -> str:
    """An access code: twelve letters and digits that are not mistaken for one another."""
    return "".join(secrets.choice(_LETTERS) for _ in range(12))


def _read(file: Path | None) -> Book:
    """What was written down; a file that cannot be read starts afresh, as a sandbox may."""
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file is not None else {}
        return Book(
            codes={code: Code(**entry) for code, entry in known.get("codes", {}).items()},
            orders={name: PaidOrder(**entry) for name, entry in known.get("orders", {}).items()},
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return Book()
