"""Asking a gateway, which may be a third party's: its answer is of the right kind, or a typed error."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeGuard, TypeVar

from crm_comm_hookspecs import Account, CommError, Credits, Order, SmsGateway, TransportError, Unsupported
from crm_comm_plugin.domain.hushed import Hush
from crm_comm_plugin.domain.pages import may_open
from crm_comm_plugin.domain.sends import keepable

LOGGER = "crm_comm_plugin"
ABILITIES = {
    "purchase": "sell credits",
    "activate": "activate access codes",
    "balance": "tell a balance",
    "quote": "tell prices",
    "reports": "report deliveries",
}
STATES = frozenset({"open", "paid", "used", "failed"})
T = TypeVar("T")
_MOST = 10**12
"""No balance or price is so high; longer numbers cannot be kept or shown."""


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
    raise TransportError("The gateway failed in a way that nobody foresaw.", hint="Tell whoever made its plugin.")


def checked_credits(answer: object) -> Credits:
    """A balance that is one; raises TransportError."""
    if isinstance(answer, Credits) and is_amount(answer.balance) and _is_told(answer.unit, answer.as_of):
        return answer
    raise TransportError("The gateway told no balance.", hint="Try again later.")


def is_amount(number: object) -> TypeGuard[Decimal]:
    """Money or credits that can be kept and shown."""
    return isinstance(number, Decimal) and number.is_finite() and abs(number) < _MOST


def _is_told(unit: object, as_of: object) -> bool:
    """A text that can be kept, and a time with its zone: one without means nothing."""
    return isinstance(unit, str) and keepable(unit) and isinstance(as_of, datetime) and as_of.tzinfo is not None


def checked_order(answer: object, sandbox: bool) -> Order:
    """An order whose page may be opened (rule 6); raises TransportError."""
    if not isinstance(answer, Order) or answer.state not in STATES:
        raise TransportError("The gateway's answer cannot be read.", hint="Try again later.")
    if answer.url and not may_open(answer.url, sandbox):
        raise TransportError("The gateway's payment page is not a safe address.", hint="Ask the seller.")
    return answer
