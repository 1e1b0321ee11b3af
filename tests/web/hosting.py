"""The reference host for tests: the real app on a real port, with the real plugin or one of a test behind it."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket
from typing import Any

import httpx

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Settings
from crm_comm_plugin.hosts.web.running import Background, bound
from crm_comm_plugin.hosts.web.sandbox import Sandbox
from crm_comm_plugin.hosts.web.serve import running_app
from tests.secret_search import search

TOKEN = "a-token-for-tests"
EVERYTHING = Context(user="alice", permissions=ALL_PERMISSIONS)
PASSWORD = "s3cret-canary-web"


class Host:
    """A running host. comm: what it shows; sandbox: its servers, if it has some."""

    def __init__(self, url: str, comm: Communication, sandbox: Sandbox | None) -> None:
        self.url, self.comm, self.sandbox = url, comm, sandbox
        self.link = f"{url}/?token={TOKEN}"

    def client(self) -> httpx.Client:
        """A browser without scripts that has opened the access link."""
        client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=20, trust_env=False)
        assert client.get("/", params={"token": TOKEN}).status_code == 200
        return client

    def add(self, name: str = "Newsletter", **values: object) -> str:
        """An e-mail account at the sandbox; answers its id."""
        known = {"account_name": name, "user": "news@sandbox.test", "password": PASSWORD, "server": "sandbox"}
        saved = self.comm.save(EVERYTHING, "email", "", {**known, **values})
        assert saved.ok, (saved.message, saved.errors)
        return saved.id


def searched(app: Any) -> Any:
    """The app; each of its answers, headers and all, is looked through for secrets."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        said: list[bytes] = []

        async def look(message: Any) -> None:
            said.extend(value for _, value in message.get("headers", ()))
            said.append(message.get("body", b""))
            await send(message)

        await app(scope, receive, look)
        search(b"".join(said), f"answer of the host to {scope.get('path')}")

    return answer


@contextmanager
def hosted(
    comm: Communication,
    folder: Path | None = None,
    sandbox: bool = False,
    port: int = 0,
    listening: socket | None = None,
) -> Iterator[Host]:
    """The app over a Communication, on a free port unless one is given, or a socket that listens already."""
    with ExitStack() as open_things:
        listening = listening or bound("127.0.0.1", port, "The test host")
        chosen = listening.getsockname()[1]
        app = open_things.enter_context(
            running_app(comm, TOKEN, "127.0.0.1", chosen, sandbox=(0, 0) if sandbox else None, folder=folder)
        )
        server = Background(searched(app), listening)
        server.start()
        open_things.callback(server.stop)
        yield Host(f"http://127.0.0.1:{chosen}", comm, app.state.web.sandbox)


@contextmanager
def real_host(folder: Path, **settings: object) -> Iterator[Host]:
    """The real plugin with its data in a folder, and the sandbox, which calls back as with `crm-comm serve`."""
    listening = bound("127.0.0.1", 0, "The test host")
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    given = {"data_dir": str(folder), "sandbox": True, "secret_backend": "database", "base_url": base_url, **settings}
    with (
        Communication.load(Settings(**given)) as comm,
        hosted(comm, folder / "host", sandbox=True, listening=listening) as host,
    ):
        yield host


def tags(html: str, name: str) -> list[str]:
    """Every opening tag of that name."""
    return re.findall(rf"<{name}\b[^>]*>", html)


def until(page, condition: str) -> None:  # type: ignore[no-untyped-def]
    """Wait until a JavaScript expression holds; a bare expression would need the eval that the CSP refuses."""
    page.wait_for_function(f"() => {condition}")


def holding(page, pattern: str, wanted=lambda request: True) -> list:  # type: ignore[no-untyped-def]
    """Keep the first request of that sort back: `held` answers it, and its `continue_` lets it go."""
    kept: list = []
    page.route(pattern, lambda route: route.continue_() if kept or not wanted(route.request) else kept.append(route))
    return kept


def held(page, kept: list):  # type: ignore[no-untyped-def]
    """The request that is kept back, once the browser has sent it."""
    for _ in range(400):
        if kept:
            return kept[0]
        page.wait_for_timeout(20)
    raise TimeoutError("nothing was asked that could be kept back")


def conflicted(page, host: Host) -> None:  # type: ignore[no-untyped-def]
    """An editor whose save met a conflict: somebody else changed the sender in between."""
    account_id = host.add("Shared")
    page.goto(f"{host.url}/edit/email/{account_id}")
    page.get_by_label("Sender").fill("mine@sandbox.test")
    version = host.comm.open_record(EVERYTHING, "email", account_id).version
    assert host.comm.save(EVERYTHING, "email", account_id, {"sender": "theirs@sandbox.test"}, version).ok
    page.get_by_role("button", name="Save and Close").click()
