"""Who is let in: the access link, Host, Origin; and what every answer says to the browser."""

import re

import httpx
import pytest

from crm_comm_plugin.hosts.web.guard import loopback_hosts
from tests.web.hosting import TOKEN, real_host

PAGES = ["/list/accounts", "/new/email", "/new/sms", "/campaigns", "/inbox", "/profile", "/no-such-page"]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with real_host(tmp_path_factory.mktemp("guard")) as running:
        yield running


def test_the_link_lets_in_and_its_token_leaves_the_address(host):
    with httpx.Client(base_url=host.url, trust_env=False) as client:
        assert client.get("/list/accounts").status_code == 401
        answer = client.get("/list/accounts", params={"q": "a&b", "token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/list/accounts?q=a%26b")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert client.get("/list/accounts").status_code == 200


def test_the_link_leads_nowhere_else(host):
    """Two slashes at the front would name another site."""
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"{host.url}//evil.example/", params={"token": TOKEN})
    assert answer.headers["location"] == "/evil.example/"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ä"])
def test_a_wrong_token_does_not(host, token):
    assert httpx.get(host.url, params={"token": token}, trust_env=False).status_code == 401


def test_a_cookie_that_was_made_up_does_not(host):
    name = f"crm_comm_{host.url.rpartition(':')[2]}"
    for value in ("", TOKEN, "0" * 64, '"\x7f'):
        answer = httpx.get(f"{host.url}/list/accounts", headers={"cookie": f"{name}={value}"}, trust_env=False)
        assert answer.status_code == 401


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", ""])
def test_another_host_name_is_not_answered(http, name):
    """DNS rebinding: a foreign name that points to this machine."""
    assert http.get("/list/accounts", headers={"host": name}).status_code == 421
    assert http.get("/static/app.css", headers={"host": name}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_site_cannot_post(http, headers):
    assert http.post("/api/check", json={}, headers=headers).status_code == 403


def test_our_own_pages_can(http, host):
    answer = http.post("/api/check", json={"editor": "email"}, headers={"origin": host.url})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/static/app.js", "/api/options?source=countries"])
def test_every_answer_is_guarded(http, path):
    headers = http.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"]


def test_also_when_nobody_is_let_in(host):
    answer = httpx.get(host.url, trust_env=False)
    assert "crm-comm serve" in answer.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_inline_script_style_or_foreign_addresses(http, path):
    html = http.get(path).text
    assert re.findall(r"<script(?![^>]*\bsrc=\"/static/)[^>]*>", html) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html) == []
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"([^\"]*)\"", html)
    assert loaded
    assert all(url.startswith("/static/") for url in loaded)


def test_a_browser_that_comes_back_from_another_site_gets_in(host):
    """It sends no strict cookie, so the first answer sends it on from our own page."""
    answer = httpx.get(f"{host.url}/callback", params={"purchase": "1&2"}, trust_env=False)
    assert answer.status_code == 200
    assert "url=/callback?purchase=1%262&amp;again=1" in answer.text
    again = httpx.get(f"{host.url}/callback", params={"again": "1"}, trust_env=False)
    assert again.status_code == 401


def test_a_service_needs_no_cookie_and_a_long_body_is_refused(host):
    url = f"{host.url}/receive/sandbox/no-such-token"
    assert (
        httpx.post(url, content=b"{}", headers={"origin": "https://gateway.example"}, trust_env=False).status_code
        == 404
    )
    assert httpx.post(url, content=b"x" * 1_000_001, trust_env=False).status_code == 413


def test_hosts_for_other_addresses():
    assert "192.168.1.5:8000" in loopback_hosts(8000, "192.168.1.5")
    assert "[::1]:8000" in loopback_hosts(8000, "::1")
