"""What would happen: recipients checked, and a dry run that charges and stores nothing."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from crm_comm_hookspecs import Prepared, Preview, Reason, Recipient, Rejected, TextMessage, TextSize
from crm_comm_plugin.domain.accounts import StoredAccount
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
    account: StoredAccount, composer: Composer, recipients: Iterable[Recipient], normalise: Normaliser, limiter: Limiter
) -> Preview:
    """A dry run: memory grows by a few bytes per recipient only."""
    total, ready = 0, 0
    rejected: Counter[Reason] = Counter()
    text: TextSize | None = None
    for item in _once(recipients, normalise):
        total += 1
        if isinstance(item, Rejected):
            rejected[item.reason] += 1
        else:
            ready += 1
            text = text or _size(composer, item)
    if not account.active:
        return Preview(total=total, rejected=dict(rejected), now=0, text=text)
    now, later = limiter.forecast(account, ready) if ready else (0, ())
    return Preview(total=total, rejected=dict(rejected), now=now, later=later, text=text)


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
    """The size of the first recipient's text, as an example for all."""
    message = composer.message_for(recipient)
    return text_size(message.text) if isinstance(message, TextMessage) and isinstance(message.text, str) else None
