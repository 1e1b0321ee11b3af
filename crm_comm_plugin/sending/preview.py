"""What would happen: recipients checked, and a dry run that charges and stores nothing."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from crm_comm_hookspecs import Prepared, Preview, Reason, Recipient, Rejected, TextMessage, TextSize
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
) -> Preview:
    """A dry run: memory grows by a few bytes per recipient only. credits: tells what all these texts cost together."""
    total, ready = 0, 0
    rejected: Counter[Reason] = Counter()
    sizes: Counter[TextSize] = Counter()
    for item in _once(recipients, normalise):
        total += 1
        if isinstance(item, Rejected):
            rejected[item.reason] += 1
            continue
        ready += 1
        if not sizes or credits is not None:
            sizes.update(filter(None, [_size(composer, item)]))
    text = next(iter(sizes), None)  # the first recipient's, as an example for all
    if not account.active:
        return Preview(total=total, rejected=dict(rejected), now=0, text=text)
    now, later = limiter.forecast(account, ready) if ready else (0, ())
    price = credits.price(account, sizes.elements()) if credits is not None and sizes else None
    return Preview(total=total, rejected=dict(rejected), now=now, later=later, text=text, credits=price)


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


def _size(composer: Composer, recipient: Recipient) -> TextSize | None:
    """The size of a recipient's text; None for what is no text."""
    message = composer.message_for(recipient)
    return text_size(message.text) if isinstance(message, TextMessage) and isinstance(message.text, str) else None
