"""A stored password goes only where it was set for: a server that listens for it never hears it (contract, rule 4)."""

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, EmailMessage, Recipient, Settings
from tests.ports import free_port
from tests.secret_search import contains_secret

ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)
PASSWORD = "s3cret-canary-stays"
PEOPLE = [Recipient("ann@example.com")]


class Sink:
    """The server that the password was set for."""

    async def handle_DATA(self, server, session, envelope):
        return "250 taken"


class Thief:
    """Takes everybody's sign-in, offers all that makes a client talk, and keeps every byte."""

    def __init__(self) -> None:
        self.heard = bytearray()
        thief = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 welcome\r\n")
                for line in self.rfile:
                    thief.heard += line
                    verb = line[:4].upper()
                    if verb == b"EHLO":
                        self.wfile.write(b"250-thief\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n")
                    elif verb == b"AUTH":
                        self.wfile.write(b"235 thank you\r\n" if line.count(b" ") > 1 else b"334 \r\n")
                    elif verb == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                    elif verb == b"QUIT":
                        return
                    else:
                        self.wfile.write(b"250 fine\r\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_address[1]


@pytest.fixture
def thief() -> Iterator[Thief]:
    thief = Thief()
    yield thief
    thief.server.shutdown()
    thief.server.server_close()


@pytest.fixture
def relay() -> Iterator[Controller]:
    port = free_port()
    relay = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=port,
        authenticator=lambda *_: AuthResult(success=True),
        auth_require_tls=False,
    )
    relay.start()
    yield relay
    relay.stop()


@pytest.fixture
def comm(tmp_path: Path) -> Iterator[Communication]:
    with Communication.load(Settings(data_dir=str(tmp_path), smtp_timeout=5.0), entry_points=False) as comm:
        yield comm


def account(comm: Communication, port: int) -> str:
    form = {
        "account_name": "News", "user": "news@example.org", "password": PASSWORD, "server": "smtp",
        "host": "127.0.0.1", "port": port, "security": "none",
    }  # fmt: skip
    saved = comm.save(ALICE, "email", "", form)
    assert saved.ok, saved
    return saved.id


def test_the_right_server_is_signed_in_to(comm, relay):
    key = account(comm, relay.port)
    assert comm.run(ALICE, "test", (key,)).ok
    report = comm.send(key, EmailMessage(subject="Hello", text="Hello"), PEOPLE, key="one")
    assert dict(report.counts) == {"sent": 1}


@pytest.mark.parametrize("password", [{}, {"password": ""}, {"password": None}])
def test_another_server_never_hears_it(comm, relay, thief, password):
    key = account(comm, relay.port)
    record = comm.open_record(ALICE, "email", key)
    moved = {**record.values, "port": thief.port, **password}
    advice = comm.check(ALICE, "email", key, moved, "port")
    assert password.get("password", "") is None or "password" in {**advice.hints, **advice.errors}
    assert "password" in comm.run(ALICE, "test_connection", (key,), "email", moved).errors
    assert "password" in comm.save(ALICE, "email", key, moved, record.version).errors
    assert "password" in comm.save(ALICE, "email", key, moved, "*").errors
    report = comm.send(key, EmailMessage(subject="Hello", text="Hello"), PEOPLE, key="one")
    assert dict(report.counts) == {"sent": 1}, "the account still goes where it did"
    assert bytes(thief.heard) == b""


@pytest.mark.parametrize(
    "change",
    [{"host": "localhost"}, {"security": "starttls"}, {"security": "tls"}, {"server": "gmail"}],
)
def test_a_change_of_place_or_security_asks_again(comm, relay, change):
    key = account(comm, relay.port)
    record = comm.open_record(ALICE, "email", key)
    moved = {**record.values, **change}
    if change.get("server"):
        moved = {name: value for name, value in moved.items() if name not in {"host", "port", "security"}}
    for refused in (
        comm.run(ALICE, "test_connection", (key,), "email", moved),
        comm.save(ALICE, "email", key, moved, record.version),
    ):
        assert not refused.ok
        assert "password" in refused.errors


def test_the_thief_would_have_heard_it(comm, thief):
    """The trap works: whoever sets a password for that server tells it."""
    key = account(comm, thief.port)
    comm.send(key, EmailMessage(subject="Hello", text="Hello"), PEOPLE, key="one")
    assert contains_secret(bytes(thief.heard))
