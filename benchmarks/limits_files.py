"""The send limit on SQLite: against a bare commit on the same driver, against pyrate-limiter, and with 16 processes."""

import itertools
import multiprocessing
import os
import sqlite3
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks.limits_measure import Row, Step, Versus, Work, at_least, at_most, printed, versus
from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.clock import SystemClock
from crm_comm_plugin.domain.ledger_time import Reading
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.upgrade import ensure_schema

A = "a" * 32
DAILY = (Limit(1_000_000_000, Window.DAY),)
PAST = 10_000
"""Recipients that were sent in the window before the measuring begins, for ours and for the peers."""
MANY = 300_000
"""What an account that sends 10 000 a day has sent in a month."""
fork = multiprocessing.get_context("fork")


def with_past(ledger_at: "object", make: "type[SqlLedger]", database: Database) -> None:
    """An account that has sent for three days, 300 times a day: its log is as full as it gets."""
    now = time.time_ns() // 1000
    for n in range(900):
        back = int(timedelta(days=3).total_seconds() * 1e6 * (900 - n) / 900)
        ledger = make(database, lambda back=back: Reading(now - back))
        ledger.settle(ledger.reserve(A, DAILY, PAST // 300).reservation.id, PAST // 300)


class Ours:
    """Our ledger on an account with a past."""

    def __init__(self, ledger: SqlLedger) -> None:
        self.ledger = ledger
        self._open: list[str] = []
        self._keys = itertools.count(time.time_ns())

    def reserve(self, units: int = 1, keyed: bool = False) -> Step:
        """A step that reserves."""

        def step() -> None:
            key = f"key{next(self._keys)}" if keyed else ""
            self._open.append(self.ledger.reserve(A, DAILY, units, key=key).reservation.id)

        return step

    def settle_all(self) -> None:
        """Nothing stays held."""
        while self._open:
            self.ledger.settle(self._open.pop(), 1)

    def pair(self, units: int = 1) -> Step:
        """A step that reserves and settles."""
        return lambda: self.ledger.settle(self.ledger.reserve(A, DAILY, units).reservation.id, units)

    def allowance(self) -> None:
        """What is left."""
        self.ledger.allowances({A: DAILY})

    def reserving(self, units: int = 1, keyed: bool = False, times: int = 12) -> Work:
        """Reserving alone: a dozen at a time, settled in between, untimed."""
        return Work(self.reserve(units, keyed), times, self.settle_all)


class Bare:
    """A bare one-row commit, and a bare one-row SELECT, on the same driver with the same settings."""

    def __init__(self, path: Path) -> None:
        self.line = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self.line.execute(f"PRAGMA {pragma}")
        self.line.execute("CREATE TABLE bare (id TEXT PRIMARY KEY, state BLOB)")
        self.line.execute("INSERT INTO bare VALUES (?, ?)", (A, b"x" * 500))

    def commit(self) -> None:
        """One row changed and kept."""
        self.line.execute("BEGIN IMMEDIATE")
        self.line.execute(
            "UPDATE bare SET state = ? WHERE id = ?", (os.urandom(500), A)
        )  # the same again is not written
        self.line.execute("COMMIT")

    def select(self) -> None:
        """One row read."""
        self.line.execute("SELECT state FROM bare WHERE id = ?", (A,)).fetchone()


def rows(folder: Path) -> list[Row]:
    """All rows that need nothing but a file."""
    database = Database(f"sqlite:///{folder / 'ours.db'}", on_open=ensure_schema)
    with_past(None, SqlLedger, database)
    ours, bare = Ours(SqlLedger(database, SystemClock().reading)), Bare(folder / "bare.db")
    commit = Work(bare.commit, 12)
    found = [
        at_least("SQLite FULL: reserve / bare commit", 0.75, versus(ours.reserving(), commit, 31)),
        at_least("SQLite FULL: reserve with a key / bare commit", 0.75, versus(ours.reserving(keyed=True), commit, 31)),
        at_least("SQLite FULL: reserve + settle / bare commit", 0.4, versus(Work(ours.pair(), 12), commit, 31)),
        at_most("reserve 10 000 / reserve 1", 1.1, versus(ours.reserving(10_000), ours.reserving(1), 31)),
        at_most("allowance / bare SELECT (SQLite)", 4, versus(Work(ours.allowance, 200), Work(bare.select, 200))),
        *where_an_allowance_goes(database, ours),
        size(database),
        *against_pyrate(folder, ours),
        *worst_waits(folder, bare),
    ]
    database.close()
    return found


def where_an_allowance_goes(database: Database, ours: Ours) -> list[Row]:
    """The same row read and not understood: over the connection that ours has, and as SQLAlchemy reads it."""
    sql = "SELECT state, past FROM crm_comm_ledger WHERE account_id = :id"
    statement = text(sql)

    def raw() -> None:
        with database.read_raw() as line:
            line.execute(sql, {"id": A}).fetchall()

    def core() -> None:
        with database.read() as connection:
            connection.execute(statement, {"id": A}).all()

    allowance = Work(ours.allowance, 200)
    return [
        printed("allowance / SELECT of its row over the same connection (SQLite)", versus(allowance, Work(raw, 200))),
        printed("allowance / SELECT of its row through SQLAlchemy (SQLite)", versus(allowance, Work(core, 200))),
    ]


def size(database: Database) -> Row:
    """What the account with a past takes."""
    with database.read_raw() as raw:
        sql = "SELECT length(state) + length(past) FROM crm_comm_ledger WHERE account_id = ?"
        found = raw.execute(sql, (A,)).fetchone()[0]
    return Row("bytes per account at steady state", "<= 8192", f"{found:,}", found <= 8_192)


def against_pyrate(folder: Path, ours: Ours) -> list[Row]:
    """pyrate-limiter on SQLite with its file lock: as safe as ours (FULL), and as it comes, which is not."""
    try:
        from pyrate_limiter import Duration, Rate, RateItem, SQLiteBucket
    except ImportError:
        return [Row("pyrate-limiter SQLite", ">= 4 x / 5 x / 50 x", "not installed")]
    result = []
    for mode in ("FULL", "NORMAL"):
        path = str(folder / f"pyrate{mode}.db")
        bucket = SQLiteBucket.init_from_file([Rate(10**9, Duration.DAY)], db_path=path, use_file_lock=True)
        bucket.conn.execute(f"PRAGMA synchronous={mode}")

        def put(units: int, bucket: "SQLiteBucket" = bucket) -> Step:
            return lambda: bucket.put(RateItem(A, bucket.now(), weight=units))

        for past in (PAST, MANY):
            for _ in range(past // PAST):
                put(PAST)()
            for units, goal, times in ((1, 4, 12), (100, 5, 12), (10_000, 50, 2)):
                found: Versus = versus(ours.reserving(units), Work(put(units), times), 15)
                what = f"pyrate-limiter SQLite (file lock, {mode}), n = {units:,}, {past:,} more sent before"
                result.append(at_least(what, goal, found))
        bucket.close()
    return result


def worst_waits(folder: Path, bare: Bare) -> list[Row]:
    """16 processes at one file: how long the unluckiest of all calls waits."""
    commit = versus(Work(bare.commit, 12), Work(bare.commit, 12), 5).ours
    result = []
    for name, turns in (("with turns (file lock)", True), ("with SQLite's busy handler only", False)):
        url = f"sqlite:///{folder / f'waits{turns}.db'}"
        Database(url, on_open=ensure_schema).engine()
        answers = fork.Queue()
        processes = [fork.Process(target=waiting, args=(url, turns, answers)) for _ in range(16)]
        for process in processes:
            process.start()
        found = [answers.get() for _ in processes]
        for process in processes:
            process.join()
        worst, calls = max(wait for wait, _ in found), sum(count for _, count in found)
        text = f"{worst:.2f} s in {calls:,} calls; one commit {commit * 1e3:.2f} ms"
        result.append(Row(f"worst wait of 16 processes, {name}", "printed", text))
    return result


def waiting(url: str, turns: bool, answers: "multiprocessing.Queue[tuple[float, int]]") -> None:
    """One of the 16: reserves and settles for 5 seconds; the longest call."""
    database = Database(url, busy_timeout=60, on_open=ensure_schema)
    database.engine()
    if not turns:
        database._turns = None
    ledger, worst, count = SqlLedger(database, SystemClock().reading), 0.0, 0
    end = time.perf_counter() + 5
    while (began := time.perf_counter()) < end:
        hold = ledger.reserve(A, DAILY, 1).reservation.id
        worst, count = max(worst, time.perf_counter() - began), count + 1
        ledger.settle(hold, 1)
    answers.put((worst, count))
