"""The limit as a host and a campaign see it: through Communication alone, on both databases."""

import sqlite3
import time
from datetime import timedelta

import psycopg
import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    AccountSchema,
    AccountType,
    Badge,
    Busy,
    Communication,
    Context,
    Diagnosis,
    Editor,
    EmailMessage,
    InvalidInput,
    NotPermitted,
    Outcome,
    Query,
    Reason,
    Recipient,
    RecipientStatus,
    ReservationMismatch,
    Settings,
    UnknownAccount,
    UnknownReservation,
    hookimpl,
)

ANN = Context(user="ann", permissions=ALL_PERMISSIONS, timezone="UTC")
PEOPLE = [Recipient(f"p{n}@example.com") for n in range(100)]
MESSAGE = EmailMessage(subject="Hello", text="Good morning")
SENT, SKIPPED = RecipientStatus.SENT, RecipientStatus.SKIPPED
SHORT = 0.4


class LetterSchema(AccountSchema):
    pass


class Provider:
    """An account type whose provider takes `most` at a time, then says that the account is over its limit."""

    def __init__(self):
        self.most, self.taken, self.batch, self.changes = 10**6, 0, 10, []

    @hookimpl
    def crm_comm_account_types(self):
        editor = Editor(name="letter", title="Letter", schema=LetterSchema)
        return [
            AccountType(
                key="letter", label="Letter", icon="mail", channel="email", editor=editor, connect=lambda *_: self
            )
        ]

    @hookimpl
    def crm_comm_account_changed(self, change):
        self.changes.append(change.kind)

    def deliver(self, batch):
        for recipient, _ in batch:
            self.taken += 1
            if self.taken <= self.most:
                yield Outcome(recipient=recipient, status=SENT)
            else:
                over = {"reason": Reason.PROVIDER_LIMIT, "code": "550 5.4.5", "detail": "Daily limit of Example Mail"}
                yield Outcome(recipient=recipient, status=SKIPPED, **over)

    def diagnose(self):
        return Diagnosis(ok=True, steps=())

    def close(self):
        pass


class World:
    def __init__(self, url, folder, clock, **settings):
        self.clock, self.provider = clock, Provider()
        settings = Settings(database_url=url, data_dir=str(folder), clock=clock, **settings)
        self.comm = Communication.load(settings, entry_points=False)
        self.comm.register(self.provider, "letters")
        self.id = self.saved("Letters", limitation="day", limitation_count="90")

    def saved(self, name, **values):
        result = self.comm.save(ANN, "letter", "", {"account_name": name, **values}, "")
        assert result.ok, result
        return result.id

    def cells(self, id=""):
        rows = {row.id: row.cells for row in self.comm.list_rows(ANN, "accounts", Query()).rows}
        return rows[id or self.id]

    def send(self, key="k"):
        return self.comm.send(self.id, MESSAGE, PEOPLE, key=key)

    def stopped_at(self, most):
        self.provider.most, self.provider.taken = most, 0


@pytest.fixture
def world(database_url, tmp_path, clock):
    world = World(database_url, tmp_path / "data", clock)
    yield world
    world.comm.shutdown()


def test_what_the_provider_stopped_is_shown_and_a_person_reopens_it(world):
    world.stopped_at(40)
    report = world.send()
    assert report.counts == {SENT: 40, SKIPPED: 60}
    assert report.retry_at == world.clock.at + timedelta(minutes=15)
    assert world.cells()["status"] == Badge(text="Paused until 9:15\u202fAM", level="warn")
    assert world.cells()["usage"].hint.endswith("Daily limit of Example Mail")
    assert world.cells()["usage"].level == "bad"
    (account,) = world.comm.accounts()
    assert account.status == "paused"

    question = world.comm.confirm(ANN, "reopen", (world.id,))
    assert question.title == "Reopen this account?"
    assert "“Letters” is paused until 9:15\u202fAM: Daily limit of Example Mail" in question.text
    world.stopped_at(10**6)
    world.provider.changes.clear()
    result = world.comm.run(ANN, "reopen", (world.id,), confirmed=question.token)
    assert (result.ok, result.level, result.message, result.refresh) == (True, "ok", "“Letters” may send again.", True)
    assert world.provider.changes == ["status"]
    assert world.cells()["status"] == Badge(text="Connected", level="ok")
    assert world.send().counts == {SENT: 90, SKIPPED: 10}, "its own limit goes on to count"


def test_reopening_what_is_not_paused_says_so_and_changes_nothing(world):
    other = world.saved("Other")
    before = world.comm.accounts()
    assert world.comm.confirm(ANN, "reopen", (world.id,)) is None
    result = world.comm.run(ANN, "reopen", (world.id,))
    assert (result.ok, result.level) == (True, "info")
    assert result.message == "“Letters” is not paused: there is nothing to reopen."
    assert "are not paused" in world.comm.run(ANN, "reopen", (world.id, other)).message
    assert world.comm.accounts() == before
    assert not world.comm.run(ANN, "reopen", ("unknown",)).ok
    assert not world.comm.run(ANN, "reopen", ()).ok


