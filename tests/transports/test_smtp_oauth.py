"""Signing in with OAuth: XOAUTH2 and OAUTHBEARER, a token that has ended; networks and lines that are refused."""

import base64
import socket

import pytest
from aiosmtpd.smtp import AuthResult

from crm_comm_hookspecs import Account, EmailMessage, Reason, Recipient, RecipientStatus, Settings, TransportError
from crm_comm_plugin.transports.smtp import smtp_connect
from tests.transports.servers import USER, Script, Sink, transport

GOOD, OLD = "ya29.good", "ya29.old"


class TokenSink(Sink):
    """Takes one token of one user. said: the answers to its challenge."""

    def __init__(self, mechanism: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.said: list[bytes] = []
        setattr(self, f"auth_{mechanism}", self._sign_in)

    async def _sign_in(self, server, args):
        text = base64.b64decode(args[1]).decode()
        self.opened.append(text)
        if USER in text and f"\x01auth=Bearer {GOOD}\x01\x01" in text:
            return AuthResult(success=True, auth_data=USER)
        self.said.append(await server.challenge_auth('{"status":"invalid_token"}'))
        return AuthResult(success=False, handled=False)


def connected(port, tokens, security="starttls", **settings):
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender=USER, status="untested")
    values = {"server": "smtp", "host": "127.0.0.1", "port": port, "security": security, "user": USER,
              "sign_in": "oauth"}  # fmt: skip
    return smtp_connect(Settings(smtp_timeout=5.0, **settings), dict, tokens)(account, values, {})


@pytest.fixture(params=["XOAUTH2", "OAUTHBEARER"])
def server(request, serve):
    mechanism = request.param
    return serve("starttls", handler=TokenSink(mechanism), auth_exclude_mechanism=["PLAIN", "LOGIN"])


def test_a_message_goes_out_with_a_token(server, ca_file):
    asked = []

    def tokens(account_id, values, rejected):
        asked.append((account_id, values["host"], values["port"], rejected))
        return GOOD

    line = connected(server.port, tokens, smtp_ca_file=ca_file)
    (outcome,) = line.deliver([(Recipient("bob@example.com"), EmailMessage(subject="Hi", text="x"))])
    line.close()
    assert outcome.status == RecipientStatus.SENT
    assert asked == [("a", "127.0.0.1", server.port, "")]
    assert len(server.sink.mails) == 1


def test_a_token_that_has_ended_is_renewed_on_the_way(server, ca_file):
    line = connected(server.port, lambda a, v, rejected: GOOD if rejected == OLD else OLD, smtp_ca_file=ca_file)
    (outcome,) = line.deliver([(Recipient("bob@example.com"), EmailMessage(subject="Hi", text="x"))])
    line.close()
    assert outcome.status == RecipientStatus.SENT
    assert len(server.sink.opened) == 2
    assert server.sink.said[0] in (b"", b"\x01")


def test_a_token_that_is_never_taken_asks_for_a_person(server, ca_file):
    line = connected(server.port, lambda a, v, rejected: OLD, smtp_ca_file=ca_file)
    outcomes = list(line.deliver([(Recipient(f"{n}@example.com"), EmailMessage(subject="Hi")) for n in range(5)]))
    assert {(o.status, o.reason) for o in outcomes} == {(RecipientStatus.SKIPPED, Reason.AUTH)}
    assert len(server.sink.opened) == 2
    diagnosis = line.diagnose()
    assert not diagnosis.ok
    assert diagnosis.steps[-1].field == "sign_in"
    assert OLD not in str(diagnosis) + str(outcomes)


def test_smtp_that_is_switched_off_is_not_mended_by_signing_in_again(script):
    said = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
    server = script(EHLO=["250-here\r\n250 AUTH XOAUTH2"], AUTH=[said, said])
    line = connected(server.port, lambda a, v, rejected: GOOD, "none")
    step = line.diagnose().steps[-1]
    line.close()
    assert (step.name, step.field) == ("sign-in", "user")
    assert "administrator" in step.hint
    assert "sign in again" not in step.hint


def test_a_sign_in_that_stands_no_more_is_said_at_its_field(server, ca_file):
    def gone(account_id, values, rejected):
        raise TransportError("Not signed in.", reason=Reason.AUTH, hint="Sign in again.")

    line = connected(server.port, gone, smtp_ca_file=ca_file)
    (outcome,) = line.deliver([(Recipient("bob@example.com"), EmailMessage(subject="Hi"))])
    assert (outcome.status, outcome.reason) == (RecipientStatus.SKIPPED, Reason.AUTH)
    assert "Sign in again." in outcome.detail
    assert server.sink.opened == []


def test_a_token_is_not_asked_for_where_the_server_takes_none(script):
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"])
    account = Account(id="a", name="A", type="email", channel="email", active=True, sender=USER, status="untested")
    values = {"server": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none", "user": USER,
              "sign_in": "oauth"}  # fmt: skip
    line = smtp_connect(Settings(), dict, lambda *asked: pytest.fail("asked"))(account, values, {})
    step = line.diagnose().steps[-1]
    assert (step.ok, step.field) == (False, "security")


@pytest.mark.parametrize("settings", [{"denied_networks": "loopback"}, {"allowed_networks": "10.0.0.0/8"}])
def test_a_network_that_a_setting_forbids_is_not_connected_to(script, settings):
    server = script()
    line = transport(server.port, **settings)
    step = line.diagnose().steps[-1]
    assert (step.ok, step.field) == (False, "host")
    assert "allowed_networks" in step.hint
    (outcome,) = line.deliver([(Recipient("bob@example.com"), EmailMessage(subject="Hi"))])
    assert outcome.status == RecipientStatus.SKIPPED
    assert server.connections == 0


def test_cloud_metadata_is_never_connected_to():
    for host in ("169.254.169.254", "::ffff:169.254.169.254", "2852039166"):
        step = transport(80, host=host).diagnose().steps[-1]
        assert (step.ok, step.field) == (False, "host")


def test_a_name_that_answers_differently_a_moment_later_leads_nowhere_else(script, monkeypatch):
    """The address that was judged is the one that mail goes to; every new line judges anew."""
    server = script(CONTENT=[Script.DROP, "250 2.0.0 taken"])
    real, answers = socket.getaddrinfo, ["127.0.0.1", "169.254.169.254"]

    def changing(host, port, *rest, **options):
        if host != "mail.example":
            return real(host, port, *rest, **options)
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    line = transport(server.port, host="mail.example")
    batch = [(Recipient(f"{name}@example.com"), EmailMessage(subject="Hi")) for name in ("ann", "bob")]
    lost, refused = line.deliver(batch)
    assert lost.status == RecipientStatus.UNKNOWN, "the first line went to the address that was judged"
    assert (refused.status, refused.reason) == (RecipientStatus.SKIPPED, Reason.UNREACHABLE)
    assert "does not connect to the network" in refused.detail
    assert server.connections == 1


def test_a_password_goes_in_the_clear_only_where_a_setting_says_so(script, monkeypatch):
    monkeypatch.setattr("crm_comm_plugin.transports.smtp_open.peer_is_loopback", lambda sock: False)
    server = script(EHLO=["250-here\r\n250 AUTH PLAIN"], AUTH=["235 2.7.0 welcome"])
    refused = transport(server.port, user=USER).diagnose()
    assert refused.steps[-1].field == "security"
    assert not [told for told in server.told if told.startswith("AUTH")]
    allowed = transport(server.port, user=USER, allow_plain_passwords=True).diagnose()
    assert allowed.ok
    assert any("allow_plain_passwords" in step.detail for step in allowed.steps)
