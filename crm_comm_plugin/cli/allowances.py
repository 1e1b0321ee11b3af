"""`crm-comm allowance`: what is left of the limits, and when more is free."""

from typing import Annotated

import typer

from crm_comm_hookspecs import Account, Allowance
from crm_comm_plugin.cli.common import Choices, Json, add
from crm_comm_plugin.cli.lookup import find_account
from crm_comm_plugin.cli.output import NONE_YET, print_json, say, table

COLUMNS = ("Account", "Limit", "Used", "Held", "Free now", "One more free at", "All free at")


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "allowance", allowance)


def allowance(
    choices: Choices,
    account: Annotated[str, typer.Argument(metavar="[ACCOUNT]", help="Name or id; without it, all.")] = "",
    json: Json = False,
) -> None:
    """Show how much of the limits is left, and when more is free."""
    with choices.communication() as comm:
        accounts = [find_account(comm, account)] if account else list(comm.accounts(usable=False))
        found = [(one, comm.allowance(one.id)) for one in accounts]
    if json:
        answers = [whole for _, whole in found]
        print_json(answers[0] if account else answers)
        return
    if not found:
        say(NONE_YET)
        return
    rows = [_row(one, limit) for one, whole in found for limit in whole.limits or (whole,)]
    table(COLUMNS, rows, choices.context, right=(2, 3, 4))


def _row(account: Account, one: Allowance) -> tuple[object, ...]:
    if one.limit.count is None:
        return (account.name, "no limit", one.used, one.held, "", None, None)
    limit = f"{one.limit.count} per {one.limit.window}"
    return (account.name, limit, one.used, one.held, one.remaining, one.next_free_at, one.full_at)
