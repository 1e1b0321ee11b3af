"""A server that answers anything, at any phase, with any delay or break: everybody gets one outcome, and a true one."""

import socket
import ssl
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
SECRET = "s3cret-canary-fuzz"
WHOLE = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "HALF", "CONTENT", "RSET", "AUTH", "STARTTLS", "HELO", "QUIT")
"""HALF: what is done in the middle of a message, before its last dot."""
LATE, CUT = b"\xfflate", b"\xffcut"
"""Marks before a reply: it comes after half the time-out; the line breaks behind it."""

good = {"GREETING": b"220 hi\r\n", "MAIL": b"250 ok\r\n", "RCPT": b"250 ok\r\n", "DATA": b"354 go\r\n",
        "CONTENT": b"250 2.0.0 taken\r\n", "RSET": b"250 ok\r\n", "HALF": b"", "AUTH": b"235 welcome\r\n",
        "STARTTLS": b"220 go\r\n", "QUIT": b"221 bye\r\n", "HELO": b"250 hi\r\n"}  # fmt: skip
codes = st.integers(min_value=0, max_value=999).map(lambda code: b"%03d words\r\n" % code)
enhanced = st.builds(
    lambda code, a, b, text: f"{code} {str(code)[0]}.{a}.{b} {text}\r\n".encode("utf-8", "replace"),
    st.integers(200, 599), st.integers(0, 9), st.integers(0, 99), st.text(max_size=40),
)  # fmt: skip
said = st.one_of(
    codes,
    enhanced,
    st.binary(max_size=60),
    st.binary(max_size=30).map(lambda raw: raw + b"\r\n"),
    st.sampled_from([b"250-more\r\n", b"250 " + b"x" * 3000 + b"\r\n", b"250", b"250 ok\n", b"354 go\r\n250 ok\r\n",
                     b"250 ok\r\n250 ok\r\n", b"421 4.3.2 bye\r\n", b"550 5.4.5 Daily limit exceeded\r\n",
                     b"452 4.5.3 too many\r\n", b"535 5.7.8 no\r\n", "250 \u00fc\u2028\r\n".encode()]),
)  # fmt: skip
replies = st.one_of(
    st.just(None),  # hangs up
    st.just(b""),  # silent for longer than the time-out
    said,
    said.map(lambda raw: LATE + raw),
    said.map(lambda raw: CUT + raw),
)
clear = st.builds(
    lambda code, more: b"%d %swords\r\n" % (code, more),
    st.one_of(st.sampled_from([250, 354, 421, 450, 452, 535, 550, 552, 554]), st.integers(200, 599)),
    st.sampled_from([b"", b"2.0.0 ", b"4.3.2 ", b"4.5.3 ", b"5.1.1 ", b"5.4.5 ", b"5.7.8 "]),
)
"""What can be understood, though perhaps not at this point."""
wild = st.dictionaries(st.sampled_from(WHOLE), st.lists(replies, min_size=1, max_size=4), max_size=4)
LATE_ONES = st.sampled_from(("MAIL", "RCPT", "DATA", "CONTENT"))
refusing = st.dictionaries(LATE_ONES, st.lists(clear, min_size=1, max_size=6), min_size=1, max_size=2)
late = st.dictionaries(LATE_ONES, st.lists(st.one_of(clear, replies), min_size=1, max_size=4), min_size=1, max_size=2)
breaking = st.dictionaries(
    LATE_ONES, st.lists(st.one_of(clear, st.none()), min_size=1, max_size=4), min_size=1, max_size=2
)
scripts = st.one_of(refusing, refusing, breaking, breaking, late, wild)
"""What is wild from the start seldom gets as far as a message, where a wrong outcome comes from."""
hellos = st.sampled_from(
    [
        b"250 here\r\n",
        b"250-here\r\n250-STARTTLS\r\n250 PIPELINING\r\n",
        b"250-here\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 SIZE 99999\r\n",
        b"250-here\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250 PIPELINING\r\n",
        b"250-here\r\n250-AUTH=LOGIN\r\n250-STARTTLS\r\n250 SMTPUTF8\r\n",
        b"250-here\r\n250-AUTH PLAIN\r\n250-STARTTLS\r\n250 PIPELINING\r\n",
    ]
)
securities = st.sampled_from(["none", "none", "none", "starttls", "starttls", "tls"])


