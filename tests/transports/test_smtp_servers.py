"""The SMTP transport against real servers: encryption, sign-in, one line for many messages."""

import email
import email.policy
import socket
from datetime import UTC, datetime, timedelta

import pytest

from crm_comm_hookspecs import Attachment, EmailMessage, Reason, Recipient, RecipientStatus
from tests.transports.servers import PASSWORD, USER, transport

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")
MESSAGE = EmailMessage(subject="Hello", text="Good morning\n.\n..two dots\n", html="<p>Good morning</p>")
SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus


def batch(count, message=MESSAGE):
    return [(Recipient(f"p{n}@example.org", f"Person {n}"), message) for n in range(count)]


def delivered(line, pairs):
    try:
        return list(line.deliver(pairs))
    finally:
        line.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_an_encrypted_line(serve, security, ca_file):
    server = serve(security)
    outcomes = delivered(transport(server.port, security, USER, smtp_ca_file=ca_file), batch(3))
    assert [o.status for o in outcomes] == [SENT] * 3
    assert outcomes[0].code == "250 2.0.0"
    assert len(server.signed_in) == len(server.sink.sessions) == 1
    sender, recipients, raw = server.sink.mails[1]
    assert (sender, recipients) == ("ann@example.com", ["p1@example.org"])
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed["to"] == "Person 1 <p1@example.org>"
    assert parsed.get_body(("plain",)).get_content().replace("\r\n", "\n") == MESSAGE.text
    assert abs(parsed["date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_unknown_authority_is_refused(serve, security):
    server = serve(security)
    outcomes = delivered(transport(server.port, security, USER), batch(2))
    assert [(o.status, o.reason) for o in outcomes] == [(SKIPPED, Reason.UNREACHABLE)] * 2
    assert "authority" in outcomes[0].detail
    assert server.signed_in == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_for_another_name_is_refused(serve, security, server_context, ca_file):
    server = serve(security, server_context("mail.example.net"))
    outcomes = delivered(transport(server.port, security, USER, smtp_ca_file=ca_file), batch(1))
    assert outcomes[0].status == SKIPPED
    assert "another name" in outcomes[0].detail


@pytest.mark.parametrize("ways", [["PLAIN"], ["LOGIN"], []])
def test_each_way_to_sign_in(serve, ways):
    excluded = [way for way in ("PLAIN", "LOGIN") if way not in ways]
    server = serve(auth_exclude_mechanism=excluded)
    (outcome,) = delivered(transport(server.port, user=USER), batch(1))
    assert outcome.status == (SENT if ways else SKIPPED)
    assert server.signed_in == ways


def test_a_wrong_password_stops_after_one_try(serve):
    server = serve()
    outcomes = delivered(transport(server.port, user=USER, password="wrong"), batch(3))
    assert {(o.status, o.reason, o.code) for o in outcomes} == {(SKIPPED, Reason.AUTH, "535 5.7.8")}
    assert "wrong" not in repr(outcomes)
    assert server.sink.mails == []


def test_without_a_user_nobody_signs_in(serve):
    server = serve(users=False)
    assert delivered(transport(server.port), batch(1))[0].status == SENT


def test_sign_in_that_is_missing_is_the_accounts_fault(serve):
    server = serve()
    outcomes = delivered(transport(server.port), batch(2))
    assert {(o.status, o.reason) for o in outcomes} == {(SKIPPED, Reason.AUTH)}


def test_a_password_never_goes_over_a_clear_line_to_elsewhere(serve, monkeypatch):
    """The line is to loopback, which is allowed; so the rule itself is asked for any other address."""
    from crm_comm_plugin.transports import smtp_open

    server = serve()
    monkeypatch.setattr(smtp_open, "peer_is_loopback", lambda connected: False)
    outcomes = delivered(transport(server.port, user=USER), batch(1))
    assert outcomes[0].reason == Reason.AUTH
    assert "not encrypted" in outcomes[0].detail
    assert server.signed_in == []


class Peer:
    def __init__(self, address):
        self.address = address

    def getpeername(self):
        return (self.address, 25)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("fe80::1%eth0", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("::ffff:10.0.0.1", False),
        ("93.184.216.34", False),
    ],
)
def test_loopback_is_asked_of_the_socket(address, loopback):
    from crm_comm_plugin.transports.network import peer_is_loopback

    assert peer_is_loopback(Peer(address)) is loopback


def test_refused_recipients_do_not_stop_the_others(serve):
    server = serve(users=False)
    refusals = {
        "p1@example.org": "550 5.1.1 User unknown",
        "p2@example.org": "451 4.7.1 Greylisted, try again later",
        "p3@example.org": "452 4.2.2 Mailbox full",
    }
    server.sink.rcpt = refusals.get
    server.sink.data = lambda recipients: "554 5.6.0 Spam" if recipients == ["p4@example.org"] else None
    outcomes = delivered(transport(server.port), batch(6))
    assert [(o.status, o.reason, o.code) for o in outcomes] == [
        (SENT, "", "250 2.0.0"),
        (FAILED, Reason.REFUSED, "550 5.1.1"),
        (SKIPPED, Reason.REFUSED, "451 4.7.1"),
        (SKIPPED, Reason.REFUSED, "452 4.2.2"),
        (FAILED, Reason.MESSAGE, "554 5.6.0"),
        (SENT, "", "250 2.0.0"),
    ]
    assert outcomes[2].retry_at > datetime.now(UTC)
    assert len(server.sink.sessions) == 1
    assert [r for _, (r,), _ in server.sink.mails] == ["p0@example.org", "p5@example.org"]


def test_a_daily_limit_stops_the_batch(serve):
    server = serve(users=False)
    server.sink.rcpt = lambda a: "550 5.4.5 Daily user sending limit exceeded." if len(server.sink.mails) == 2 else None
    outcomes = delivered(transport(server.port), batch(5))
    assert [o.status for o in outcomes] == [SENT, SENT, SKIPPED, SKIPPED, SKIPPED]
    assert {o.reason for o in outcomes[2:]} == {Reason.PROVIDER_LIMIT}


def test_a_preset_decides_the_server_and_messages_per_line(serve):
    from crm_comm_hookspecs import Account, MailServer, Settings
    from crm_comm_plugin.transports.smtp import smtp_connect

    server = serve(users=False)
    preset = MailServer(key="mine", label="Mine", host="127.0.0.1", port=server.port, security="none", per_connection=2)
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender="", status="untested")
    values = {
        "server": "mine",
        "host": "elsewhere.invalid",
        "port": 1,
        "sender": "ann@example.com",
        "sign_in": "password",
    }
    line = smtp_connect(Settings(), lambda: {"mine": preset})(account, values, {})
    assert {o.status for o in delivered(line, batch(5))} == {SENT}
    assert len(server.sink.sessions) == 3


