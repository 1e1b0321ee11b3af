"""From the facade to a real server: accounts as people save them, and what arrives for a thousand recipients."""

import email
import email.policy

import pytest

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Attachment,
    Communication,
    Context,
    EmailMessage,
    Reason,
    Recipient,
    RecipientStatus,
    Settings,
)
from tests.transports.servers import PASSWORD, USER

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")
ADMIN = Context(user="admin", permissions=ALL_PERMISSIONS)
SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
WORDS = ("Grüße", "Привет", "こんにちは", "שלום", "emoji 🎉", "plain", "naïve café", "ελληνικά")


@pytest.fixture
def comm(database_url, tmp_path, ca_file):
    settings = Settings(
        database_url=database_url, data_dir=str(tmp_path), smtp_ca_file=ca_file, secret_backend="database"
    )
    with Communication.load(settings, entry_points=False) as comm:
        yield comm


def saved(comm, server, security="starttls", **more):
    values = {
        "account_name": "News",
        "server": "smtp",
        "host": "127.0.0.1",
        "port": server.port,
        "security": security,
        "user": USER,
        "password": PASSWORD,
        "sign_in": "password",
    }
    result = comm.save(ADMIN, "email", "", values | more, "")
    assert result.ok, result.errors
    return result.id


def test_a_thousand_unicode_messages_arrive_as_written(serve, comm):
    server = serve("starttls")
    account = saved(comm, server)
    people = [Recipient(f"p{n}@example.org", f"{WORDS[n % 8]} {n}") for n in range(1000)]

    def message(recipient):
        number = int(recipient.address[1:].partition("@")[0])
        word = WORDS[number % 8]
        file = Attachment(filename=f"{word} {number}.txt", content=word.encode() * 3, content_type="application/x-test")
        return EmailMessage(
            subject=f"{word} an {number}", text=f"{word}\n.\n", html=f"<p>{word}</p>", attachments=(file,)
        )

    report = comm.send(account, message, people, key="k")
    assert report.counts == {SENT: 1000}
    assert len(server.sink.sessions) < 10, "lines are used again"
    arrived = {address: (sender, raw) for sender, (address,), raw in server.sink.mails}
    assert len(arrived) == len(server.sink.mails) == 1000
    for recipient in people:
        sender, raw = arrived[recipient.address]
        expected, found = message(recipient), email.message_from_bytes(raw, policy=email.policy.default)
        assert sender == USER
        assert found["subject"] == expected.subject
        assert found["to"].addresses[0].display_name == recipient.name
        assert found.get_body(("plain",)).get_content().replace("\r\n", "\n") == expected.text
        assert found.get_body(("html",)).get_content().strip() == expected.html
        (part,) = found.iter_attachments()
        assert (part.get_filename(), part.get_content()) == (
            expected.attachments[0].filename,
            expected.attachments[0].content,
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hi\r\nBcc: victim@example.org"},
        {"text": "a\0b"},
        {"text": "\ud800"},
        {"headers": {"To": "victim@example.org"}},
        {"attachments": ("no file",)},
        {"reply_to": "nobody"},
        {"shared": True, "html": 7},
    ],
)
def test_a_preview_says_of_a_message_that_cannot_be_sent_what_the_send_does(serve, comm, wrong):
    server = serve("starttls")
    account, message = saved(comm, server), EmailMessage(**({"subject": "Hi", "text": "x"} | wrong))
    people = [Recipient("a@example.org"), Recipient("b@example.org"), Recipient("nobody")]
    preview = comm.preview(account, message, people)
    assert (preview.now, preview.later) == (0, ())
    assert preview.rejected == {Reason.MESSAGE: 2, Reason.INVALID_ADDRESS: 1}
    report = comm.send(account, message, people, key="k")
    assert report.counts == {FAILED: 3}
    assert {o.reason for o in comm.outcomes(report.send_id).outcomes} == {Reason.MESSAGE, Reason.INVALID_ADDRESS}
    assert server.sink.mails == []


def test_a_daily_limit_of_the_provider_leaves_exactly_the_accepted_ones_sent(serve, comm):
    server = serve("tls")
    limit = "550 5.4.5 Daily user sending limit exceeded."
    server.sink.rcpt = lambda address: limit if len(server.sink.mails) >= 30 else None
    account = saved(comm, server, "tls")
    people = [Recipient(f"p{n}@example.org") for n in range(200)]
    report = comm.send(account, EmailMessage(subject="Hi", text="x"), people, key="k")
    accepted = {address for _, (address,), _ in server.sink.mails}
    sent = {o.recipient.address for o in comm.outcomes(report.send_id, status="sent").outcomes}
    assert sent == accepted
    assert report.counts == {SENT: len(accepted), SKIPPED: 200 - len(accepted)}
    assert 30 <= len(accepted) < 40
    assert report.retry_at is not None
    skipped = comm.outcomes(report.send_id, status="skipped").outcomes
    assert {o.reason for o in skipped} == {Reason.PROVIDER_LIMIT}
    assert comm.allowance(account).held == 0


def test_a_wrong_password_marks_the_account_and_nobody_else(serve, comm):
    server = serve("starttls")
    account = saved(comm, server, password="wrong-one")
    people = [Recipient(f"p{n}@example.org") for n in range(20)]
    report = comm.send(account, EmailMessage(subject="Hi", text="x"), people, key="k")
    assert report.counts == {SKIPPED: 20}
    assert [a.status for a in comm.accounts(usable=False)] == ["auth_failed"]
    assert "wrong-one" not in repr(comm.outcomes(report.send_id))
    assert server.sink.mails == []


TOO_LARGE = "552 5.3.4 Message size exceeds fixed limit"


@pytest.mark.parametrize(("phase", "used"), [("sender", 0), ("rcpt", 0), ("data", 2)])
def test_a_message_refused_before_its_recipients_were_accepted_uses_up_no_limit(serve, comm, phase, used):
    """The provider counted nobody, so the capacity is free for others."""
    server = serve("starttls")
    setattr(server.sink, phase, lambda _: TOO_LARGE)
    account = saved(comm, server, limitation="day", limitation_count=2)
    people = [Recipient(f"p{n}@example.org") for n in range(2)]
    report = comm.send(account, EmailMessage(subject="Hi", text="x"), people, key="k")
    outcomes = comm.outcomes(report.send_id).outcomes
    assert [(o.status, o.reason, o.code) for o in outcomes] == [(FAILED, Reason.MESSAGE, "552 5.3.4")] * 2
    assert (comm.allowance(account).used, comm.allowance(account).held) == (used, 0)
