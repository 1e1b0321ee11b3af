"""`crm-comm secrets status|rotate|move`: where secrets are kept, a new key for them, another keyring for them."""

from typing import Annotated

import typer

from crm_comm_plugin.cli.common import Choices, Json, add, add_group, parts_of
from crm_comm_plugin.cli.endings import CommandError
from crm_comm_plugin.cli.output import print_json, say, table
from crm_comm_plugin.domain.ports.secrets import SecretsStatus, UpkeepReport


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(app, "secrets", "Stored passwords and codes: status, rotate, move.")
    add(group, "status", status)
    add(group, "rotate", rotate)
    add(group, "move", move)


def status(choices: Choices, json: Json = False) -> None:
    """Say where secrets are kept, under which keys, and what that protects against."""
    with choices.communication() as comm:
        found: SecretsStatus = parts_of(comm).secret_store.status()
    if json:
        print_json(found)
        return
    say(f"Keyring: {found.state.backend} (setting {found.setting}), state: {found.state.state}")
    for line in (found.state.detail, found.state.hint):
        if line:
            say(f"  {line}")
    for backend, number in found.stored.items():
        say(f"Stored in {backend}: {number}")
    if found.waiting:
        say(f"Waiting to be erased: {found.waiting}")
    if found.keys:
        rows = [(key.id, key.source or "missing", key.first, key.secrets) for key in found.keys]
        table(("Key", "From", "Encrypts new ones", "Secrets"), rows, choices.context, right=(3,))
    for finding in found.findings:
        say(f"{finding.text} {finding.hint}".strip())


def rotate(choices: Choices, json: Json = False) -> None:
    """Encrypt all secrets in the database with the first key; after that the older keys can be taken away."""
    with choices.communication() as comm:
        report: UpkeepReport = parts_of(comm).secret_store.rotate()
    _told(report, "were encrypted with the first key", json)


def move(
    choices: Choices,
    target: Annotated[str, typer.Argument(metavar="KEYRING", help="auto, database, or a dotted path.")],
    json: Json = False,
) -> None:
    """Carry all secrets to another keyring. Set secret_backend to it as well."""
    with choices.communication() as comm:
        report: UpkeepReport = parts_of(comm).secret_store.move(target)
    _told(report, f"were moved to {target}", json)


def _told(report: UpkeepReport, what: str, json: bool) -> None:
    if json:
        print_json(report)
    else:
        say(f"{report.done} secrets {what}.")
        if report.detail and not report.failed:
            say(f"{report.detail} {report.hint}".strip())
    if report.failed:
        text = f"{report.failed} secrets could not be read and were left as they were. {report.detail} {report.hint}"
        raise CommandError(text.strip())
