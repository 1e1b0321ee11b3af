"""`crm-comm doctor`: what is well, what is not, and what to do about it."""

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import typer

from crm_comm_hookspecs import Settings
from crm_comm_plugin.cli import checks, clocks
from crm_comm_plugin.cli.checks import BAD, OK, WARN, Finding, isolated
from crm_comm_plugin.cli.common import Choices, Json, add
from crm_comm_plugin.cli.endings import FAILED
from crm_comm_plugin.cli.output import plain, print_json

STYLES = {OK: "green", WARN: "yellow", BAD: "bold red"}
WORDS = {OK: "ok", WARN: "look", BAD: "wrong"}


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
    for what, check in _checks(settings):
        yield from isolated(what, partial(check, settings))


def _checks(settings: Settings) -> Iterable[tuple[str, Callable[[Settings], Iterable[Finding]]]]:
    return (
        ("Settings", checks.check_settings),
        ("Data folder", checks.check_folder),
        ("Database", checks.check_database),
        ("Clock", clocks.check_clock),
        ("Secrets", checks.check_secrets),
        ("Plugins", checks.check_plugins),
    )


def _print(findings: Iterable[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 4000)
    for finding in findings:
        mark = f"{WORDS[finding.level]:6}"
        console.print(Text.assemble((mark, STYLES[finding.level]), f"{finding.what}: {plain(finding.text)}"))
        if finding.hint:
            console.print(Text(f"      -> {plain(finding.hint)}"))
