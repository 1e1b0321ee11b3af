"""A slow network and quick fingers: an answer that comes late, or in the wrong order, changes nothing that is newer."""

import pytest

from tests.web.hosting import conflicted, held, holding, until

pytestmark = pytest.mark.real


def edit(page, name: str) -> None:
    page.get_by_role("link", name=name).click()
    page.get_by_role("dialog").wait_for()


def answered(page, kept: list, path: str) -> None:
    """Let the answer come, and wait for what follows from it."""
    with page.expect_response(f"**{path}"):
        held(page, kept).continue_()
    page.wait_for_timeout(300)


def test_escape_again_and_again_loses_nothing_that_was_typed(page, host):
    """Browsers close a dialog on a repeated Escape without asking the page."""
    host.add("Support")
    page.reload()
    edit(page, "Support")
    page.get_by_label("Account Name").fill("Half done")
    for _ in range(7):
        page.keyboard.press("Escape")
        page.wait_for_timeout(80)
    page.wait_for_timeout(500)
    if page.get_by_role("alertdialog").count():
        page.get_by_role("button", name="Stay").click()
    assert page.get_by_label("Account Name").is_visible()
    assert page.get_by_label("Account Name").input_value() == "Half done"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url("**/list/accounts")
    assert page.locator("dialog").count() == 0


def test_a_save_that_is_answered_late_leaves_the_next_editor_open(page, host):
    host.add("First")
    host.add("Second")
    page.reload()
    kept = holding(page, "**/api/save")
    edit(page, "First")
    page.get_by_label("Account Name").fill("First of all")
    page.keyboard.press("Control+s")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Leave").click()
    edit(page, "Second")
    page.get_by_label("Account Name").fill("Second one")
    answered(page, kept, "/list/accounts")
    assert "/edit/email/" in page.url
    page.keyboard.press("Control+s")
    page.locator("tr.picked", has_text="Second one").wait_for()
    assert sorted(account.name for account in host.comm.accounts()) == ["First of all", "Second one"]


def test_a_save_that_is_refused_late_is_told(page, host):
    host.add("Taken")
    host.add("Other")
    page.reload()
    kept = holding(page, "**/api/save")
    edit(page, "Other")
    page.get_by_label("Account Name").fill("Taken")
    page.keyboard.press("Control+s")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Leave").click()
    until(page, "!document.querySelector('dialog')")
    answered(page, kept, "/api/save")
    page.get_by_role("alertdialog").get_by_text("Another account has this name").wait_for()


def test_the_editor_asked_for_last_is_the_one_that_is_open(page, host):
    slow = host.add("Slow")
    host.add("Quick")
    page.reload()
    kept = holding(page, f"**/edit/email/{slow}")
    page.get_by_role("link", name="Slow").click()
    held(page, kept)
    edit(page, "Quick")
    page.get_by_label("Account Name").fill("Typed since")
    held(page, kept).continue_()
    page.wait_for_timeout(500)
    assert page.get_by_label("Account Name").input_value() == "Typed since"
    assert slow not in page.url


def test_a_double_click_on_a_name_goes_back_in_one_step(page, host):
    host.add("Support")
    page.reload()
    before = page.evaluate("history.length")
    page.get_by_role("link", name="Support").dblclick()
    page.get_by_role("dialog").wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate("history.length") == before + 1


def test_the_list_stays_as_it_was_looked_at_when_something_is_saved(page, host):
    """12: the row is selected after a save, wherever it stood."""
    for number in range(60):
        host.add(f"Account {number:02}")
    page.goto(f"{host.url}/list/accounts?q=Account+1&sort=name&down=1")
    edit(page, "Account 13")
    page.get_by_label("Sender").fill("new@sandbox.test")
    page.keyboard.press("Control+s")
    page.locator("tr.picked", has_text="Account 13").wait_for()
    assert page.locator("#list tbody tr").count() == 15
    assert page.locator("#list a.name").first.inner_text() == "Account 51"
    assert page.get_by_label("Search").input_value() == "Account 1"
    assert "q=Account+1&sort=name&down=1" in page.url
    page.goto(f"{host.url}/list/accounts")
    page.get_by_role("link", name="Next page").click()
    edit(page, "Account 55")
    page.get_by_label("Sender").fill("new@sandbox.test")
    page.keyboard.press("Control+s")
    page.locator("tr.picked", has_text="Account 55").wait_for()


