"""`crm-comm plugins`: what is installed, what it adds, and what was left out because it is broken."""

from collections import defaultdict
from importlib.metadata import entry_points
from typing import Any

import typer

from crm_comm_hookspecs import PROJECT_NAME, Communication
from crm_comm_hookspecs.calls import OWN_NAME
from crm_comm_plugin.cli.common import Choices, Json, add
from crm_comm_plugin.cli.output import print_json, say, table

ADDED = {
    "crm_comm_account_types": "account types",
    "crm_comm_mail_servers": "mail servers",
    "crm_comm_sms_gateways": "SMS gateways",
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
    rows = [
        (one["name"], one["distribution"], "\n".join(f"{kind}: {', '.join(of)}" for kind, of in one["adds"].items()))
        for one in found
    ]
    table(("Plugin", "Distribution", "Adds"), rows, choices.context)
    for failure in failures:
        say(f"Broken: {failure.plugin} of {failure.distribution or 'no distribution'}: {failure.problem}")


def _found(comm: Communication) -> list[dict[str, Any]]:
    """Ours first, then those of the entry points, also when they only listen."""
    adds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    owners = {e.name: e.dist.name for e in entry_points(group=PROJECT_NAME) if e.dist and comm.pm.has_plugin(e.name)}
    owners = {OWN_NAME: "crm-comm-plugin", **{n: owner for n, owner in owners.items() if owner != "crm-comm-plugin"}}
    for hook, kind in ADDED.items():
        for given in comm.contributions(hook, "key"):
            adds[given.plugin][kind].append(given.value.label)
            owners.setdefault(given.plugin, given.distribution)
    return [{"name": name, "distribution": owner, "adds": adds[name]} for name, owner in owners.items()]
