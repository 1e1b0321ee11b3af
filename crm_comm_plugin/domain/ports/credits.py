"""The ports of SMS credits: what is bought and left, who can be paid for, and what delivery reports are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from crm_comm_hookspecs import (
    Account,
    Confirm,
    Context,
    Credits,
    Outcome,
    Reply,
    Request,
    Result,
    SmsGateway,
    TextSize,
    Transport,
)
from crm_comm_plugin.domain.accounts import StoredAccount

LOW_CREDITS = 20
"""At or below this balance people are warned, unless the account's value `low_credits` says otherwise."""
AMOUNT_BOUND = 10**12
"""Money and credits are below this: longer numbers cannot be kept or shown."""
AMOUNT_LENGTH, AMOUNT_PLACES = 40, 37
"""Characters and decimals of money and credits that can be kept: written out, 1e-99999999 would fill the memory."""
REF_FIELD = "crm_comm_ref"
"""In the `Recipient.fields` of an outcome made from a delivery report: our own reference of that text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOutcome(Outcome):
    """An outcome with what a gateway says besides. ref: our own reference; segments, credits: what it counted."""

    ref: str = ""
    gateway_id: str = ""
    segments: int = 0
    credits: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated(Credits):
    """What an access code is good for. already: it was active before."""

    already: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditsLeft:
    """A stored balance. level: ok | warn (at or below the threshold) | bad (nothing left)."""

    balance: Decimal
    unit: str
    as_of: datetime
    level: str = "ok"


def unit_of(balance: Decimal, unit: str) -> str:
    """The unit beside a number: one credit, not one credits."""
    return unit.removesuffix("s") if balance == 1 and unit == "credits" else unit


class CreditsDesk(Protocol):
    """Buying, activating and reading credits: what the SMS editor's actions call.

    values: the form's loaded values. secrets: {"access_code": text}, typed or stored (rule 4 was checked).
    account.id "" is an account that is not saved yet.
    """

    def run(
        self,
        context: Context,
        action: str,
        account: Account,
        values: Mapping[str, Any],
        secrets: Mapping[str, str],
        confirmed: str = "",
    ) -> Result:
        """An action of the SMS editor. Gateway trouble comes back as a Result in words."""
        ...

    def confirm(
        self, context: Context, action: str, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]
    ) -> Confirm | None:
        """The question that names the price, for a gateway that charges a stored card at once; else None."""
        ...

    def came_back(self, context: Context, params: Mapping[str, str]) -> Result | None:
        """`crm_comm_callback` after a purchase; None when these params are not of a purchase."""
        ...

    def left(self, accounts: Mapping[str, object]) -> dict[str, CreditsLeft]:
        """Stored balances by account id, in one query; asks no gateway. accounts: id -> its value `low_credits`."""
        ...

    def code_problem(self, gateway: str, code: str) -> str:
        """What is wrong with the form of a pasted access code, in words; "" = it may be right. Asks no gateway."""
        ...

    def report_setup(self, gateway: SmsGateway) -> str:
        """Where people enter the address for delivery reports, in words; "" where there is nothing to enter."""
        ...


class CreditCheck(Protocol):
    """The balance before and after a send."""

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        """The gateway's transport: what the balance does not pay for is skipped (`credits`), and read again at the end.

        This is what the SMS account type's `connect` answers.
        """
        ...

    def forecast(self, account: StoredAccount, sizes: Iterable[TextSize]) -> tuple[Decimal | None, int | None]:
        """For a preview: what texts of these sizes cost together, and how many of them, from the front, the balance
        pays for; None for what nobody can tell now. Raises nothing."""
        ...


class ReportDesk(Protocol):
    """`crm_comm_receive`."""

    def receive(self, request: Request) -> Reply | None:
        """Take a delivery report; 404 for what is not genuine. Late, doubled, unknown ones do no harm.

        None when the source is no gateway, so that another plugin may take it.
        """
        ...


@runtime_checkable
class SendAware(Protocol):
    """A transport that wants to know for which send it works; told before the first `deliver`."""

    def begin(self, send_id: str) -> None:
        """The send that the next batches belong to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SentText:
    """What a reference stands for. send_id "" where the sender did not say."""

    ref: str
    account_id: str
    send_id: str
    address: str
    at: datetime


class TextRefs(Protocol):
    """References of texts, written before they go, so that a later report or query finds its recipient."""

    def remember(self, texts: Sequence[SentText]) -> None:
        """Write them, in one transaction. What is older than 90 days is forgotten now and then."""
        ...

    def find(self, account_id: str, refs: Sequence[str]) -> dict[str, SentText]:
        """Those of the references that belong to this account, by reference."""
        ...

    def of(self, account_id: str, recipients: Sequence[tuple[str, str]]) -> tuple[SentText, ...]:
        """The references given to these (send id, address) pairs."""
        ...


class DeliveryOutcomes(Protocol):
    """Where outcomes learn of delivery."""

    def delivered(self, account_id: str, send_id: str, address: str, delivery: str, at: datetime) -> bool:
        """Set an outcome's delivery (delivered | undelivered); one that was unknown becomes sent, since the gateway
        had it, and so does a skipped one of this very send. A delivered one stays delivered, a failed one failed.
        send_id "": the account's latest send that may have reached this address. Answers whether such a recipient was
        found."""
        ...

    def unknown(self, account_id: str, limit: int) -> tuple[tuple[str, str], ...]:
        """(send id, address) of recipients whose outcome is unknown, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """A purchase as it is kept, from before the gateway hears of it.

    owner: account id, or `draft:USER` before the account is saved. place: the gateway's own fields, as JSON. state:
    asked (the call may or may not have arrived) | open | paid | used | failed | lost (charged at once, and the answer
    was lost). used and failed ones are finished. id "": not known yet.
    """

    key: str
    owner: str
    gateway: str
    place: str
    user: str
    created_at: datetime
    state: str = "asked"
    id: str = ""
    url: str = ""
    credits: Decimal | None = None


class CreditStore(Protocol):
    """Orders, balances, and the secret part of report URLs."""

    def begin_order(self, order: StoredOrder, owners: Sequence[str]) -> StoredOrder:
        """The newest unfinished order of these owners at the same gateway and place, else this one, now stored.

        One transaction: two presses at once get one order. A found draft's order becomes this order's owner's.
        """
        ...

    def unfinished(self, order: StoredOrder, owners: Sequence[str]) -> StoredOrder | None:
        """What `begin_order` would find; stores nothing."""
        ...

    def order(self, key: str) -> StoredOrder | None:
        """One order by its idempotency key."""
        ...

    def save_order(self, order: StoredOrder) -> None:
        """Store its state, id, url and credits."""
        ...

    def save_balance(self, account_id: str, credits: Credits) -> None:
        """Keep a balance; an older one than what is stored changes nothing."""
        ...

    def balances(self, account_ids: Sequence[str]) -> dict[str, Credits]:
        """Stored balances."""
        ...

    def report_token(self, account_id: str) -> str:
        """The secret part of this account's report URLs; made when first asked for, the same ever after."""
        ...

    def token_owner(self, token: str) -> str:
        """The account id of a token, or ""."""
        ...
