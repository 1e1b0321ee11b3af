"""`crm-comm serve`: the reference host on this machine, with its sandbox if wanted."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from starlette.applications import Starlette

from crm_comm_hookspecs import Communication
from crm_comm_plugin.hosts.web.app import close_app, create_app
from crm_comm_plugin.hosts.web.guard import loopback_hosts
from crm_comm_plugin.hosts.web.running import bound, server
from crm_comm_plugin.hosts.web.sandbox import GATEWAY_PORT, SMTP_PORT
from crm_comm_plugin.hosts.web.sandbox import start as start_sandbox

HOST, PORT = "127.0.0.1", 8765


def serve(
    comm: Communication,
    host: str = HOST,
    port: int = PORT,
    *,
    sandbox: bool = False,
    smtp_port: int = SMTP_PORT,
    gateway_port: int = GATEWAY_PORT,
    folder: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until Ctrl+C. folder: keeps campaigns and the sandbox's codes over a restart. say: prints a line.

    Raises CommError in one clear line when a port is in use. Port 0 takes a free one.
    """
    with ExitStack() as open_things:
        listening = bound(host, port, "The reference host")
        open_things.callback(listening.close)
        chosen = int(listening.getsockname()[1])
        token = secrets.token_urlsafe(32)
        app = open_things.enter_context(
            running_app(
                comm, token, host, chosen, sandbox=(smtp_port, gateway_port) if sandbox else None, folder=folder
            )
        )
        say(access_link(host, chosen, token))
        server(app).run(sockets=[listening])


@contextmanager
def running_app(
    comm: Communication,
    token: str,
    host: str,
    port: int,
    *,
    sandbox: tuple[int, int] | None = None,
    folder: Path | None = None,
) -> Iterator[Starlette]:
    """The app with what it needs around it; sandbox: its (SMTP port, gateway port)."""
    with ExitStack() as open_things:
        place = None
        if sandbox is not None:
            place = start_sandbox(*sandbox, file=folder / "sandbox.json" if folder else None)
            open_things.callback(place.stop)
        campaigns = folder / "campaigns" if folder else None
        app = create_app(comm, token=token, hosts=loopback_hosts(port, host), folder=campaigns, sandbox=place)
        open_things.callback(close_app, app)
        yield app


def access_link(host: str, port: int, token: str) -> str:
    """The link that lets a browser in."""
    name = f"[{host}]" if ":" in host else host
    if name in ("0.0.0.0", "[::]"):  # noqa: S104 - only to show a name that can be opened here
        name = "127.0.0.1"
    return f"http://{name}:{port}/?token={token}"
