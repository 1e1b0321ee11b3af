"""`crm-comm credits`: what is left at an SMS gateway."""

import typer

from crm_comm_plugin.cli.accounts import Name
from crm_comm_plugin.cli.common import Choices, Json, add
from crm_comm_plugin.cli.endings import refused
from crm_comm_plugin.cli.lookup import find_account
from crm_comm_plugin.cli.output import print_json, say


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "credits", credits)


def credits(choices: Choices, account: Name, json: Json = False) -> None:  # noqa: A001 - the command's own name
    """Ask the gateway how many credits an account has left."""
    with choices.communication() as comm:
        found = find_account(comm, account)
        result = comm.run(choices.context, "refresh_credits", (found.id,))
    if json:
        print_json(result)
    if not result.ok:
        raise refused(result, f"The credits of {found.name} could not be read.")
    if not json:
        say(result.message)
