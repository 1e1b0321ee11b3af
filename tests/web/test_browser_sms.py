"""The whole SMS story in Chromium on the sandbox: buy, paste, activate, send, run out, buy again, send again."""

import re

import pytest

from tests.web.hosting import EVERYTHING, until

pytestmark = pytest.mark.real

SHORT, LONG = "Ihr Tisch ist frei.", "Ihr Tisch ist frei. " * 10
"""One part and two: the sandbox charges a credit for each."""


def pay(page, press) -> str:
    """Buys 100 credits in the tab that `press` opens, and comes back by its link; a new access code, if any."""
    with page.context.expect_page() as opening:
        press()
    shop = opening.value
    shop.get_by_role("button", name="Buy them").click()
    shop.get_by_text("Thank you").wait_for()
    code = shop.locator("#code").inner_text() if shop.locator("#code").count() else ""
    shop.get_by_role("link", name="Back to the CRM").click()
    shop.get_by_role("link", name="go to the accounts").wait_for()
    shop.wait_for_load_state()
    shop.close()
    return code


def purchase(page):
    page.get_by_role("button", name="Purchase Credits").click()


def make_account(page) -> None:
    """Buys before the account is saved, comes back, pastes with spaces, dashes and small letters, activates, saves."""
    page.locator("summary").click()
    page.get_by_role("link", name="SMS Account").click()
    page.get_by_label("Account Name").fill("Texts")
    assert page.locator("#f-gateway").input_value() == "sandbox"  # no other one can be reached from a sandbox
    code = pay(page, lambda: purchase(page))
    page.get_by_text("Paid: 100 credits. Copy the access code").wait_for()
    until(page, "document.activeElement.id === 'f-access_code'")
    page.get_by_role("textbox", name="Access Code").fill(f" {code.lower().replace('-', ' - ')} ")
    page.get_by_role("button", name="Activate").click()
    page.get_by_text("The access code is active: 100 credits.").wait_for()
    page.get_by_role("button", name="Save and Close").click()
    # What the code is good for is read after the list is there.
    page.locator("tr.picked", has_text="Texts").filter(has_text="credits left, read").wait_for()


def left(page, words: str, status: str) -> None:
    """The list says what is left, with its age, and how the account stands."""
    page.get_by_role("link", name="Accounts", exact=True).click()
    row = page.locator("tr", has_text="Texts")
    row.filter(has_text=re.compile(rf"{words} left, read \d\d:\d\d")).filter(has_text=status).wait_for()


def preview(page, name: str, text: str, count: int) -> str:
    page.get_by_role("navigation").get_by_role("link", name="Campaigns", exact=True).click()
    page.get_by_label("Campaign name").fill(name)
    page.get_by_label("Message").fill(text)
    numbers = "\n".join(f"07400 123 {n:03}" for n in range(count))
    page.get_by_label("or paste them").fill(f"phone\n{numbers}")
    page.get_by_role("button", name="Preview").click()
    page.locator(".headline").wait_for()
    return page.locator(".forecast").inner_text()


def numbers(page) -> dict[str, str]:
    names, counts = (page.locator(f".counts {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, counts, strict=True))


def arrived(host) -> list[str]:
    return [message.to[0] for message in host.sandbox.state.messages()[0]]


def test_from_the_first_credit_to_the_last_and_on(host, page):
    make_account(page)
    left(page, "100 credits", "Connected")
    assert "2 go now." in preview(page, "Spring", SHORT, 2)
    assert "It costs 2 credits" in page.locator(".forecast").inner_text()
    page.get_by_role("button", name="Send now").click()
    page.get_by_text("2 sent.").wait_for()
    left(page, "98 credits", "Connected")

    forecast = preview(page, "Autumn", LONG, 52)
    assert "49 go now, 3 will be skipped until you buy credits." in forecast
    assert "It costs 104 credits" in forecast
    page.get_by_role("button", name="Send to 49").click()
    page.get_by_role("button", name="Send to the skipped now").wait_for()
    assert numbers(page) == {"Sent": "49", "Skipped": "3", "Failed": "0", "Unknown": "0"}
    people = page.locator("#people")
    people.get_by_role("cell", name="+447400123051").wait_for()
    assert people.get_by_text("The balance of 0 credits does not pay for this text. Buy credits").count() == 3
    campaign = page.url
    left(page, "0 credits", "No credits")

    page.get_by_role("link", name="No credits").click()
    assert pay(page, lambda: purchase(page)) == ""  # the working code is topped up
    page.get_by_text("100 credits left.").wait_for()
    page.get_by_role("button", name="Cancel").click()
    left(page, "100 credits", "Connected")
    page.goto(campaign)
    page.get_by_role("button", name="Send to the skipped now").click()
    page.get_by_text("52 sent.").wait_for()
    left(page, "94 credits", "Connected")
    assert len(arrived(host)) == len(set(arrived(host))) + 2 == 54  # each campaign once to each


def test_pressing_purchase_twice_opens_one_order(host, page):
    page.goto(f"{host.url}/new/sms")
    page.locator("#f-gateway").select_option("sandbox")
    tabs = []
    for _ in range(2):
        with page.context.expect_page() as opening:
            purchase(page)
        opening.value.get_by_role("button", name="Buy them").wait_for()
        tabs.append(opening.value.url)
    assert tabs[0] == tabs[1]


def test_a_text_becomes_delivered_or_undelivered_when_the_gateway_calls_back(host, page):
    make_account(page)
    for name, switch, word in (("Spring", False, "delivered"), ("Autumn", True, "undelivered")):
        host.sandbox.state.switch({"undelivered": switch})
        preview(page, name, SHORT, 2)
        page.get_by_role("button", name="Send now").click()
        page.get_by_text("2 sent.").wait_for()
        told = page.locator("#people .badge", has_text=re.compile(rf"^{word}$"))
        for _ in range(50):  # the gateway calls back half a second later
            if told.count() == 2:
                break
            page.reload()
            page.locator("#people tbody").wait_for()
        assert told.count() == 2


def test_what_the_chosen_gateway_cannot_do_is_hidden(host, page):
    page.goto(f"{host.url}/new/sms")
    editor = page.get_by_role("dialog")
    page.locator("#f-gateway").select_option("kannel")
    page.get_by_label("Kannel Address").wait_for()
    for name in ("Purchase Credits", "Activate", "Refresh Credits", "Report Address"):
        assert not editor.get_by_role("button", name=name).is_visible()
    assert not page.get_by_label("Warn At Credits").is_visible()
    page.locator("[data-field=access_code] .hint", has_text="USERNAME:PASSWORD").wait_for()
    page.locator("#f-gateway").select_option("bulksms")
    page.locator("[data-field=access_code] .hint", has_text="TOKEN-ID:TOKEN-SECRET").wait_for()
    editor.get_by_role("button", name="Report Address").wait_for()
    assert editor.get_by_role("button", name="Purchase Credits").is_visible()
    assert not editor.get_by_role("button", name="Activate").is_visible()
    editor.get_by_role("button", name="Report Address").click()
    page.get_by_text("Save the account first").wait_for()


def test_the_report_address_is_shown_when_asked_for(host, page):
    values = {"account_name": "Bulk", "gateway": "bulksms", "access_code": "id:secret", "country_code": "GB"}
    account = host.comm.save(EVERYTHING, "sms", "", values).id
    page.goto(f"{host.url}/edit/sms/{account}")
    page.get_by_role("button", name="Report Address").wait_for()
    assert "/receive/" not in page.content()
    page.get_by_role("button", name="Report Address").click()
    page.get_by_text(f"{host.url}/receive/bulksms/").wait_for()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
