"""Editors in Chromium: what ux.md says people love (1 to 5, 7, 9, 11, 12, 14)."""

import re

import pytest

from tests.web.conftest import opened
from tests.web.hosting import EVERYTHING, PASSWORD, conflicted, held, holding, until

pytestmark = pytest.mark.real


def new_email(page) -> None:
    page.locator("summary").click()
    page.get_by_role("link", name="E-mail Account").click()
    page.get_by_role("dialog").wait_for()


def hint(page, field: str):
    return page.locator(f"#f-{field}-hint")


def error(page, field: str):
    return page.locator(f"#f-{field}-error")


def shown(locator, text: str) -> None:
    """Wait until a text is there; regular expressions are not needed."""
    locator.filter(has_text=text).first.wait_for()


def test_the_address_chooses_the_server(page):
    """1 and 3."""
    new_email(page)
    page.get_by_label("User").fill("ann@gmail.com")
    until(page, "document.querySelector('#f-server').value === 'gmail'")
    shown(hint(page, "password"), "app password")
    page.get_by_label("User").fill("ann@outlook.com")
    until(page, "document.querySelector('#f-server').value === 'outlook'")


def test_for_other_addresses_the_server_is_a_guess_and_said_to_be_one(page):
    """1."""
    new_email(page)
    page.get_by_label("User").fill("help@acme.example")
    until(page, "document.querySelector('#f-server').value === 'smtp'")
    until(page, "document.querySelector('#f-host').value === 'smtp.acme.example'")
    text = page.get_by_role("dialog").inner_text().lower()
    assert "guess" in text


def test_another_address_takes_a_suggestion_back(page):
    """1: what came from the first address belongs to it, what somebody chose stays."""
    new_email(page)
    page.get_by_label("User").fill("ann@gmail.com")
    until(page, "document.querySelector('#f-server').value === 'gmail'")
    page.get_by_label("User").fill("help@acme.example")
    until(page, "document.querySelector('#f-host').value === 'smtp.acme.example'")
    page.get_by_label("User").fill("help@other.example")
    until(page, "document.querySelector('#f-host').value === 'smtp.other.example'")
    assert page.locator("#f-server").input_value() == "smtp"
    page.locator("#f-server").select_option("gmail")
    with page.expect_response("**/api/check"):
        page.get_by_label("User").fill("me@third.example")
    shown(hint(page, "password"), "app password")
    assert page.locator("#f-server").input_value() == "gmail"


def test_the_page_of_the_provider_is_a_link(page):
    """3."""
    new_email(page)
    page.get_by_label("User").fill("ann@gmail.com")
    link = hint(page, "password").get_by_role("link", name="support.google.com")
    link.wait_for()
    assert link.get_attribute("href").startswith("https://support.google.com/")
    assert link.get_attribute("rel") == "noopener noreferrer"


def test_the_way_to_a_new_account_can_be_read_after_a_save(page):
    """The button has the focus then; its words keep the colour of a button."""
    new_email(page)
    page.get_by_label("Account Name").fill("Newsletter")
    page.get_by_label("User").fill("news@sandbox.test")
    page.locator("#f-password").fill(PASSWORD)
    until(page, "document.querySelector('#f-server').value === 'sandbox'")
    page.keyboard.press("Control+s")
    page.locator("tr.picked").wait_for()
    button = page.locator(".toolbar summary")
    until(page, "document.activeElement === document.querySelector('.toolbar summary')")
    assert button.evaluate("e => getComputedStyle(e).color") == "rgb(255, 255, 255)"


def test_what_was_typed_is_never_replaced_by_advice(page):
    """1 and 2: also when the answer comes late."""
    new_email(page)
    page.get_by_label("Server", exact=False).first.select_option("smtp")
    page.get_by_label("Host").fill("mail.mine.example")
    page.get_by_label("User").fill("help@acme.example")
    page.wait_for_timeout(900)
    assert page.get_by_label("Host").input_value() == "mail.mine.example"
    page.locator("#f-server").select_option("gmail")
    assert page.get_by_label("Host").is_hidden()
    assert page.get_by_label("Port").is_hidden()
    page.locator("#f-server").select_option("smtp")
    assert page.get_by_label("Host").input_value() == "mail.mine.example"


def test_the_last_answer_wins(page, host):
    """The answer to an older question comes later and is passed over."""
    new_email(page)
    kept = holding(page, "**/api/check", lambda request: "slow@" in request.post_data)
    page.get_by_label("User").fill("slow@gmail.com")
    held(page, kept)
    page.get_by_label("User").fill("quick@outlook.com")
    until(page, "document.querySelector('#f-server').value === 'outlook'")
    held(page, kept).continue_()
    page.wait_for_timeout(300)
    assert page.locator("#f-server").input_value() == "outlook"


