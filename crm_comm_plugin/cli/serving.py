"""`crm-comm serve`: the reference host, to try everything out and to see how a host is made."""

from typing import Annotated

import typer

from crm_comm_plugin.cli.common import Choices, add
from crm_comm_plugin.cli.endings import CommandError


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "serve", serve)


def serve(
    choices: Choices,
    host: Annotated[str, typer.Option(help="The address to listen on; only this machine by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8100,
) -> None:
    """Start the reference host; prints the link to open. With --sandbox, nothing leaves this machine."""
    try:
        from crm_comm_plugin.hosts.web.serve import serve as run_host
    except ModuleNotFoundError as error:
        text = f"The reference host needs {error.name}. Install it with: pip install 'crm-comm-plugin[web]'"
        raise CommandError(text) from error
    run_host(choices.settings, host=host, port=port)
