"""What gateways say, in the contract's words: outcomes of texts, troubles of a whole line, amounts, reports."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Context as DecimalContext
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from crm_comm_hookspecs import Credits, InvalidInput, Outcome, Reason, Recipient, RecipientStatus, TransportError
from crm_comm_plugin.domain.ports.credits import AMOUNT_BOUND, REF_FIELD, TextOutcome
from crm_comm_plugin.domain.sends import plain
from crm_comm_plugin.transports.sms.http import Answer

_WORDS: Mapping[Reason, str] = {
    Reason.AUTH: "The gateway does not accept the access code.",
    Reason.CREDITS: "There are no credits left.",
    Reason.PROVIDER_LIMIT: "The gateway asks for a pause.",
    Reason.INVALID_NUMBER: "The gateway says that texts cannot reach this number.",
    Reason.REFUSED: "The gateway refused this recipient.",
    Reason.MESSAGE: "The gateway refused the text.",
    Reason.UNREACHABLE: "The gateway cannot work now.",
    Reason.INTERRUPTED: "The send was stopped before this recipient's turn.",
}
SENDER_REFUSED = "The gateway refused the sender ID: change it in the account."
LOST = "The gateway's answer was lost: the text may have been sent."
_FINAL = frozenset({Reason.INVALID_NUMBER, Reason.REFUSED, Reason.MESSAGE})
PLACES = 20
"""Decimals of an amount."""
_SMALLEST, _EXACT = Decimal(1).scaleb(-PLACES), DecimalContext(prec=12 + PLACES)
STOPPING = frozenset({Reason.AUTH, Reason.CREDITS, Reason.PROVIDER_LIMIT, Reason.UNREACHABLE})
"""What is wrong with the account or the gateway, not with one recipient: the others need not be tried."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text on its way. ref: our own reference of it, known before it goes."""

    ref: str
    recipient: Recipient
    text: str

    @property
    def digits(self) -> str:
        """The number without its plus."""
        return self.recipient.address.removeprefix("+")


def sent(text: Text, gateway_id: object = "", segments: object = 0, credits: object = None) -> Outcome:
    """The gateway accepted it."""
    return TextOutcome(
        recipient=text.recipient,
        status=RecipientStatus.SENT,
        ref=text.ref,
        gateway_id=as_text(gateway_id)[:100],
        segments=int(as_decimal(segments) or 0),
        credits=as_decimal(credits),
    )


def unknown(text: Text, detail: str = LOST) -> Outcome:
    """Nobody knows."""
    return TextOutcome(
        recipient=text.recipient,
        status=RecipientStatus.UNKNOWN,
        reason=Reason.UNREACHABLE,
        detail=detail,
        ref=text.ref,
    )


def refused(
    text: Text,
    reason: Reason,
    code: str = "",
    retry_at: datetime | None = None,
    *,
    later: bool = False,
    detail: str = "",
) -> Outcome:
    """Not accepted. later: free to be tried again also where its reason usually is final."""
    final = reason in _FINAL and not later
    return Outcome(
        recipient=text.recipient,
        status=RecipientStatus.FAILED if final else RecipientStatus.SKIPPED,
        reason=reason,
        detail=detail or _WORDS[reason],
        code=code,
        retry_at=retry_at,
    )


def trouble(reason: Reason, code: str = "", detail: str = "", retry_at: datetime | None = None) -> TransportError:
    """The error for a whole line that does not work, in words with the next step."""
    hints = {
        Reason.AUTH: "Check the access code in the account.",
        Reason.CREDITS: "Buy credits, then send to the skipped.",
    }
    error = TransportError(
        detail or _WORDS[reason], retry_at, reason=reason, hint=hints.get(reason, "Try again later."), code=code
    )
    error.retryable = reason is not Reason.AUTH
    return error


def give_up(texts: Iterable[Text | Outcome], error: TransportError) -> Iterator[Outcome]:
    """Everybody who was not sent to is skipped for the error's reason; then it is raised. Outcomes stay as they are."""
    for text in texts:
        if isinstance(text, Outcome):
            yield text
            continue
        yield Outcome(
            recipient=text.recipient,
            status=RecipientStatus.SKIPPED,
            reason=error.reason,
            detail=error.message,
            retry_at=error.retry_at,
        )
    raise error


def reason_of_status(answer: Answer) -> Reason | None:
    """What an HTTP status says of a whole request: a reason when nothing was carried out, None when nobody knows."""
    if answer.status in (401, 403):
        return Reason.AUTH
    if answer.status == 402:
        return Reason.CREDITS
    if answer.status == 429:
        return Reason.PROVIDER_LIMIT
    if answer.status in (408, 425, 503):  # the request came too late, too early, or was not looked at
        return Reason.UNREACHABLE
    if answer.status in (400, 413, 422):  # what was sent is wrong, or too much
        return Reason.MESSAGE
    return Reason.UNREACHABLE if 400 <= answer.status < 500 else None  # no such page: nothing about a text


def delivery_of(
    ref: object, number: object, delivered: bool | None, code: object = "", at: datetime | None = None
) -> Outcome:
    """What a delivery report says of one text. delivered None: still on its way.

    Each of our texts goes with a reference: one without is another program's, and its number names nobody here.
    """
    delivery = {True: "delivered", False: "undelivered", None: ""}[delivered]
    own = as_text(ref)
    recipient = Recipient(as_text(number) if own else "", fields={REF_FIELD: own})
    return Outcome(recipient=recipient, status=RecipientStatus.SENT, delivery=delivery, code=as_text(code)[:40], at=at)


def told_fields(text: str | bytes) -> list[tuple[str, str]]:
    """A report's form or query; raises InvalidInput where it holds more fields than any gateway has."""
    given = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    try:
        return parse_qsl(given, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise InvalidInput("The report cannot be read.", code="report_unreadable") from None


def results_by(name: str, listed: object) -> dict[str, Mapping[str, Any]]:
    """The results of an answer by the reference that they hold; without those that are told twice, and differently."""
    found: dict[str, Mapping[str, Any]] = {}
    doubtful = set()
    for result in listed if isinstance(listed, list) else []:
        if isinstance(result, dict):
            ref = as_text(result.get(name))
            if found.setdefault(ref, result) != result:
                doubtful.add(ref)
    return {ref: result for ref, result in found.items() if ref not in doubtful}


def as_text(value: object) -> str:
    """A text of a foreign answer; anything else is empty, numbers as they are written."""
    if isinstance(value, str):
        return value[:500]
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else ""


def as_decimal(value: object) -> Decimal | None:
    """An amount of a foreign answer, None when it is none. What follows after PLACES is rounded off.

    Written out, 1e-99999999 would fill the memory, and no database column holds it.
    """
    try:
        amount = Decimal(as_text(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= AMOUNT_BOUND:
        return None
    places = amount.as_tuple().exponent
    return amount.quantize(_SMALLEST, context=_EXACT) if isinstance(places, int) and places < -PLACES else amount


def balance_of(value: object, unit: object, now: datetime) -> Credits:
    """A balance from a foreign answer; raises TransportError when it is none."""
    amount = as_decimal(value)
    if amount is None:
        raise TransportError("The gateway's answer cannot be read.", hint="Try again later.")
    return Credits(balance=amount, unit=plain(as_text(unit), 20).strip() or "credits", as_of=now)


def bad_code(message: str, hint: str, code: str) -> InvalidInput:
    """An access code that cannot be used; shown at its field."""
    return InvalidInput(message, hint=hint, code=f"access_code_{code}")
