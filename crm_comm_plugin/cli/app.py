"""The tree of commands, and how a command ends: its exit code, or one clear line about what went wrong."""

from collections.abc import Sequence
from typing import Annotated

import typer

from crm_comm_plugin.cli import (
    accounts,
    allowances,
    balances,
    database,
    doctor,
    outcomes,
    plugins,
    secrets,
    sending,
    serving,
)
from crm_comm_plugin.cli.common import Choices, with_choices
from crm_comm_plugin.cli.endings import STOPPED, closed_pipe, report, tolerant_streams

EPILOG = "Exit codes: 0 done, 1 error, 2 wrong usage, 3 not everybody was sent to, 130 stopped."


def make_app() -> typer.Typer:
    """All commands."""
    app = typer.Typer(
        name="crm-comm",
        help="Communication accounts of a CRM: e-mail and SMS with an exact send limit.",
        epilog=EPILOG,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(with_choices(_root, root=True))
    for part in (serving, accounts, allowances, sending, outcomes, balances, plugins, doctor, database, secrets):
        part.add_to(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"crm-comm-plugin {version('crm-comm-plugin')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """The options before a command's name."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; answers its exit code. Nothing but `--debug` shows a traceback."""
    choices = Choices(debug="--debug" in arguments)
    tolerant_streams()
    try:
        command = typer.main.get_command(make_app())
        code = command.main(
            args=list(arguments) or ["--help"], prog_name="crm-comm", standalone_mode=False, obj=choices
        )
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("Stopped.", err=True)
        return STOPPED
    except BrokenPipeError:
        return closed_pipe()
    except Exception as error:  # noqa: BLE001 - the end of the line: whatever it is, it is said in one line
        return report(error, choices.debug)
    return code if isinstance(code, int) else 0
