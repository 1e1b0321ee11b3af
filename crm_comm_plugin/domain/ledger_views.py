"""The ledger's smaller moves and answers: what is left, forecasts, closures, notices, a wrong clock taken back."""

from collections.abc import Sequence
from datetime import datetime

from crm_comm_hookspecs import Allowance, Limit
from crm_comm_plugin.domain import ledger_answers, ledger_forecast, ledger_notices
from crm_comm_plugin.domain.ledger import INSTALLATION, Book
from crm_comm_plugin.domain.ledger_moves import limits_in_force, save_all, wake, wake_all
from crm_comm_plugin.domain.ledger_notices import REACHED, Rule
from crm_comm_plugin.domain.ledger_shelf import Shelf
from crm_comm_plugin.domain.ledger_time import from_micros, to_micros
from crm_comm_plugin.domain.ports.limits import Closure, Later


def _rules(shelf: Shelf, account_id: str, limits: Sequence[Limit], ceiling: Limit | None) -> list[Rule]:
    """Each limit with the book it is in, awake."""
    rules = [(shelf.books[account_id], limit) for limit in limits_in_force(limits)]
    wake(shelf, shelf.books[account_id])
    if ceiling is not None:
        wake(shelf, shelf.books[INSTALLATION])
        rules.append((shelf.books[INSTALLATION], ceiling))
    return rules


def allowance(shelf: Shelf, account_id: str, limits: Sequence[Limit], ceiling: Limit | None) -> Allowance:
    """What is left of the tightest limit, and of each."""
    rules = _rules(shelf, account_id, limits, ceiling)
    return ledger_answers.allowance(shelf.books[account_id], rules)


def forecast(
    shelf: Shelf, account_id: str, limits: Sequence[Limit], ceiling: Limit | None, units: int
) -> tuple[int, Later]:
    """(how many go now, when how many more) if nothing else sends."""
    rules = _rules(shelf, account_id, limits, ceiling)
    book = shelf.books[account_id]
    now, later = ledger_forecast.forecast(rules, book.closed_until, book.latest, units)
    return now, tuple((from_micros(at + book.shift), count) for at, count in later)


def claim_reached(shelf: Shelf, account_id: str, watched: Sequence[Limit], ceiling: Limit | None) -> bool:
    """True once per window."""
    told = ledger_notices.claim(shelf.books[account_id], _rules(shelf, account_id, watched, ceiling), REACHED)
    save_all(shelf)
    return told


def close(
    shelf: Shelf, account_id: str, until: datetime | None, reason: str, limit: Limit | None, sent: int
) -> Closure:
    """Grant nothing until then; None = with back-off."""
    book = _awake(shelf, account_id)
    end = None if until is None else to_micros(until) - book.shift
    closure = ledger_notices.close(book, end, reason, limit, sent)
    shelf.save(book)
    return closure


def reopen(shelf: Shelf, account_id: str) -> None:
    """Take a closure back."""
    book = _awake(shelf, account_id)
    ledger_notices.reopen(book)
    shelf.save(book)


def closures(shelf: Shelf) -> dict[str, Closure]:
    """The last closure of each book that had one."""
    wake_all(shelf)
    return {book.id: ledger_notices.closure(book) for book in shelf.books.values() if "closed" in book.notes}


def _awake(shelf: Shelf, account_id: str) -> Book:
    book = shelf.books[account_id]
    wake(shelf, book)
    return book


def reset_clock(shelf: Shelf, account_id: str) -> bool:
    """Take a wrong future back; True when there was one."""
    book = shelf.books[account_id]
    ahead = book.latest - shelf.reading.wall
    if not book.reset(shelf.reading):
        return False
    shelf.put_right(book.id, book.latest, ahead)
    shelf.save(book)
    return True
