"""The state machine is known to find what others get wrong: each fault is planted, and must be found."""

import struct

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from crm_comm_plugin.domain import ledger_codec
from crm_comm_plugin.domain import ledger_moves as moves
from crm_comm_plugin.domain.ledger import Book
from crm_comm_plugin.domain.ledger_codec import decode
from crm_comm_plugin.domain.ledger_log import Log
from tests.limits.lanes import lane, merge_early
from tests.limits.machine import SendLimit
from tests.limits.memory_ledger import MemoryLedger, MemoryShelf

SEARCH = settings(
    lane(12_000, stateful_step_count=60),
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
)


def counts_at_reserve_time(plant):
    reserved_at, put, release = {}, Book.put, moves._release

    def put_and_note(book, hold):
        reserved_at[book.id, hold.token] = book.latest
        return put(book, hold)

    def release_dated_back(shelf, book, ref, used):
        now, book.latest = book.latest, reserved_at.get((book.id, ref.token), book.latest)
        release(shelf, book, ref, used)
        book.latest = now

    plant.setattr(Book, "put", put_and_note)
    plant.setattr(moves, "_release", release_dated_back)


def dates_a_bucket_by_its_start(plant):
    merged = Log.merged

    def dated_by_start(entries, grades):
        found = merged([(-at, units) for at, units in reversed(entries)], [(-(10**18), grades[0][1])])
        return [(-at, units) for at, units in reversed(found)]

    plant.setattr(Log, "merged", staticmethod(dated_by_start))


def refuses_at_more_than_the_count(plant):
    """Asks `taken > count` where it must ask `taken >= count`."""

    def left(book, limit):
        taken = book.used(limit.window) + book.held
        return 0 if taken > limit.count else limit.count - taken + 1

    plant.setattr(Book, "left", left)


def gives_back_a_microsecond_early(plant):
    used = Log.used
    plant.setattr(Log, "used", lambda log, window, now: used(log, window, now + 1))


def gives_back_a_microsecond_late(plant):
    used = Log.used
    plant.setattr(Log, "used", lambda log, window, now: used(log, window, now - 1))


def expiry_gives_back(plant):
    def expire(book):
        due = [hold for hold in book.holds if hold.until <= book.latest]
        book.holds = [hold for hold in book.holds if hold.until > book.latest]
        return due

    plant.setattr(Book, "expire", expire)


def reads_outside_the_lock(plant):
    """Each transaction decides on what was there before the last one, and writes over it."""
    shelf = MemoryLedger._shelf

    def spill_over(shelf, book_id, hold, expired):
        """What is there already is no reason to stop: who reads outside the lock cannot know of it."""
        shelf.holds[book_id, hold.token] = (hold, expired)

    def stale(ledger, ids, account_id="", token=b"", keep=True):
        found = shelf(ledger, ids, account_id, token, keep)
        before = getattr(ledger, "before", {})
        ledger.before = dict(ledger.rows)

        class Opened:
            def __enter__(self):
                opened = found.__enter__()
                for one in opened.books:
                    if keep and one in before:
                        opened.books[one] = decode(one, *before[one])
                return opened

            def __exit__(self, *error):
                return found.__exit__(*error)

        return Opened()

    plant.setattr(MemoryShelf, "spill", spill_over)
    plant.setattr(MemoryLedger, "_shelf", stale)


def follows_the_wall(plant):
    def advance(book, reading):
        book.latest, book.shift = reading.wall, 0
        return book.latest

    plant.setattr(Book, "advance", advance)


def goes_below_zero(plant):
    """A lowered count grants less than nothing, which what is held then lacks. Our codec cannot even store it."""
    plant.setattr(ledger_codec, "_HOLD", struct.Struct(">16siq"))
    plant.setattr(Book, "left", lambda book, limit: limit.count - book.used(limit.window) - book.held)


def looks_at_one_limit_only(plant):
    free = Book.free
    plant.setattr(Book, "free", lambda book, limits: free(book, list(limits)[:1]))


def late_settle_counts_from_now(plant):
    lower = Log.lower

    def lower_and_redate(log, at, units):
        lower(log, at, units)
        log.add(max(log.at, default=at) + 1, 1)

    plant.setattr(Log, "lower", lower_and_redate)


TOO_MUCH = (
    counts_at_reserve_time,
    dates_a_bucket_by_its_start,
    refuses_at_more_than_the_count,
    gives_back_a_microsecond_early,
    expiry_gives_back,
    reads_outside_the_lock,
    follows_the_wall,
    looks_at_one_limit_only,
    goes_below_zero,
)
WRONG = (gives_back_a_microsecond_late, late_settle_counts_from_now)


def found(fault, plant, *, trusting):
    """What the machine says, or "" when it sees nothing wrong."""
    fault(plant)
    merging = fault is dates_a_bucket_by_its_start
    if merging:
        merge_early(plant)

    class Faulty(SendLimit):
        make_ledger = MemoryLedger
        exact = not merging

    Faulty.trusting = trusting
    try:
        run_state_machine_as_test(Faulty, settings=SEARCH)
    except Exception as error:  # what a fault breaks may show as any error
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("fault", [*TOO_MUCH, *WRONG], ids=lambda fault: fault.__name__)
def test_the_machine_finds(fault, monkeypatch):
    assert found(fault, monkeypatch, trusting=False)


@pytest.mark.slow
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("fault", TOO_MUCH, ids=lambda fault: fault.__name__)
def test_what_was_sent_alone_shows(fault, monkeypatch):
    assert "were sent in a" in found(fault, monkeypatch, trusting=True)
