"""How fast a send is and how much memory it takes, through everything but a real provider.

Run: python -m benchmarks.sending. Each figure comes from a fresh process on one core, with the default SQLite
(synchronous=FULL), a limit on the account, and an account type of another plugin whose transport does nothing.
Goals: at least 20 000 recipients/s; peak memory within 80 MB of the start, the same for three times the recipients.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    AccountSchema,
    AccountType,
    Communication,
    Context,
    Diagnosis,
    Editor,
    EmailMessage,
    Outcome,
    Recipient,
    RecipientStatus,
    Settings,
    hookimpl,
)

GOAL_RATE, GOAL_MEGABYTES = 20_000, 80
KINDS = {
    "send": "a new send",
    "again": "the same key again, nobody left to send to",
    "skip": "all over the limit",
    "rows": "bare: one insert and two updates per recipient, same driver",
}


class VoidSchema(AccountSchema):
    """No fields of its own."""


class Void:
    """A transport to nowhere."""

    batch = 1000

    def deliver(self, batch: Sequence[tuple[Recipient, Any]]) -> Iterator[Outcome]:
        """Everybody is sent."""
        for recipient, _ in batch:
            yield Outcome(recipient=recipient, status=RecipientStatus.SENT)

    def diagnose(self) -> Diagnosis:
        """Always well."""
        return Diagnosis(ok=True, steps=())

    def close(self) -> None:
        """Nothing to let go of."""


class VoidPlugin:
    """Another plugin, as a third party would write it."""

    @hookimpl
    def crm_comm_account_types(self) -> list[AccountType]:
        """The null account type."""
        editor = Editor(name="void", title="Void", schema=VoidSchema)
        return [
            AccountType(
                key="void",
                label="Void",
                icon="mail",
                channel="email",
                editor=editor,
                connect=lambda account, values, secrets: Void(),
            )
        ]


def people(count: int) -> Iterator[Recipient]:
    """Addresses in no order, made as they are asked for."""
    for number in range(count):
        yield Recipient(f"person{number * 7919 % count}@mail{number % 97}.example.com", f"Name {number}")


def sent(kind: str, count: int, url: str) -> float:
    """Seconds that a send takes."""
    admin = Context(user="bench", permissions=ALL_PERMISSIONS)
    message = EmailMessage(subject="Hello", text="Good morning")
    with Communication.load(Settings(database_url=url, data_dir=os.path.dirname(url[10:])), entry_points=False) as comm:
        comm.register(VoidPlugin(), "void")
        limit = 0 if kind == "skip" else 10_000_000
        values = {"account_name": "Bench", "limitation": "day", "limitation_count": limit}
        account = comm.save(admin, "void", "", values, "").id
        if kind == "again":
            comm.send(account, message, people(count), key="k")
        start = time.perf_counter()
        report = comm.send(account, message, people(count), key="k")
        seconds = time.perf_counter() - start
    expected = RecipientStatus.SKIPPED if kind == "skip" else RecipientStatus.SENT
    assert report.counts == {expected: count}, report
    return seconds


def bare(count: int, url: str) -> float:
    """Seconds that the least books take: a row each, then handed, then sent, a transaction per thousand."""
    import sqlite3

    with sqlite3.connect(url[10:], isolation_level=None) as raw:
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("CREATE TABLE t (send INT, n INT, address TEXT, name TEXT, status TEXT, PRIMARY KEY (send, n))")
        raw.execute("CREATE UNIQUE INDEX u ON t (send, address)")
        start = time.perf_counter()
        everybody = list(people(count))
        for first in range(0, count, 1000):
            part = range(first, min(first + 1000, count))
            rows = [(1, n, everybody[n].address, everybody[n].name, "pending") for n in part]
            for statement, values in (
                ("INSERT INTO t VALUES (?,?,?,?,?)", rows),
                ("UPDATE t SET status='handed' WHERE send=1 AND n=?", [(n,) for n in part]),
                ("UPDATE t SET status='sent' WHERE send=1 AND n=?", [(n,) for n in part]),
            ):
                raw.execute("BEGIN IMMEDIATE")
                raw.executemany(statement, values)
                raw.execute("COMMIT")
        seconds = time.perf_counter() - start
    raw.close()
    return seconds


def child(kind: str, count: int) -> None:
    """One measurement in this process; prints it as JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        sent("send", 500, f"sqlite:///{Path(folder) / 'warm.db'}")  # imports and caches are not what is measured
        before, busy = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        seconds = bare(count, url) if kind == "rows" else sent(kind, count, url)
        busy = time.process_time() - busy
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sends = 2 if kind == "again" else 1
    print(json.dumps({"rate": count / seconds, "cpu": sends * count / busy, "megabytes": grown}))


def measured(kind: str, count: int) -> dict[str, float]:
    """The same in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.sending", "--child", kind, str(count)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--child", nargs=2, metavar=("KIND", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], int(options.child[1]))
        return
    count = options.count
    runs = [(kind, count) for kind in KINDS] + [("send", 3 * count)]
    found = {run: measured(*run) for run in runs}
    base = found["rows", count]["rate"]
    print(f"{'recipients':>10} {'per second':>11} {'of bare':>8} {'per CPU s':>10} {'peak memory':>12}  what")
    for (kind, number), row in found.items():
        figures = f"{row['rate']:>11,.0f} {row['rate'] / base:>8.2f} {row['cpu']:>10,.0f} {row['megabytes']:>+9.1f} MB"
        print(f"{number:>10} {figures}  {KINDS[kind]}")
    one, three = found["send", count], found["send", 3 * count]
    growth = three["megabytes"] - one["megabytes"]
    print(f"goal: >= {GOAL_RATE:,}/s: {_said(one['rate'] >= GOAL_RATE)}; ", end="")
    print(f"<= {GOAL_MEGABYTES} MB: {_said(max(one['megabytes'], three['megabytes']) <= GOAL_MEGABYTES)}; ", end="")
    print(f"flat: {_said(growth <= 5)} ({growth:+.1f} MB for {2 * count:,} more)")


def _said(well: bool) -> str:
    return "yes" if well else "NO"


if __name__ == "__main__":
    main()
