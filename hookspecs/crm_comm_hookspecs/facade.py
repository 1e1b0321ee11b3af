"""Communication: the typed facade over a plugin manager. It alone touches `pm.hook`."""

from types import TracebackType
from typing import Self

import pluggy

from .errors import InvalidInput, NotStarted
from .failures import Failure
from .hostside import HostSide
from .lifecycle import Lifecycle
from .markers import PROJECT_NAME
from .serviceside import ServiceSide
from .settings import Settings


class Communication(HostSide, ServiceSide):
    """One typed method per hook of the contract's sections 1 and 2, named without the prefix.

    `Communication.load(settings)` makes a manager named `crm`; `Communication(pm)` moves into a host's manager of any
    project name. The same manager always gives the same object. May be used from any thread and after fork.
    """

    def __new__(cls, pm: pluggy.PluginManager, settings: Settings | None = None, entry_points: bool = True) -> Self:
        """The Communication of this manager: the one it has, or a new one, started."""
        return Lifecycle.enter(pm, cls, lambda: super(Communication, cls).__new__(cls), settings, entry_points)

    def __init__(self, pm: pluggy.PluginManager, settings: Settings | None = None, entry_points: bool = True) -> None:
        """entry_points: also load other plugins of the entry-point group `crm`."""

    @classmethod
    def load(cls, settings: Settings | None = None, entry_points: bool = True) -> Self:
        """Start in a manager of its own."""
        return cls(pluggy.PluginManager(PROJECT_NAME), settings, entry_points)

    @classmethod
    def of(cls, pm: pluggy.PluginManager) -> "Communication":
        """The Communication that was started in this manager; raises NotStarted."""
        found = Lifecycle.of(pm)
        if not isinstance(found, Communication):
            raise NotStarted("No Communication was started in this plugin manager.")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        return f"<Communication in {self.pm.project_name!r}>"

    @property
    def pm(self) -> pluggy.PluginManager:
        """The manager this lives in."""
        return self._life.pm

    @property
    def settings(self) -> Settings:
        """The settings it was started with, the environment filled in."""
        return self._life.settings

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Plugins that were isolated, and why; also misspelt hooks of plugins registered behind our back."""
        return self._life.calls.failures

    def register(self, plugin: object, name: str | None = None) -> bool:
        """Register a further plugin, marked for this manager's name; False when it was broken and left out.

        It leaves with `shutdown`. Registering it again is harmless.
        """
        if plugin is None:  # pluggy would take it
            raise InvalidInput("plugin is None.", hint="Pass an object or a module with hooks.")
        return self._life.register(plugin, name)

    def startup(self, settings: Settings | None = None) -> None:
        """Nothing to do: a Communication is started when it is made. Raises NotStarted after shutdown."""
        self._life.started()

    def shutdown(self) -> None:
        """Stop: every plugin is told, ours last, and lets go of what it holds. Harmless when called twice.

        `Communication(pm)` starts anew in the same manager.
        """
        self._life.leave()
