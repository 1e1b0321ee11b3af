"""How fast messages reach one Postfix over our transport, and what the rest of a send adds to that."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from benchmarks.limits_measure import Row, Versus, Work, at_least, micros, versus
from benchmarks.mail_building import PLAIN, SENDER
from benchmarks.mail_peers import Pipelining, Smtplib
from benchmarks.mail_server import Accepting
from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Account,
    AccountSchema,
    AccountType,
    Communication,
    Context,
    Editor,
    MailServer,
    Outcome,
    Recipient,
    RecipientStatus,
    Settings,
    Transport,
    hookimpl,
)
from crm_comm_plugin.transports.mime import Composer
from crm_comm_plugin.transports.smtp import smtp_connect

OVERHEAD = 0.1
LINES = 4


def line(port: int, connections: int) -> Transport:
    """Our transport, as an account with a preset of so many connections gets it."""
    preset = MailServer(
        key="bench", label="Bench", host="127.0.0.1", port=port, security="none", connections=connections
    )
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender=SENDER, status="untested")
    return smtp_connect(Settings(smtp_timeout=30.0), lambda: {"bench": preset})(account, {"server": "bench"}, {})


def people(count: int) -> list[Recipient]:
    """So many."""
    return [Recipient(f"person{n}@example.org", f"Name {n}") for n in range(count)]


class Ours:
    """Our transport, given batches of the size it asks for, as a send does."""

    def __init__(self, port: int, connections: int, count: int) -> None:
        self._line = line(port, connections)
        self._pairs = [(person, PLAIN) for person in people(count)]

    def send(self) -> None:
        """All of them."""
        for first in range(0, len(self._pairs), self._line.batch):
            outcomes = list(self._line.deliver(self._pairs[first : first + self._line.batch]))
            assert all(outcome.status is RecipientStatus.SENT for outcome in outcomes), outcomes

    def close(self) -> None:
        """Say goodbye."""
        self._line.close()


def throughput(server: Accepting, block: int, rounds: int) -> list[Row]:
    """One line against the hand-written sender and smtplib; several against one of smtplib."""
    composer = Composer(SENDER, lambda: datetime.now(UTC))
    built = [(person.address, composer.compose(person, PLAIN).content) for person in people(block)]
    port = server.port
    with (
        closing(Pipelining(port)) as hand,
        closing(Smtplib(port)) as library,
        closing(Ours(port, 1, block)) as one,
        closing(Ours(port, LINES, block)) as several,
    ):
        by_hand = Work(lambda: hand.send(built), 1, server.drain, block)
        by_library = Work(lambda: library.send(built), 1, server.drain, block)
        ours = Work(one.send, 1, server.drain, block)
        ours_several = Work(several.send, 1, server.drain, block)
        return [
            at_least("one connection / hand-written pipelining sender", 0.9, versus(ours, by_hand, rounds)),
            at_least(f"up to {LINES} connections / one of smtplib", 1.5, versus(ours_several, by_library, rounds)),
            _printed("one connection / one of smtplib", versus(ours, by_library, rounds)),
            _printed(f"up to {LINES} connections / hand-written, one", versus(ours_several, by_hand, rounds)),
        ]


def _printed(what: str, found: Versus) -> Row:
    return Row(what, "printed", f"{found.ratio:.2f} x ({micros(found)})")


class Timed:
    """A transport that knows how long others waited for it."""

    def __init__(self, inner: Transport) -> None:
        self.seconds = 0.0
        self.batch = inner.batch
        self._inner = inner

    def deliver(self, batch: Sequence[tuple[Recipient, Any]]) -> Iterator[Outcome]:
        """What the line says, with its time taken."""
        outcomes = iter(self._inner.deliver(batch))
        while True:
            began = time.perf_counter()
            outcome = next(outcomes, None)
            self.seconds += time.perf_counter() - began
            if outcome is None:
                return
            yield outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class TimedSchema(AccountSchema):
    """No fields of its own."""


class TimedPlugin:
    """An account type whose lines are ours, timed."""

    def __init__(self, port: int, connections: int) -> None:
        self.line = Timed(line(port, connections))

    @hookimpl
    def crm_comm_account_types(self) -> list[AccountType]:
        """The one type."""
        editor = Editor(name="timed", title="Timed", schema=TimedSchema)
        return [
            AccountType(
                key="timed", label="Timed", icon="mail", channel="email", editor=editor,
                connect=lambda account, values, secrets: self.line,
            )
        ]  # fmt: skip


def overhead(server: Accepting, count: int) -> list[Row]:
    """The share of a send that is not the transport's, over one line and over several."""
    rows = []
    for connections in (1, LINES):
        whole, inside = sent(server.port, connections, count)
        server.drain()
        share = (whole - inside) / whole
        what = f"overhead of a send of {count:,} over {connections} connection{'s' * (connections > 1)}"
        found = f"{share:.1%} ({(whole - inside) / count * 1e6:,.0f} us of {whole / count * 1e6:,.0f} us)"
        rows.append(Row(what, f"<= {OVERHEAD:.0%}", found, share <= OVERHEAD))
    return rows


def sent(port: int, connections: int, count: int) -> tuple[float, float]:
    """(seconds of the whole send, seconds of these spent waiting for the transport)."""
    plugin = TimedPlugin(port, connections)
    admin = Context(user="bench", permissions=ALL_PERMISSIONS)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{os.path.join(folder, 'bench.db')}", data_dir=folder)
        with Communication.load(settings, entry_points=False) as comm:
            comm.register(plugin, "timed")
            values = {"account_name": "Bench", "limitation": "day", "limitation_count": 10_000_000}
            account = comm.save(admin, "timed", "", values, "").id
            everybody = people(count)
            began = time.perf_counter()
            report = comm.send(account, PLAIN, everybody, key="k")
            whole = time.perf_counter() - began
    assert report.counts == {RecipientStatus.SENT: count}, report
    return whole, plugin.line.seconds
