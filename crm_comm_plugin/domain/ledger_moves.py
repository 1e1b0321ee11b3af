"""The ledger's moves, the same over every store: reserve and settle, each within one transaction."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from crm_comm_hookspecs import KeyReused, Limit, Reservation, ReservationMismatch, UnknownReservation, Window
from crm_comm_plugin.domain.ledger import DAY as ONE_DAY
from crm_comm_plugin.domain.ledger import INSTALLATION, REMEMBERED, Book, Hold
from crm_comm_plugin.domain.ledger_ids import Ref
from crm_comm_plugin.domain.ledger_log import LONGEST, SECOND
from crm_comm_plugin.domain.ledger_notices import WARNING, Rule, claim
from crm_comm_plugin.domain.ledger_shelf import Record, Shelf
from crm_comm_plugin.domain.ledger_time import from_micros
from crm_comm_plugin.domain.ports.limits import Grant

CAMPAIGN_BYTES = 48
"""Of a longer label its beginning and a mark are kept, so that a key costs at most 300 bytes in every database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller asks of the ledger. watched: the limits whose filling is told to people."""

    account_id: str
    limits: Sequence[Limit]
    units: int
    key: str = ""
    campaign: str = ""
    hold_seconds: float = 300.0
    ceiling: Limit | None = None
    watched: Sequence[Limit] = ()

    def token(self) -> bytes:
        """What stands for the key; random without one."""
        return blake2b(self.key.encode(), digest_size=16).digest() if self.key else secrets.token_bytes(16)

    @property
    def books(self) -> tuple[str, ...]:
        """The books to lock, in the order in which everybody locks them."""
        return (self.account_id,) if self.ceiling is None else (INSTALLATION, self.account_id)


def wake(shelf: Shelf, book: Book) -> None:
    """Bring a book to the present: move its time on, and count what ran out as sent. It must be saved then."""
    now = book.advance(shelf.reading)
    for hold in book.expire():
        shelf.spill(book.id, hold, expired=True)
    if book.spilled and book.spill_due <= now:
        due, book.spill_due = shelf.due(book.id, now)
        for hold in due:
            book.log.add(hold.until, hold.units)
        book.unspill(sum(hold.units for hold in due), len(due))
    for hold in book.overflow():
        shelf.spill(book.id, hold, expired=False)
    if book.prune_at <= now:
        shelf.prune(book.id, now - REMEMBERED)
        book.prune_at = now + ONE_DAY


def wake_all(shelf: Shelf) -> None:
    """Bring all books of a transaction to the present."""
    for book in shelf.books.values():
        wake(shelf, book)


def save_all(shelf: Shelf) -> None:
    """Store all books of a transaction."""
    for book in shelf.books.values():
        shelf.save(book)


def reserve(shelf: Shelf, wish: Wish, token: bytes) -> Grant:
    """Grant what is free in every limit, at most what was asked for; a known key replays its first answer."""
    wake_all(shelf)
    book = shelf.books[wish.account_id]
    if wish.key and shelf.record is not None:
        save_all(shelf)
        return Grant(_replayed(book, shelf.record, wish))
    rules = [(book, limits_in_force(wish.limits))]
    if wish.ceiling is not None:
        rules.append((shelf.books[INSTALLATION], limits_in_force([wish.ceiling])))
    granted = min(wish.units, *(_free(one, limits, wish.units) for one, limits in rules))
    for one, limits in rules:
        one.in_force = frozenset(limit.window for limit in limits)
        held = _token_in(one, Ref(wish.account_id, token))
        _put(shelf, one, Hold(held, one.latest + round(wish.hold_seconds * SECOND), granted))
    record = _record(book, wish, token, granted, _retry_at(rules) if granted < wish.units else None)
    if wish.key:
        _remember(shelf, book, record)
    warn = granted == wish.units and claim(book, _watched(shelf, wish), WARNING)
    save_all(shelf)
    return Grant(_answer(book, record, keyed=bool(wish.key)), warn=warn)


def limits_in_force(limits: Iterable[Limit]) -> list[Limit]:
    """Those that limit anything."""
    return [limit for limit in limits if limit.count is not None and limit.window is not Window.NONE]


def _free(book: Book, limits: Sequence[Limit], units: int) -> int:
    free = book.free(limits)
    return units if free is None else free


def _retry_at(rules: Sequence[tuple[Book, list[Limit]]]) -> int | None:
    moments = [one.all_fits_at(limits) for one, limits in rules]
    found = [at for at in moments if at is not None]
    return max(found) if len(found) == len(moments) else None


def _put(shelf: Shelf, book: Book, hold: Hold) -> None:
    if hold.units and not book.put(hold):
        shelf.spill(book.id, hold, expired=False)


def _watched(shelf: Shelf, wish: Wish) -> list[Rule]:
    rules = [(shelf.books[wish.account_id], limit) for limit in wish.watched]
    return rules if wish.ceiling is None else [*rules, (shelf.books[INSTALLATION], wish.ceiling)]


def _record(book: Book, wish: Wish, token: bytes, granted: int, retry_at: int | None) -> Record:
    return Record(
        account_id=wish.account_id,
        token=token,
        nonce=secrets.randbits(31) if wish.key else granted,
        shared=wish.ceiling is not None,
        requested=wish.units,
        granted=granted,
        held_until=book.latest + round(wish.hold_seconds * SECOND),
        retry_at=retry_at,
        made_at=book.latest,
        campaign=_short(wish.campaign),
    )


def _short(campaign: str) -> str:
    raw = campaign.encode()
    if len(raw) <= CAMPAIGN_BYTES:
        return campaign
    mark = "…" + blake2b(raw, digest_size=3).hexdigest()
    return raw[: CAMPAIGN_BYTES - len(mark.encode())].decode(errors="ignore") + mark


def _remember(shelf: Shelf, book: Book, record: Record) -> None:
    shelf.add_record(record)
    if skipped := record.requested - record.granted:
        shelf.count_usage(record.account_id, book.latest + book.shift, record.campaign, 0, skipped)


def _answer(book: Book, record: Record, keyed: bool, replayed: bool = False) -> Reservation:
    ref = Ref(record.account_id, record.token, record.nonce, keyed=keyed, shared=record.shared)
    retry_at = record.retry_at
    return Reservation(
        id=str(ref),
        account_id=record.account_id,
        requested=record.requested,
        granted=record.granted,
        held_until=from_micros(record.held_until + book.shift),
        retry_at=None if retry_at is None else from_micros(retry_at + book.shift),
        replayed=replayed,
    )


def _replayed(book: Book, record: Record, wish: Wish) -> Reservation:
    if record.requested != wish.units:
        raise KeyReused(f"This key was used to reserve {record.requested} recipients, not {wish.units}.")
    return _answer(book, record, keyed=True, replayed=True)


def settle(shelf: Shelf, ref: Ref, used: int) -> None:
    """Count `used` as sent now and free the rest; after the hold's end, only take back what was not used."""
    wake_all(shelf)
    if ref.keyed and _settled_before(shelf.record, ref, used):
        save_all(shelf)
        return
    for one in shelf.books.values():
        _release(shelf, one, ref, used)
    save_all(shelf)
    if ref.keyed and shelf.record is not None:
        shelf.settle_record(shelf.record, used)
        if used:
            book = shelf.books[ref.account_id]
            shelf.count_usage(ref.account_id, book.latest + book.shift, shelf.record.campaign, used, 0)


