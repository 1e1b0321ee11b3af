"""`crm-comm plugins`: what is installed, what it adds, and what was left out because it is broken."""

from collections import defaultdict
from typing import Any

import typer

from crm_comm_hookspecs import Communication
from crm_comm_plugin.cli.common import Choices, Json, add
from crm_comm_plugin.cli.output import print_json, say, table

ADDED = {
    "crm_comm_account_types": "kind of account",
    "crm_comm_mail_servers": "mail server",
    "crm_comm_sms_gateways": "SMS gateway",
}


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "plugins", plugins)


def plugins(choices: Choices, json: Json = False) -> None:
    """List the plugins, what each of them adds, and which ones are broken."""
    with choices.communication() as comm:
        found = _found(comm)
        failures = comm.failures
    if json:
        print_json({"plugins": found, "failures": failures})
        return
    rows = [(entry["name"], entry["distribution"], ", ".join(entry["adds"])) for entry in found]
    table(("Plugin", "Distribution", "Adds"), rows, choices.context)
    for failure in failures:
        say(f"Left out: {failure.plugin} of {failure.distribution or 'no distribution'}: {failure.problem}")


def _found(comm: Communication) -> list[dict[str, Any]]:
    adds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for hook, what in ADDED.items():
        for entry in comm.contributions(hook, "key"):
            adds[entry.plugin, entry.distribution].append(f"{what} {entry.value.label}")
    return [{"name": name, "distribution": dist, "adds": found} for (name, dist), found in adds.items()]
