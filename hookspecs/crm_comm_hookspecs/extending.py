"""What other plugins add: account types, mail servers and SMS gateways, and the transport they deliver through."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .messages import Message, Recipient, Rejected, TextSize
from .rendering import Context, Editor, Request, Result
from .working import Account, Credits, Diagnosis, Limit, Order, Outcome

if TYPE_CHECKING:
    from .schema import FormSchema


@runtime_checkable
class Transport(Protocol):
    """One line to a relay or gateway; used by one thread at a time. Any method may raise `TransportError`."""

    batch: int
    """How many recipients it likes to get at once."""

    def deliver(self, batch: "Sequence[tuple[Recipient, Message]]") -> Iterable[Outcome]:
        """Deliver, and yield one outcome for each recipient as soon as it is known."""
        ...

    def diagnose(self) -> Diagnosis:
        """Connect and sign in, send nothing, and say step by step how it went."""
        ...

    def close(self) -> None:
        """Let go of the line. Harmless when called twice."""
        ...


Connect = Callable[[Account, Mapping[str, Any], Mapping[str, str]], Transport]
Normalise = Callable[[Recipient, Mapping[str, Any]], "Recipient | Rejected"]
RunAction = Callable[[Context, str, Account, Mapping[str, Any], Mapping[str, str]], Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountType:
    """A kind of account. `key == editor.name == Account.type`; its schema derives from `AccountSchema`.

    connect(account, values, secrets) -> Transport; normalise(recipient, values) -> Recipient | Rejected;
    run(context, action, account, values, secrets) -> Result serves the editor's own actions.
    """

    key: str
    label: str
    icon: str
    channel: str
    editor: Editor
    connect: Connect
    normalise: Normalise | None = None
    run: RunAction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A preset of a mail provider.

    security: starttls | tls | none. domains: address domains it is chosen for. limit: to suggest to people;
    pace: always kept. per_message, per_connection (0 = no bound), connections: the provider's own numbers.
    source and as_of: where and when these facts were read.
    """

    key: str
    label: str
    host: str
    port: int
    security: str
    domains: tuple[str, ...] = ()
    sign_in: tuple[str, ...] = ("password",)
    limit: Limit | None = None
    pace: Limit | None = None
    per_message: int = 1
    per_connection: int = 0
    connections: int = 1
    help_url: str = ""
    help: str = ""
    source: str = ""
    as_of: str = ""


@runtime_checkable
class SmsGateway(Protocol):
    """An SMS service. What it cannot do it leaves out of `capabilities`: shown nowhere, refused by name.

    capabilities: of purchase, activate, balance, quote, reports. fields: further fields of the editor.
    """

    key: str
    label: str
    capabilities: frozenset[str]
    fields: "type[FormSchema] | None"

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        """A line to send through."""
        ...

    def purchase(self, key: str, values: Mapping[str, Any]) -> Order:
        """Start buying credits; the same key never buys twice."""
        ...

    def order(self, id: str, values: Mapping[str, Any]) -> Order:
        """The state of a purchase."""
        ...

    def activate(self, code: str, values: Mapping[str, Any]) -> Credits:
        """Activate an Access Code; answers what it is good for."""
        ...

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """The credits left now."""
        ...

    def quote(self, sizes: Sequence[TextSize], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Decimal:
        """What texts of these sizes cost, in the unit of `balance`."""
        ...

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """The outcomes that a delivery report tells of."""
        ...
