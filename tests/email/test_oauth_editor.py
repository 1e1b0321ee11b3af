"""The whole way through the hooks: choose OAuth, save, sign in, come back, send, be signed out by the provider."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Communication,
    Context,
    EmailMessage,
    MailServer,
    Recipient,
    Result,
    Settings,
    hookimpl,
)
from crm_comm_plugin import wiring
from tests.email.oauth_server import oauth_server
from tests.email.oauth_world import provider
from tests.ports import free_port

ANN = Context(user="ann", permissions=ALL_PERMISSIONS)


class Mailbox:
    """Takes tokens that the OAuth server knows."""

    def __init__(self, oauth) -> None:
        self.oauth = oauth
        self.arrived: list[str] = []

    async def auth_XOAUTH2(self, server, args):
        import base64

        user, _, rest = base64.b64decode(args[1]).decode().removeprefix("user=").partition("\x01auth=Bearer ")
        if self.oauth.book.access.get(rest.strip("\x01"), ("", ""))[1] == user:
            return AuthResult(success=True, auth_data=user)
        await server.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def handle_DATA(self, server, session, envelope):
        self.arrived += envelope.rcpt_tos
        return "250 2.0.0 ok"


@pytest.fixture
def oauth():
    with oauth_server() as running:
        yield running


@pytest.fixture
def mailbox(oauth):
    controller = Controller(
        Mailbox(oauth), hostname="127.0.0.1", port=free_port(), auth_require_tls=False,
        auth_exclude_mechanism=["PLAIN", "LOGIN"],
    )  # fmt: skip
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def comm(tmp_path, oauth, mailbox, clock, monkeypatch):
    monkeypatch.setattr(wiring, "providers", lambda settings, found: (provider(oauth.url, found),))

    class Preset:
        @hookimpl
        def crm_comm_mail_servers(self):
            return [MailServer(key="test", label="Testmail", host="127.0.0.1", port=mailbox.port, security="none",
                               sign_in=("password", "oauth"))]  # fmt: skip

    with Communication.load(
        Settings(data_dir=str(tmp_path), sandbox=True, base_url="https://crm.example/comm", clock=clock),
        entry_points=False,
    ) as comm:
        comm.register(Preset(), "preset")
        yield comm


VALUES = {"account_name": "News", "server": "test", "user": "ann@example.com", "sign_in": "oauth"}


def test_an_account_signs_in_sends_and_is_signed_out(comm, oauth, mailbox, clock):
    (editor,) = [editor for editor in comm.editors(ANN) if editor.name == "email"]
    assert [action.label for action in editor.actions] == ["Test Connection", "Send Me a Test", "Sign in with Testmail"]
    unsaved = comm.run(ANN, "sign_in_test", (), "email", VALUES)
    assert (unsaved.ok, "Save the account first" in unsaved.message) == (False, True)
    saved = comm.save(ANN, "email", "", VALUES)
    assert saved.ok, saved.errors
    assert "Sign in with Testmail" in comm.run(ANN, "test_connection", (saved.id,), "email", {}).message + " ".join(
        saved.hints.get("sign_in", [])
    )
    began = comm.run(ANN, "sign_in_test", (saved.id,), "email", {})
    assert began.ok, began.message
    params = browsed(began.open_url)
    assert not comm.callback(Context(user="eve", permissions=ALL_PERMISSIONS), params).ok
    done = comm.callback(ANN, params)
    assert done.ok, done.message
    assert comm.run(ANN, "test", (saved.id,)).ok
    report = send(comm, saved.id, "one")
    assert report.counts["sent"] == 2
    clock.forward(hours=3)
    assert send(comm, saved.id, "two").counts["sent"] == 2
    assert oauth.book.refreshes == 1
    oauth.book.revoke()
    clock.forward(hours=3)
    report = send(comm, saved.id, "three")
    assert report.counts["skipped"] == 2
    assert {account.status for account in comm.accounts(usable=False)} == {"auth_failed"}
    assert len(mailbox.handler.arrived) == 4


def test_a_password_is_not_kept_under_oauth(comm):
    saved = comm.save(ANN, "email", "", {**VALUES, "password": "s3cret-canary"})
    assert saved.ok, saved.errors
    assert comm.open_record(ANN, "email", saved.id).secrets == {}


def test_a_stored_password_is_erased_when_oauth_is_chosen(comm, tmp_path):
    saved = comm.save(ANN, "email", "", {**VALUES, "sign_in": "password", "password": "s3cret-canary"})
    assert set(comm.open_record(ANN, "email", saved.id).secrets) == {"password"}
    assert comm.save(ANN, "email", saved.id, {"sign_in": "oauth"}, "*").ok
    assert comm.open_record(ANN, "email", saved.id).secrets == {}
    back = comm.save(ANN, "email", saved.id, {"sign_in": "password"}, "*")
    assert list(back.errors) == ["password"], "it is gone, so going back asks for it"


def test_without_a_client_id_the_editor_offers_no_sign_in(tmp_path):
    with Communication.load(Settings(data_dir=str(tmp_path)), entry_points=False) as comm:
        (editor,) = [editor for editor in comm.editors(ANN) if editor.name == "email"]
        assert [action.name for action in editor.actions] == ["test_connection", "send_test"]
        (server,) = [field for field in editor.fields if field.name == "server"]
        assert [option.value for option in server.options][:3] == ["gmail", "outlook", "smtp"]
        assert (server.widget, len(server.options)) == ("select", 9)
        hints = comm.check(ANN, "email", "", {"server": "gmail", "user": "a@gmail.com", "sign_in": "oauth"}, "sign_in")
        assert not hints.values.get("open_url")


def browsed(url: str) -> dict[str, str]:
    back = requests.get(url, allow_redirects=False, timeout=5).headers["Location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def send(comm, account_id: str, key: str):
    people = [Recipient(f"{name}@example.com") for name in ("bob", "cid")]
    return comm.send(account_id, EmailMessage(subject="Hi", text="x"), people, key)


def test_a_server_that_is_giving_up_passwords_starts_with_oauth_where_that_is_set_up(tmp_path):
    """Suggested only while the server is being chosen, so that it does not undo what somebody chose then."""
    for client, suggested in (("", None), ("client", "oauth")):
        settings = Settings(data_dir=str(tmp_path / (client or "none")), oauth_microsoft_client_id=client)
        with Communication.load(settings) as comm:
            typed = {"user": "ann@outlook.com"}
            assert comm.check(ANN, "email", "", typed, "user").values.get("sign_in") == suggested
            chosen = {**typed, "server": "outlook", "sign_in": "password"}
            assert comm.check(ANN, "email", "", chosen, "server").values.get("sign_in") == suggested
            assert "sign_in" not in comm.check(ANN, "email", "", chosen, "sign_in").values
            assert "sign_in" not in comm.check(ANN, "email", "", {"user": "ann@gmail.com"}, "user").values


def test_another_plugins_callback_needs_none_of_our_permissions(comm):
    class Booking:
        @hookimpl
        def crm_comm_callback(self, params):
            return Result(message="Booked.") if "ticket" in params else None

    comm.register(Booking(), "booking")
    guest = Context(user="guest")
    assert comm.callback(guest, {"ticket": "1"}).message == "Booked."
    for ours in ({"state": "oauth.made-up"}, {"purchase": "made-up"}):
        answer = comm.callback(guest, ours)
        assert not answer.ok
        assert "communication.edit" in answer.message
