"""Against real Postfix and Dovecot: every way to sign in, and what is told when the servers say no."""

import email
import email.policy
import time
from collections import Counter
from email.message import EmailMessage as Parsed
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Account,
    Attachment,
    Context,
    EmailMessage,
    MailServer,
    Reason,
    Recipient,
    RecipientStatus,
    Settings,
)
from crm_comm_plugin.domain.clock import SystemClock
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.upgrade import ensure_schema
from crm_comm_plugin.transports import smtp_sign_in
from crm_comm_plugin.transports.smtp import smtp_connect
from tests.email.oauth_world import Desk, account
from tests.real.mail_servers import PASSWORD, USER

pytestmark = pytest.mark.real
SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
ANN = Context(user="ann", permissions=ALL_PERMISSIONS)
HELLO = EmailMessage(subject="Hello", text="Hi there")


def people(count: int) -> list[Recipient]:
    return [Recipient(f"n{n}@example.net") for n in range(count)]


def line(mail, ca, security="starttls", password=PASSWORD, tokens=None, port=0, **preset):
    port = port or (mail.tls if security == "tls" else mail.starttls)
    server = MailServer(key="mine", label="Mine", host="127.0.0.1", port=port, security=security, **preset)
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender=USER, status="untested")
    values = {"server": "mine", "user": USER, "sign_in": "oauth" if tokens else "password"}
    settings = Settings(smtp_timeout=10.0, smtp_ca_file=ca[1])
    return smtp_connect(settings, lambda: {"mine": server}, tokens)(account, values, {"password": password})


def through(transport, recipients, message=HELLO):
    try:
        return {o.recipient.address: o for o in transport.deliver([(r, message) for r in recipients])}
    finally:
        transport.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
def test_every_way_to_sign_in(mail, mail_ca, oauth, monkeypatch, security, mechanism):
    monkeypatch.setattr(smtp_sign_in, "_ON_CIPHER", (mechanism,))
    monkeypatch.setattr(smtp_sign_in, "_BY_TOKEN", (mechanism,))
    oauth.book.access["tok.good-1"] = ("family", USER)
    tokens = (lambda *asked: "tok.good-1") if "OAUTH" in mechanism.upper() else None
    transport = line(mail, mail_ca, security, tokens=tokens)
    diagnosis = transport.diagnose()
    assert diagnosis.ok, diagnosis
    assert {o.status for o in through(transport, people(3)).values()} == {SENT}
    assert mail.settled(3) == Counter({r.address: 1 for r in people(3)})


def test_a_wrong_password_is_told_at_its_field_and_blames_nobody(mail, mail_ca):
    transport = line(mail, mail_ca, password="wrong")
    step = transport.diagnose().steps[-1]
    assert (step.ok, step.field) == (False, "password")
    found = through(transport, people(3))
    assert {(o.status, o.reason, o.code) for o in found.values()} == {(SKIPPED, Reason.AUTH, "535 5.7.8")}


def test_a_token_of_another_user_asks_for_a_person(mail, mail_ca, oauth):
    oauth.book.access["tok.bob-1"] = ("family", "bob@example.com")
    transport = line(mail, mail_ca, tokens=lambda *asked: "tok.bob-1")
    step = transport.diagnose().steps[-1]
    assert (step.ok, step.field) == (False, "sign_in")
    assert USER in step.hint
    found = through(transport, people(2))
    assert {(o.status, o.reason, o.code) for o in found.values()} == {(SKIPPED, Reason.AUTH, "535 5.7.8")}


def test_a_server_that_cannot_check_a_password_blames_no_password(mail, mail_ca):
    """A 454 is a temporary failure (RFC 4954 section 6), whoever signs in: here Postfix has lost its Dovecot."""
    mail.stop_dovecot()
    try:
        transport = line(mail, mail_ca)
        step = transport.diagnose().steps[-1]
        assert (step.name, step.ok, step.field) == ("sign-in", False, "")
        assert "454 4.7.0" in step.detail
        assert "Try again" in step.hint
        found = through(transport, people(3))
    finally:
        mail.start_dovecot()
    assert {(o.status, o.reason, o.code) for o in found.values()} == {(SKIPPED, Reason.UNREACHABLE, "454 4.7.0")}
    assert all(o.retry_at is not None for o in found.values())
    assert {o.status for o in through(line(mail, mail_ca), people(3)).values()} == {SENT}
    assert mail.settled(3) == Counter({r.address: 1 for r in people(3)})


