"""`crm-comm doctor`: what is well, what is not, and what to do about it."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial

import typer

from crm_comm_plugin.cli import checks, checks_running, clocks
from crm_comm_plugin.cli.checks import BAD, INFO, OK, WARN, Finding, isolated
from crm_comm_plugin.cli.common import Choices, Json, add, parts_of
from crm_comm_plugin.cli.endings import FAILED
from crm_comm_plugin.cli.output import plain, print_json

STYLES = {OK: "green", INFO: "cyan", WARN: "yellow", BAD: "bold red"}
WORDS = {OK: "ok", INFO: "note", WARN: "look", BAD: "wrong"}


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "doctor", doctor, epilog="Exit code 1 when something is wrong.")


def doctor(choices: Choices, json: Json = False) -> None:
    """Look at settings, data folder, database, keyring, clock and plugins, and say what to do about each finding."""
    findings = list(isolated("Settings", partial(examined, choices)))
    if json:
        print_json(findings)
    else:
        _print(findings)
    if any(finding.level == BAD for finding in findings):
        raise typer.Exit(FAILED)


def examined(choices: Choices) -> Iterator[Finding]:
    """All findings. Raises InvalidInput only for settings that cannot be read."""
    settings = choices.settings.resolved()
    yield from isolated("Settings", partial(checks.check_settings, settings))
    yield from isolated("Data folder", partial(checks.check_folder, settings))
    database = list(isolated("Database", partial(checks.check_database, settings)))
    yield from database
    yield from isolated("Clock", clocks.check_clock)
    usable = all(finding.level != BAD for finding in database)
    yield from isolated("Plugins", partial(_inside, choices, usable))


def _inside(choices: Choices, usable: bool) -> Iterator[Finding]:
    """What only the running plugin knows; with a database that cannot be used, only the plugins."""
    with choices.communication() as comm:
        yield from isolated("Plugins", partial(checks_running.check_plugins, comm))
        if usable:
            yield from isolated("Secrets", partial(checks_running.check_secrets, comm))
            yield from isolated("Clock", partial(clocks.check_limits_clock, parts_of(comm).database))
            yield from isolated("Accounts", partial(checks_running.check_accounts, comm))


def _print(findings: Iterable[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 4000)
    for finding in findings:
        mark = f"{WORDS[finding.level]:6}"
        console.print(Text.assemble((mark, STYLES[finding.level]), f"{finding.what}: {plain(finding.text)}"))
        if finding.hint:
            console.print(Text(f"      -> {plain(finding.hint)}"))
