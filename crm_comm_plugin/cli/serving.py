"""`crm-comm serve`: the reference host, to try everything out and to see how a host is made."""

import sys
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer

from crm_comm_hookspecs import Communication, Settings
from crm_comm_plugin.cli.common import Choices, add, parts_of
from crm_comm_plugin.cli.endings import CommandError
from crm_comm_plugin.cli.output import say

HOST, PORT = "127.0.0.1", 8765
SMTP_PORT, GATEWAY_PORT = 8766, 8767
"""As the reference host has them (a test compares); it needs the extra `web`, the help of this command does not."""


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "serve", serve)


def _told(link: str) -> None:
    say(f"Open this link; it lets in whoever has it. Ctrl-C stops.\n\n  {link}\n")
    sys.stdout.flush()  # also into a pipe or a log, where somebody waits for it


def serve(
    choices: Choices,
    host: Annotated[str, typer.Option(help="The address to listen on; only this machine by default.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = PORT,
    smtp_port: Annotated[int, typer.Option(min=0, max=65535, help="Of the sandbox's mail server.")] = SMTP_PORT,
    gateway_port: Annotated[int, typer.Option(min=0, max=65535, help="Of the sandbox's SMS gateway.")] = GATEWAY_PORT,
) -> None:
    """Start the reference host; prints the link to open. With --sandbox, nothing leaves this machine."""
    try:
        from crm_comm_plugin.hosts.web.serve import serve as run_host
    except ModuleNotFoundError as error:
        text = f"The reference host needs {error.name}. Install it with: pip install 'crm-comm-plugin[web]'"
        raise CommandError(text) from error
    host = host or HOST  # an empty variable in a script must not open it to the network
    settings = _settings(choices, host, port)
    with suppress(KeyboardInterrupt), Communication.load(settings) as comm:  # Ctrl-C is how it is stopped
        run_host(
            comm,
            host,
            port,
            sandbox=comm.settings.sandbox,
            smtp_port=smtp_port,
            gateway_port=gateway_port,
            folder=parts_of(comm).data_dir,
            say=_told,
        )
    say("Stopped.")


def _settings(choices: Choices, host: str, port: int) -> Settings:
    """In the sandbox services of this machine call back; to the outside a loopback address would be of no use."""
    settings = choices.settings.resolved()
    if not settings.sandbox or settings.base_url or not port:
        return settings
    return replace(settings, base_url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
