"""Lines that break at every point: nobody is sent to twice, and nobody is called sent or refused wrongly."""

import socket
import struct

import pytest

from crm_comm_hookspecs import EmailMessage, Reason, Recipient, RecipientStatus
from crm_comm_plugin.domain.sends import counts_as_used
from tests.transports.servers import Script, transport

MESSAGE = EmailMessage(subject="Hello", text="Good morning")
SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
DROP, HANG = Script.DROP, Script.HANG


def pairs(count=2):
    return [(Recipient(f"p{n}@example.org"), MESSAGE) for n in range(count)]


def delivered(server, count=2, **more):
    line = transport(server.port, **({"smtp_timeout": 0.5} | more))
    try:
        return list(line.deliver(pairs(count)))
    finally:
        line.close()


@pytest.mark.parametrize("how", [DROP, "421 4.3.2 closing", HANG, "999 what", "no number at all"])
@pytest.mark.parametrize("phase", ["MAIL", "RCPT"])
def test_a_line_that_breaks_before_the_recipient_is_taken_is_opened_once_more(script, phase, how):
    server = script(**{phase: [how, "250 ok"]})
    outcomes = delivered(server)
    assert [o.status for o in outcomes] == [SENT, SENT]
    assert server.connections == 2
    assert len(server.taken) == 2


@pytest.mark.parametrize("how", [DROP, "421 4.3.2 closing"])
def test_a_line_that_breaks_at_data_is_not_tried_again_by_itself(script, how):
    server = script(DATA=[how, "354 go"])
    outcomes = delivered(server)
    assert [(o.status, o.reason) for o in outcomes] == [(SKIPPED, Reason.UNREACHABLE), (SENT, "")]
    assert counts_as_used(outcomes[0])
    assert len(server.taken) == 1


@pytest.mark.parametrize("how", [DROP, HANG, "no number", "100 hm", "354 more?", "600 x"])
def test_a_line_that_breaks_after_the_content_leaves_unknown(script, how):
    server = script(CONTENT=[how, "250 ok"])
    outcomes = delivered(server)
    assert [o.status for o in outcomes] == [UNKNOWN, SENT]
    assert server.connections == 2


class Impatient(Script):
    """Hangs up in the middle of the first message, with a reset."""

    def _say(self, connection, name):
        reply = super()._say(connection, name)
        if name == "DATA" and self.connections == 1:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionAbortedError
        return reply


def test_a_line_that_breaks_before_the_last_dot_has_delivered_nothing():
    server = Impatient(EHLO=["250 here"])
    big = EmailMessage(subject="Hello", text="Good morning\n" * 1_000_000)
    line = transport(server.port)
    outcomes = list(line.deliver([(Recipient("a@example.org"), big), (Recipient("b@example.org"), MESSAGE)]))
    line.close()
    server.close()
    assert [(o.status, o.reason) for o in outcomes] == [(SKIPPED, Reason.UNREACHABLE), (SENT, "")]
    assert counts_as_used(outcomes[0]), "its recipient was accepted"
    assert len(server.taken) == 1


STARTTLS = ["250-here\r\n250 STARTTLS"]


@pytest.mark.parametrize(
    "how", [DROP, HANG, "421 4.3.2 closing", "454 4.7.0 no TLS now", "220 go", "220 go\r\n250 x", "what"]
)
def test_a_line_that_breaks_while_it_is_encrypted_skips_everybody(script, how):
    """After "220 go" the server goes on in the clear: what it says then is no handshake, and nothing is told to it."""
    from tests.transports.servers import USER

    server = script(EHLO=STARTTLS, STARTTLS=[how])
    outcomes = delivered(server, 3, security="starttls", user=USER)
    assert {(o.status, o.reason) for o in outcomes} == {(SKIPPED, Reason.UNREACHABLE)}
    assert not any(told.startswith(("AUTH", "MAIL")) for told in server.told)
    assert not any(counts_as_used(o) for o in outcomes)


@pytest.mark.parametrize("how", [DROP, HANG, "421 4.3.2 closing", "432 4.3.2 Concurrent connections limit exceeded",
                                 "334 what?", "999 x", "no number"])  # fmt: skip
def test_a_line_that_breaks_while_signing_in_skips_everybody(script, how):
    from tests.transports.servers import USER

    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=[how])
    outcomes = delivered(server, 3, user=USER)
    assert {o.status for o in outcomes} == {SKIPPED}
    assert {o.reason for o in outcomes} <= {Reason.UNREACHABLE, Reason.PROVIDER_LIMIT, Reason.AUTH}
    assert ("432" in how) == (outcomes[0].reason == Reason.PROVIDER_LIMIT)
    assert not any(told.startswith("MAIL") for told in server.told)


