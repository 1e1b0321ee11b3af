"""What the benchmark of the send limit measures with: blocks in turn, ratios within one round, a table."""

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Step = Callable[[], object]
PACKAGES = ("SQLAlchemy", "psycopg", "pyrate-limiter", "limits", "redis")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. met: None when there is nothing to meet."""

    what: str
    goal: str
    found: str
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """Something to measure: `step` runs `times` in a block, `after` clears up, untimed."""

    step: Step
    times: int = 50
    after: Step = lambda: None
    units: int = 1
    """Operations that one step stands for."""

    def seconds(self) -> float:
        """Seconds per operation in one block."""
        began = time.perf_counter()
        for _ in range(self.times):
            self.step()
        taken = time.perf_counter() - began
        self.after()
        return taken / (self.times * self.units)


@dataclass(frozen=True, slots=True)
class Versus:
    """ratio: how many times as fast ours is. Seconds per operation."""

    ratio: float
    ours: float
    other: float


def versus(ours: Work, other: Work, rounds: int = 9) -> Versus:
    """Blocks in turn; the median of the ratios of each round, so that a busy moment hits both."""
    ours.seconds()
    other.seconds()
    found = []
    for number in range(rounds):
        first, second = (ours, other) if number % 2 else (other, ours)
        times = {id(first): first.seconds(), id(second): second.seconds()}
        found.append((times[id(other)] / times[id(ours)], times[id(ours)], times[id(other)]))
    columns = zip(*found, strict=True)
    return Versus(*(statistics.median(column) for column in columns))


def at_least(what: str, goal: float, found: Versus) -> Row:
    """A row whose ratio is to be at least so high."""
    return Row(what, f">= {goal:g} x", f"{found.ratio:.2f} x ({micros(found)})", found.ratio >= goal)


def at_most(what: str, goal: float, found: Versus) -> Row:
    """A row whose cost, compared with the other's, is to be at most so high."""
    cost = 1 / found.ratio
    return Row(what, f"<= {goal:g} x", f"{cost:.2f} x ({micros(found)})", cost <= goal)


def printed(what: str, found: Versus) -> Row:
    """A row whose cost, compared with the other's, is only shown."""
    return Row(what, "printed", f"{1 / found.ratio:.2f} x ({micros(found)})")


def micros(found: Versus) -> str:
    """Both times."""
    return f"{found.ours * 1e6:,.0f} against {found.other * 1e6:,.0f} us"


def disk() -> Row:
    """What the disk takes to keep 4 KB."""
    with tempfile.NamedTemporaryFile() as file:
        os.pwrite(file.fileno(), b"x" * 65536, 0)
        os.fsync(file.fileno())
        times = []
        for n in range(400):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"y" * 4096, 4096 * (n % 16))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return Row("fdatasync of 4 KB", "printed", f"{statistics.median(times) * 1e3:.2f} ms (median)")


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    words = {True: "met", False: "NOT MET", None: ""}
    lines = ["| what | goal | found | |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {row.what} | {row.goal} | {row.found} | {words[row.met]} |" for row in rows])


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Where this was measured, and with which versions."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    parts = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    for package in packages:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package} not installed")
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.machine()}, load {load:.1f}. {', '.join(parts)}."