def test_a_message_larger_than_the_server_takes_is_not_tried(serve):
    server = serve(users=False, data_size_limit=10_000)
    big = EmailMessage(subject="Big", attachments=(Attachment(filename="a.bin", content=b"x" * 20_000),))
    outcomes = delivered(transport(server.port), [*batch(1, big), *batch(1)])
    assert [(o.status, o.reason, o.code) for o in outcomes] == [(FAILED, Reason.MESSAGE, ""), (SENT, "", "250 2.0.0")]


@pytest.mark.parametrize("offered", [True, False])
def test_addresses_outside_ascii_need_a_server_that_takes_them(serve, offered):
    server = serve(users=False, enable_SMTPUTF8=offered)
    pairs = [(Recipient("jürgen@example.org", "Jürgen"), MESSAGE), *batch(1)]
    outcomes = delivered(transport(server.port), pairs)
    assert [o.status for o in outcomes] == [SENT if offered else FAILED, SENT]
    if offered:
        assert server.sink.mails[0][1] == ["jürgen@example.org"]
        assert "jürgen@example.org".encode() in server.sink.mails[0][2]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("offered", [True, False])
def test_so_does_an_address_to_reply_to(serve, offered, shared):
    server = serve(users=False, enable_SMTPUTF8=offered)
    message = EmailMessage(subject="Hi", text="x", reply_to="jürgen@example.org", shared=shared)
    outcomes = delivered(transport(server.port), batch(2, message))
    told = (SENT, "") if offered else (FAILED, Reason.MESSAGE)
    assert [(o.status, o.reason) for o in outcomes] == [told, told]
    assert len(server.sink.mails) == offered * (1 if shared else 2)


def test_a_large_message_arrives_whole(serve, caplog):
    caplog.set_level("WARNING", "mail.log")  # aiosmtpd logs each of its 18 000 lines, which takes longer than the send
    server = serve(users=False, data_size_limit=0)
    content = bytes(range(256)) * 4000
    message = EmailMessage(subject="x", text="y", attachments=(Attachment(filename="a.bin", content=content),))
    delivered(transport(server.port), batch(1, message))
    parsed = email.message_from_bytes(server.sink.mails[0][2], policy=email.policy.default)
    (part,) = parsed.iter_attachments()
    assert part.get_content() == content


def test_neither_transport_nor_errors_show_the_password(serve):
    server = serve()
    line = transport(server.port, user=USER, password=PASSWORD)
    assert PASSWORD not in repr(line) + repr(vars(line)["_target"])


@pytest.mark.parametrize("name", ["crm_web.internal", "crm web.internal", "büro.example", "crm", "a..example"])
def test_a_machine_whose_name_is_none_in_dns_does_not_introduce_itself_by_it(script, monkeypatch, name):
    """Exim refuses EHLO with an underscore; RFC 5321 section 4.1.3 has an address in brackets for such machines."""
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    server = script()
    delivered(transport(server.port), batch(1))
    assert server.told[0].lower() == "ehlo [127.0.0.1]"