def test_a_quick_typist_loses_no_advice(page):
    """1: the next field is changed before the address was asked about."""
    new_email(page)
    page.get_by_label("User").fill("ann@gmail.com")
    page.get_by_label("Server Limitation").select_option("day")
    until(page, "document.querySelector('#f-server').value === 'gmail'")
    shown(hint(page, "password"), "app password")
    shown(hint(page, "limitation_count"), "500")


def test_check_is_asked_once_after_typing(page):
    """300 ms after the last change."""
    new_email(page)
    page.wait_for_timeout(500)
    asked = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/api/check") else None)
    page.get_by_label("User").press_sequentially("somebody@gmail.com", delay=20)
    page.wait_for_timeout(800)
    assert len(asked) == 1


def test_connection_is_tested_before_saving_in_steps(page, host):
    """4: nothing is stored, nothing is sent."""
    new_email(page)
    page.get_by_label("User").fill("news@sandbox.test")
    page.locator("#f-password").fill(PASSWORD)
    until(page, "document.querySelector('#f-server').value === 'sandbox'")
    page.get_by_role("button", name="Test Connection").click()
    page.locator(".note.ok .steps li.good").first.wait_for()
    assert page.locator(".steps li").count() >= 3
    assert host.sandbox.state.messages() == ((), 0)
    assert host.comm.accounts(usable=False) == ()


def test_a_test_message_is_sent_before_saving_and_the_answer_says_where_to(page, host):
    """4: the second action sends what stands in the form, once."""
    new_email(page)
    page.get_by_label("User").fill("news@sandbox.test")
    page.locator("#f-password").fill(PASSWORD)
    until(page, "document.querySelector('#f-server').value === 'sandbox'")
    page.get_by_role("button", name="Send Me a Test").click()
    shown(page.locator(".note.ok"), "news@sandbox.test")
    ((arrived,), count) = host.sandbox.state.messages()
    assert (arrived.to, arrived.subject, count) == (("news@sandbox.test",), "Test message", 1)
    assert host.comm.accounts(usable=False) == ()


def test_a_failing_step_names_its_field_and_what_to_try(page, host):
    """4."""
    host.sandbox.state.switch({"wrong_password": True})
    new_email(page)
    page.get_by_label("User").fill("news@sandbox.test")
    page.locator("#f-password").fill(PASSWORD)
    until(page, "document.querySelector('#f-server').value === 'sandbox'")
    page.get_by_role("button", name="Test Connection").click()
    page.locator(".note.bad .steps li.wrong").wait_for()
    assert error(page, "password").inner_text()
    assert page.locator("#f-password").get_attribute("aria-invalid") == "true"
    assert page.locator("#f-password").input_value() == PASSWORD


def test_a_stored_secret_is_dots_with_its_day_and_replace(page, host):
    """5: and the test uses it while the field is empty."""
    account_id = host.add()
    page.goto(f"{host.url}/edit/email/{account_id}")
    page.locator("[data-stored] .dots").wait_for()
    assert re.search(r"\d", page.locator("[data-stored] .since").inner_text())
    assert PASSWORD not in page.content()
    page.get_by_role("button", name="Test Connection").click()
    page.locator(".note.ok").wait_for()
    page.get_by_role("button", name="Replace Password").click()
    assert page.locator("#f-password").evaluate("e => e === document.activeElement")


def test_another_server_asks_for_the_stored_password_again(page, host):
    """2, and rule 4 of the contract."""
    account_id = host.add(server="smtp", host="127.0.0.1", port=host.sandbox.smtp.port, security="none")
    page.goto(f"{host.url}/edit/email/{account_id}")
    page.locator("[data-stored]").wait_for()
    page.get_by_label("Host").fill("elsewhere.example")
    page.get_by_label("Host").press("Tab")
    page.locator("#f-password").wait_for()
    assert error(page, "password").inner_text()
    assert page.locator("[data-stored]").is_hidden()


def test_the_country_picker_finds_it_however_it_is_called(page, host):
    """7: with an example of what becomes of a number, and the browser's region chosen."""
    page.goto(f"{host.url}/new/sms")
    box = page.get_by_role("combobox", name="Country Phone Code")
    until(page, "document.querySelector('#f-country_code').value.includes('United Kingdom')")
    for typed in ("Germany", "DE", "+49", "49"):
        box.fill(typed)
        page.get_by_role("option").filter(has_text="Germany").first.wait_for()
    box.press("Enter")
    shown(hint(page, "country_code"), "+49")
    assert page.locator("input[name=country_code]").input_value() == "DE"
    assert "Germany" in box.input_value()
    assert box.get_attribute("aria-expanded") == "false"


