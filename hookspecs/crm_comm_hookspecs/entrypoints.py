"""Entry points of the group `crm`: ours, which every Communication starts, and those of other plugins."""

from importlib import metadata
from typing import Any

from .errors import NotStarted
from .markers import PROJECT_NAME

OWN_ENTRY_POINT = "communication"
OWN_MODULE = "crm_comm_plugin.plugin"


def own_entry_point() -> metadata.EntryPoint:
    """Ours. It is known without metadata, so that a checkout on the path works as an installation does."""
    return metadata.EntryPoint(OWN_ENTRY_POINT, OWN_MODULE, PROJECT_NAME)


def load_own() -> Any:
    """Our plugin; raises NotStarted where only the contract is installed."""
    try:
        return own_entry_point().load()
    except ModuleNotFoundError as error:
        if error.name in {OWN_MODULE, OWN_MODULE.split(".", maxsplit=1)[0]}:
            raise NotStarted("crm-comm-plugin is not installed.", hint="Run: pip install crm-comm-plugin") from error
        raise


def other_entry_points() -> list[metadata.EntryPoint]:
    """Those of other plugins, each once, in a stable order."""
    found = {(e.name, e.value): e for e in metadata.entry_points(group=PROJECT_NAME)}
    found.pop((OWN_ENTRY_POINT, OWN_MODULE), None)
    return [found[key] for key in sorted(found)]
