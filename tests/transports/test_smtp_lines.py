"""Several lines at once, pipelining, one message for many: who got it, who did not, and that nobody gets it twice."""

import itertools
import re
import threading
from collections import Counter

import pytest

from crm_comm_hookspecs import Account, EmailMessage, MailServer, Reason, Recipient, RecipientStatus, Settings
from crm_comm_plugin.transports.smtp import smtp_connect
from tests.transports.servers import Script

SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
SHARED = EmailMessage(subject="Hi", text="same", shared=True)
PIPED = ["250-here\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME"]


def line(port, **preset):
    server = MailServer(key="mine", label="Mine", host="127.0.0.1", port=port, security="none", **preset)
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender="ann@example.com",
                      status="untested")  # fmt: skip
    return smtp_connect(Settings(smtp_timeout=5.0), lambda: {"mine": server})(account, {"server": "mine"}, {})


def people(count):
    return [Recipient(f"n{n}@example.com") for n in range(count)]


def through(transport, batch, message=None):
    try:
        return {o.recipient.address: o for o in transport.deliver([(r, message or SHARED) for r in batch])}
    finally:
        transport.close()


class Picky(Script):
    """Takes so many recipients in one message; notes who got each message."""

    def __init__(self, most, surplus="452 4.5.3 Too many recipients", **steps) -> None:
        self.most, self.surplus, self.envelopes, self._now = most, surplus, [], threading.local()
        super().__init__(**steps)

    def _next(self, name):
        if name == "MAIL":
            self._now.to = []
        if name == "RCPT":
            told = self.told[-1]
            if len(self._now.to) >= self.most:
                return self.surplus
            self._now.to.append(told.partition("<")[2].rstrip(">"))
        if name == "DATA" and not self._now.to:
            return "554 5.5.1 no valid recipients"
        if name == "CONTENT":
            self.envelopes.append(tuple(self._now.to))
        return super()._next(name)


@pytest.fixture(params=["one by one", "pipelined"])
def ehlo(request):
    return {"EHLO": PIPED} if request.param == "pipelined" else {}


@pytest.mark.parametrize("most", [1, 3, 7, 100])
def test_what_is_too_much_for_one_message_goes_in_another(ehlo, most):
    server = Picky(most, **ehlo)
    found = through(line(server.port, per_message=10), people(25))
    server.close()
    assert {o.status for o in found.values()} == {SENT}
    got = Counter(address for to in server.envelopes for address in to)
    assert got == Counter({r.address: 1 for r in people(25)})
    assert max(map(len, server.envelopes)) == min(most, 10)


@pytest.mark.parametrize("said", ["550 5.5.3 Too many recipients", "552 too many recipients", "451 4.5.3 Enough"])
def test_too_many_for_one_message_is_known_by_its_enhanced_code(ehlo, said):
    """RFC 3463: X.5.3 asks for several messages, whatever the basic code."""
    server = Picky(2, said, **ehlo)
    try:
        outcomes = through(line(server.port, per_message=5), people(5))
    finally:
        server.close()
    assert {o.status for o in outcomes.values()} == {SENT}
    assert Counter(a for to in server.envelopes for a in to) == Counter(r.address for r in people(5))


def test_a_server_that_takes_nobody_in_a_message_is_not_asked_again_and_again(ehlo):
    server = Picky(0, **ehlo)
    try:
        outcomes = through(line(server.port, per_message=5), people(5))
    finally:
        server.close()
    assert {(r, o.status, o.reason) for r, o in outcomes.items()} == {
        (r.address, SKIPPED, Reason.REFUSED) for r in people(5)
    }
    assert server.envelopes == []


def test_shared_messages_hide_who_else_gets_them(script):
    server = script(EHLO=PIPED)
    through(line(server.port, per_message=10), people(4))
    (content,) = server.taken
    assert b"To: undisclosed-recipients:;" in content
    assert b"n0@example.com" not in content


def test_messages_that_may_not_be_shared_go_one_each(script):
    server = script(EHLO=PIPED)
    found = through(line(server.port, per_message=10), people(4), EmailMessage(subject="Hi", text="own"))
    assert len(server.taken) == len(found) == 4


def test_contents_that_differ_are_never_put_together(script):
    """Both may be shared; still each recipient gets the one that was meant."""
    server = script(EHLO=PIPED)
    one, two = (EmailMessage(subject=subject, text=subject, shared=True) for subject in ("First", "Second"))
    batch = list(zip(people(6), [one, one, two, two, one, two], strict=True))
    transport = line(server.port, per_message=10)
    assert {o.status for o in transport.deliver(batch)} == {SENT}
    transport.close()
    envelopes = "\n".join(told for told in server.told if told.startswith(("MAIL", "RCPT"))).split("MAIL")[1:]
    got = {
        name: content.partition(b"Subject: ")[2].split(b"\r\n")[0].decode()
        for envelope, content in zip(envelopes, server.taken, strict=True)
        for name in re.findall(r"<(n\d)@", envelope)
    }
    assert got == {recipient.address[:2]: message.subject for recipient, message in batch}