def test_the_limit_count_appears_with_a_window(page):
    """9."""
    new_email(page)
    page.get_by_label("User").fill("ann@gmail.com")
    until(page, "document.querySelector('#f-server').value === 'gmail'")
    assert page.get_by_label("Limitation Count").is_hidden()
    page.get_by_label("Server Limitation").select_option("day")
    page.get_by_label("Limitation Count").wait_for()
    shown(hint(page, "limitation_count"), "500")


def test_purchase_opens_the_page_or_gives_a_link(page, host):
    """11."""
    page.goto(f"{host.url}/new/sms")
    page.locator("#f-gateway").select_option("sandbox")
    with page.context.expect_page() as opening:
        page.get_by_role("button", name="Purchase Credits").click()
    shop = opening.value
    shop.get_by_role("button", name="Buy them").click()
    assert re.fullmatch(r"(\w{4}-){2}\w{4}", shop.locator("#code").inner_text())
    shop.close()
    page.evaluate("window.open = () => null")
    page.get_by_role("button", name="Purchase Credits").click()
    link = page.get_by_role("link", name="Open the page")
    assert link.get_attribute("href").startswith(host.sandbox.gateway_place)


def test_leaving_with_changes_asks_and_esc_closes(page, host):
    """12."""
    new_email(page)
    assert page.get_by_label("Account Name").evaluate("e => e === document.activeElement")
    page.keyboard.press("Escape")
    page.wait_for_url("**/list/accounts")
    new_email(page)
    page.get_by_label("Account Name").fill("Half done")
    page.keyboard.press("Escape")
    question = page.get_by_role("alertdialog")
    question.get_by_role("button", name="Stay").click()
    assert page.get_by_label("Account Name").input_value() == "Half done"
    page.keyboard.press("Escape")
    question.get_by_role("button", name="Leave").click()
    page.wait_for_url("**/list/accounts")
    assert page.get_by_role("dialog").count() == 0


def test_ctrl_s_saves_and_the_row_is_selected(page, host):
    """12."""
    new_email(page)
    page.get_by_label("Account Name").fill("Support")
    page.get_by_label("User").fill("help@sandbox.test")
    page.locator("#f-password").fill(PASSWORD)
    until(page, "document.querySelector('#f-server').value === 'sandbox'")
    page.keyboard.press("Control+s")
    page.locator("tr.picked", has_text="Support").wait_for()
    page.wait_for_url("**/list/accounts")
    assert [account.name for account in host.comm.accounts()] == ["Support"]
    page.get_by_text("Saved").wait_for()


def test_an_error_stands_at_its_field_and_nothing_typed_is_lost(page, host):
    host.add("Taken")
    new_email(page)
    page.get_by_label("Account Name").fill("taken ")
    page.get_by_label("User").fill("not an address")
    page.locator("#f-server").select_option("smtp")
    page.get_by_label("Port").fill("70000")
    page.get_by_role("button", name="Save and Close").click()
    shown(error(page, "port"), "65535")
    assert error(page, "account_name").inner_text()
    assert page.get_by_label("Port").input_value() == "70000"
    assert page.get_by_label("Account Name").evaluate("e => e === document.activeElement")


def test_a_refused_save_leaves_the_advice_where_it_is(page):
    """3: what this server wants is needed most when the password is missing."""
    new_email(page)
    page.get_by_label("User").fill("ann@gmail.com")
    shown(hint(page, "password"), "app password")
    page.get_by_role("button", name="Save and Close").click()
    shown(error(page, "password"), "fill in")
    assert "app password" in hint(page, "password").inner_text()


def test_an_answer_goes_when_what_it_was_about_is_changed(page):
    """4: a test says nothing of what was typed after it."""
    new_email(page)
    page.get_by_label("User").fill("news@sandbox.test")
    page.locator("#f-password").fill(PASSWORD)
    until(page, "document.querySelector('#f-server').value === 'sandbox'")
    page.get_by_role("button", name="Test Connection").click()
    page.locator(".note.ok").wait_for()
    page.locator("#f-password").fill("another")
    page.locator(".note").wait_for(state="detached")


def test_every_field_has_the_whole_width_of_a_phone(host, chromium):
    """15."""
    for page in opened(host, chromium, viewport={"width": 390, "height": 844}):
        page.goto(f"{host.url}/new/email")
        page.get_by_label("User").fill("ann@acme.example")
        page.locator("#f-security").wait_for()
        widths = page.locator(".field:visible").evaluate_all("all => all.map((one) => one.clientWidth)")
        assert set(widths) == {max(widths)}


