"""What a send is made of: its id, the states of a recipient's row, what counts as used, and what people are told."""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from crm_comm_hookspecs import InvalidInput, Outcome, Reason, Recipient, RecipientStatus

PENDING = "pending"
"""A row that was read and not tried yet; only the running chunk has such rows."""
HANDED = "handed"
"""A row whose recipient was given to the transport: after a crash nobody knows what became of it."""

RUNNING = "running"
INTERRUPTED = "interrupted"
FINISHED = "finished"

MAX_KEY = 200
MAX_ADDRESS = 320
MAX_NAME = 200
MAX_DETAIL = 500
MAX_CODE = 40

REFERENCE = "crm-comm-send"

_DETAILS: Mapping[str, str] = {
    Reason.LIMIT: "The send limit of the account is reached.",
    Reason.CREDITS: "There are no credits left for this.",
    Reason.PROVIDER_LIMIT: "The provider says that the account is over its limit.",
    Reason.INVALID_ADDRESS: "This is not an e-mail address.",
    Reason.INVALID_NUMBER: "This is not a phone number.",
    Reason.DUPLICATE: "This recipient was in the list before.",
    Reason.INACTIVE: "The account is switched off.",
    Reason.REFUSED: "The server refused this recipient.",
    Reason.UNREACHABLE: "The server could not be reached.",
    Reason.AUTH: "The server does not let this account sign in.",
    Reason.MESSAGE: "The message could not be sent as it is.",
    Reason.INTERRUPTED: "The send was stopped before this recipient's turn.",
}
_UNKEEPABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
UNKNOWN_DETAIL = "The line broke after the message left: it may have arrived."


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedOutcome(Outcome):
    """An outcome other than sent that the provider may have counted: its recipients were accepted, its message not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UncountedOutcome(Outcome):
    """A message refused before its recipients were accepted: nobody was counted, whatever its reason says."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A recipient that is to be tried now. position: its row in the send; before: its state, pending or skipped."""

    position: int
    recipient: Recipient
    before: str = PENDING


def send_id_of(account_id: str, key: str) -> str:
    """The id of a send: follows from account and key, so that the same call finds the same send."""
    text = f"{REFERENCE}\0{account_id}\0{key}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def counts_as_used(outcome: Outcome) -> bool:
    """True when the provider may have counted this recipient (contract: sent, unknown, message refused late)."""
    status = outcome.status
    if status is RecipientStatus.SENT or status is RecipientStatus.UNKNOWN or isinstance(outcome, CountedOutcome):
        return True
    return outcome.reason == Reason.MESSAGE and bool(outcome.code) and not isinstance(outcome, UncountedOutcome)


def detail_of(status: str, reason: str, detail: str) -> str:
    """A sentence for people: the stored one, else the one that goes with status and reason."""
    if detail or status == RecipientStatus.SENT:
        return detail
    return UNKNOWN_DETAIL if status == RecipientStatus.UNKNOWN else _DETAILS.get(reason, "")


def own_sentence(detail: str) -> str:
    """A detail without what a server or gateway said itself: that stands in brackets after our own sentence."""
    ours, bracket, _ = detail.partition("(")
    ours = ours.rstrip() if bracket else ours
    return f"{ours}." if bracket and ours and not ours.endswith((".", "!", "?")) else ours


def without_foreign_words(outcome: Outcome) -> Outcome:
    """The outcome as people see it who may not edit accounts."""
    detail = own_sentence(outcome.detail)
    if detail == outcome.detail:
        return outcome
    return replace(outcome, detail=detail_of(outcome.status, outcome.reason, detail))


def plain(text: object, length: int) -> str:
    """Any text as one that every database can keep and every page can show: no controls, no halves of pairs, cut."""
    if text == "":
        return ""
    cut = str(text)[: length * 4]
    if not keepable(cut):
        cut = "".join(c if keepable(c) else " " for c in cut)
    return cut if len(cut) <= length else cut[: length - 1] + "…"


def keepable(text: str) -> bool:
    """True when a text has no control characters, line ends or halves of surrogate pairs."""
    return text.isprintable() or not any(unicodedata.category(c) in _UNKEEPABLE for c in text)


def row_address(recipient: Recipient) -> str:
    """What tells recipients of one send apart: the address, cut with a digest where it is too long or odd to keep."""
    address = recipient.address if isinstance(recipient.address, str) else repr(type(recipient.address).__name__)
    if len(address) <= MAX_ADDRESS and keepable(address):
        return address
    digest = hashlib.sha256(address.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{plain(address, 200)} #{digest}"


def checked_label(value: object, name: str, *, required: bool) -> str:
    """A key or campaign as it came; raises InvalidInput."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} must be a text, not {type(value).__name__}.")
    if required and not value.strip():
        raise InvalidInput(f"{name} is empty.", hint="Give each send a text of its own, such as newsletter-7.")
    if len(value) > MAX_KEY:
        raise InvalidInput(f"{name} is longer than {MAX_KEY} characters.")
    if not keepable(value):
        raise InvalidInput(f"{name} holds a control character or line end.")
    return value


def checked_number(value: object, name: str, most: int) -> int:
    """A page size; raises InvalidInput."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(f"{name} must be a whole number from 1 to {most}.")
    return value