def _settled_before(record: Record | None, ref: Ref, used: int) -> bool:
    if record is None or record.nonce != ref.nonce:
        raise UnknownReservation
    if record.used is not None and record.used != used:
        raise ReservationMismatch(f"It was settled with {record.used} before, not {used}.")
    _check_used(used, record.granted)
    return record.used is not None


def _check_used(used: int, granted: int) -> None:
    if used > granted:
        raise ReservationMismatch(f"{used} were used, but only {granted} granted.")


def _token_in(book: Book, ref: Ref) -> bytes:
    return ref.shared_token if book.id == INSTALLATION else ref.token


def _release(shelf: Shelf, book: Book, ref: Ref, used: int) -> None:
    token = _token_in(book, ref)
    hold, expired = book.take(token), False
    if hold is None:
        kept = shelf.take(book.id, token)
        if kept is None:
            if ref.keyed or book.id == INSTALLATION:
                return
            raise UnknownReservation
        hold, expired = kept
        if not expired:
            book.unspill(hold.units)
    if not ref.keyed and ref.nonce != hold.units:
        raise UnknownReservation
    _check_used(used, hold.units)
    if not expired:
        book.log.add(book.latest, used)
    elif hold.until + LONGEST > book.latest:  # else the log has forgotten it, and would find an entry of somebody else
        book.log.lower(hold.until, hold.units - used)
