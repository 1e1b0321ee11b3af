"""What would happen: recipients checked, and a dry run that charges and stores nothing."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from crm_comm_hookspecs import Message, Prepared, Preview, Reason, Recipient, Rejected, TextMessage, TextSize
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports.credits import CreditCheck
from crm_comm_plugin.domain.ports.limits import Limiter
from crm_comm_plugin.domain.segments import text_size
from crm_comm_plugin.sending.composing import Composer
from crm_comm_plugin.sending.reading import Normaliser


def prepared(recipients: Iterable[Recipient], normalise: Normaliser) -> Prepared:
    """Everybody in their one form, each once; who cannot be sent to apart, in the order in which they came."""
    ready: list[Recipient] = []
    rejected: list[Rejected] = []
    for item in _once(recipients, normalise):
        if isinstance(item, Rejected):
            rejected.append(item)
        else:
            ready.append(item)
    return Prepared(ready=tuple(ready), rejected=tuple(rejected))


def preview(
    account: StoredAccount,
    composer: Composer,
    recipients: Iterable[Recipient],
    normalise: Normaliser,
    limiter: Limiter,
    credits: CreditCheck | None = None,
    sendable: Callable[[Message], bool] | None = None,
) -> Preview:
    """A dry run: memory grows by a few bytes per recipient only. credits: tells what these texts cost together, and
    how many of them the balance pays for; the others are refused for `credits`, as the send would do. sendable: tells
    whether a message that is the same for all can go to anybody; if not, all are refused for `message`.

    text: the first recipient's as an example for all; without recipients that of a message that is the same for all.
    """
    counted = _Counted(composer, recipients, normalise, every_size=credits is not None)
    sizes, ready, rejected = counted.sizes, counted.ready, counted.rejected
    text = sizes.first or _size(composer.fixed)
    if not account.active:
        return Preview(total=counted.total, rejected=rejected, now=0, text=text)
    if ready and sendable is not None and composer.fixed is not None and not sendable(composer.fixed):
        rejected[Reason.MESSAGE] = ready
        return Preview(total=counted.total, rejected=rejected, now=0, text=text)
    price, payable = credits.forecast(account, sizes) if credits is not None and len(sizes) else (None, None)
    if payable is not None and payable < len(sizes):
        rejected[Reason.CREDITS] = len(sizes) - payable
        ready -= rejected[Reason.CREDITS]
    now, later = limiter.forecast(account, ready) if ready else (0, ())
    return Preview(total=counted.total, rejected=rejected, now=now, later=later, text=text, credits=price)


class _Counted:
    """The recipients, read once. every_size: of each one's text, not only of the first."""

    def __init__(
        self, composer: Composer, recipients: Iterable[Recipient], normalise: Normaliser, every_size: bool
    ) -> None:
        self.total, self.ready, self.sizes = 0, 0, _Sizes()
        self.rejected: Counter[Reason] = Counter()
        for item in _once(recipients, normalise):
            self.total += 1
            if isinstance(item, Rejected):
                self.rejected[item.reason] += 1
                continue
            self.ready += 1
            if every_size or self.sizes.first is None:
                self.sizes.add(_size(composer.message_for(item)))


class _Sizes:
    """Encoding and parts of texts in their order, four bytes each. first: the whole size of the first one."""

    def __init__(self) -> None:
        self.first: TextSize | None = None
        self._kinds: dict[TextSize, int] = {}
        self._order = array("I")

    def add(self, size: TextSize | None) -> None:
        """One more; what is no text is passed over."""
        if size is not None:
            self.first = self.first or size
            kind = TextSize(encoding=size.encoding, length=0, segments=size.segments)
            self._order.append(self._kinds.setdefault(kind, len(self._kinds)))

    def __iter__(self) -> Iterator[TextSize]:
        kinds = list(self._kinds)
        return (kinds[number] for number in self._order)

    def __len__(self) -> int:
        return len(self._order)


def _once(recipients: Iterable[Recipient], normalise: Normaliser) -> Iterator[Recipient | Rejected]:
    """Each recipient in its one form; one that came before is Rejected as a duplicate."""
    seen: set[bytes] = set()
    for raw in recipients:
        item = normalise(raw)
        recipient = item.recipient if isinstance(item, Rejected) else item
        mark = hashlib.blake2b(str(recipient.address).encode(errors="surrogatepass"), digest_size=12).digest()
        if mark in seen:
            yield Rejected(
                recipient=recipient, reason=Reason.DUPLICATE, detail="This recipient was in the list before."
            )
        else:
            seen.add(mark)
            yield item


def _size(message: object) -> TextSize | None:
    """The size of a text; None for what is none."""
    return text_size(message.text) if isinstance(message, TextMessage) and isinstance(message.text, str) else None
