"""Take the README's picture from the real reference host: `python scripts/picture.py [FILE]`. Needs chromium."""

import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from starlette.applications import Starlette

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, EmailMessage, Recipient, Settings
from crm_comm_plugin.hosts.web.running import Background, bound
from crm_comm_plugin.hosts.web.serve import access_link, running_app

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--disable-quic"]
WHO = Context(user="alice", permissions=ALL_PERMISSIONS)
DAY = {"limitation": "day"}
ACCOUNTS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("email", {"account_name": "Newsletter", "user": "news@sandbox.test", "limitation_count": 500, **DAY}, 132),
    ("email", {"account_name": "Sales", "user": "sales@sandbox.test", "limitation_count": 300, **DAY}, 262),
    ("email", {"account_name": "Support", "user": "support@sandbox.test"}, 0),
    ("email", {"account_name": "Invoices", "user": "bills@sandbox.test", "limitation_count": 100, **DAY}, 120),
    (
        "sms",
        {
            "account_name": "Reminders",
            "gateway": "sandbox",
            "country_code": "GB",
            "sender_id": "EXAMPLE",
            **DAY,
            "limitation_count": 200,
        },
        0,
    ),
)


def furnish(comm: Communication) -> None:
    """Accounts as a small company has them, some of them used today, all at the sandbox."""
    for editor, given, people in ACCOUNTS:
        at = {"server": "sandbox", "password": "not a real one"} if editor == "email" else {}
        saved = comm.save(WHO, editor, "", {**given, **at})
        if not saved.ok:
            raise SystemExit(f"{given['account_name']}: {saved.errors or saved.message}")
        if people:
            everybody = (Recipient(f"person{n}@example.com") for n in range(people))
            comm.send(saved.id, EmailMessage(subject="Autumn", text="Hello!"), everybody, "picture", "Autumn")


def take(link: str, target: Path) -> None:
    """A picture of the list."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 590}, locale="en-GB", device_scale_factor=1.5)
        page.goto(link)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=str(target))
        browser.close()


def _app(comm: Communication, port: int) -> AbstractContextManager[Starlette]:
    return running_app(comm, "token", "127.0.0.1", port, sandbox=(0, 0))


def main() -> None:
    """Everything in a folder of its own that goes away again."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/accounts.png")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=folder, secret_backend="database", sandbox=True)
        listening = bound("127.0.0.1", 0, "The reference host")
        port = int(listening.getsockname()[1])
        with Communication.load(settings) as comm, _app(comm, port) as app:
            furnish(comm)
            server = Background(app, listening)
            server.start()
            take(access_link("127.0.0.1", port, "token"), target)
            server.stop()


if __name__ == "__main__":
    main()