@pytest.fixture(scope="module")
def server_side(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


class Fuzzed:
    """Says what the script says, then what a good server would. accepted: whom a message was taken for, each time;
    refused: whom it was turned away for when it was there in whole.

    context: its side of TLS, from the start or after STARTTLS: what it says then is as wild.
    """

    def __init__(self, script, hello, context, security) -> None:
        self.context, self.security = context, security
        self.script = {name: list(found) for name, found in script.items()}
        self.hello = hello
        self.accepted: list[tuple[str, ...]] = []
        self.refused: set[str] = set()
        self.content: list[tuple[str, ...]] = []
        self._to = threading.local()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._over.set()
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
        plain = reply.removeprefix(LATE).removeprefix(CUT)
        if reply.startswith(LATE):
            self._over.wait(TIMEOUT / 2)
        if name == "CONTENT":
            with self._lock:
                if plain.startswith(b"2"):
                    self.accepted.append(tuple(self._to.taken))
                else:
                    self.refused.update(self._to.taken)
        if name != "HALF":
            connection.sendall(plain)
        if reply.startswith(CUT):
            raise ConnectionAbortedError
        return plain

    def _serve(self, connection) -> None:
        with suppress(OSError, ValueError):
            if self.security == "tls":
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                self._say(connection, "GREETING")
                while self._talk(connection):
                    connection = self.context.wrap_socket(connection, server_side=True)
        connection.close()

    def _talk(self, connection) -> bool:
        """Until it ends, or (True) the line is to be encrypted."""
        with connection.makefile("rb") as lines:
            taken = self._to.taken = []
            for line in lines:
                words = line.decode("utf-8", "replace").strip()
                name = words.split(" ")[0].split(":")[0].upper()
                if name in ("MAIL", "RSET"):
                    taken = self._to.taken = []
                reply = self._say(connection, name)
                if name == "RCPT" and reply.startswith(b"2"):
                    taken.append(words.partition("<")[2].rstrip(">"))
                if name == "DATA" and reply.startswith(b"354"):
                    self._say(connection, "HALF")
                    for part in lines:
                        if part == b".\r\n":
                            break
                    else:
                        return False
                    with self._lock:
                        self.content.append(tuple(taken))
                    self._say(connection, "CONTENT")
                if name == "STARTTLS" and reply.startswith(b"220"):
                    return True
                if name == "QUIT":
                    return False
        return False


def delivered(server, count, connections, shared, signed_in, ca_file):
    preset = MailServer(key="mine", label="Mine", host="127.0.0.1", port=server.port, security=server.security,
                        connections=connections, per_message=4, per_connection=5)  # fmt: skip
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender="ann@example.com",
                      status="untested")  # fmt: skip
    connect = smtp_connect(Settings(smtp_timeout=TIMEOUT, smtp_ca_file=ca_file), lambda: {"mine": preset})
    values, secrets = (
        ({"server": "mine", "user": "ann"}, {"password": SECRET}) if signed_in else ({"server": "mine"}, {})
    )
    transport = connect(account, values, secrets)
    message = EmailMessage(subject="Hi", text="x" * 70_000 if server.big else "x", shared=shared)
    try:
        return list(transport.deliver([(Recipient(f"n{n}@example.com"), message) for n in range(count)]))
    finally:
        transport.close()


@pytest.mark.timeout(600)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=scripts, hello=hellos, count=st.integers(1, 12), connections=st.sampled_from([1, 3]), shared=st.booleans(),
    signed_in=st.booleans(), security=securities, big=st.booleans(),
)  # fmt: skip
def test_whatever_a_server_says_everybody_gets_one_true_outcome(
    server_side, ca_file, script, hello, count, connections, shared, signed_in, security, big
):
    server = Fuzzed(script, hello, server_side, security)
    server.big = big
    began = time.monotonic()
    try:
        outcomes = delivered(server, count, connections, shared, signed_in, ca_file)
    finally:
        server.close()
    assert time.monotonic() - began < 12 * TIMEOUT * count + 5
    assert Counter(o.recipient.address for o in outcomes) == Counter({f"n{n}@example.com": 1 for n in range(count)})
    assert all(o.status in RecipientStatus for o in outcomes)
    ends = script.get("CONTENT", ())
    reached, accepted = (Counter(to for tos in each for to in tos) for each in (server.content, server.accepted))
    assert set(reached.values()) <= {1}, "a whole message goes to nobody twice"
    for outcome in outcomes:
        address = outcome.recipient.address
        if outcome.status == SENT:
            assert reached[address] == 1
            assert accepted[address] == 1 or any(map(_odd, ends))
        elif outcome.status == UNKNOWN:
            assert not outcome.reason
        else:
            assert accepted[address] == 0 or any(map(_odd, ends))
            if all(end is None or not _odd(end) for end in ends):
                assert not reached[address] or address in server.refused, "whoever may have got it is tried again"
    told = [str(o.detail) for o in outcomes]
    assert all(len(detail) < 2_000 and detail.isprintable() and SECRET not in detail for detail in told)


def _odd(raw: bytes | None) -> bool:
    """A reply that is several, or none: then nobody can say what it answered."""
    plain = b"" if raw is None else raw.removeprefix(LATE)
    return not plain.endswith(b"\r\n") or plain.count(b"\r\n") != 1 or plain.startswith(CUT)


@pytest.mark.timeout(600)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=scripts, hello=hellos, security=securities)
def test_a_test_of_the_connection_always_has_an_answer(server_side, ca_file, script, hello, security):
    server = Fuzzed(script, hello, server_side, security)
    preset = MailServer(key="mine", label="Mine", host="127.0.0.1", port=server.port, security=security)
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender="ann@example.com",
                      status="untested")  # fmt: skip
    connect = smtp_connect(Settings(smtp_timeout=TIMEOUT, smtp_ca_file=ca_file), lambda: {"mine": preset})
    transport = connect(account, {"server": "mine"}, {})
    try:
        diagnosis = transport.diagnose()
    finally:
        server.close()
        transport.close()
    assert diagnosis.steps
    assert diagnosis.ok == all(step.ok for step in diagnosis.steps)
    assert server.content == []