def test_one_refused_recipient_does_not_hold_up_the_others(script, ehlo):
    server = script(RCPT=["250 ok", "550 5.1.1 nobody", "450 4.2.1 later", "250 ok"], **ehlo)
    found = through(line(server.port, per_message=10), people(5))
    assert [(o.status, o.reason) for o in found.values() if o.status != SENT] == [
        (FAILED, Reason.REFUSED),
        (SKIPPED, Reason.REFUSED),
    ]
    assert Counter(o.status for o in found.values())[SENT] == 3
    assert len(server.taken) == 1


def test_nobody_taken_means_nothing_sent_and_the_line_goes_on(script, ehlo):
    server = script(
        RCPT=["550 5.1.1 nobody", "550 5.1.1 nobody", "250 ok"], DATA=["554 5.5.1 nobody", "354 go"], **ehlo
    )
    server.steps["DATA"] = ["554 5.5.1 nobody", "354 go"] if ehlo else ["354 go"]
    transport = line(server.port, per_message=2)
    found = through(transport, people(4))
    assert [o.status for o in found.values()] == [FAILED, FAILED, SENT, SENT]
    assert server.connections == 1


def test_a_pipelining_server_that_wants_a_message_for_nobody_gets_none(script):
    server = script(EHLO=PIPED, RCPT=["550 5.1.1 nobody"])
    found = through(line(server.port, per_message=2), people(2))
    assert {o.status for o in found.values()} == {FAILED}
    assert server.taken == []


@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA", "CONTENT"])
@pytest.mark.parametrize("reply", [Script.DROP, "421 4.3.2 closing"])
def test_a_break_at_any_point_leaves_nobody_without_outcome_and_sends_to_nobody_twice(script, ehlo, point, reply):
    usual = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", "CONTENT": "250 ok"}[point]
    server = script(**{point: [usual, reply, usual], **ehlo})
    found = through(line(server.port, per_message=3), people(9))
    assert len(found) == 9
    sent = [address for address, o in found.items() if o.status == SENT]
    assert len(server.taken) * 3 >= len(sent)
    if point in ("MAIL", "RCPT"):
        assert len(sent) == 9
    if point == "CONTENT" and reply == Script.DROP:
        assert Counter(o.status for o in found.values())[UNKNOWN] == 3


def test_four_lines_share_the_work_and_each_recipient_is_told_once(serve):
    server = serve(users=False)
    transport = line(server.port, connections=4)
    batch = [(r, EmailMessage(subject="Hi", text="x")) for r in people(200)]
    outcomes = list(transport.deliver(batch))
    transport.close()
    assert Counter(o.recipient.address for o in outcomes) == Counter({r.address: 1 for r in people(200)})
    assert {o.status for o in outcomes} == {SENT}
    assert Counter(to for _, tos, _ in server.sink.mails for to in tos) == Counter({r.address: 1 for r in people(200)})
    assert len(server.sink.sessions) == 4


class Crowded(Script):
    """Takes two connections, and says so to further ones, at once or only when they want to send."""

    most = 2

    def __init__(self, point, said) -> None:
        self.point, self.said, self._mine, self._numbers = point, said, threading.local(), itertools.count(1)
        super().__init__()

    def _next(self, name):
        if name == "GREETING":
            self._mine.number = next(self._numbers)
        if name == self.point and self._mine.number > self.most:
            return self.said
        return super()._next(name)


@pytest.mark.parametrize("point", ["GREETING", "EHLO", "MAIL"])
@pytest.mark.parametrize("code", [421, 432])
def test_a_server_that_takes_fewer_lines_gets_fewer(point, code):
    server = Crowded(point, f"{code} 4.3.2 Concurrent connections limit exceeded")
    found = through(line(server.port, connections=4), people(60), EmailMessage(subject="Hi", text="x"))
    server.close()
    assert {o.status for o in found.values()} == {SENT}
    assert len(server.taken) == 60
    assert server.connections <= 4


class Hasty(Crowded):
    """Turns further lines away before it has let anybody in."""

    def __init__(self) -> None:
        self.turned_away = threading.Event()
        super().__init__("GREETING", "421 4.3.2 Concurrent connections limit exceeded")

    def _next(self, name):
        if name == "EHLO":
            self.turned_away.wait(5)
        return super()._next(name)

    def _serve(self, connection):
        super()._serve(connection)
        if self._mine.number > self.most:  # and the client has heard of it, for it has hung up
            self.turned_away.set()


