"""A running host for each test; Chromium for those that are marked `real`."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web.hosting import Host, real_host

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """The real plugin and the sandbox behind the real app."""
    with real_host(tmp_path / "data") as running:
        yield running


@pytest.fixture
def http(host: Host) -> Iterator[httpx.Client]:
    """A browser without scripts."""
    client = host.client()
    yield client
    client.close()


@pytest.fixture(scope="session")
def chromium():  # type: ignore[no-untyped-def]
    """Debian's Chromium; a missing one fails the test, it is never skipped."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(host: Host, chromium):  # type: ignore[no-untyped-def]
    """A page that has opened the access link; fails the test for script errors and what the CSP refused."""
    yield from opened(host, chromium)


def opened(host: Host, chromium, **options: object) -> Iterator[object]:  # type: ignore[no-untyped-def]
    """A page of a browser of its own. options: of playwright's new_context."""
    known = {"viewport": {"width": 1240, "height": 700}, "locale": "en-GB", "timezone_id": "Europe/Berlin"}
    context = chromium.new_context(**{**known, **options})
    context.set_default_timeout(8000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(host.link)
    zone = known.get("timezone_id") if "timezone_id" not in options else options["timezone_id"]
    page.locator(f"html[data-zone='{zone}']").wait_for()
    yield page
    context.close()
    assert [text for text in wrong if "status of 4" not in text] == []
