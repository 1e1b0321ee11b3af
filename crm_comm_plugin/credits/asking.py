"""Asking a gateway, which may be a third party's: its answer is of the right kind, or a typed error."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeGuard, TypeVar

from crm_comm_hookspecs import Account, CommError, Credits, Order, SmsGateway, TransportError, Unsupported
from crm_comm_plugin.domain.hushed import Hush
from crm_comm_plugin.domain.pages import may_open
from crm_comm_plugin.domain.ports.credits import AMOUNT_BOUND, AMOUNT_LENGTH, AMOUNT_PLACES
from crm_comm_plugin.domain.sends import keepable

LOGGER = "crm_comm_plugin"
ABILITIES = {
    "purchase": "sell credits",
    "activate": "activate access codes",
    "balance": "tell a balance",
    "quote": "tell prices",
    "reports": "report deliveries",
}
UNFORESEEN, UNREADABLE = "unforeseen", "order_unreadable"
"""Codes of errors after which nobody knows what the gateway did."""
STATES = frozenset({"open", "paid", "used", "failed"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held:
    """An account at its gateway. account.id "" is one that is not saved yet."""

    gateway: SmsGateway
    account: Account
    values: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)

    def balance(self) -> Credits:
        """What is left now. Raises CommError."""
        answer = asked(self.gateway, lambda: self.gateway.balance(self.values, self.secrets), self.secrets)
        return checked_credits(answer)


def able(gateway: SmsGateway, capability: str) -> None:
    """Raise Unsupported, by name, when a gateway cannot do something."""
    if capability not in gateway.capabilities:
        raise Unsupported(
            f"{gateway.label} cannot {ABILITIES[capability]}.",
            hint="Do this on the gateway's own page.",
            code="unsupported",
        )


def asked(gateway: SmsGateway, call: Callable[[], T], secrets: Mapping[str, str] | None = None) -> T:
    """The answer; errors that are not of the contract become one, and only their kind is logged.

    secrets: what the call was given, which its errors must not tell.
    """
    try:
        return call()
    except CommError as error:
        raise Hush(secrets or {}).error(error) from None
    except Exception as error:  # noqa: BLE001 - a third party's gateway
        kind = type(error).__name__
    logging.getLogger(LOGGER).warning("SMS gateway %s failed: %s", gateway.key, kind)
    raise TransportError(
        "The gateway failed in a way that nobody foresaw.", hint="Tell whoever made its plugin.", code=UNFORESEEN
    )


def checked_credits(answer: object) -> Credits:
    """A balance that is one; raises TransportError."""
    if isinstance(answer, Credits) and is_amount(answer.balance) and _is_told(answer.unit, answer.as_of):
        return answer
    raise TransportError("The gateway told no balance.", hint="Try again later.")


def is_amount(number: object) -> TypeGuard[Decimal]:
    """Money or credits that can be kept and shown."""
    if not isinstance(number, Decimal) or not number.is_finite() or abs(number) >= AMOUNT_BOUND:
        return False
    return int(number.as_tuple().exponent) >= -AMOUNT_PLACES and len(str(number)) <= AMOUNT_LENGTH


def _is_told(unit: object, as_of: object) -> bool:
    """A text that can be kept, and a time with its zone: one without means nothing."""
    return _is_kept(unit) and isinstance(as_of, datetime) and as_of.tzinfo is not None


def _is_kept(text: object) -> bool:
    return isinstance(text, str) and keepable(text)


def checked_order(answer: object, sandbox: bool) -> Order:
    """An order whose page may be opened (rule 6), without credits that are no amount; raises TransportError."""
    told = isinstance(answer, Order) and all(map(_is_kept, (answer.id, answer.url, answer.state)))
    if not isinstance(answer, Order) or not told or answer.state not in STATES:
        raise TransportError("The gateway's answer cannot be read.", hint="Try again later.", code=UNREADABLE)
    if answer.url and not may_open(answer.url, sandbox):
        raise TransportError(
            "The gateway's payment page is not a safe address.", hint="Ask the seller.", code=UNREADABLE
        )
    return answer if answer.credits is None or is_amount(answer.credits) else replace(answer, credits=None)
