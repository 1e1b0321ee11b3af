"""`crm-comm db upgrade` and `crm-comm clock reset`: what an operator does to the database, never a host."""

import typer

from crm_comm_plugin.cli.common import Choices, Yes, add, add_group, parts_of
from crm_comm_plugin.cli.endings import USAGE, CommandError
from crm_comm_plugin.cli.entering import interactive
from crm_comm_plugin.cli.output import say


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, "db", "The database: upgrade.")
    add(group, "upgrade", upgrade)
    clocks = add_group(app, "clock", "The clock of the send limit: reset.")
    add(clocks, "reset", reset_clock)


def upgrade(choices: Choices) -> None:
    """Bring the database to this version's schema; a SQLite file is copied first. Stop the CRM before."""
    from crm_comm_plugin.storage import upgrade as schema
    from crm_comm_plugin.storage.database import Database
    from crm_comm_plugin.storage.places import database_url_of, make_folder

    settings = choices.settings.resolved()
    database = Database(database_url_of(settings), settings.busy_timeout)
    make_folder(database.url)
    try:
        before = schema.status(database)
        copy = schema.migrate(database)
    finally:
        database.close()
    if before.state == "current":
        say(f"The database has schema {before.needed}: nothing is left to do.")
        return
    if copy is not None:
        say(f"A copy of the database as it was: {copy}")
    say(f"The database has schema {before.needed} now.")


def reset_clock(choices: Choices, yes: Yes = False) -> None:
    """Take back a time in the future that a wrong clock left behind. Only when the clock is right again."""
    if not yes and not interactive():
        raise CommandError("This asks first. Add --yes when the machine's clock is right now.", code=USAGE)
    with choices.communication() as comm:
        parts = parts_of(comm)
        say(f"The machine's clock says {parts.clock.now():%Y-%m-%d %H:%M:%S} UTC.")
        if not yes:
            typer.confirm("Is that right, and shall all limits go on from there?", abort=True, err=True)
        changed = parts.ledger.reset_clock()
    say(f"{changed} accounts were ahead of it; their limits go on from this time.")
