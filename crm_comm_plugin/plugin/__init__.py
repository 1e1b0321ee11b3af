"""Floor 5, the entry point: hook implementations over the parts that wiring builds for one Communication."""

from typing import TYPE_CHECKING

from crm_comm_hookspecs import Communication, NotStarted, Settings, hookimpl
from crm_comm_hookspecs.calls import OWN_NAME
from crm_comm_plugin.plugin.host_hooks import HostHooks
from crm_comm_plugin.plugin.service_hooks import ServiceHooks

if TYPE_CHECKING:
    from crm_comm_plugin.wiring import Parts


class CommPlugin(HostHooks, ServiceHooks):
    """One running plugin: several can live in one process and share nothing."""

    __name__ = OWN_NAME

    def __init__(self, parts: "Parts") -> None:
        self.parts = parts


@hookimpl
def crm_comm_startup(settings: Settings, comm: Communication) -> None:
    """Build the parts for this Communication and register their hooks in its manager."""
    from crm_comm_plugin.wiring import build

    if not comm.register(CommPlugin(build(settings, comm)), OWN_NAME):
        raise NotStarted("The plugin could not be registered.", hint="See the log for the reason.")
