"""A server that answers anything, at any phase, with any delay or break: everybody gets one outcome, and a true one."""

import socket
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_comm_hookspecs import Account, EmailMessage, MailServer, Recipient, RecipientStatus, Settings
from crm_comm_plugin.transports.smtp import smtp_connect

SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
TIMEOUT = 0.3
WHOLE = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "RSET", "AUTH", "HELO", "QUIT")

good = {"GREETING": b"220 hi\r\n", "MAIL": b"250 ok\r\n", "RCPT": b"250 ok\r\n", "DATA": b"354 go\r\n",
        "CONTENT": b"250 2.0.0 taken\r\n", "RSET": b"250 ok\r\n",
        "QUIT": b"221 bye\r\n", "HELO": b"250 hi\r\n"}  # fmt: skip
codes = st.integers(min_value=0, max_value=999).map(lambda code: b"%03d words\r\n" % code)
enhanced = st.builds(
    lambda code, a, b, text: f"{code} {str(code)[0]}.{a}.{b} {text}\r\n".encode("utf-8", "replace"),
    st.integers(200, 599), st.integers(0, 9), st.integers(0, 99), st.text(max_size=40),
)  # fmt: skip
replies = st.one_of(
    st.just(None),  # hangs up
    st.just(b""),  # silent for longer than the time-out
    codes,
    enhanced,
    st.binary(max_size=60),
    st.binary(max_size=30).map(lambda raw: raw + b"\r\n"),
    st.sampled_from([b"250-more\r\n", b"250 " + b"x" * 3000 + b"\r\n", b"250", b"250 ok\n", b"354 go\r\n250 ok\r\n",
                     b"250 ok\r\n250 ok\r\n", b"421 4.3.2 bye\r\n", b"550 5.4.5 Daily limit exceeded\r\n",
                     b"452 4.5.3 too many\r\n", b"535 5.7.8 no\r\n", "250 \u00fc\u2028\r\n".encode()]),
)  # fmt: skip
scripts = st.dictionaries(st.sampled_from(WHOLE), st.lists(replies, min_size=1, max_size=4), max_size=4)
hellos = st.sampled_from(
    [b"250 here\r\n", b"250-here\r\n250 PIPELINING\r\n", b"250-here\r\n250-PIPELINING\r\n250 SIZE 99999\r\n"]
)


class Fuzzed:
    """Says what the script says, then what a good server would. accepted: whom a message was taken for, each time."""

    def __init__(self, script, hello) -> None:
        self.script = {name: list(found) for name, found in script.items()}
        self.hello = hello
        self.accepted: list[tuple[str, ...]] = []
        self.content: list[tuple[str, ...]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _say(self, connection, name: str) -> bytes:
        with self._lock:
            waiting = self.script.get(name)
            reply = waiting.pop(0) if waiting else self.hello if name == "EHLO" else good.get(name, b"500 what\r\n")
        if reply is None:
            raise ConnectionAbortedError
        connection.sendall(reply)
        return reply

    def _serve(self, connection) -> None:
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as lines:
            self._say(connection, "GREETING")
            taken: list[str] = []
            for line in lines:
                words = line.decode("utf-8", "replace").strip()
                name = words.split(" ")[0].split(":")[0].upper()
                if name in ("MAIL", "RSET"):
                    taken = []
                reply = self._say(connection, name)
                if name == "RCPT" and reply.startswith(b"2"):
                    taken.append(words.partition("<")[2].rstrip(">"))
                if name == "DATA" and reply.startswith(b"354"):
                    for part in lines:
                        if part == b".\r\n":
                            break
                    else:
                        return
                    with self._lock:
                        self.content.append(tuple(taken))
                    if self._say(connection, "CONTENT").startswith(b"2"):
                        with self._lock:
                            self.accepted.append(tuple(taken))
                if name == "QUIT":
                    return


def delivered(server, count, connections, shared):
    preset = MailServer(key="mine", label="Mine", host="127.0.0.1", port=server.port, security="none",
                        connections=connections, per_message=4)  # fmt: skip
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender="ann@example.com",
                      status="untested")  # fmt: skip
    connect = smtp_connect(Settings(smtp_timeout=TIMEOUT), lambda: {"mine": preset})
    transport = connect(account, {"server": "mine"}, {})
    message = EmailMessage(subject="Hi", text="x", shared=shared)
    try:
        return list(transport.deliver([(Recipient(f"n{n}@example.com"), message) for n in range(count)]))
    finally:
        transport.close()


@pytest.mark.timeout(600)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=scripts, hello=hellos, count=st.integers(1, 9), connections=st.sampled_from([1, 2]), shared=st.booleans())
def test_whatever_a_server_says_everybody_gets_one_true_outcome(script, hello, count, connections, shared):
    server = Fuzzed(script, hello)
    began = time.monotonic()
    try:
        outcomes = delivered(server, count, connections, shared)
    finally:
        server.close()
    assert time.monotonic() - began < 12 * TIMEOUT * count + 5
    assert Counter(o.recipient.address for o in outcomes) == Counter({f"n{n}@example.com": 1 for n in range(count)})
    assert all(o.status in RecipientStatus for o in outcomes)
    reached = Counter(address for to in server.content for address in to)
    for outcome in outcomes:
        address = outcome.recipient.address
        if outcome.status == SENT:
            assert reached[address] >= 1
        if outcome.status == SKIPPED and not any(_odd(raw) for raw in script.get("CONTENT", ())):
            assert not any(address in to for to in server.accepted)
    assert all(len(str(o.detail)) < 2_000 and o.detail.isprintable() for o in outcomes)


def _odd(raw: bytes | None) -> bool:
    """A reply that is several, or none: then nobody can say what it answered."""
    return raw is None or not raw.endswith(b"\r\n") or raw.count(b"\r\n") != 1


@pytest.mark.timeout(600)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=scripts, hello=hellos)
def test_a_test_of_the_connection_always_has_an_answer(script, hello):
    server = Fuzzed(script, hello)
    preset = MailServer(key="mine", label="Mine", host="127.0.0.1", port=server.port, security="none")
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender="ann@example.com",
                      status="untested")  # fmt: skip
    transport = smtp_connect(Settings(smtp_timeout=TIMEOUT), lambda: {"mine": preset})(account, {"server": "mine"}, {})
    try:
        diagnosis = transport.diagnose()
    finally:
        server.close()
        transport.close()
    assert diagnosis.steps
    assert diagnosis.ok == all(step.ok for step in diagnosis.steps)
    assert server.content == []
