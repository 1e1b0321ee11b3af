"""Fakes that ship with the contract: a clock, transports, a gateway, a plugin that remembers, a Communication."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

import pluggy

from ..calls import OWN_NAME
from ..enums import Reason, RecipientStatus
from ..errors import TransportError, Unsupported
from ..facade import Communication
from ..lifecycle import Lifecycle
from ..markers import PROJECT_NAME, hookimpl
from ..messages import Message, Recipient, TextSize
from ..rendering import Request
from ..schema import FormSchema
from ..settings import Settings
from ..working import Account, Change, Credits, Diagnosis, Notice, Order, Outcome, Step

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class FakeClock:
    """A clock that a test moves: `Settings(clock=FakeClock())`."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **parts: float) -> datetime:
        """Go on by a timedelta's parts: `clock.forward(hours=2)`; the new time."""
        self.at += timedelta(**parts)
        return self.at


class NullTransport:
    """Accepts everybody and keeps nothing: for measuring what is around it."""

    batch = 100

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterable[Outcome]:
        """Everybody is sent."""
        return [Outcome(recipient=recipient, status=RecipientStatus.SENT) for recipient, _ in batch]

    def diagnose(self) -> Diagnosis:
        """All is well."""
        return Diagnosis(ok=True, steps=(Step(name="connect", ok=True),))

    def close(self) -> None:
        """Nothing to let go of."""


class FakeTransport(NullTransport):
    """Remembers what it delivered, refuses whom it is told to, and breaks when it is told to.

    refuse: address -> (status, reason). break_after: after so many recipients the line breaks.
    """

    def __init__(
        self,
        *,
        batch: int = 10,
        refuse: Mapping[str, tuple[RecipientStatus, Reason]] | None = None,
        break_after: int | None = None,
    ) -> None:
        self.batch, self._refuse, self.break_after = batch, dict(refuse or {}), break_after
        self.delivered: list[tuple[Recipient, Message]] = []
        self.closed = 0

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterable[Outcome]:
        """One outcome each, as soon as known."""
        for recipient, message in batch:
            if self.break_after is not None and len(self.delivered) >= self.break_after:
                raise TransportError(Reason.UNREACHABLE)
            status, reason = self._refuse.get(recipient.address, (RecipientStatus.SENT, ""))
            if status is RecipientStatus.SENT:
                self.delivered.append((recipient, message))
            yield Outcome(recipient=recipient, status=status, reason=reason)

    def close(self) -> None:
        """Count how often."""
        self.closed += 1


class FakeGateway:
    """An SMS gateway with credits in memory. What it cannot do is told by `capabilities`."""

    def __init__(
        self,
        key: str = "fake",
        capabilities: Iterable[str] = ("purchase", "activate", "balance", "quote", "reports"),
        transport: FakeTransport | None = None,
        price: Decimal = Decimal("0.05"),
    ) -> None:
        self.key, self.label = key, f"Gateway {key}"
        self.capabilities: frozenset[str] = frozenset(capabilities)
        self.fields: type[FormSchema] | None = None
        self.transport = transport or FakeTransport()
        self.price, self.credits = price, Decimal(100)
        self.orders: dict[str, Order] = {}

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> FakeTransport:
        """The one transport it has."""
        return self.transport

    def purchase(self, key: str, values: Mapping[str, Any]) -> Order:
        """An order, the same one for the same key."""
        self._able("purchase")
        return self.orders.setdefault(key, Order(id=key, url=f"https://buy.example/{len(self.orders)}", state="open"))

    def pay(self, key: str) -> None:
        """What the buyer does in the browser."""
        self.orders[key] = replace(self.orders[key], state="paid", credits=Decimal(100))

    def order(self, id: str, values: Mapping[str, Any]) -> Order:
        """The state of a purchase."""
        self._able("purchase")
        return self.orders.get(id, Order(id=id, url="", state="failed"))

    def activate(self, code: str, values: Mapping[str, Any]) -> Credits:
        """Any code is good."""
        self._able("activate")
        return self._credits()

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """What is left."""
        self._able("balance")
        return self._credits()

    def quote(self, sizes: Sequence[TextSize], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Decimal:
        """The price of all segments."""
        self._able("quote")
        return self.price * sum(size.segments for size in sizes)

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """A body of lines "NUMBER delivered|undelivered"."""
        self._able("reports")
        for line in request.body.decode().splitlines():
            number, _, delivery = line.partition(" ")
            yield Outcome(recipient=Recipient(number), status=RecipientStatus.SENT, delivery=delivery)

    def _credits(self) -> Credits:
        return Credits(balance=self.credits, unit="credits", as_of=START)

    def _able(self, capability: str) -> None:
        if capability not in self.capabilities:
            raise Unsupported(f"{self.label} cannot do this: {capability}.")


class RecordingPlugin:
    """Another plugin that remembers what it was told, from any thread. usages: its answer to who uses an account."""

    def __init__(self, name: str = "recorder", usages: Iterable[Any] = ()) -> None:
        self.__name__ = name
        self.usages = list(usages)
        self.comm: Communication | None = None
        self.events: list[tuple[str, Any]] = []
        self._lock = threading.Lock()

    def _tell(self, name: str, value: Any) -> None:
        with self._lock:
            self.events.append((name, value))

    def told(self, name: str) -> list[Any]:
        """What came of one event: startup, shutdown, changed, limit."""
        with self._lock:
            return [value for event, value in self.events if event == name]

    @hookimpl
    def crm_comm_startup(self, settings: Settings, comm: Communication) -> None:
        """Keep the Communication."""
        self.comm = comm
        self._tell("startup", settings)

    @hookimpl
    def crm_comm_shutdown(self) -> None:
        """Remember that it ended."""
        self._tell("shutdown", None)

    @hookimpl
    def crm_comm_account_changed(self, change: Change) -> None:
        """Remember the change."""
        self._tell("changed", change)

    @hookimpl
    def crm_comm_limit_reached(self, notice: Notice) -> None:
        """Remember the notice."""
        self._tell("limit", notice)

    @hookimpl
    def crm_comm_account_usages(self, account_id: str) -> Iterable[Any]:
        """What it was made with."""
        self._tell("usages", account_id)
        return list(self.usages)


def start(
    plugin: object = None,
    pm: pluggy.PluginManager | None = None,
    settings: Settings | None = None,
    *,
    entry_points: bool = False,
    on_start: Callable[[Settings, Communication], None] | None = None,
) -> Communication:
    """A Communication whose own plugin is `plugin`, for tests that need none of the real parts.

    on_start is called as the plugin's startup; what it raises is raised here.
    """

    @hookimpl
    def crm_comm_startup(settings: Settings, comm: Communication) -> None:
        if on_start is not None:
            on_start(settings, comm)
        if plugin is not None:
            comm.register(plugin, OWN_NAME)

    own = ModuleType("a_plugin_of_a_test")
    vars(own)["crm_comm_startup"] = crm_comm_startup
    manager = pm if pm is not None else pluggy.PluginManager(PROJECT_NAME)
    made = object.__new__
    return Lifecycle.enter(manager, Communication, lambda: made(Communication), settings, entry_points, own=own)
