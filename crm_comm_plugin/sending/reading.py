"""Recipients as they come: read lazily, each brought into its one form, or told why it cannot be sent to."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import AccountType, InvalidInput, Reason, Recipient, Rejected
from crm_comm_plugin.domain.sends import MAX_ADDRESS, keepable

PATIENCE = 2.0
"""Seconds after which a chunk is taken as it is, so that a slow source of recipients does not hold up the send."""

Normalised = Recipient | Rejected
_INVALID = {"email": Reason.INVALID_ADDRESS, "sms": Reason.INVALID_NUMBER}


class Normaliser:
    """Brings recipients into the form of one account's type."""

    def __init__(self, kind: AccountType, values: Mapping[str, Any]) -> None:
        self._normalise = kind.normalise or _stripped
        self._values = values
        self._invalid = _INVALID.get(kind.channel, Reason.INVALID_ADDRESS)
        self._kind = kind.key

    def __call__(self, item: object) -> Normalised:
        """The recipient in its one form, or Rejected; raises InvalidInput for what is no recipient."""
        if not isinstance(item, Recipient):
            raise InvalidInput(
                f"Recipients must be Recipient values, not {type(item).__name__}.", hint="Recipient(address, name)"
            )
        address: object = item.address
        if not isinstance(address, str):
            return Rejected(recipient=replace(item, address=""), reason=self._invalid)
        try:
            found: object = self._normalise(item, self._values)
        except Exception:  # noqa: BLE001 - a third party's function
            return self._broken(item)
        if isinstance(found, Recipient):
            return _kept(found, item) if _is_good(found.address) else Rejected(recipient=item, reason=self._invalid)
        if isinstance(found, Rejected) and isinstance(found.recipient, Recipient):
            return found
        return self._broken(item)

    def _broken(self, item: Recipient) -> Rejected:
        """Not the recipient's fault: it may be tried again when the account type is mended."""
        detail = f"The account type {self._kind} could not read this address."
        return Rejected(recipient=item, reason=Reason.INTERRUPTED, detail=detail)


def chunks(
    items: Iterable[Recipient], normalise: Normaliser, size: Callable[[], int], ticks: Callable[[], float]
) -> Iterator[list[Normalised]]:
    """Chunks of at most size() recipients, read only when asked for; smaller ones when the source is slow."""
    chunk: list[Normalised] = []
    wanted, started = size(), ticks()
    for item in items:
        chunk.append(normalise(item))
        if len(chunk) >= wanted or ticks() - started > PATIENCE:
            yield chunk
            chunk = []
            wanted, started = size(), ticks()
    if chunk:
        yield chunk


def _kept(found: Recipient, item: Recipient) -> Recipient:
    """The name and fields it came with, also when a type's function answers with nothing but an address."""
    if (found.name or not item.name) and (found.fields or not item.fields):
        return found  # nearly all of them
    return replace(found, name=found.name or item.name, fields=found.fields or item.fields)


def _is_good(address: object) -> bool:
    return isinstance(address, str) and 0 < len(address) <= MAX_ADDRESS and keepable(address)


def _stripped(recipient: Recipient, values: Mapping[str, Any]) -> Normalised:
    """For types without a rule of their own: any text that can be kept."""
    address = recipient.address.strip()
    if _is_good(address):
        return recipient if address == recipient.address else replace(recipient, address=address)
    return Rejected(recipient=recipient, reason=Reason.INVALID_ADDRESS, detail="The address is empty or too long.")
