"""Test Connection: the step that fails, its field, and the next thing to try."""

import contextlib
import socket
from datetime import UTC, datetime, timedelta

import pytest

from tests.transports.servers import PASSWORD, USER, Script, transport

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


def diagnosed(line):
    try:
        return line.diagnose()
    finally:
        line.close()


def failing(line):
    diagnosis = diagnosed(line)
    assert not diagnosis.ok
    assert [step.ok for step in diagnosis.steps] == [True] * (len(diagnosis.steps) - 1) + [False]
    return diagnosis.steps[-1]


@pytest.mark.parametrize(
    ("security", "steps"),
    [
        ("starttls", ["resolve", "connect", "greeting", "TLS", "sign-in", "sender", "recipient"]),
        ("tls", ["resolve", "connect", "TLS", "greeting", "sign-in", "sender", "recipient"]),
    ],
)
def test_all_steps_pass_and_nothing_is_sent(serve, ca_file, security, steps):
    server = serve(security)
    diagnosis = diagnosed(transport(server.port, security, USER, smtp_ca_file=ca_file))
    assert diagnosis.ok
    assert [step.name for step in diagnosis.steps] == steps
    assert server.sink.mails == []


def test_without_a_user_there_is_no_sign_in(serve):
    diagnosis = diagnosed(transport(serve(users=False).port))
    assert [step.name for step in diagnosis.steps] == ["resolve", "connect", "greeting", "sender", "recipient"]


def test_an_unknown_name():
    step = failing(transport(25, host="no-such-host.invalid"))
    assert (step.name, step.field) == ("resolve", "host")


def test_a_closed_port():
    server = Script()
    server.close()
    step = failing(transport(server.port))
    assert (step.name, step.field) == ("connect", "port")
    assert "587" in step.hint


def test_a_blocked_port():
    """A listener whose queue is full drops what comes, as a firewall does."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        step = failing(transport(listener.getsockname()[1], smtp_timeout=0.4))
    assert (step.name, step.field) == ("connect", "port")
    assert "does not answer" in step.detail
    assert "a firewall or the network blocks them" in step.hint


def test_starttls_chosen_where_tls_is_spoken(serve):
    step = failing(transport(serve("tls").port, "starttls", USER, smtp_timeout=0.5))
    assert (step.name, step.field) == ("greeting", "security")
    assert "465" in step.hint


def test_tls_chosen_where_starttls_is_spoken(serve):
    step = failing(transport(serve("starttls").port, "tls", USER))
    assert (step.name, step.field) == ("TLS", "security")
    assert "STARTTLS" in step.hint


def test_starttls_is_not_offered(serve):
    step = failing(transport(serve(users=False).port, "starttls"))
    assert (step.name, step.field) == ("TLS", "security")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_unknown_authority_names_the_setting(serve, security):
    step = failing(transport(serve(security).port, security, USER))
    assert (step.name, step.field) == ("TLS", "host")
    assert "smtp_ca_file" in step.hint


def test_an_expired_certificate(serve, server_context, ca_file):
    context = server_context("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))
    step = failing(transport(serve("tls", context).port, "tls", USER, smtp_ca_file=ca_file))
    assert "expired" in step.detail


def test_a_certificate_for_another_name(serve, server_context, ca_file):
    step = failing(transport(serve("tls", server_context("mail.example.net")).port, "tls", USER, smtp_ca_file=ca_file))
    assert "another name" in step.detail
    assert step.field == "host"


def test_a_self_signed_certificate(serve, tmp_path):
    step = failing(transport(serve("tls", _self_signed(tmp_path)).port, "tls", USER))
    assert "self-signed" in step.detail


def test_an_unreadable_authority_file(serve):
    step = failing(transport(serve("tls").port, "tls", USER, smtp_ca_file="/no/such/file"))
    assert step.name == "TLS"
    assert "smtp_ca_file" in step.detail


def test_a_wrong_password_names_the_field_and_keeps_it_secret(serve):
    step = failing(transport(serve().port, user=USER, password="wrong-secret"))
    assert (step.name, step.field) == ("sign-in", "password")
    assert "app password" in step.hint
    assert "535" in step.detail
    assert "wrong-secret" not in repr(step)


@pytest.mark.parametrize(
    ("reply", "field", "words"),
    [
        ("534 5.7.9 Application-specific password required", "password", "app password"),
        ("550 5.7.30 Basic authentication is not supported", "password", "OAuth"),
        ("538 5.7.11 Encryption required", "security", "encrypted"),
        ("454 4.7.0 Temporary authentication failure", "", "not take mail now"),
    ],
)
def test_why_a_sign_in_fails(script, reply, field, words):
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=[reply])
    step = failing(transport(server.port, user=USER))
    assert (step.name, step.field) == ("sign-in", field)
    assert words in step.detail
    assert step.hint


def test_smtp_that_is_switched_off_is_for_an_administrator(script):
    said = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=[said])
    step = failing(transport(server.port, user=USER))
    assert (step.name, step.field) == ("sign-in", "user")
    assert "switched off" in step.detail
    assert "administrator" in step.hint
    assert "app password" not in step.hint


@pytest.mark.parametrize("said", ["* OK IMAP4rev1 ready", "+OK POP3 ready", "HTTP/1.1 400 Bad Request"])
def test_a_server_for_something_else_than_sending_is_named(script, said):
    step = failing(transport(script(GREETING=[said]).port))
    assert (step.name, step.field) == ("greeting", "host")
    assert "SMTP" in step.detail
    assert "IMAP" in step.hint


def test_where_no_passwords_are_taken_nobody_is_told_to_make_one(script):
    said = "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy."
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=[said])
    step = failing(transport(server.port, user=USER))
    assert "OAuth" in step.detail
    assert "OAuth" in step.hint


def test_what_a_server_says_stays_readable_while_anything_coded_is_hidden(script):
    said = "535 5.7.8 Error: Authentication unsuccessful, tokens bXlUb2tlbkluQmFzZTY0 ya29-aB3dEfGhIjKlMnOpQrStUvWx"
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=[said])
    step = failing(transport(server.port, user=USER))
    assert "Authentication unsuccessful, tokens [hidden] [hidden]" in step.detail


def test_no_sign_in_offered(script):
    step = failing(transport(script().port, user=USER))
    assert (step.name, step.field) == ("sign-in", "security")


def test_the_sender_is_refused(serve):
    server = serve()
    server.sink.sender = lambda address: "553 5.7.1 Sender address rejected: not owned by user"
    step = failing(transport(server.port, user=USER))
    assert (step.name, step.field) == ("sender", "sender")


def test_a_sender_is_missing(serve):
    step = failing(transport(serve(users=False).port, sender=""))
    assert (step.name, step.field) == ("sender", "sender")


def test_the_recipient_is_refused(serve):
    server = serve()
    server.sink.rcpt = lambda address: "550 5.1.1 no such user"
    step = failing(transport(server.port, user=USER))
    assert step.name == "recipient"


@pytest.mark.parametrize("phase", ["GREETING", "EHLO", "AUTH", "MAIL", "RCPT"])
def test_a_server_that_hangs_up_is_said_so(script, phase):
    server = script(**{"EHLO": ["250-here\r\n250 AUTH PLAIN"], "AUTH": ["235 ok"], phase: [Script.DROP]})
    step = failing(transport(server.port, user=USER, password=PASSWORD, smtp_timeout=0.5))
    assert step.hint


def _self_signed(folder):
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
