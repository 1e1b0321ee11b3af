"""15 of ux.md: keyboard, screen reader, 390 px, dark mode, and a locale that changes dates and numbers."""

from pathlib import Path

import pytest

from tests.web.conftest import opened
from tests.web.hosting import EVERYTHING, Host, real_host

pytestmark = pytest.mark.real
AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.min.js"
SCREENS = {
    "desk": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "phone dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> "Host":
    """A host with something of everything."""
    with real_host(tmp_path_factory.mktemp("access")) as host:
        full = host.add("Full", limitation="day", limitation_count=4)
        host.comm.settle(host.comm.reserve(full, 4, key="k", campaign="Spring").id, 4)
        host.add("Half", limitation="month", limitation_count=12_000, user="half@sandbox.test")
        broken = host.add("A rather long name of an account that somebody gave it <b>&</b>"[:60].replace("<b>", ""))
        host.sandbox.state.switch({"wrong_password": True})
        host.comm.run(EVERYTHING, "test", (broken,))
        host.sandbox.state.switch({})
        gone = host.add("Gone")
        host.comm.run(EVERYTHING, "delete", (gone,))
        sms = {"account_name": "Texts", "gateway": "sandbox", "country_code": "DE"}
        assert host.comm.save(EVERYTHING, "sms", "", sms).ok
        host.full = full
        yield host


def paths(host) -> list[str]:
    names = ["/list/accounts", "/list/accounts?deleted=1", "/list/accounts?q=nothing", "/new/email", "/new/sms"]
    return [*names, f"/edit/email/{host.full}", f"/account/{host.full}", "/campaigns", "/inbox", "/profile", "/nowhere"]


def violations(page) -> list[str]:
    """What axe-core finds, in one line each. It is read through the debugger, since the page's CSP lets nothing in."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
    nodes = [(one["id"], node) for one in found for node in one["nodes"]]
    return [f"{name}: {node['target']} {node['html'][:150]} {node['failureSummary']}" for name, node in nodes]


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_and_nothing_is_cut_off(shown, chromium, screen):
    for page in opened(shown, chromium, bypass_csp=True, **SCREENS[screen]):
        for path in paths(shown):
            page.goto(shown.url + path)
            page.wait_for_load_state("networkidle") if path != "/inbox" else page.wait_for_timeout(300)
            page.evaluate("() => Promise.all(document.getAnimations().map((a) => a.finished))")
            assert violations(page) == [], path
            wide = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            assert page.evaluate(wide), path


def test_axe_with_questions_errors_and_messages_open(shown, chromium):
    for page in opened(shown, chromium, bypass_csp=True):
        page.goto(f"{shown.url}/new/email")
        page.get_by_role("button", name="Save and Close").click()
        page.locator("[aria-invalid=true]").first.wait_for()
        assert violations(page) == []
        page.get_by_label("Account Name").fill("x")
        page.keyboard.press("Escape")
        page.get_by_role("alertdialog").wait_for()
        page.evaluate("() => Promise.all(document.getAnimations().map((a) => a.finished))")
        assert violations(page) == []
        page.get_by_role("button", name="Leave").click()
        page.goto(f"{shown.url}/new/sms")
        page.get_by_role("combobox", name="Country Phone Code").click()
        page.locator("#f-country_code-list [role=option]").first.wait_for()
        assert violations(page) == []


def test_by_keyboard_alone(host, page):
    """Make an account, find it, delete it, take that back: no mouse."""
    keys = page.keyboard
    page.locator("summary").focus()
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    page.get_by_role("dialog").wait_for()
    keys.type("By hand")
    keys.press("Tab")
    keys.type("hand@sandbox.test")
    keys.press("Tab")
    keys.type("a password")
    page.wait_for_function("() => document.querySelector('#f-server').value === 'sandbox'")
    keys.press("Enter")
    page.locator("tr.picked", has_text="By hand").wait_for()
    keys.press("/")
    keys.type("hand")
    page.wait_for_function("() => location.search.includes('q=hand')")
    page.get_by_role("link", name="By hand").focus()
    keys.press("ArrowDown")
    keys.press("Delete")
    page.get_by_role("alertdialog").wait_for()
    keys.press("Tab")
    keys.press("Enter")
    page.get_by_role("button", name="Undo").wait_for()
    assert host.comm.accounts(usable=False) == ()
    page.get_by_role("button", name="Undo").focus()
    keys.press("Enter")
    page.get_by_role("link", name="By hand").wait_for()


def test_focus_stays_in_the_dialog_and_comes_back(host, page):
    host.add("Here")
    page.goto(f"{host.url}/list/accounts")
    page.get_by_role("link", name="Here").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    for _ in range(30):
        page.keyboard.press("Tab")
        outside = "() => document.activeElement !== document.body && !document.activeElement.closest('dialog')"
        assert not page.evaluate(outside)
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.textContent === 'Here'")


def test_the_locale_changes_dates_and_numbers(shown, chromium):
    for page in opened(shown, chromium, locale="de-DE"):
        page.goto(f"{shown.url}/list/accounts")
        assert "12.000" in page.locator("tr", has_text="Half").inner_text()
        page.goto(f"{shown.url}/account/{shown.full}")
        german = page.locator("local-time").first
        assert page.locator("text[data-day]").last.text_content().endswith(".")
        day = german.get_attribute("title")
        assert any(name in day for name in ("tag", "woch"))
    for page in opened(shown, chromium, locale="en-US", timezone_id="America/New_York"):
        page.goto(f"{shown.url}/list/accounts")
        assert "12,000" in page.locator("tr", has_text="Half").inner_text()
        page.goto(f"{shown.url}/account/{shown.full}")
        assert page.locator("html").get_attribute("data-zone") == "America/New_York"
        assert "day" in page.locator("local-time").first.get_attribute("title")


def test_without_the_right_the_buttons_are_gone(host, page):
    host.add("Look only")
    page.goto(f"{host.url}/profile")
    for name in ("Add and edit accounts", "Delete accounts", "Buy credits", "Send"):
        page.get_by_label(name, exact=True).uncheck()
    page.get_by_label("Name", exact=True).fill("bob")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Look only").wait_for()
    assert page.locator("summary").count() == 0
    assert page.get_by_role("button", name="Delete").count() == 0
    page.goto(f"{host.url}/campaigns")
    assert "permission" in page.locator("main").inner_text()
