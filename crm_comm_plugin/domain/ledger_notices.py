"""What is told to people of a limit: once per account and window; and closures by the provider, with their back-off."""

from collections.abc import Sequence

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.ledger import DAY, Book
from crm_comm_plugin.domain.ledger_log import LENGTHS, LONGEST, SECOND
from crm_comm_plugin.domain.ledger_time import from_micros
from crm_comm_plugin.domain.ports.limits import Closure

WARNING, REACHED = "warning", "reached"
Rule = tuple[Book, Limit]

FIRST_STOP = 900 * SECOND
LONGEST_STOP = DAY
"""A provider that gives no time: a quarter of an hour, then twice as long each time, at most a day."""
CALM = DAY
"""So long after the end of a closure the next one is the first again."""


def claim(book: Book, rules: Sequence[Rule], level: str) -> bool:
    """True when this level is to be told now; it is then remembered in the account's book for one window.

    rules: the limits that people are told of, each with its book. A changed count is told anew.
    """
    rule = _cause(rules, level)
    if rule is None:
        return False
    limit = rule[1]
    told = book.notes.get("told", {})
    until, count = told.get(level, (0, -1))
    if book.latest < until and count == limit.count:
        return False
    mark = (book.latest + LENGTHS.get(limit.window, DAY), limit.count)
    book.notes["told"] = {**told, level: mark, WARNING: mark}
    return True


def _cause(rules: Sequence[Rule], level: str) -> Rule | None:
    counted = [r for r in rules if r[1].count is not None and r[1].window is not Window.NONE]
    if level == REACHED:
        return next((r for r in counted if r[0].left(r[1]) == 0), counted[0] if counted else None)
    return next((r for r in counted if nearly_full(*r)), None)


def nearly_full(book: Book, limit: Limit) -> bool:
    """True from 80 % on."""
    taken = book.used(limit.window) + book.held
    return limit.count is not None and taken > 0 and taken * 10 >= limit.count * 8


def close(book: Book, until: int | None, reason: str, limit: Limit | None, sent: int = 0) -> Closure:
    """The provider stopped the account; until None = with back-off. While it is closed this only ever prolongs it.

    limit: the account's own, to see whether the provider stopped it below. sent: under a hold that is not settled yet.
    """
    now, old = book.latest, book.notes.get("closed", {})
    in_force = old.get("until", 0) > now
    calm = now - old.get("until", 0) > CALM
    strikes = old.get("strikes", 0) if in_force else (0 if calm else old.get("strikes", 0)) + 1
    wanted = now + min(FIRST_STOP << min(strikes - 1, 20), LONGEST_STOP) if until is None else until
    end = min(max(wanted, old.get("until", 0), now + SECOND), now + LONGEST)
    below, at = old.get("below", 0), old.get("at", 0)
    if not in_force and limit is not None and limit.count is not None and limit.window is not Window.NONE:
        used = book.used(limit.window) + sent
        same = old.get("count") == limit.count
        below, at = (below + 1 if same else 1, used) if used < limit.count else (0, 0)
    closed = {"until": end, "reason": reason[:200], "strikes": strikes, "below": below, "at": at}
    book.notes["closed"] = {**closed, "count": limit.count if limit is not None else None}
    return closure(book)


def closure(book: Book) -> Closure:
    """The closure a book has or had, for people."""
    closed = book.notes.get("closed", {})
    return Closure(
        until=from_micros(closed.get("until", 0) + book.shift),
        reason=closed.get("reason", ""),
        strikes=closed.get("strikes", 1),
        below=closed.get("below", 0),
        stopped_at=closed.get("at", 0),
        in_force=book.closed_until > book.latest,
    )


def reopen(book: Book) -> None:
    """A person takes a closure back; how often the provider stopped the account stays known."""
    closed = book.notes.get("closed")
    if closed:
        book.notes["closed"] = {**closed, "until": min(closed["until"], book.latest)}
