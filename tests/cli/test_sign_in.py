"""`crm-comm accounts sign-in`: OAuth from a shell, with a browser that comes back to this machine."""

import io
import re
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from crm_comm_hookspecs import MailServer, StorageUnavailable
from crm_comm_plugin import wiring
from crm_comm_plugin.cli import signing_in
from crm_comm_plugin.cli.app import run
from tests.email.oauth_server import oauth_server
from tests.email.oauth_world import provider

TEST = MailServer(key="test", label="Testmail", host="127.0.0.1", port=2525, security="none",
                  sign_in=("password", "oauth"))  # fmt: skip


@pytest.fixture
def oauth(monkeypatch):
    with oauth_server() as running:
        monkeypatch.setattr(wiring, "providers", lambda settings, found: (provider(running.url, found),))
        monkeypatch.setattr(wiring, "PRESETS", (TEST,))
        yield running


@pytest.fixture
def account(cli, oauth) -> dict:
    return cli.json(
        *("--sandbox", "accounts", "add", "email", "account_name=News", "server=test", "user=ann@example.com"),
        *("sign_in=password", "--secret", "password=-"), stdin="first-canary\n",
    )  # fmt: skip


class Browser(io.StringIO):
    """Stands in for stderr: opens the link that is printed there, as a person would. pages: what it was shown."""

    def __init__(self, browse) -> None:
        super().__init__()
        self.browse = browse
        self.pages: list[requests.Response] = []
        self.thread: threading.Thread | None = None

    def write(self, text: str) -> int:
        found = re.search(r"https?://\S+/authorize\S+", text)
        if found and self.thread is None:
            self.thread = threading.Thread(target=self._go, args=(found.group(),))
            self.thread.start()
        return super().write(text)

    def _go(self, link: str) -> None:
        self.pages += self.browse(link)


def follow(link: str) -> list[requests.Response]:
    return [requests.get(link, timeout=10)]


@contextmanager
def shell(cli, monkeypatch, browser):
    for name, value in cli.environment().items():
        monkeypatch.setenv(name, value)
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", browser)
    try:
        yield out
    finally:
        monkeypatch.undo()
        if browser.thread is not None:
            browser.thread.join(20)


def signed_in(cli, monkeypatch, *more, browse=follow):
    browser = Browser(browse)
    with shell(cli, monkeypatch, browser) as out:
        code = run(["--sandbox", "accounts", "sign-in", "News", *more])
    return code, out.getvalue(), browser


def test_somebody_signs_in_and_the_account_uses_it(cli, account, oauth, monkeypatch):
    with monkeypatch.context() as patch:
        code, out, browser = signed_in(cli, patch)
    assert (code, browser.getvalue().count("Open this link")) == (0, 1)
    assert "Signed in with Testmail" in out
    (page,) = browser.pages
    assert (page.status_code, "Signed in with Testmail" in page.text) == (200, True)
    assert page.headers["Cache-Control"] == "no-store"
    assert urlsplit(page.url).hostname == "127.0.0.1"
    assert cli.json("--sandbox", "accounts", "show", "News")["values"]["sign_in"] == "oauth"
    (token,) = oauth.book.access
    for text in (out, browser.getvalue(), page.text):
        assert token not in text
        assert "client-secret" not in text


def test_a_forged_return_is_not_taken_for_the_real_one(cli, account, monkeypatch):
    def browse(link):
        back = requests.get(link, allow_redirects=False, timeout=10).headers["Location"]
        base = back.partition("?")[0]
        params = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        forged = [requests.get(base, params=wrong, timeout=10) for wrong in (
            {}, {"state": "oauth.x", "code": "y"}, {**params, "state": params["state"] + "x"})]  # fmt: skip
        elsewhere = requests.get(back.replace("/callback?", "/favicon.ico?"), timeout=10)
        return [*forged, elsewhere, requests.get(back, timeout=10)]

    with monkeypatch.context() as patch:
        code, _, browser = signed_in(cli, patch, browse=browse)
    assert [page.status_code for page in browser.pages] == [404, 404, 404, 404, 200]
    assert code == 0


def test_a_person_who_says_no_ends_it(cli, account, oauth, monkeypatch):
    oauth.book.refuse = True
    with monkeypatch.context() as patch:
        code, out, browser = signed_in(cli, patch)
    assert (code, out) == (1, "")
    assert "Error: Nobody was signed in. Testmail did not sign you in" in browser.getvalue()
    assert cli.json("--sandbox", "accounts", "show", "News")["values"]["sign_in"] == "password"


def test_nobody_comes_back(cli, account, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(signing_in, "WAIT", 0.05)
        code, _, browser = signed_in(cli, patch, browse=lambda link: [])
    assert code == 1
    assert "Nobody came back" in browser.getvalue()


def test_what_fails_on_the_way_is_said_by_the_command(cli, account, monkeypatch):
    def fails(*args):
        raise StorageUnavailable("The disk is full.", hint="Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr("crm_comm_hookspecs.Communication.callback", fails)
        code, _, browser = signed_in(cli, patch)
    assert code == 1
    assert "Error: The disk is full." in browser.getvalue()
    assert browser.pages[0].status_code == 500


def test_the_address_can_be_one_that_the_provider_knows(cli, account, monkeypatch):
    links = []

    def browse(link):
        links.append(parse_qs(urlsplit(link).query)["redirect_uri"][0])
        return follow(link)

    from tests.ports import free_port

    port = free_port()
    with monkeypatch.context() as patch:
        code, _, _ = signed_in(cli, patch, "--localhost", "--port", str(port), "--json", browse=browse)
    assert code == 0
    assert links == [f"http://localhost:{port}/callback"]


def test_a_port_that_is_taken(cli, account):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "--port" in cli.fails("--sandbox", "accounts", "sign-in", "News", "--port", str(port), code=2)


def test_without_a_client_id_it_says_what_to_set(cli, mail):
    cli.ok(*mail.account())
    assert "oauth_google_client_id" in cli.fails("accounts", "sign-in", "News")


def test_a_test_message_from_the_shell(cli, mail):
    cli.ok(*mail.account())
    assert "The connection works." in cli.ok("accounts", "test", "News")
    assert mail.box.arrived == []
    assert "A test message went to news@example.com." in cli.ok("accounts", "test", "News", "--send")
    assert [to for to, _ in mail.box.arrived] == ["news@example.com"]
    cli.ok("accounts", "add", "sms", "account_name=Texts", "gateway=credits", "country_code=DE")
    assert "no test message" in cli.fails("accounts", "test", "Texts", "--send", code=2)
