"""A ledger in memory: the same moves over dictionaries that are encoded and decoded as in a database."""

from contextlib import contextmanager
from dataclasses import replace

from crm_comm_plugin.domain import ledger_moves as moves
from crm_comm_plugin.domain import ledger_views as views
from crm_comm_plugin.domain.ledger import INSTALLATION, Book, put_right
from crm_comm_plugin.domain.ledger_codec import decode, encode
from crm_comm_plugin.domain.ledger_ids import Ref
from crm_comm_plugin.domain.ledger_shelf import kept
from crm_comm_plugin.domain.ledger_time import Anchors


class MemoryShelf:
    """One transaction: works on a copy, which counts when the block ends well."""

    def __init__(self, store, ids, account_id, token):
        self.store = store
        self.rows = dict(store.rows)
        self.holds = dict(store.holds)
        self.keys = dict(store.keys)
        self.usage = dict(store.usage)
        self.books = {i: decode(i, *self.rows[i]) if i in self.rows else Book(i) for i in ids}
        self.reading = store.anchors.steadied(store.read())
        self.record = self.keys.get((account_id, token))

    def save(self, book):
        state, past = encode(book)
        self.rows[book.id] = (state, past if past is not None else self.rows.get(book.id, (b"", b""))[1])

    def spill(self, book_id, hold, expired):
        self.holds[book_id, hold.token] = (hold, expired)

    def due(self, book_id, now):
        live = {k: h for k, (h, expired) in self.holds.items() if k[0] == book_id and not expired}
        found = sorted((h for h in live.values() if h.until <= now), key=lambda h: h.until)
        for hold in found:
            self.holds[book_id, hold.token] = (hold, True)
        return found, min((h.until for h in live.values() if h.until > now), default=0)

    def take(self, book_id, token):
        return self.holds.pop((book_id, token), None)

    def put_right(self, book_id, now, ahead):
        for key, (hold, expired) in list(self.holds.items()):
            if key[0] == book_id:
                until = min(hold.until, now) if expired else put_right(hold.until, now, ahead)
                self.holds[key] = (replace(hold, until=until), expired)

    def add_record(self, record):
        assert (record.account_id, record.token) not in self.keys
        self.keys[record.account_id, record.token] = record

    def settle_record(self, record, used):
        self.keys[record.account_id, record.token] = replace(record, used=used)

    def prune(self, book_id, before):
        self.keys = {k: r for k, r in self.keys.items() if k[0] != book_id or r.held_until >= before}
        gone = {k for k, (h, expired) in self.holds.items() if k[0] == book_id and expired and h.until < before}
        self.holds = {k: v for k, v in self.holds.items() if k not in gone}
        self.record = kept(self.record, book_id, before)

    def count_usage(self, account_id, at, campaign, sent, skipped):
        key = (account_id, at // 3_600_000_000, campaign)
        old = self.usage.get(key, (0, 0))
        self.usage[key] = (old[0] + sent, old[1] + skipped)


class MemoryLedger:
    """The Ledger port. read: answers a Reading."""

    def __init__(self, read, ceiling=None):
        self.read, self.ceiling = read, ceiling
        self.rows, self.holds, self.keys, self.usage = {}, {}, {}, {}
        self.anchors = Anchors()

    @contextmanager
    def _shelf(self, ids, account_id="", token=b"", keep=True):
        shelf = MemoryShelf(self, ids, account_id, token)
        yield shelf
        if keep:
            self.rows, self.holds, self.keys, self.usage = shelf.rows, shelf.holds, shelf.keys, shelf.usage

    def _books(self, *ids):
        return ids if self.ceiling is None else (INSTALLATION, *ids)

    def reserve(self, account_id, limits, units, *, key="", campaign="", hold_seconds=300.0, watched=()):
        wish = moves.Wish(
            account_id=account_id,
            limits=limits,
            units=units,
            key=key,
            campaign=campaign,
            hold_seconds=hold_seconds,
            ceiling=self.ceiling,
            watched=watched,
        )
        token = wish.token()
        with self._shelf(wish.books, account_id, token) as shelf:
            return moves.reserve(shelf, wish, token)

    def settle(self, reservation_id, used):
        ref = Ref.parse(reservation_id)
        books = (INSTALLATION, ref.account_id) if ref.shared else (ref.account_id,)
        with self._shelf(books, ref.account_id, ref.token) as shelf:
            moves.settle(shelf, ref, used)
        return ref.account_id

    def claim_reached(self, account_id, watched):
        with self._shelf(self._books(account_id)) as shelf:
            return views.claim_reached(shelf, account_id, watched, self.ceiling)

    def allowances(self, wanted):
        with self._shelf(self._books(*wanted), keep=False) as shelf:
            return {one: views.allowance(shelf, one, limits, self.ceiling) for one, limits in wanted.items()}

    def forecast(self, account_id, limits, units):
        with self._shelf(self._books(account_id), keep=False) as shelf:
            return views.forecast(shelf, account_id, limits, self.ceiling, units)

    def close(self, account_id, until, reason, limit, sent=0):
        with self._shelf((account_id,)) as shelf:
            return views.close(shelf, account_id, until, reason, limit, sent)

    def reopen(self, account_id):
        with self._shelf((account_id,)) as shelf:
            views.reopen(shelf, account_id)

    def closures(self, account_ids):
        with self._shelf(account_ids, keep=False) as shelf:
            return views.closures(shelf)

    def forget(self, account_ids):
        gone = set(account_ids)
        self.rows = {k: v for k, v in self.rows.items() if k not in gone}
        self.holds = {k: v for k, v in self.holds.items() if k[0] not in gone}
        self.keys = {k: v for k, v in self.keys.items() if k[0] not in gone}

    def reset_clock(self):
        self.anchors, changed = Anchors(), 0
        for one in list(self.rows):
            with self._shelf((one,)) as shelf:
                changed += views.reset_clock(shelf, one)
        return changed
