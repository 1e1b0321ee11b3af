"""The next envelope behind the dot of the message before (RFC 2920): what is begun early, and that it harms nobody."""

import socket
import ssl
import threading
from collections import Counter
from contextlib import suppress

import pytest

from crm_comm_hookspecs import EmailMessage, Reason, Recipient, RecipientStatus
from tests.transports.servers import USER, Script, transport
from tests.transports.test_smtp_lines import PIPED, line, people

SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
MESSAGE = EmailMessage(subject="Hi", text="own")


def pairs(count):
    return [(recipient, MESSAGE) for recipient in people(count)]


def statuses(server, count, **more):
    way = line(server.port, **more)
    try:
        return [(o.status, o.reason) for o in way.deliver(pairs(count))]
    finally:
        way.close()


def addresses(server):
    """Whom messages were taken for."""
    return Counter(raw.partition(b"To: ")[2].partition(b"\r\n")[0].decode() for raw in server.taken)


def test_a_server_that_waits_for_the_next_envelope_before_it_answers_gets_it(script):
    later = "250 2.0.0 taken\r\n250 2.1.0 ok"
    server = script(EHLO=PIPED, CONTENT=[Script.HANG, Script.HANG, "250 2.0.0 taken"], MAIL=["250 ok", later, later])
    assert statuses(server, 3) == [(SENT, "")] * 3
    assert server.connections == 1


def test_without_pipelining_nothing_is_said_before_its_turn(script):
    server = script(CONTENT=["550 5.4.5 Daily sending limit exceeded"])
    assert statuses(server, 3) == [(SKIPPED, Reason.PROVIDER_LIMIT)] * 3
    assert sum(told.startswith("MAIL") for told in server.told) == 1


@pytest.mark.parametrize("reply", [Script.DROP, "no number", "354 more?"])
def test_who_was_begun_behind_a_message_that_is_unknown_is_sent_to_once(script, reply):
    server = script(EHLO=PIPED, CONTENT=[reply, "250 ok"])
    assert statuses(server, 3) == [(UNKNOWN, ""), (SENT, ""), (SENT, "")]
    assert server.connections == 2
    got = addresses(server)
    assert [got["n1@example.com"], got["n2@example.com"]] == [1, 1]


def test_a_line_that_closes_with_a_refusal_takes_nobody_along(script):
    server = script(EHLO=PIPED, CONTENT=["421 4.3.2 closing", "250 ok"])
    assert statuses(server, 3) == [(SKIPPED, Reason.UNREACHABLE), (SENT, ""), (SENT, "")]
    assert server.connections == 2


def test_a_server_that_still_minds_the_refused_message_is_not_taken_to_mean_the_next(script):
    server = script(
        EHLO=PIPED, CONTENT=["554 5.7.1 spam", "250 ok"], MAIL=["250 ok", "503 5.5.1 nested MAIL command", "250 ok"]
    )
    assert statuses(server, 3) == [(FAILED, Reason.MESSAGE), (SENT, ""), (SENT, "")]
    assert server.connections == 2


def test_a_refused_message_does_not_hold_up_the_next(script):
    server = script(EHLO=PIPED, CONTENT=["554 5.7.1 spam", "250 ok"])
    assert statuses(server, 3) == [(FAILED, Reason.MESSAGE), (SENT, ""), (SENT, "")]
    assert server.connections == 1
    assert "RSET" not in server.told


def test_a_refused_recipient_between_two_others(script):
    server = script(
        EHLO=PIPED, RCPT=["250 ok", "550 5.1.1 nobody", "250 ok"], DATA=["354 go", "554 5.5.1 nobody", "354 go"]
    )
    assert statuses(server, 3) == [(SENT, ""), (FAILED, Reason.REFUSED), (SENT, "")]
    assert server.connections == 1
    assert set(addresses(server)) == {"n0@example.com", "n2@example.com"}


def test_a_bound_of_messages_for_each_line_counts_those_begun_early(script):
    server = script(EHLO=PIPED)
    assert statuses(server, 5, per_connection=2) == [(SENT, "")] * 5
    assert server.connections == 3
    assert sum(told.startswith("MAIL") for told in server.told) == 5


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_message_that_the_server_cannot_take_is_not_begun(script, place):
    server = script(EHLO=["250-here\r\n250-SIZE 3000\r\n250 PIPELINING"])
    batch = pairs(3)
    batch[place] = (batch[place][0], EmailMessage(subject="Hi", text="large " * 1_000))
    way = line(server.port)
    found = {o.recipient.address: o.status for o in way.deliver(batch)}
    way.close()
    assert [found[f"n{n}@example.com"] for n in range(3)] == [FAILED if n == place else SENT for n in range(3)]
    assert server.connections == 1
    assert sum(told.startswith("MAIL") for told in server.told) == 2


class Read(list):
    """A batch that knows how many have been read."""

    read = 0

    def __iter__(self):
        for pair in super().__iter__():
            self.read += 1
            yield pair


@pytest.mark.parametrize(("hello", "ahead"), [(PIPED, 1), (Script.USUAL["EHLO"], 0)])
def test_at_most_one_further_recipient_is_taken_from_the_batch(script, hello, ahead):
    server = script(EHLO=hello)
    way, batch = line(server.port), Read(pairs(5))
    for told, outcome in enumerate(way.deliver(batch), 1):
        assert outcome.status == SENT
        assert batch.read == min(told + ahead, 5)
    way.close()


def test_a_caller_who_goes_away_leaves_no_message_half_said(script):
    server = script(EHLO=PIPED)
    way = line(server.port)
    outcomes = way.deliver(pairs(5))
    assert next(outcomes).status == SENT
    outcomes.close()
    assert [o.status for o in way.deliver([(Recipient("later@example.com"), MESSAGE)])] == [SENT]
    way.close()
    assert server.connections == 2
    assert set(addresses(server)) == {"n0@example.com", "later@example.com"}


def test_a_message_that_cannot_be_made_is_told_between_the_others(script):
    server = script(EHLO=PIPED)
    batch = pairs(4)
    batch[1] = (batch[1][0], EmailMessage(subject="a\nb"))
    batch[3] = (batch[3][0], EmailMessage(subject="a\nb"))
    way = line(server.port)
    found = {o.recipient.address: o.status for o in way.deliver(batch)}
    way.close()
    assert [found[f"n{n}@example.com"] for n in range(4)] == [SENT, FAILED, SENT, FAILED]


class Injected:
    """Offers STARTTLS; somebody on the way adds replies in clear, before the encryption begins."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.told: list[bytes] = []
        self._context = context
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError):
            raw, _ = self._listener.accept()
            raw.sendall(b"220 hi\r\n")
            raw.recv(1000)
            raw.sendall(b"250-here\r\n250 STARTTLS\r\n")
            raw.recv(1000)
            raw.sendall(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
            with self._context.wrap_socket(raw, server_side=True) as private, private.makefile("rb") as lines:
                for told in lines:
                    self.told.append(told)
                    private.sendall(b"250 honest\r\n")


def test_what_was_said_in_clear_is_forgotten_when_encryption_begins(server_context, ca_file):
    server = Injected(server_context())
    way = transport(server.port, "starttls", USER, smtp_ca_file=ca_file)
    (outcome,) = way.deliver(pairs(1))
    way.close()
    server.close()
    assert (outcome.status, outcome.reason) == (SKIPPED, Reason.AUTH)
    assert not any(told.startswith(b"AUTH") for told in server.told)
