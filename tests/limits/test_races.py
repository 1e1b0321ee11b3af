"""Many processes at once: the total granted is exact, whoever is killed, on SQLite and PostgreSQL."""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from crm_comm_hookspecs import Limit, Window
from crm_comm_plugin.domain.clock import SystemClock
from crm_comm_plugin.domain.ledger_time import Reading
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.upgrade import ensure_schema

fork = multiprocessing.get_context("fork")
A = "a" * 32
PROCESSES = 8
OPEN = []
"""Databases of this process that are to be closed."""


def opened(url, read=None):
    """A ledger as it runs in earnest: the machine's clock for SQLite, the server's for PostgreSQL."""
    read = read or (SystemClock().reading if url.startswith("sqlite") else None)
    OPEN.append(Database(url, busy_timeout=60, on_open=ensure_schema))
    return SqlLedger(OPEN[-1], read)


@pytest.fixture(autouse=True)
def close_all():
    yield
    while OPEN:
        OPEN.pop().close()


def together(work, *arguments):
    """Run work(number, *arguments) in all processes at once; their answers."""
    answers, ready = fork.Queue(), fork.Barrier(PROCESSES)

    def run(number):
        try:
            ready.wait()
            answers.put(work(number, *arguments))
        except BaseException as error:
            answers.put(error)

    processes = [fork.Process(target=run, args=(n,), daemon=True) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(10)
    errors = [one for one in found if isinstance(one, BaseException)]
    assert not errors, errors
    return found


def take_all(number, url, limits):
    """Reserve until nothing is free; half is given back settled in full, half stays held."""
    ledger, luck, granted = opened(url), random.Random(number), 0
    while True:
        hold = ledger.reserve(A, limits, luck.randint(1, 30)).reservation
        if not hold.granted:
            return granted
        granted += hold.granted
        if luck.random() < 0.5:
            ledger.settle(hold.id, hold.granted)


def test_one_account(database_url):
    opened(database_url).allowances({A: ()})
    limits = (Limit(1_500, Window.DAY), Limit(5_000, Window.MONTH))
    assert sum(together(take_all, database_url, limits)) == 1_500


def notices(number, url, limits):
    """Reserve until nothing is free and go on a little: how often this process would tell of 80 % and of the end."""
    ledger, warned, reached = opened(url), 0, 0
    for _ in range(25):
        grant = ledger.reserve(A, limits, 1, watched=limits)
        warned += grant.warn
        reached += grant.reservation.granted == 0 and ledger.claim_reached(A, limits)
    return warned, reached


def test_of_many_processes_one_tells_that_the_limit_is_near_and_one_that_it_is_reached(database_url):
    opened(database_url).allowances({A: ()})
    found = together(notices, database_url, (Limit(100, Window.DAY),))
    assert [sum(told) for told in zip(*found, strict=True)] == [1, 1]


def take_everywhere(number, url, limit, accounts):
    ledger, luck, granted = opened(url), random.Random(number), Counter()
    left = list(accounts)
    while left:
        account = luck.choice(left)
        hold = ledger.reserve(account, (limit,), luck.randint(1, 9)).reservation
        granted[account] += hold.granted
        if hold.granted < hold.requested:
            left.remove(account)
    return granted


def test_a_hundred_accounts(database_url):
    opened(database_url).allowances({A: ()})
    accounts = [f"{n:032x}" for n in range(100)]
    found = together(take_everywhere, database_url, Limit(10, Window.DAY), accounts)
    assert sum(found, Counter()) == dict.fromkeys(accounts, 10)


def take_with_key(number, url, keys):
    ledger = opened(url)
    return [ledger.reserve(A, (Limit(10**6, Window.DAY),), 10, key=key).reservation for key in keys]


def test_the_same_key_everywhere_is_one_reservation(database_url):
    ledger = opened(database_url)
    ledger.allowances({A: ()})
    keys = [f"key{n}" for n in range(20)]
    found = together(take_with_key, database_url, keys)
    for same in zip(*found, strict=True):
        assert len({one.id for one in same}) == 1
        assert sorted(one.replayed for one in same) == [False] + [True] * (PROCESSES - 1)
    assert ledger.allowances({A: ()})[A].held == 200


def send_until_killed(url, path, limits):
    ledger = opened(url)
    sent = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        hold = ledger.reserve(A, limits, 7, hold_seconds=60).reservation
        for _ in range(hold.granted):
            os.write(sent, b".")
        ledger.settle(hold.id, hold.granted)


def killed(url, path, rounds, limits):
    """Senders that die at random instants; how many recipients the provider saw."""
    for _ in range(rounds):
        senders = [fork.Process(target=send_until_killed, args=(url, path, limits), daemon=True) for _ in range(2)]
        for sender in senders:
            sender.start()
        time.sleep(random.uniform(0.02, 0.12))
        for sender in senders:
            os.kill(sender.pid, signal.SIGKILL)
            sender.join(10)
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("rounds", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_senders(database_url, tmp_path, rounds):
    opened(database_url).allowances({A: ()})
    limits = (Limit(300, Window.HOUR),)
    sent = killed(database_url, tmp_path / "sent", rounds, limits)
    ledger = opened(database_url)
    after = ledger.allowances({A: limits})[A]
    assert 0 < sent <= after.used + after.held <= 300
    if database_url.startswith("sqlite"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.close()
    later = opened(database_url, lambda: Reading(time.time_ns() // 1000 + 3_700_000_000))
    assert later.reserve(A, limits, 500).reservation.granted == 300, "all of it is back after hold and window"


def test_a_forked_process_has_connections_of_its_own(database_url):
    ledger = opened(database_url)
    limits = (Limit(10**6, Window.DAY),)
    for _ in range(3):
        ledger.settle(ledger.reserve(A, limits, 1).reservation.id, 1)

    def use(_):
        for _ in range(10):
            ledger.settle(ledger.reserve(A, limits, 1).reservation.id, 1)

    together(use)
    use(0)
    assert ledger.allowances({A: limits})[A].used == 3 + 10 * PROCESSES + 10


def test_the_lock_beside_the_file_is_no_part_of_the_database(tmp_path):
    ledger = opened(f"sqlite:///{tmp_path / 'crm.db'}")
    ledger.reserve(A, (), 1)
    Path(tmp_path / "crm.db.lock").unlink()
    assert ledger.reserve(A, (), 1).reservation.granted == 1