@pytest.fixture
def desk(tmp_path, oauth, mail):
    """Somebody signed in at the OAuth server, as accounts do it."""
    database = Database(f"sqlite:///{tmp_path / 'crm.db'}", on_open=ensure_schema)
    world = Desk(database, oauth.url, SystemClock(), tmp_path)
    values = {"host": "127.0.0.1", "port": mail.starttls, "security": "starttls", "user": USER}
    began = world.desk.begin(ANN, account("a"), values)
    back = requests.get(began.open_url, allow_redirects=False, timeout=5).headers["Location"]
    assert world.desk.came_back(ANN, {n: v[0] for n, v in parse_qs(urlsplit(back).query).items()}).ok
    yield world.desk
    database.close()


def test_tokens_that_end_while_sending_are_renewed_by_the_sign_in(mail, mail_ca, oauth, desk):
    transport = line(mail, mail_ca, tokens=desk.access_token, per_connection=2, connections=2)
    batch = [(r, HELLO) for r in people(40)]
    outcomes = []
    for outcome in transport.deliver(batch):
        if len(outcomes) in (5, 20):
            oauth.book.expire()
        outcomes.append(outcome)
    transport.close()
    assert {o.status for o in outcomes} == {SENT}
    assert len(outcomes) == 40
    assert mail.settled(40) == Counter({r.address: 1 for r in people(40)})
    assert 1 <= oauth.book.refreshes <= 2
    assert not oauth.book.ended


def test_a_sign_in_that_is_revoked_while_sending_stops_and_blames_nobody(mail, mail_ca, oauth, desk):
    transport = line(mail, mail_ca, tokens=desk.access_token, per_connection=2)
    outcomes = []
    for outcome in transport.deliver([(r, HELLO) for r in people(20)]):
        if len(outcomes) == 5:
            oauth.book.revoke()
        outcomes.append(outcome)
    transport.close()
    counts = Counter((o.status, o.reason) for o in outcomes)
    assert set(counts) == {(SENT, ""), (SKIPPED, Reason.AUTH)}
    assert counts[SENT, ""] in (6, 8)
    sent = {o.recipient.address for o in outcomes if o.status == SENT}
    assert set(mail.settled(len(sent))) == sent


def test_an_expired_token_is_renewed_on_the_way(mail, mail_ca, oauth):
    oauth.book.access["new-token"] = ("family", USER)
    tokens = lambda account, values, rejected: "new-token" if rejected == "old-token" else "old-token"  # noqa: E731
    assert {o.status for o in through(line(mail, mail_ca, tokens=tokens), people(2)).values()} == {SENT}
    assert mail.settled(2) == Counter({r.address: 1 for r in people(2)})


def test_a_revoked_token_asks_for_a_person(mail, mail_ca):
    found = through(line(mail, mail_ca, tokens=lambda *asked: "revoked"), people(2))
    assert {(o.status, o.reason) for o in found.values()} == {(SKIPPED, Reason.AUTH)}


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("state", ["RCPT", "DATA", "END-OF-MESSAGE"])
def test_a_daily_limit_skips_the_rest_and_blames_nobody(mail, mail_ca, state, connections):
    used = Counter()

    def decide(asked):
        if asked["protocol_state"] != state:
            return ""
        used[asked["sasl_username"]] += 1
        return "550 5.4.5 Daily user sending limit exceeded." if used[asked["sasl_username"]] > 20 else ""

    mail.policy.decide = decide
    found = through(line(mail, mail_ca, connections=connections), people(60))
    counts = Counter((o.status, o.reason) for o in found.values())
    assert counts == {(SENT, ""): 20, (SKIPPED, Reason.PROVIDER_LIMIT): 40}
    arrived = mail.settled(20)
    assert set(arrived) == {address for address, o in found.items() if o.status == SENT}


def test_what_is_too_much_for_one_message_is_split(mail, mail_ca):
    shared = EmailMessage(subject="Hello", text="same", shared=True)
    found = through(line(mail, mail_ca, port=mail.few, per_message=20), people(23), shared)
    assert {o.status for o in found.values()} == {SENT}
    assert mail.settled(23) == Counter({r.address: 1 for r in people(23)})


