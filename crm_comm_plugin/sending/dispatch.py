"""One batch through one transport, which may be a third party's: every recipient comes back with an outcome or not.

A dispatch knows nothing of chunks, holds or databases, only a batch, a line, and whom to tell. Several connections of a
preset are one line to it: the transport reads the batch in threads of its own, and tells all in the caller's.
"""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, overload

from crm_comm_hookspecs import Outcome, Reason, Recipient, RecipientStatus, Transport, TransportError
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.domain.sends import Entry

Pair = tuple[Recipient, Message]
Told = Callable[[Entry, Outcome], None]
LOGGER = "crm_comm_plugin"


@dataclass(frozen=True, slots=True)
class Failure:
    """The whole line failed."""

    reason: str
    detail: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What is left of a batch. untried: provably not begun; unsaid: handed over and nobody knows; failure: why."""

    untried: Sequence[Entry]
    unsaid: Sequence[Entry]
    failure: Failure | None = None


class Gate(Sequence[Pair]):
    """A batch that closes: before each recipient it asks whether it may still go.

    A transport that takes recipients one by one so stops before the next one, or with the one it has begun early, as
    pipelined SMTP does; `taken` is how many it has had. It may be read in several threads, by one at a time, and
    `may_go` is asked there; `taken` and `closed` are looked at when they are through.
    """

    def __init__(self, pairs: Sequence[Pair], may_go: Callable[[], bool]) -> None:
        self._pairs = pairs
        self._may_go = may_go
        self.taken = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        for index, pair in enumerate(self._pairs):
            if not self._open(index):
                return
            yield pair

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | Sequence[Pair]:
        last = max(range(len(self._pairs))[index], default=-1) if isinstance(index, slice) else index % len(self)
        if not self._open(last):
            raise TransportError("The time for this batch is over.", reason=Reason.INTERRUPTED)
        return self._pairs[index]

    def __repr__(self) -> str:
        return f"<{len(self)} recipients>"

    def _open(self, index: int) -> bool:
        if index < self.taken:
            return True
        if self.closed or not self._may_go():
            self.closed = True
            return False
        self.taken = index + 1
        return True


def dispatch(
    transport: Transport, batch: Sequence[tuple[Entry, Message]], may_go: Callable[[], bool], told: Told
) -> Dispatched:
    """Deliver a batch that was handed over; `told` gets each outcome as soon as it is known.

    Foreign, repeated and meaningless outcomes are left out; what the transport raises becomes a Failure. Only
    KeyboardInterrupt and the like come through.
    """
    gate = Gate([(entry.recipient, message) for entry, message in batch], may_go)
    waiting = {entry.recipient.address: entry for entry, _ in batch}
    failures: list[Failure] = []
    with closing(_said(transport, gate, failures)) as said:
        for outcome in said:
            entry = _owner(outcome, waiting)
            if entry is not None:
                told(entry, cleaned(outcome, entry.recipient))
    untried = [e for e, _ in batch[gate.taken :] if e.recipient.address in waiting] if gate.closed else []
    for entry in untried:
        del waiting[entry.recipient.address]
    return Dispatched(untried, list(waiting.values()), failures[0] if failures and not gate.closed else None)


def _said(transport: Transport, gate: Gate, failures: list[Failure]) -> Generator[Any, None, None]:
    try:
        yield from transport.deliver(gate) or ()
    except TransportError as error:
        failures.append(Failure(error.reason, error.message, _aware(error.retry_at)))
    except Exception as error:  # noqa: BLE001 - a third party's transport
        logging.getLogger(LOGGER).warning("A transport failed: %s", type(error).__name__)
        failures.append(Failure(Reason.UNREACHABLE, "The line failed in a way that nobody foresaw."))


def cleaned(outcome: Outcome, recipient: Recipient) -> Outcome:
    """An outcome as the contract has it, whatever a transport made of it; a status that is none becomes unknown."""
    if outcome.recipient is recipient and outcome.status is RecipientStatus.SENT and _is_plain(outcome):
        return outcome  # nearly all of them
    try:
        status = RecipientStatus(outcome.status)
    except ValueError:
        return Outcome(recipient=recipient, status=RecipientStatus.UNKNOWN, detail="The line gave no clear answer.")
    return replace(
        outcome,
        recipient=recipient,
        status=status,
        reason=outcome.reason if isinstance(outcome.reason, str) else "",
        detail=outcome.detail if isinstance(outcome.detail, str) else "",
        code=outcome.code if isinstance(outcome.code, str) else "",
        at=_aware(outcome.at),
        retry_at=_aware(outcome.retry_at),
        delivery="",
    )


def _is_plain(outcome: Outcome) -> bool:
    return (
        outcome.reason == outcome.detail == outcome.delivery == ""
        and type(outcome.code) is str
        and outcome.at is None
        and outcome.retry_at is None
    )


def _owner(outcome: object, waiting: dict[str, Entry]) -> Entry | None:
    if not isinstance(outcome, Outcome) or not isinstance(outcome.recipient, Recipient):
        return None
    address = outcome.recipient.address
    return waiting.pop(address, None) if isinstance(address, str) else None


def _aware(at: datetime | None) -> datetime | None:
    """Times without a zone mean nothing."""
    return at if isinstance(at, datetime) and at.tzinfo is not None else None