def test_a_choice_is_compared_by_its_name(page, host):
    """14."""
    account_id = host.add("Shared", limitation="day", limitation_count=5)
    page.goto(f"{host.url}/edit/email/{account_id}")
    page.get_by_label("Sender").fill("mine@sandbox.test")
    version = host.comm.open_record(EVERYTHING, "email", account_id).version
    assert host.comm.save(EVERYTHING, "email", account_id, {"limitation": "hour"}, version).ok
    page.get_by_role("button", name="Save and Close").click()
    page.get_by_role("button", name="Compare").click()
    row = page.get_by_role("row", name="Server Limitation").inner_text()
    assert "Per hour" in row
    assert "Per day (24 hours)" in row


def test_two_people_edit_one_account(page, host, chromium):
    """14: the second is told who and when, and compares, reloads or overwrites."""
    account_id = host.add("Shared")
    page.goto(f"{host.url}/edit/email/{account_id}")
    page.get_by_label("Sender").fill("mine@sandbox.test")
    version = host.comm.open_record(EVERYTHING, "email", account_id).version
    theirs = host.comm.save(EVERYTHING, "email", account_id, {"sender": "theirs@sandbox.test"}, version)
    assert theirs.ok
    page.get_by_role("button", name="Save and Close").click()
    shown(page.locator(".note.warn"), "alice")
    page.get_by_role("button", name="Compare").click()
    row = page.get_by_role("row", name="Sender")
    assert "theirs@sandbox.test" in row.inner_text()
    assert "mine@sandbox.test" in row.inner_text()
    page.get_by_role("button", name="Overwrite").click()
    page.locator("tr.picked", has_text="Shared").wait_for()
    assert host.comm.open_record(EVERYTHING, "email", account_id).values["sender"] == "mine@sandbox.test"


def test_reload_after_a_conflict_shows_what_is_stored(page, host):
    """14."""
    conflicted(page, host)
    page.get_by_role("button", name="Reload").click()
    until(page, "document.querySelector('#f-sender')?.value === 'theirs@sandbox.test'")


def deleted_meanwhile(page, host) -> str:
    account_id = host.add("Shared")
    page.goto(f"{host.url}/edit/email/{account_id}")
    page.get_by_label("Sender").fill("mine@sandbox.test")
    token = host.comm.confirm(EVERYTHING, "delete", (account_id,)).token
    assert host.comm.run(EVERYTHING, "delete", (account_id,), confirmed=token).ok
    page.get_by_role("button", name="Save and Close").click()
    page.get_by_text("deleted this account in between").wait_for()
    assert page.get_by_role("button", name="Overwrite").count() == 0
    return account_id


def test_what_was_deleted_meanwhile_can_be_kept_as_a_new_account(page, host):
    account_id = deleted_meanwhile(page, host)
    page.get_by_role("button", name="Save as New").click()
    until(page, "document.querySelector('#f-password-error').textContent !== ''")
    page.locator("#f-password").fill(PASSWORD)
    page.get_by_role("button", name="Save and Close").click()
    page.locator("tr.picked", has_text="Shared").wait_for()
    (account,) = host.comm.accounts(usable=False)
    assert account.id != account_id
    assert account.sender == "mine@sandbox.test"


def test_what_was_deleted_meanwhile_can_be_brought_back(page, host):
    account_id = deleted_meanwhile(page, host)
    page.get_by_role("button", name="Restore").click()
    page.get_by_text("“Shared” is back.").wait_for()
    assert page.get_by_label("Sender").input_value() == "mine@sandbox.test"
    page.get_by_role("button", name="Save and Close").click()
    page.get_by_role("button", name="Overwrite").click()
    page.locator("tr.picked", has_text="Shared").wait_for()
    assert host.comm.open_record(EVERYTHING, "email", account_id).values["sender"] == "mine@sandbox.test"


def test_back_and_forward_open_and_close_the_dialog(page, host):
    new_email(page)
    page.go_back()
    page.wait_for_url("**/list/accounts")
    until(page, "document.querySelectorAll('dialog[open]').length === 0")
    page.go_forward()
    page.get_by_role("dialog").wait_for()


def test_forward_before_the_scripts_have_come_opens_the_dialog_as_well(page, host):
    """The page is shown before it can answer; a fast finger must not leave the list under the dialog's address."""
    new_email(page)
    kept = holding(page, "**/htmx-*.js")
    page.go_back(wait_until="commit")
    until(page, "document.querySelector('#list') && !document.querySelector('dialog[open]')")
    page.go_forward(wait_until="commit")
    held(page, kept).continue_()
    page.get_by_role("dialog").wait_for()


def test_a_region_in_the_browser_is_preselected(host, chromium):
    """7."""
    for page in opened(host, chromium, locale="de-AT"):
        page.goto(f"{host.url}/new/sms")
        until(page, "document.querySelector('input[name=country_code]').value === 'AT'")