def test_a_list_that_is_read_again_does_not_undo_a_search(page, host):
    host.add("Newsletter")
    host.add("Support")
    page.reload()
    kept = holding(page, "**/list/accounts", lambda request: "hx-request" in request.headers)
    page.evaluate("new BroadcastChannel('crm-comm').postMessage({ ok: true, message: 'x', level: 'ok' })")
    held(page, kept)
    page.get_by_label("Search").fill("Supp")
    until(page, "document.querySelectorAll('#list tbody tr').length === 1")
    held(page, kept).continue_()
    page.wait_for_timeout(500)
    assert page.locator("#list tbody tr").count() == 1


def test_a_country_that_is_typed_counts_before_its_suggestions_have_come(page, host):
    """7: Ctrl+S, and Enter at once."""
    page.goto(f"{host.url}/new/sms")
    box = page.locator("#f-country_code")
    until(page, "document.querySelector('#f-country_code').value.includes('United Kingdom')")
    saved: list = []
    page.on("request", lambda request: saved.append(request.post_data_json) if "/api/save" in request.url else None)
    box.fill("Germany")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('input[name=country_code]').value === 'DE'")
    assert saved == []
    box.fill("Austria")
    with page.expect_request("**/api/save"):
        page.keyboard.press("Control+s")
    assert [one["values"]["country_code"] for one in saved] == ["AT"]


def test_enter_takes_what_is_typed_not_what_was_suggested_before(page, host):
    """7: Australia is suggested for Aus; whoever goes on to Austria means Austria."""
    page.goto(f"{host.url}/new/sms")
    box = page.locator("#f-country_code")
    box.fill("Aus")
    page.get_by_role("option", name="Australia").first.wait_for()
    box.fill("Austria")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('input[name=country_code]').value !== 'GB'")
    assert page.locator("input[name=country_code]").input_value() == "AT"


def test_passing_a_country_before_its_name_has_come_keeps_it(page, host):
    kept = holding(page, "**/api/options*")
    page.goto(f"{host.url}/new/sms")
    box = page.locator("#f-country_code")
    until(page, "document.querySelector('input[name=country_code]').value === 'GB'")
    box.focus()
    page.keyboard.press("Tab")
    assert page.locator("input[name=country_code]").input_value() == "GB"
    held(page, kept).continue_()
    until(page, "document.querySelector('#f-country_code').value.includes('United Kingdom')")


def test_a_country_that_is_none_is_said_and_nothing_is_saved(page, host):
    page.goto(f"{host.url}/new/sms")
    saved: list = []
    page.on("request", lambda request: saved.append(request) if "/api/save" in request.url else None)
    page.locator("#f-country_code").fill("Atlantis")
    page.keyboard.press("Control+s")
    page.locator("#f-country_code-error", has_text="list").wait_for()
    assert saved == []


def test_a_test_of_what_was_changed_since_does_not_say_that_it_works(page, host):
    """4: Test Connection is about what is typed."""
    page.goto(f"{host.url}/edit/email/{host.add()}")
    kept = holding(page, "**/api/run")
    page.get_by_role("button", name="Test Connection").click()
    page.get_by_label("Sender").fill("other@sandbox.test")
    answered(page, kept, "/api/run")
    assert "changed" in page.locator("[data-outcome]").inner_text()
    assert page.locator(".steps").count() == 0


def test_comparing_twice_shows_one_table(page, host):
    """14."""
    conflicted(page, host)
    kept = holding(page, "**/api/record")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="Compare").click()
    page.locator(".note table").wait_for()
    answered(page, kept, "/api/record")
    assert page.locator(".note table").count() == 1


def test_a_message_over_an_editor_moves_nothing(page, host):
    host.add("Support")
    page.reload()
    edit(page, "Support")
    until(page, "document.getAnimations().length === 0")
    before = page.locator("dialog form").bounding_box()
    page.route("**/list/**", lambda route: route.fulfill(status=404))
    page.evaluate("new BroadcastChannel('crm-comm').postMessage({ ok: true, message: 'x', level: 'ok' })")
    page.locator(".toast").wait_for()
    assert page.locator("dialog form").bounding_box() == before


def test_a_server_that_is_gone_is_said_once(page, host):
    page.goto(f"{host.url}/inbox")
    page.route("**/inbox", lambda route: route.fulfill(status=404))
    page.locator(".toast").wait_for()
    page.wait_for_timeout(2500)
    assert page.locator(".toast").count() == 1
