"""Starting and stopping in a plugin manager: specs, our plugin first, then those that were there, then entry points."""

import threading
from collections.abc import Callable
from importlib import metadata
from typing import Any, TypeVar

import pluggy

from .adoption import HOOK_PREFIX, Carrier, mark, misfits, set_aside_misfits, specs_for, unfit
from .calls import HookCalls
from .errors import NotStarted
from .markers import PROJECT_NAME
from .settings import Settings

ANCHOR = "crm_comm_hookspecs.communication"
STARTUP = f"{HOOK_PREFIX}startup"
OWN_ENTRY_POINT = "communication"
OWN_MODULE = "crm_comm_plugin.plugin"
_ENTERING = threading.RLock()
C = TypeVar("C")


class Anchor:
    """What a manager remembers of us, so that nothing has to be remembered outside it."""

    __name__ = ANCHOR

    def __init__(self) -> None:
        self.communication: Any = None
        self.history: dict[str, Any] = {}


class Lifecycle:
    """One Communication's life in one manager."""

    def __init__(self, pm: pluggy.PluginManager, settings: Settings, anchor: Anchor) -> None:
        self.pm, self.settings, self.anchor = pm, settings, anchor
        self.calls = HookCalls(pm)
        self._registered: list[object] = []
        self._open = False

    @staticmethod
    def of(pm: pluggy.PluginManager) -> Any:
        """The Communication started in this manager, or None."""
        anchor = pm.get_plugin(ANCHOR)
        return anchor.communication if isinstance(anchor, Anchor) else None

    @classmethod
    def enter(
        cls,
        pm: pluggy.PluginManager,
        kind: type[C],
        make: Callable[[], C],
        settings: Settings | None,
        entry_points: bool,
    ) -> C:
        """The manager's Communication: the one it has, or a new one that is started here."""
        with _ENTERING:
            found = cls.of(pm)
            if isinstance(found, kind):
                return found
            anchor = pm.get_plugin(ANCHOR)
            if not isinstance(anchor, Anchor):
                anchor = Anchor()
                pm.register(anchor, ANCHOR)
            communication = make()
            life = cls(pm, (settings or Settings()).resolved(), anchor)
            communication._life = life  # type: ignore[attr-defined]  # the facade's own slot, set before it starts
            try:
                life._start(communication, entry_points)
            except BaseException:
                life.leave()
                raise
            return communication

    def started(self) -> HookCalls:
        """The calls of a running Communication; raises NotStarted after shutdown."""
        if not self._open:
            raise NotStarted
        return self.calls

    def _start(self, communication: Any, entry_points: bool) -> None:
        there_before = [p for p in self.pm.get_plugins() if p is not self.anchor]
        set_aside_misfits(self.pm, self.calls)
        hook = getattr(self.pm.hook, STARTUP, None)
        if hook is None or not hook.has_spec():
            self.pm.add_hookspecs(specs_for(self.pm.project_name))
        self._remember_startup(communication)
        self._open = True
        self.anchor.communication = communication
        own, others = _entry_points()
        self._start_own(own.load(), own)
        for plugin in there_before:
            if self.pm.is_registered(plugin):
                self._adopt(plugin)
        for entry_point in others if entry_points else ():
            self._load(entry_point)

    def _remember_startup(self, communication: Any) -> None:
        """pluggy replays the call to whoever registers later; nobody is called here, so nobody can break it."""
        arguments = {"settings": self.settings, "comm": communication}
        if self.anchor.history:
            self.anchor.history.update(arguments)  # a second life in this manager: the same call, told anew
            return
        self.anchor.history = arguments
        everybody = [p for p in self.pm.get_plugins() if p is not None]
        self.pm.subset_hook_caller(STARTUP, everybody).call_historic(kwargs=arguments)

    def _start_own(self, module: Any, entry_point: metadata.EntryPoint) -> None:
        """Ours is not isolated: a host must hear why it does not start."""
        mark(module, self.pm.project_name)
        if self.pm.is_registered(module):
            module.crm_comm_startup(**self.anchor.history)
            return
        self.pm.register(module, entry_point.name)
        self._registered.append(module)

    def _adopt(self, plugin: Any) -> None:
        name = self.pm.get_name(plugin) or repr(plugin)
        if getattr(plugin, "__name__", "") == OWN_MODULE:
            return
        newly = mark(plugin, self.pm.project_name) if self.pm.project_name != PROJECT_NAME else []
        for impl in getattr(self.pm.hook, STARTUP).get_hookimpls():
            if impl.plugin is plugin:
                try:
                    impl.function(*[self.anchor.history[a] for a in impl.argnames])
                except Exception as error:  # noqa: BLE001 - isolated: it is taken out, the others go on
                    self.calls.failed(name, plugin, STARTUP, error)
                    self.pm.unregister(plugin)
                    return
        if newly:
            self.register(Carrier(plugin, newly), f"{name} ({PROJECT_NAME})")

    def _load(self, entry_point: metadata.EntryPoint) -> None:
        try:
            plugin = entry_point.load()
        except Exception as error:  # noqa: BLE001 - an entry point that cannot be imported stays out, named
            self.calls.failed(entry_point.name, _Broken(entry_point), "import", error)
            return
        if not self.pm.is_registered(plugin) and not self.pm.is_blocked(entry_point.name):
            self.register(plugin, entry_point.name)

    def register(self, plugin: Any, name: str | None = None) -> bool:
        """Register a plugin, marked for this manager's name; False when it was broken and left out."""
        calls = self.started()
        name = name or self.pm.get_canonical_name(plugin)
        problems = misfits(plugin, self.pm.project_name)
        for problem in problems:
            calls.failed(name, plugin, problem.split(":")[0], problem)
        if unfit(problems):
            return False
        mark(plugin, self.pm.project_name)
        try:
            self.pm.register(plugin, name)
        except Exception as error:  # noqa: BLE001 - its startup failed, or its name is taken: it stays out
            calls.failed(name, plugin, STARTUP, error)
            if self.pm.is_registered(plugin):
                self.pm.unregister(plugin)
            return False
        self._registered.append(plugin)
        return True

    def leave(self) -> None:
        """Tell everybody, then take out what came with us."""
        if self._open:
            self.calls.notify(f"{HOOK_PREFIX}shutdown", {})
        self._open = False
        self.anchor.communication = None
        for plugin in reversed(self._registered):
            if self.pm.is_registered(plugin):
                self.pm.unregister(plugin)
        self._registered.clear()


class _Broken:
    """Stands for a plugin that could not even be imported, so that its distribution can be named."""

    def __init__(self, entry_point: metadata.EntryPoint) -> None:
        self.crm_comm_distribution = entry_point.dist.name if entry_point.dist else ""


def _entry_points() -> tuple[metadata.EntryPoint, list[metadata.EntryPoint]]:
    """(ours, the others) of the group `crm`, each distribution's once, in a stable order."""
    found = {(e.name, e.value): e for e in metadata.entry_points(group=PROJECT_NAME)}
    own = found.pop((OWN_ENTRY_POINT, OWN_MODULE), None)
    if own is None:
        own = metadata.EntryPoint(OWN_ENTRY_POINT, OWN_MODULE, PROJECT_NAME)
    return own, [found[key] for key in sorted(found)]