@pytest.mark.parametrize("state", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE"])
def test_a_server_that_closes_at_any_phase(mail, mail_ca, state):
    asked_for = Counter()

    def decide(asked):
        asked_for[asked["protocol_state"]] += asked["protocol_state"] == state
        return "421 4.3.2 Service shutting down" if asked_for[state] == 5 and asked["protocol_state"] == state else ""

    mail.policy.decide = decide
    found = through(line(mail, mail_ca, per_connection=2), people(12))
    assert len(found) == 12
    sent = {address for address, o in found.items() if o.status == SENT}
    arrived = mail.settled(len(sent))
    assert set(arrived) == sent
    assert set(arrived.values()) == {1}
    assert {o.status for o in found.values()} <= {SENT, SKIPPED}
    assert {o.reason for o in found.values() if o.status == SKIPPED} <= {Reason.UNREACHABLE}
    if state in ("MAIL", "RCPT"):
        assert len(sent) == 12, "nothing can have been delivered, so it is tried again"
    assert asked_for[state] >= 5


@pytest.mark.parametrize("state", ["CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE"])
def test_a_server_that_is_killed_at_any_phase(mail, mail_ca, oauth, state):
    asked_for = Counter()
    oauth.book.access["tok.good-1"] = ("family", USER)
    # Addresses of their own: what an earlier kill left in the queue may still arrive now.
    everybody = [Recipient(f"{state.lower()}{n}@example.net") for n in range(30)]

    def decide(asked):
        asked_for[asked["protocol_state"]] += 1
        if asked["protocol_state"] == state and asked_for[state] == 8:
            mail.kill()
        return ""

    mail.policy.decide = decide
    oauth.book.on_introspect = lambda: decide({"protocol_state": "AUTH"})
    try:
        transport = line(mail, mail_ca, tokens=lambda *asked: "tok.good-1", connections=2, per_connection=2)
        found = through(transport, everybody)
    finally:
        mail.policy.decide = lambda asked: ""
        oauth.book.on_introspect = lambda: None
        mail.start_postfix()
    assert len(found) == 30
    sent = {address for address, o in found.items() if o.status == SENT}
    unknown = {address for address, o in found.items() if o.status == UNKNOWN}
    assert not [o for o in found.values() if o.status == FAILED]
    mail.flush()
    deadline = time.monotonic() + 60
    while not sent <= set(mail.sink.counts()) and time.monotonic() < deadline:
        time.sleep(0.05)
    arrived = {a: count for a, count in mail.sink.counts().items() if a in found}
    assert set(arrived.values()) <= {1}
    assert sent <= set(arrived) <= sent | unknown
    assert len(unknown) <= 2
    assert asked_for[state] >= 8


def test_a_thousand_messages_come_through_as_they_were_written(mail, mail_ca):
    def message(n: int) -> EmailMessage:
        return EmailMessage(
            subject=f"Nr. {n}: Grüße, 你好 🎉 {'lang ' * (n % 30)}",
            text=f"Zeile {n}\n.\n..zwei Punkte\n{'x' * 2000}\n日本語",
            html=f"<p>Hallo {n} – <b>schön</b></p>",
            headers={"List-Unsubscribe": f"<https://example.com/u/{n}>", "X-Nr": str(n)},
            attachments=(Attachment(filename=f"Ünïcode {n}.bin", content=bytes(range(256)) * 4),),
        )

    recipients = [Recipient(f"n{n}@example.net", f"Jürgen „{n}“ Müller, Chef") for n in range(1000)]
    transport = line(mail, mail_ca, connections=3)
    outcomes = list(transport.deliver([(r, message(n)) for n, r in enumerate(recipients)]))
    transport.close()
    assert {o.status for o in outcomes} == {SENT}
    assert mail.settled(1000, 120) == Counter({r.address: 1 for r in recipients})
    for address, raw in mail.sink.got:
        n = int(address[1:].partition("@")[0])
        parsed = email.message_from_bytes(raw, _class=Parsed, policy=email.policy.default)
        assert_same(parsed, message(n), recipients[n])


def assert_same(parsed: Parsed, written: EmailMessage, recipient: Recipient) -> None:
    assert parsed["Subject"] == written.subject.strip()
    assert parsed["To"].addresses[0].display_name == recipient.name
    assert parsed["To"].addresses[0].addr_spec == recipient.address
    assert parsed["List-Unsubscribe"] == written.headers["List-Unsubscribe"]
    assert parsed.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n") == written.text
    assert parsed.get_body(("html",)).get_content().replace("\r\n", "\n").rstrip("\n") == written.html
    (attachment,) = parsed.iter_attachments()
    assert attachment.get_filename() == written.attachments[0].filename
    assert attachment.get_content() == written.attachments[0].content
