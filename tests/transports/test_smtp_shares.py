"""Several sends of one account at the same time: together they keep to the number of lines that the provider takes."""

import gc
import threading
import time
from collections import Counter

import pytest

from crm_comm_hookspecs import Account, EmailMessage, MailServer, Recipient, RecipientStatus, Settings
from crm_comm_plugin.transports.smtp import smtp_connect
from crm_comm_plugin.transports.smtp_shares import Shares
from tests.transports.servers import Script

SENT = RecipientStatus.SENT
HELLO = EmailMessage(subject="Hi", text="x")
TOO_MANY = "432 4.3.2 Concurrent connections limit exceeded"


class Counted(Script):
    """Takes three lines at once and turns a further one away. most: how many there were at the same time."""

    def __init__(self) -> None:
        self.open, self.most, self._count, self._mine = 0, 0, threading.Lock(), threading.local()
        super().__init__()

    def _next(self, name):
        return TOO_MANY if name == "GREETING" and self._mine.number > 3 else super()._next(name)

    def _serve(self, connection):
        with self._count:
            self.open += 1
            self.most, self._mine.number = max(self.most, self.open), self.open
        try:
            super()._serve(connection)
        finally:
            with self._count:
                self.open -= 1


@pytest.fixture
def server():
    running = Counted()
    yield running
    running.close()


@pytest.fixture
def connect(server):
    preset = MailServer(key="mine", label="Mine", host="127.0.0.1", port=server.port, security="none", connections=3)
    opened = smtp_connect(Settings(smtp_timeout=5.0), lambda: {"mine": preset})
    made = []

    def make(key="a"):
        account = Account(id=key, name="A", type="email", channel="email", active=True, sender="ann@example.com",
                          status="untested")  # fmt: skip
        made.append(opened(account, {"server": "mine"}, {}))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


def send(transport, count=40):
    return Counter(o.status for o in transport.deliver([(Recipient(f"n{n}@example.com"), HELLO) for n in range(count)]))


def settled(server, count):
    """A line that was closed is gone at the server a moment later."""
    deadline = time.monotonic() + 5
    while server.open != count and time.monotonic() < deadline:
        time.sleep(0.01)
    return server.open


def test_a_second_send_gets_a_line_of_the_first_and_gives_it_back(server, connect):
    first, second, got = connect(), connect(), []
    assert send(first) == {SENT: 40}
    assert settled(server, 3) == 3
    other = threading.Thread(target=lambda: got.append(send(second)))
    other.start()
    while other.is_alive():
        assert send(first) == {SENT: 40}
    assert got == [{SENT: 40}]
    assert server.most == 3
    second.close()
    assert send(first) == {SENT: 40}
    assert settled(server, 3) == 3, "alone again, it has all lines"


def test_sends_of_one_account_that_go_on_together_are_never_turned_away(server, connect):
    found = []

    def campaign():
        transport = connect()
        found.extend(send(transport) for _ in range(8))
        transport.close()

    threads = [threading.Thread(target=campaign) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{SENT: 40}] * 24
    assert server.most <= 3


def test_a_send_that_rests_keeps_the_next_waiting_only_for_a_moment(server, connect, monkeypatch):
    """It may rest for long, for the limit's sake; then the server says what it thinks of one line more."""
    monkeypatch.setattr("crm_comm_plugin.transports.smtp_shares.PATIENCE", 0.1)
    assert send(connect()) == {SENT: 40}
    began = time.monotonic()
    assert set(send(connect())) == {RecipientStatus.SKIPPED}
    assert time.monotonic() - began < 3


def test_other_accounts_and_drafts_have_lines_of_their_own(server, connect, monkeypatch):
    monkeypatch.setattr("crm_comm_plugin.transports.smtp_shares.PATIENCE", 60.0)
    for key in ("a", "b", ""):
        assert send(connect(key), 1) == {SENT: 1}
    assert settled(server, 3) == 3


class Somebody:
    pass


def test_where_there_are_more_sends_than_lines_nobody_waits(monkeypatch):
    monkeypatch.setattr("crm_comm_plugin.transports.smtp_shares.PATIENCE", 60.0)
    shares, one, two = Shares(), Somebody(), Somebody()
    assert [shares.take("a", who, 1, 1) for who in (one, two, one, two)] == [1, 1, 1, 1]


def test_a_transport_that_nobody_closed_takes_no_share_when_it_is_gone():
    shares, left, stays = Shares(), Somebody(), Somebody()
    assert shares.take("a", left, 3, 3) == 3
    del left
    gc.collect()
    assert shares.take("a", stays, 3, 3) == 3
