"""Sending within the balance: each batch's price is held against it before the batch goes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from crm_comm_hookspecs import (
    CommError,
    Credits,
    Diagnosis,
    Outcome,
    Reason,
    Recipient,
    RecipientStatus,
    TextMessage,
    TextSize,
    Transport,
    TransportError,
)
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.credits.asking import Held, asked, is_amount
from crm_comm_plugin.credits.words import amount
from crm_comm_plugin.domain.hushed import HushedTransport
from crm_comm_plugin.domain.ports.credits import SendAware, TextOutcome
from crm_comm_plugin.domain.segments import text_size

Pair = tuple[Recipient, Message]


class Purse:
    """What one send knows of its account's balance and prices. seen: told of each balance that was read."""

    def __init__(self, held: Held, seen: Callable[[Credits], None]) -> None:
        self._held, self._seen = held, seen
        self._prices: dict[tuple[str, int], Decimal | None] = {}
        self._credits: Credits | None = None
        self._left: Decimal | None = None
        self._fresh = False

    def payable(self, sizes: Sequence[TextSize]) -> int:
        """How many of these texts, from the front, the balance pays for; all of them where nobody can tell."""
        if self._left is None and not self.read():
            return len(sizes)
        count = self._fitting(sizes)
        if count < len(sizes) and not self._fresh:  # perhaps somebody has bought credits meanwhile
            self.read()
            count = self._fitting(sizes)
        return count

    def price(self, size: TextSize) -> Decimal | None:
        """What one text of this size costs, asked once."""
        key = (size.encoding, size.segments)
        if key not in self._prices:
            held = self._held
            try:
                price = asked(held.gateway, lambda: held.gateway.quote([size], held.values, held.secrets), held.secrets)
            except CommError:
                price = None
            good = is_amount(price) and price >= 0
            self._prices[key] = price if good else None
        return self._prices[key]

    def spent(self, price: Decimal | None) -> None:
        """A text went."""
        self._fresh = False
        if self._left is not None and price is not None:
            self._left -= price

    def read(self) -> bool:
        """Ask for the balance; False when the gateway does not tell now."""
        try:
            self._credits = self._held.balance()
        except CommError:
            return False
        self._left, self._fresh = self._credits.balance, True
        self._seen(self._credits)
        return True

    def left(self) -> Decimal | None:
        """The balance as the gateway tells it now, None when it does not."""
        return self._left if self.read() else None

    def in_words(self) -> str:
        """Why the rest cannot be paid."""
        unit = self._credits.unit if self._credits is not None else ""
        left = amount(self._left or Decimal(0), unit)
        return f"The balance of {left} does not pay for this text. Buy credits, then send to the skipped."

    def _fitting(self, sizes: Sequence[TextSize]) -> int:
        left = self._left
        for index, size in enumerate(sizes):
            price = self.price(size)
            if price is None or left is None:
                continue
            left -= price
            if left < 0:
                return index
        return len(sizes)


class PaidTransport:
    """A gateway's transport that does not try what cannot be paid. secrets: what it was opened with."""

    def __init__(
        self, inner: Transport, purse: Purse | None, finished: Callable[[], None], secrets: Mapping[str, str]
    ) -> None:
        self._aware = inner if isinstance(inner, SendAware) else None
        self._inner = HushedTransport(inner, secrets)  # another plugin's may quote what it was given
        self._purse, self._finished = purse, finished
        self.batch = getattr(inner, "batch", 1)
        self._went = False

    def begin(self, send_id: str) -> None:
        """Tell the gateway's transport for which send it works."""
        if self._aware is not None:
            self._aware.begin(send_id)

    def deliver(self, batch: Sequence[Pair]) -> Iterable[Outcome]:
        """One outcome each; who cannot be paid is skipped (`credits`)."""
        self._went = True
        return self._inner.deliver(batch) if self._purse is None else self._within(list(batch), self._purse)

    def diagnose(self) -> Diagnosis:
        """The gateway's own."""
        return self._inner.diagnose()

    def close(self) -> None:
        """Close the line; after a send the balance is read and kept."""
        went, self._went = self._went, False
        try:
            self._inner.close()
        finally:
            if went:
                self._finished()

    def _within(self, batch: list[Pair], purse: Purse) -> Iterator[Outcome]:
        sizes = [text_size(m.text) if isinstance(m, TextMessage) else text_size("") for _, m in batch]
        count = purse.payable(sizes)
        prices = {recipient.address: purse.price(size) for (recipient, _), size in zip(batch, sizes, strict=True)}
        failure: TransportError | None = None
        if count:
            try:
                for outcome in self._inner.deliver(batch[:count]):
                    if outcome.status in (RecipientStatus.SENT, RecipientStatus.UNKNOWN):
                        purse.spent(_cost(outcome, prices.get(outcome.recipient.address)))
                    yield outcome
            except TransportError as error:
                failure = error
        for recipient, _ in batch[count:]:
            yield Outcome(
                recipient=recipient,
                status=RecipientStatus.SKIPPED,
                reason=Reason.CREDITS,
                detail=purse.in_words(),
            )
        if failure is not None:
            raise failure


def _cost(outcome: Outcome, price: Decimal | None) -> Decimal | None:
    told = outcome.credits if isinstance(outcome, TextOutcome) else None
    return price if told is None else abs(told)


def forecast(purse: Purse, sizes: Iterable[TextSize], tells: bool) -> tuple[Decimal | None, int | None]:
    """What texts cost together, asking once for each kind, and how many from the front can be paid; None where a price,
    or the balance, is not told. tells: whether the gateway can be asked for a balance."""
    left = purse.left() if tells else None
    total, payable, enough = Decimal(0), 0, True
    for size in sizes:
        price = purse.price(size) if size.segments else Decimal(0)
        if price is None:
            return None, None
        total += price
        enough = enough and (left is None or total <= left)
        payable += enough
    return total, None if left is None else payable
