"""The whole story in Chromium: an account, a CSV, a send, who was skipped and until when, a restart."""

import csv
import re

import pytest

from tests.web.conftest import opened
from tests.web.hosting import PASSWORD, real_host, until

pytestmark = pytest.mark.real


def make_account(page) -> None:
    page.locator("summary").click()
    page.get_by_role("link", name="E-mail Account").click()
    page.get_by_label("Account Name").fill("Newsletter")
    page.get_by_label("User").fill("news@sandbox.test")
    page.locator("#f-password").fill(PASSWORD)
    page.get_by_label("Server Limitation").select_option("day")
    page.get_by_label("Limitation Count").fill("5")
    until(page, "document.querySelector('#f-server').value === 'sandbox'")
    page.get_by_role("button", name="Save and Close").click()
    page.locator("tr.picked", has_text="Newsletter").wait_for()


def upload(page, path) -> None:
    page.get_by_role("link", name="Campaigns", exact=True).click()
    page.get_by_label("Campaign name").fill("Autumn")
    page.get_by_label("Subject").fill("Our offer")
    page.get_by_label("Message").fill("Dear customer, here it is.")
    page.get_by_label("Recipients: a CSV file").set_input_files(path)
    page.get_by_role("button", name="Preview").click()


def numbers(page) -> dict[str, str]:
    names, counts = (page.locator(f".counts {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, counts, strict=True))


def test_the_whole_story(tmp_path, chromium):
    people = tmp_path / "people.csv"
    lines = "".join(f"p{n}@example.com;Zoë {n}\r\n" for n in range(8))
    people.write_bytes(f"\ufeffE-Mail;Name\r\n{lines}".encode())
    with real_host(tmp_path / "data") as host:
        for page in opened(host, chromium):
            make_account(page)
            upload(page, people)
            headline = page.locator(".headline")
            headline.wait_for()
            assert re.match(r"5 go now, 3 will be skipped until .*\d\d:\d\d\.", headline.inner_text())
            page.get_by_role("button", name="Send to 5").click()
            page.get_by_role("button", name="Send to the skipped now").wait_for()
            assert numbers(page) == {"Sent": "5", "Skipped": "3", "Failed": "0", "Unknown": "0"}
            assert re.match(r"5 sent, 3 skipped until .*\d\d:\d\d\.", page.locator(".headline").inner_text())
            page.get_by_role("cell", name="p7@example.com").wait_for()
            with page.expect_download() as download:
                page.get_by_role("link", name="Skipped as CSV").click()
            rows = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
            assert [row["address"] for row in rows] == ["p5@example.com", "p6@example.com", "p7@example.com"]
            assert {row["reason"] for row in rows} == {"limit"}
            page.get_by_role("link", name="Inbox").click()
            assert page.locator(".inbox li").count() == 5
            campaign = page.evaluate("() => history.length") and host.comm.sends().sends[0]
    with real_host(tmp_path / "data") as host:
        for page in opened(host, chromium):
            assert "5 of 5" in page.locator(".meter-text").inner_text()
            page.get_by_role("link", name="Campaigns", exact=True).click()
            page.get_by_role("link", name="Autumn").click()
            assert numbers(page)["Skipped"] == "3"
            page.get_by_role("button", name="Send to the skipped now").click()
            page.get_by_role("button", name="Send to the skipped now").wait_for()
            assert numbers(page)["Sent"] == "5"
            assert host.comm.sends().sends[0].send_id == campaign.send_id
            assert len(host.comm.sends().sends) == 1


def test_the_skipped_go_when_capacity_is_back(tmp_path, chromium, clock):
    """The same send goes on a day later; nobody gets it twice."""
    people = tmp_path / "people.csv"
    people.write_text("email\n" + "".join(f"p{n}@example.com\n" for n in range(8)))
    with real_host(tmp_path / "data", clock=clock) as host:
        for page in opened(host, chromium):
            make_account(page)
            upload(page, people)
            page.get_by_role("button", name="Send to 5").click()
            again = page.get_by_role("button", name="Send to the skipped now")
            with page.expect_navigation():
                again.click()
            again.wait_for()
            assert numbers(page)["Sent"] == "5"
            clock.forward(hours=25)
            again.click()
            page.get_by_text("8 sent.").wait_for()
            arrived, count = host.sandbox.state.messages()
            assert count == 8
            assert len({message.to for message in arrived}) == 8


def test_live_progress_and_stop(host, page):
    host.add()
    host.sandbox.state.switch({"slow": True})
    page.get_by_role("link", name="Campaigns", exact=True).click()
    page.get_by_label("Subject").fill("Slowly")
    page.get_by_label("Message").fill("One a second.")
    page.get_by_label("or paste them").fill("\n".join(f"p{n}@example.com" for n in range(60)))
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send now").click()
    page.get_by_text("Sending…").wait_for()
    until(page, "document.querySelector('main progress')?.value > 1")
    blocked = host.comm.contributions("crm_comm_account_usages", account_id=host.comm.accounts()[0].id)
    assert [one.value.blocking for one in blocked] == [True]
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name=re.compile("Go on|Send to the skipped now")).wait_for(timeout=50_000)
    report = host.comm.sends().sends[0]
    assert 0 < report.counts["sent"] < 60


def test_an_sms_campaign_with_bought_credits(host, page):
    """6 and 11: buy, copy the code with its dashes, activate, save, send."""
    page.goto(f"{host.url}/new/sms")
    page.get_by_label("Account Name").fill("Texts")
    page.locator("#f-gateway").select_option("sandbox")
    with page.context.expect_page() as opening:
        page.get_by_role("button", name="Purchase Credits").click()
    opening.value.get_by_role("button", name="Buy them").click()
    code = opening.value.locator("#code").inner_text()
    page.get_by_role("textbox", name="Access Code").fill(code.lower().replace("-", " - "))
    page.get_by_role("button", name="Activate").click()
    page.locator(".note").filter(has_text="100").wait_for()
    page.get_by_role("button", name="Save and Close").click()
    page.locator("tr.picked", has_text="Texts").wait_for()
    page.get_by_role("link", name="Campaigns", exact=True).click()
    page.get_by_label("Subject").wait_for(state="hidden")
    page.get_by_label("Message").fill("Ihr Tisch ist frei ✓")
    page.get_by_text("20 long, 1 part, UCS-2 because of “✓” (U+2713)").wait_for()
    page.get_by_label("or paste them").fill("phone,name\n+447400123456,Ann\n07400 123457,Bob")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send now").click()
    page.get_by_text("2 sent.").wait_for()
    messages, count = host.sandbox.state.messages()
    assert count == 2
    assert {message.to for message in messages} == {("+447400123456",), ("+447400123457",)}


def test_the_account_page_shows_what_was_sent(host, page):
    account_id = host.add(limitation="day", limitation_count=100)
    for campaign, units in (("Spring", 3), ("Autumn", 4)):
        host.comm.settle(host.comm.reserve(account_id, units, key=campaign, campaign=campaign).id, units)
    page.goto(f"{host.url}/account/{account_id}")
    page.get_by_role("img", name="7 in all").wait_for()
    assert page.locator("svg rect[class]").count() >= 2
    page.get_by_text("As a table").click()
    assert page.get_by_role("row").filter(has_text="4").count() >= 1
    assert "7 of 100" in page.locator(".meter-text").inner_text()
