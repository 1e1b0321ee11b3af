"""Floor 5, the entry point: hook implementations over the parts that wiring builds for one Communication."""

import threading
from typing import TYPE_CHECKING

from crm_comm_hookspecs import Communication, NotStarted, Settings, hookimpl
from crm_comm_hookspecs.calls import OWN_NAME
from crm_comm_plugin.plugin.host_hooks import HostHooks
from crm_comm_plugin.plugin.service_hooks import ServiceHooks

if TYPE_CHECKING:
    from crm_comm_plugin.wiring import Parts


class CommPlugin(HostHooks, ServiceHooks):
    """One running plugin: several can live in one process and share nothing.

    Its parts are built by the first call that needs them, so that a host which only loads the plugin pays for the
    contract alone.
    """

    __name__ = OWN_NAME

    def __init__(self, settings: Settings, comm: Communication) -> None:
        self._settings, self._comm = settings, comm
        self._parts: Parts | None = None
        self._building = threading.Lock()

    def parts(self) -> "Parts":
        """What this plugin runs on."""
        if self._parts is None:
            from crm_comm_plugin.wiring import build

            with self._building:
                self._parts = self._parts or build(self._settings, self._comm)
        return self._parts

    @hookimpl(tryfirst=True)
    def crm_comm_shutdown(self) -> None:
        if self._parts is not None:
            self._parts.close()


@hookimpl
def crm_comm_startup(settings: Settings, comm: Communication) -> None:
    """Register the hooks of a plugin for this Communication in its manager."""
    if not comm.register(CommPlugin(settings, comm), OWN_NAME):
        raise NotStarted("The plugin could not be registered.", hint="See the log for the reason.")