def test_of_many_only_the_closed_ones_are_reopened(world):
    other = world.saved("Other")
    world.comm.save(ANN, "letter", other, {"active": False}, "*")
    world.stopped_at(5)
    world.send()
    question = world.comm.confirm(ANN, "reopen", (other, world.id))
    assert "Other" not in question.text
    assert world.comm.run(ANN, "reopen", (other, world.id)).message == "“Letters” may send again."
    assert world.cells(other)["status"] == Badge(text="Inactive")


def test_reopening_needs_the_permission_to_edit(world):
    world.stopped_at(5)
    world.send()
    for allowed in ({"communication.view", "communication.delete"}, set()):
        may = Context(user="bob", permissions=frozenset(allowed))
        assert not world.comm.run(may, "reopen", (world.id,)).ok
        with pytest.raises(NotPermitted):
            world.comm.confirm(may, "reopen", (world.id,))
        assert "reopen" not in {action.name for viewer in world.comm.viewers(may) for action in viewer.actions}
    assert world.comm.allowance(world.id).remaining == 0
    (action,) = [a for a in world.comm.viewers(ANN)[0].actions if a.name == "reopen"]
    assert (action.needs, action.kind) == ("many", "run")
    assert action.confirm.title == "Reopen the selected accounts?"


def test_who_is_stopped_below_the_count_again_and_again_is_told_to_lower_it(world):
    def hints():
        return world.comm.check(ANN, "letter", world.id, {}, "").hints.get("limitation_count", [])

    for n in range(3):
        assert hints() == []
        assert "lower the count" not in world.cells()["usage"].hint
        world.stopped_at(40)
        world.send(f"k{n}")
        world.clock.forward(days=1, minutes=1)
    world.clock.at = world.comm.sends().sends[0].retry_at - timedelta(minutes=1)
    assert "40" in hints()[0]
    assert "Lower the count" in hints()[0]
    assert "The provider stops it at 40: lower the count to that" in world.cells()["usage"].hint
    world.comm.save(ANN, "letter", world.id, {"limitation_count": "40"}, "*")
    assert hints() == []
    assert "lower the count" not in world.cells()["usage"].hint


BAD = {
    "no units": {"units": 0},
    "negative": {"units": -1},
    "too many": {"units": 10_000_001},
    "a part": {"units": 1.5},
    "text": {"units": "5"},
    "no key": {"key": ""},
    "long key": {"key": "k" * 201},
    "key with NUL": {"key": "a\0"},
    "short hold": {"hold_seconds": 0.5},
    "long hold": {"hold_seconds": 86_401},
    "no number": {"hold_seconds": float("nan")},
}


def test_bad_input_is_refused_by_a_typed_error_and_charges_nothing(world):
    other = world.saved("Other")
    hold = world.comm.reserve(world.id, 5, "k")
    for what, bad in BAD.items():
        with pytest.raises(InvalidInput) as refused:
            world.comm.reserve(**{"account_id": world.id, "units": 5, "key": "fresh", **bad})
        assert refused.value.hint, what
    with pytest.raises(UnknownAccount):
        world.comm.reserve("nobody", 5, "k")
    foreign = world.comm.reserve(other, 5, "k").id.replace(other, world.id)
    for one in ("", "x", "\0", foreign, hold.id[:-1], f"{world.id}.h00000005{'0' * 32}"):
        with pytest.raises(UnknownReservation):
            world.comm.settle(one, 0)
    for used, error in ((6, ReservationMismatch), (-1, InvalidInput), (2.5, InvalidInput), (True, InvalidInput)):
        with pytest.raises(error):
            world.comm.settle(hold.id, used)
    allowance = world.comm.allowance(world.id)
    assert (allowance.used, allowance.held, allowance.remaining) == (0, 5, 85)
    world.comm.settle(hold.id, 5)
    world.clock.forward(days=41)
    world.comm.settle(world.comm.reserve(world.id, 1, "later").id, 1)
    with pytest.raises(UnknownReservation):
        world.comm.settle(hold.id, 5)


class Hog:
    """Somebody else who keeps the database locked."""

    def __init__(self, url):
        if url.startswith("sqlite"):
            self.line = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            self.line.execute("BEGIN IMMEDIATE")
        else:
            self.line = psycopg.connect(url.replace("+psycopg", ""))
            self.line.execute("SELECT * FROM crm_comm_ledger FOR UPDATE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.rollback()
        self.line.close()


def test_a_busy_database_is_told_in_time_and_nothing_is_half_done(database_url, tmp_path, clock):
    world = World(database_url, tmp_path / "data", clock, busy_timeout=SHORT)
    hold = world.comm.reserve(world.id, 10, "k")
    with Hog(database_url):
        for call in (
            lambda: world.comm.reserve(world.id, 20, "other"),
            lambda: world.comm.settle(hold.id, 10),
            world.send,
        ):
            began = time.monotonic()
            with pytest.raises(Busy) as found:
                call()
            assert time.monotonic() - began < SHORT + 3
            assert found.value.retryable
            assert found.value.hint
    allowance = world.comm.allowance(world.id)
    assert (allowance.used, allowance.held) == (0, 10)
    assert world.provider.taken == 0
    assert not world.comm.reserve(world.id, 20, "other").replayed
    assert world.comm.settle(hold.id, 10).used == 10
    assert world.send().counts == {SENT: 60, SKIPPED: 40}
    world.comm.shutdown()