def test_a_421_after_the_content_is_a_refusal_for_now(script):
    server = script(CONTENT=["421 4.3.2 closing", "250 ok"])
    outcomes = delivered(server)
    assert [(o.status, o.reason) for o in outcomes] == [(SKIPPED, Reason.UNREACHABLE), (SENT, "")]
    assert counts_as_used(outcomes[0])


@pytest.mark.parametrize("how", [DROP, "421 busy", "554 no", HANG])
@pytest.mark.parametrize("phase", ["GREETING", "EHLO"])
def test_a_server_that_does_not_let_us_in_skips_the_batch_after_one_try(script, phase, how):
    server = script(**{phase: [how], "HELO": [how]})
    outcomes = delivered(server, 4)
    assert {(o.status, o.reason) for o in outcomes} == {(SKIPPED, Reason.UNREACHABLE)}
    assert server.connections == 1
    assert not any(counts_as_used(o) for o in outcomes)


def test_a_server_that_always_hangs_up_is_given_up(script):
    server = script(MAIL=[DROP])
    outcomes = delivered(server, 20)
    assert {(o.status, o.reason) for o in outcomes} == {(SKIPPED, Reason.UNREACHABLE)}
    assert server.connections <= 10  # three messages in a row, and what was on its way on two further lines


def test_nothing_listens(script):
    server = script()
    server.close()
    outcomes = delivered(server, 3)
    assert {(o.status, o.reason) for o in outcomes} == {(SKIPPED, Reason.UNREACHABLE)}
    assert "port" in outcomes[0].detail


def test_a_dripping_server_cannot_hold_the_line_beyond_the_timeout(script):
    import threading
    import time

    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        connection, _ = listener.accept()
        with connection:
            try:
                while not stop.wait(0.05):
                    connection.sendall(b"220-x\r\n")
            except OSError:
                pass

    thread = threading.Thread(target=drip)
    thread.start()
    line = transport(listener.getsockname()[1], smtp_timeout=0.5)
    began = time.monotonic()
    (outcome,) = line.deliver(pairs(1))
    assert outcome.status == SKIPPED
    assert time.monotonic() - began < 3
    stop.set()
    thread.join()
    listener.close()


def test_an_endless_reply_is_cut_off(script):
    server = script(MAIL=["\r\n".join(["250-" + "x" * 500] * 1000)])
    assert delivered(server, 1)[0].status == SKIPPED


def test_a_transaction_that_failed_is_reset_before_the_next(script):
    server = script(RCPT=["550 5.1.1 no", "250 ok"])
    assert [o.status for o in delivered(server)] == [FAILED, SENT]
    assert server.told.count("RSET") == 1
    assert server.connections == 1


def test_an_idle_line_that_died_is_replaced_silently(script, monkeypatch):
    from crm_comm_plugin.transports import smtp_lane

    server = script(RSET=[DROP])
    monkeypatch.setattr(smtp_lane, "IDLE_SECONDS", -1.0)
    assert [o.status for o in delivered(server)] == [SENT, SENT]
    assert server.connections == 2


@pytest.mark.parametrize(
    "address", ["a@b>\r\nRCPT TO:<c@d", "a b@c.d", "<a@b.c>", "a@b.c\x00", "", "nobody", "a@b@c", "a@b\x85.c", None]
)
def test_addresses_that_could_be_commands_never_reach_the_line(script, address):
    server = script()
    line = transport(server.port)
    (outcome,) = line.deliver([(Recipient(address), MESSAGE)])
    line.close()
    assert (outcome.status, outcome.reason) == (FAILED, Reason.MESSAGE)
    assert not any(told.startswith("RCPT") for told in server.told)


def test_an_account_without_a_sender_says_so(script):
    line = transport(script().port, sender="")
    (outcome,) = line.deliver(pairs(1))
    assert (outcome.status, outcome.reason) == (SKIPPED, Reason.AUTH)
    assert "sender" in outcome.detail


def test_a_password_thrown_back_by_the_server_is_hidden(script):
    import base64

    from tests.transports.servers import PASSWORD, USER

    coded = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=[f"535 5.7.8 bad AUTH PLAIN {coded} for {PASSWORD}"])
    line = transport(server.port, user=USER)
    (outcome,) = line.deliver(pairs(1))
    said = repr(outcome) + repr(line.diagnose())
    assert PASSWORD not in said
    assert coded not in said
    assert "[hidden]" in said


def test_a_server_that_offers_starttls_not_gets_no_password(script):
    from tests.transports.servers import USER

    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"])
    line = transport(server.port, "starttls", USER)
    (outcome,) = line.deliver(pairs(1))
    assert outcome.status == SKIPPED
    assert "STARTTLS" in outcome.detail
    assert not any(told.startswith("AUTH") for told in server.told)