def test_a_line_turned_away_before_others_are_open_is_no_end_either():
    server = Hasty()
    found = through(line(server.port, connections=4), people(60), EmailMessage(subject="Hi", text="x"))
    server.close()
    assert {o.status for o in found.values()} == {SENT}
    assert len(server.taken) == 60


class Narrow(Picky):
    """Turns its second line away when that wants to send a second time, and lets the first wait until then."""

    def __init__(self) -> None:
        self._turned_away, self._numbers = threading.Event(), itertools.count(1)
        super().__init__(2)

    def _next(self, name):
        if name == "GREETING":
            self._now.number, self._now.mails = next(self._numbers), 0
            if self._now.number == 1:
                self._turned_away.wait(5)
        self._now.mails += name == "MAIL"
        if name == "MAIL" and (self._now.number, self._now.mails) == (2, 2):
            self._turned_away.set()
            return "432 4.3.2 Concurrent connections limit exceeded"
        return super()._next(name)


def test_a_line_turned_away_between_two_messages_of_one_job_leaves_only_the_second_to_others():
    server = Narrow()
    found = through(line(server.port, connections=2, per_message=3), people(18))
    server.close()
    got = Counter(address for to in server.envelopes for address in to)
    assert got == Counter({r.address: 1 for r in people(18)})
    assert {o.status for o in found.values()} == {SENT}


@pytest.mark.parametrize("reply", ["535 5.7.8 no", "454 4.7.0 later"])
def test_what_lets_no_line_in_is_tried_once_for_each_line_at_most(script, reply):
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=[reply])
    preset = MailServer(key="mine", label="Mine", host="127.0.0.1", port=server.port, security="none", connections=4)
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender="ann@example.com",
                      status="untested")  # fmt: skip
    connect = smtp_connect(Settings(smtp_timeout=5.0), lambda: {"mine": preset})
    transport = connect(account, {"server": "mine", "user": "ann"}, {"password": "wrong"})
    found = through(transport, people(60), EmailMessage(subject="Hi", text="x"))
    assert len(found) == 60
    assert {(o.status, o.reason) for o in found.values()} == {
        (SKIPPED, Reason.AUTH if "535" in reply else Reason.UNREACHABLE)
    }
    assert len([told for told in server.told if told.startswith("AUTH")]) <= 4


def test_no_line_at_all_is_told_to_each_once(script):
    server = script()
    server.close()
    transport = line(server.port, connections=4)
    outcomes = list(transport.deliver([(r, EmailMessage(subject="Hi", text="x")) for r in people(60)]))
    transport.close()
    assert Counter(o.recipient.address for o in outcomes) == Counter({r.address: 1 for r in people(60)})
    assert {(o.status, o.reason) for o in outcomes} == {(SKIPPED, Reason.UNREACHABLE)}


def test_a_batch_that_breaks_while_several_lines_read_it_is_told_to_the_caller(script):
    def broken():
        yield from ((r, EmailMessage(subject="Hi", text="x")) for r in people(20))
        raise LookupError

    class Batch(list):
        def __iter__(self):
            return broken()

    transport = line(script(EHLO=PIPED).port, connections=3)
    outcomes = []
    with pytest.raises(LookupError):
        outcomes.extend(transport.deliver(Batch([None] * 60)))
    transport.close()
    assert {o.status for o in outcomes} <= {SENT}
    assert max(Counter(o.recipient.address for o in outcomes).values()) == 1


def test_an_account_over_its_limit_stops_all_lines(script):
    over = "550 5.4.5 Daily user sending limit exceeded"
    server = script(RCPT=["250 ok"] * 20 + [over])
    found = through(line(server.port, connections=4), people(100), EmailMessage(subject="Hi", text="x"))
    counts = Counter((o.status, o.reason) for o in found.values())
    assert counts == {(SENT, ""): 20, (SKIPPED, Reason.PROVIDER_LIMIT): 80}
    assert len(server.taken) == 20
    assert len([told for told in server.told if told.startswith("RCPT")]) <= 24


def test_a_preset_with_few_messages_for_each_line_is_obeyed(serve):
    server = serve(users=False)
    transport = line(server.port, per_connection=20)
    list(transport.deliver([(r, EmailMessage(subject="Hi", text="x")) for r in people(50)]))
    transport.close()
    assert len(server.sink.sessions) == 3


def test_a_reply_too_many_is_never_taken_for_the_answer_to_the_message(script, ehlo):
    server = script(DATA=["354 go\r\n250 2.0.0 taken"], CONTENT=["550 5.7.1 spam"], **ehlo)
    found = through(line(server.port), people(1))
    assert {o.status for o in found.values()} == {SKIPPED}
