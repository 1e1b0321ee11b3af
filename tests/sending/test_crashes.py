"""Crashes and errors between any two steps of a send, found by hypothesis: the books and the provider always agree."""

import itertools
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from crm_comm_hookspecs import Outcome, Reason, RecipientStatus, StorageUnavailable, TransportError
from crm_comm_plugin.domain.sends import CountedOutcome
from crm_comm_plugin.sending import pace
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.send_tables import outcomes, sends
from crm_comm_plugin.storage.upgrade import ensure_schema
from tests.conftest import MovingClock
from tests.sending.worlds import Post, World, people

SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
CROWD = 14
BEHAVIOURS = ["sent", "sent", "sent", "refused", "later", "late refusal", "lost", "account", "raise"]
_NUMBERS = itertools.count()


class Died(BaseException):
    """The process is gone: nothing it still wanted to do happens."""


class Fuse:
    """Counts steps and ends the process, or raises an error once, at a chosen one."""

    def __init__(self, steps: int, error: bool) -> None:
        self.left, self.error = steps, error
        self.dead = False

    def step(self) -> None:
        if self.dead:
            raise Died
        self.left -= 1
        if self.left == 0:
            if self.error:
                raise StorageUnavailable
            self.dead = True
            raise Died


class Fused:
    """Anything with methods, each of which is two steps: before it did its work, and after."""

    def __init__(self, inner, fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        def call(*arguments, **named):
            self._fuse.step()
            answer = method(*arguments, **named)
            self._fuse.step()
            return answer

        return call


class Fragile(Post):
    batch = 3

    def deliver(self, batch):
        for recipient, _ in batch:
            self.office.fuse.step()
            yield self.office.answer(recipient, None)
            self.office.fuse.step()


class Crashes(RuleBasedStateMachine):
    template: Path

    @initialize(behaviours=st.lists(st.sampled_from(BEHAVIOURS), min_size=CROWD, max_size=CROWD))
    def start(self, behaviours):
        self.folder = tempfile.mkdtemp()
        path = f"{self.folder}/crm.db"
        shutil.copy(self.template, path)
        self.clock = MovingClock()
        self.world = World(Database(f"sqlite:///{path}", on_open=ensure_schema), self.clock)
        self.world.limits.window = timedelta(days=9999)
        self.world.office.make = Fragile
        self.world.office.answer = self.answer
        self.world.office.fuse = Fuse(0, error=False)
        self.behaviours = {p.address: b for p, b in zip(people(CROWD), behaviours, strict=True)}
        self.asked = set()
        self.send_id = ""
        self.first_try = Counter()

    def answer(self, recipient, _):
        behaviour = self.behaviours[recipient.address]
        said = {"recipient": recipient}
        if behaviour == "refused":
            return Outcome(**said, status=FAILED, reason=Reason.REFUSED, code="550 5.1.1")
        if behaviour == "account" and self.first_try[recipient.address] == 0:
            self.first_try[recipient.address] += 1
            return Outcome(**said, status=SKIPPED, reason=Reason.AUTH, code="535 5.7.8")
        if behaviour == "later" and self.first_try[recipient.address] < 2:
            self.first_try[recipient.address] += 1
            return Outcome(**said, status=SKIPPED, reason=Reason.REFUSED, code="451 4.7.1")
        self.world.office.reached.append(recipient.address)
        if behaviour == "late refusal":
            return CountedOutcome(**said, status=FAILED, reason=Reason.MESSAGE, code="554 5.6.0")
        if behaviour == "lost":
            return Outcome(**said, status=UNKNOWN)
        if behaviour == "raise":
            raise TransportError("gone")
        return Outcome(**said, status=SENT)

    def send(self, crowd, fuse, on_progress=None):
        world = self.world
        parts = {
            name: Fused(getattr(world, name), fuse) for name in ("sends", "outcomes", "usage", "limits", "accounts")
        }
        fused = World.__new__(World)
        fused.__dict__ |= world.__dict__ | parts
        world.office.fuse = fuse
        self.asked |= {r.address for r in crowd}
        with suppress(Died, StorageUnavailable):
            self.send_id = fused.send(crowd, on_progress=on_progress).send_id

    @rule(
        steps=st.integers(1, 160), error=st.booleans(), order=st.permutations(people(CROWD)), part=st.integers(1, CROWD)
    )
    def cut_off(self, steps, error, order, part):
        self.send([*order[:part], order[0]], Fuse(steps, error))
        self.agree()

    @rule(order=st.permutations(people(CROWD)), stop=st.integers(0, 30))
    def go_on(self, order, stop):
        self.send(order, Fuse(0, error=False), lambda progress: progress.done < stop or stop > CROWD)
        self.agree()

    @rule(count=st.one_of(st.none(), st.integers(0, CROWD + 5)))
    def change_limit(self, count):
        self.world.limits.count = count

    @precondition(lambda self: self.send_id)
    @rule()
    def cancel(self):
        self.world.sending().cancel(self.send_id)
        self.agree()

    def agree(self):
        reached = self.world.office.reached
        assert len(set(reached)) == len(reached), "somebody was reached twice"
        assert self.world.limits.used() >= len(reached), "the limit counts less than the provider"
        with self.world.database.read() as connection:
            rows = connection.execute(select(outcomes.c.status, outcomes.c.address, outcomes.c.nth)).all()
            books = connection.execute(select(sends)).mappings().one_or_none()
        counts = Counter(row.status for row in rows)
        for status in RecipientStatus:
            assert counts[status] == (books[f"n_{status}"] if books else 0), "the report differs from the outcomes"
        self.status = {row.address: row.status for row in rows if row.nth == 0}
        assert {a for a, s in self.status.items() if s == SENT} <= set(reached)

    def teardown(self):
        if not hasattr(self, "world"):
            return
        self.world.limits.count = None
        for _ in range(CROWD * 4):
            self.send(people(CROWD), Fuse(0, error=False))
            self.agree()
            if len(self.status) == CROWD and set(self.status.values()) <= {SENT, FAILED, UNKNOWN}:
                break
        assert set(self.status) == {p.address for p in people(CROWD)}
        assert set(self.status.values()) <= {SENT, FAILED, UNKNOWN}
        reached = set(self.world.office.reached)
        for address, status in self.status.items():
            assert status == UNKNOWN or (address in reached) == (self.behaviours[address] != "refused")
        report = self.world.sending().sends().sends[0]
        assert report.finished
        self.world.database.close()
        shutil.rmtree(self.folder)


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(pace, "FIRST_CHUNK", 4)
    monkeypatch.setattr(pace, "FIRST_BATCH", 2)
    database = Database(f"sqlite:///{tmp_path}/template.db", on_open=ensure_schema)
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA optimize")
    database.close()
    Crashes.template = tmp_path / "template.db"


def run(examples, steps):
    run_state_machine_as_test(
        Crashes,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_crashes_anywhere_leave_the_books_right(small):
    run(60, 8)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_crashes_anywhere_leave_the_books_right_at_length(small):
    run(300, 14)
