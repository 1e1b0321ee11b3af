"""A host renders what it has never seen: unknown kinds as text, hostile texts as texts."""

import html
import re

import httpx
import pytest

from crm_comm_hookspecs import (
    Busy,
    InvalidInput,
    NotPermitted,
    SchemaTooNew,
    StorageUnavailable,
    UnknownAccount,
)
from crm_comm_hookspecs.testing import start
from tests.web.fake_plugin import HTML, FakePlugin
from tests.web.hosting import hosted

ROW = "x%22%3E%3Cb%3E"


@pytest.fixture(scope="module")
def plugin():
    return FakePlugin()


@pytest.fixture(scope="module")
def host(plugin):
    with start(plugin) as comm, hosted(comm) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_fails(plugin):
    plugin.fail = None
    plugin.asked.clear()


def test_hostile_texts_are_texts(http):
    for path in (
        "/list/things",
        f"/edit/thing/{ROW}",
        "/new/thing",
        "/account/" + ROW,
        "/list/" + HTML.replace("/", ""),
    ):
        text = http.get(path).text
        assert "<img" not in text, path
        assert "<b>" not in text, path
        assert not re.search(r"(href|src|action|formaction)=\"\s*javascript:", text), path
    assert HTML in html.unescape(http.get("/list/things").text)


def test_what_is_unknown_is_shown_as_text(http):
    text = http.get("/list/things").text
    assert "Levitate" in text
    assert "deep" in text
    assert 'class="badge plain"' in text
    assert '<progress class="warn" value="5" max="5"' in text
    assert 'value="12345"' in text
    assert "unseen" not in text
    assert "unknown-editor" not in text
    assert "Next page" in text
    assert "after=n%26x%3D1" in text


def test_an_editor_shows_every_widget(http):
    text = http.get("/new/thing").text
    assert 'data-unknown="colour-wheel"' in text
    assert re.search(r'<input type="text" id="f-colour" name="colour" value="blue"', text)
    assert 'name="kind" value="a" checked' in re.sub(r"\s+", " ", text)
    assert '<option value="gone" selected>' in text
    assert re.search(r"<textarea[^>]*name=\"notes\"", text)
    assert "data-stored" not in text
    stored = http.get(f"/edit/thing/{ROW}").text
    assert "set yesterday" in stored
    assert re.search(r"<input type=\"password\"[^>]*value=\"\"", stored)


def test_sort_and_search_reach_the_plugin_as_they_are_and_nothing_else(http, plugin):
    http.get("/list/things", params={"q": "a&b", "sort": "name", "down": "1", "after": "n&x=1", "deleted": "1"})
    query = plugin.asked[-1]
    assert (query.search, query.sort, query.descending, query.after, query.deleted) == (
        "a&b",
        "name",
        True,
        "n&x=1",
        True,
    )
    http.get("/list/things", params={"sort": "password"})
    assert plugin.asked[-1].sort == ""


def test_a_question_comes_before_an_action_that_has_one(http, plugin):
    plugin.asked.clear()
    asked = http.post("/api/run", json={"action": "ask", "ids": ["1"]}).json()
    assert asked["confirm"]["token"] == "t1"
    assert plugin.asked == []
    done = http.post("/api/run", json={"action": "ask", "ids": ["1"], "asked": True, "confirmed": "t1"}).json()
    assert done["message"] == "done"
    assert plugin.asked == [("ask", ("1",), "t1")]
    assert http.post("/api/run", json={"action": "future", "ids": ["1"]}).json()["ok"]


def test_values_go_through_as_typed(http, plugin):
    values = {"title": "2.7", "on": False, "key": None}
    saved = http.post("/api/save", json={"editor": "thing", "id": "9", "values": values, "version": "7"}).json()
    assert saved["id"] == "9"
    assert plugin.saved[-1] == {**values, "version": "7"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotPermitted("No."), 403),
        (UnknownAccount("No such."), 404),
        (InvalidInput("Odd."), 400),
        (Busy("Busy."), 503),
        (StorageUnavailable("The database is away."), 503),
        (SchemaTooNew("Too new."), 500),
        (RuntimeError("s3cret-canary-detail"), 500),
    ],
)
def test_an_error_is_one_clear_line_with_the_next_step(http, plugin, error, status):
    plugin.fail = error
    for headers in ({}, {"hx-request": "true"}):
        answer = http.get("/list/things", headers=headers)
        assert answer.status_code == status
        assert "Traceback" not in answer.text
        assert "s3cret-canary" not in answer.text
        if hasattr(error, "hint"):
            assert error.message in html.unescape(answer.text)
            assert error.hint.split(";")[0][:20] in html.unescape(answer.text)


def test_the_log_of_a_mistake_says_where_and_quotes_nothing(http, plugin, caplog):
    plugin.fail = RuntimeError("s3cret-canary-detail")
    http.get("/list/things")
    told = [record.getMessage() for record in caplog.records if "failed" in record.getMessage()]
    assert any("RuntimeError at" in text and "/list failed" in text for text in told)
    assert "s3cret-canary" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 100_000, b'{"editor": 7}', b'{"values": []}', b'{"ids": "x"}'],
)
@pytest.mark.parametrize("path", ["/api/run", "/api/check"])
def test_what_no_form_sends_is_refused(http, path, body):
    answer = http.post(path, content=body)
    assert answer.status_code == 400 or (answer.json()["ok"] and b"ids" in body)


def test_a_form_that_is_too_long_is_refused(http):
    assert http.post("/api/save", content=b" " * 1_000_001).status_code == 413


@pytest.mark.parametrize(
    "path", ["/nowhere", "/new/nothing", "/list/nothing", "/edit/no/1", "/campaigns/abc", "/inbox"]
)
def test_what_is_not_there_says_so(http, path):
    answer = http.get(path)
    assert answer.status_code == 404
    assert 'role="alert"' in answer.text


def test_whoever_has_no_script_is_told_what_that_means(http):
    page = http.get("/list/things").text
    assert "allow it for this page" in page[page.index("<noscript>") : page.index("</noscript>")]


def test_another_method_is_refused_in_words(http):
    assert http.put("/api/check").json()["message"].startswith("This page cannot be used like that. ")


def test_without_the_sandbox_it_is_not_shown(http):
    assert "andbox" not in http.get("/list/things").text


def test_a_list_for_nobody(plugin, monkeypatch):
    """A plugin that shows this person nothing: the host still answers."""
    with start(None) as comm, hosted(comm) as running:
        answer = httpx.get(running.link, follow_redirects=True, trust_env=False)
        assert answer.status_code in (200, 401)
