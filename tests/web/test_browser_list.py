"""The list in Chromium: ux.md 8, 10, 12, 13, search and sort."""

import pytest

from crm_comm_hookspecs import EmailMessage, Recipient
from tests.web.hosting import EVERYTHING, until

pytestmark = pytest.mark.real


def picked(page) -> list[str]:
    return page.locator("tr.picked a.name").all_inner_texts()


def test_usage_stands_in_the_row_amber_and_red(page, host):
    """8."""
    account_id = host.add("Meter", limitation="day", limitation_count=10)
    for units, level, text in ((7, "ok", "7 of 10"), (1, "warn", "8 of 10"), (2, "bad", "10 of 10")):
        reservation = host.comm.reserve(account_id, units, key=f"k{units}{level}")
        host.comm.settle(reservation.id, units)
        page.goto(f"{host.url}/list/accounts")
        assert text in page.locator(".meter-text").inner_text()
        assert page.locator("td progress").get_attribute("class") == level
    assert "free again" in page.locator(".meter-hint").inner_text().lower()


def test_a_badge_opens_the_editor_at_the_field(page, host):
    """10."""
    account_id = host.add("Broken")
    host.sandbox.state.switch({"wrong_password": True})
    host.comm.run(EVERYTHING, "test", (account_id,))
    page.goto(f"{host.url}/list/accounts")
    page.locator("a.badge.bad").click()
    page.get_by_role("dialog").wait_for()
    focused = "document.activeElement.closest('[data-field]')?.dataset.field === 'password'"
    until(page, focused)


def test_enter_double_click_and_arrows(page, host):
    """12."""
    for name in ("Alpha", "Beta"):
        host.add(name)
    page.goto(f"{host.url}/list/accounts")
    page.keyboard.press("ArrowDown")
    assert picked(page) == ["Alpha"]
    page.keyboard.press("ArrowDown")
    assert picked(page) == ["Beta"]
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#f-account_name')?.value === 'Beta'")
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('dialog')")
    page.locator("tr", has_text="Alpha").locator("td").nth(2).dblclick()
    until(page, "document.querySelector('#f-account_name')?.value === 'Alpha'")


def test_the_toolbar_knows_how_many_are_selected(page, host):
    host.add("Alpha")
    host.add("Beta")
    page.goto(f"{host.url}/list/accounts")
    edit, delete = page.get_by_role("button", name="Edit", exact=True), page.get_by_role("button", name="Delete")
    assert edit.is_disabled()
    assert delete.is_disabled()
    page.get_by_label("Select Alpha").check()
    assert edit.is_enabled()
    page.get_by_label("Select all on this page").check()
    assert edit.is_disabled()
    assert delete.is_enabled()


def test_delete_asks_names_what_uses_it_and_can_be_undone(page, host):
    """13."""
    host.add("Gone soon")
    page.goto(f"{host.url}/list/accounts")
    page.get_by_label("Select Gone soon").check()
    page.keyboard.press("Delete")
    question = page.get_by_role("alertdialog")
    assert "Gone soon" in question.inner_text()
    question.get_by_role("button", name="No").click()
    page.locator("[data-action=delete]:enabled").wait_for()
    assert len(host.comm.accounts(usable=False)) == 1
    page.keyboard.press("Delete")
    question.get_by_role("button", name="Yes").click()
    page.get_by_text("No accounts yet").wait_for()
    assert host.comm.accounts(usable=False) == ()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="Gone soon").wait_for()
    assert len(host.comm.accounts(usable=False)) == 1


def test_the_undo_goes_after_ten_seconds(page, host):
    """13."""
    host.add("Gone")
    page.clock.install()
    page.goto(f"{host.url}/list/accounts")
    page.get_by_label("Select Gone").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Yes").click()
    page.get_by_role("button", name="Undo").wait_for()
    page.clock.run_for(9_000)
    assert page.get_by_role("button", name="Undo").count() == 1
    page.clock.run_for(1_500)
    assert page.get_by_role("button", name="Undo").count() == 0


def test_deleted_accounts_are_listed_and_come_back(page, host):
    account_id = host.add("Back again")
    host.comm.run(EVERYTHING, "delete", (account_id,))
    page.goto(f"{host.url}/list/accounts")
    page.get_by_role("link", name="Deleted").click()
    page.get_by_label("Select Back again").check()
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("Nothing was deleted").wait_for()
    assert [account.name for account in host.comm.accounts(usable=False)] == ["Back again"]


def test_search_sort_and_pages(page, host):
    for number in range(53):
        host.add(f"Account {number:02}")
    page.goto(f"{host.url}/list/accounts")
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("link", name="Account 52").wait_for()
    page.get_by_role("link", name="First page").click()
    page.get_by_role("link", name="Account 00").wait_for()
    page.get_by_role("link", name="Name", exact=True).click()
    page.locator("th[aria-sort]").wait_for()
    page.get_by_role("link", name="Name", exact=True).click()
    page.get_by_role("link", name="Account 52").wait_for()
    page.get_by_label("Search").fill("account 17")
    until(page, "document.querySelectorAll('tbody tr').length === 1")
    assert page.get_by_label("Search").evaluate("e => e === document.activeElement")
    page.get_by_label("Search").fill("nobody")
    page.get_by_text("Nothing is found").wait_for()


def test_the_test_action_of_the_list(page, host):
    host.add("Tested")
    page.goto(f"{host.url}/list/accounts")
    page.get_by_label("Select Tested").check()
    page.get_by_role("button", name="Test", exact=True).click()
    page.locator(".badge.ok", has_text="Connected").wait_for()


def test_what_failed_is_told_in_steps_and_once(page, host):
    """4: a list has no fields, so the steps say all of it."""
    host.add("Tested")
    host.sandbox.state.switch({"wrong_password": True})
    page.goto(f"{host.url}/list/accounts")
    page.get_by_label("Select Tested").check()
    page.get_by_role("button", name="Test", exact=True).click()
    question = page.get_by_role("alertdialog")
    question.locator(".steps li.wrong").wait_for()
    assert question.locator(".steps li.good").count() >= 3
    assert question.inner_text().count("does not accept user and password") == 1
    assert question.get_by_role("button").all_inner_texts() == ["Close"]
    question.get_by_role("button", name="Close").click()
    page.locator(".badge.bad").wait_for()


def test_times_and_numbers_stay_as_people_write_them_when_the_list_is_read_again(page, host):
    """15: the server's own text of an element that a swap keeps is not shown."""
    account_id = host.add("Used")
    assert host.comm.send(account_id, EmailMessage(subject="S", text="T"), [Recipient("a@example.com")], "k").finished
    page.goto(f"{host.url}/list/accounts")
    time = page.locator("td local-time")
    until(page, "!document.querySelector('td local-time').textContent.includes('-')")
    with page.expect_response(lambda answer: "/list/accounts" in answer.url):
        page.get_by_label("Search").fill("Use")
    page.wait_for_url("**q=Use")
    assert "-" not in time.inner_text()


def test_a_busy_button_moves_nothing(page, host):
    """The wheel takes the place of the icon."""
    host.add("Slow")
    page.set_viewport_size({"width": 1100, "height": 800})
    page.goto(f"{host.url}/list/accounts")
    page.get_by_label("Select Slow").check()
    button = page.get_by_role("button", name="Delete")
    before = button.bounding_box()["width"]
    button.click()
    page.get_by_role("alertdialog").wait_for()
    assert page.locator("[aria-busy=true][data-action]").bounding_box()["width"] == pytest.approx(before, abs=1)
