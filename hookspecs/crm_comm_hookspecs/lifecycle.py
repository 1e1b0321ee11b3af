"""Starting and stopping in a plugin manager: specs, our plugin first, then those that were there, then entry points."""

import inspect
import logging
import threading
from collections.abc import Callable
from importlib import metadata
from typing import Any, TypeVar

import pluggy

from . import adoption
from .arguments import must_be
from .calls import OWN_NAME, HookCalls
from .entrypoints import OWN_MODULE, load_own, other_entry_points, own_entry_point
from .errors import InvalidInput, NotStarted
from .settings import Settings

log = logging.getLogger("crm_comm_hookspecs")
HOME = "_crm_comm_home"
STARTUP = "crm_comm_startup"
C = TypeVar("C")


class Home:
    """What a manager remembers of us, kept on it, so that nothing has to be remembered outside it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.communication: Any = None
        self.history: dict[str, Any] = {}


class Lifecycle:
    """One Communication's life in one manager."""

    def __init__(self, pm: pluggy.PluginManager, settings: Settings, home: Home) -> None:
        self.pm, self.settings, self.home = pm, settings, home
        self.calls = HookCalls(pm)
        self._fitting = adoption.Fitting(pm.project_name)
        self._registered: list[object] = []
        self._open = self._leaving = self._starting_own = False

    @staticmethod
    def of(pm: pluggy.PluginManager) -> Any:
        """The Communication started in this manager, or None."""
        home = vars(pm).get(HOME) if isinstance(pm, pluggy.PluginManager) else None
        return home.communication if isinstance(home, Home) else None

    @classmethod
    def enter(
        cls,
        pm: pluggy.PluginManager,
        kind: type[C],
        make: Callable[[], C],
        settings: Settings | None,
        entry_points: bool,
        own: object = None,
    ) -> C:
        """The manager's Communication: the one it has, or a new one that is started here. own: for tests."""
        must_be("pm", pm, pluggy.PluginManager)
        must_be("settings", settings, Settings, type(None))
        home: Home = vars(pm).setdefault(HOME, Home())
        with home.lock:
            wanted = (settings or Settings()).resolved()
            if home.communication is not None:
                return _present(home.communication, kind, wanted if settings else None)
            communication = make()
            life = cls(pm, wanted, home)
            communication._life = life  # type: ignore[attr-defined]  # the facade's own slot, set before it starts
            try:
                life._start(communication, entry_points, own)
            except BaseException:
                life.leave()
                raise
            return communication

    def started(self) -> HookCalls:
        """The calls of a running Communication; raises NotStarted after shutdown."""
        if not self._open:
            raise NotStarted
        return self.calls

    def _start(self, communication: Any, entry_points: bool, own: object) -> None:
        there_before = [(name, plugin) for name, plugin in self.pm.list_name_plugin() if plugin is not None]
        self._set_aside(there_before)
        hook = getattr(self.pm.hook, STARTUP, None)
        if hook is None or not hook.has_spec():
            self.pm.add_hookspecs(adoption.specs_for(self.pm.project_name))
        self._remember_startup(communication)
        self._open = True
        self.home.communication = communication
        module = load_own() if own is None else own
        self._start_own(module)
        for name, plugin in there_before:
            if plugin is not module and self.pm.get_plugin(name) is plugin:
                self._adopt(name, plugin)
        for entry_point in other_entry_points() if entry_points else ():
            self._load(entry_point)

    def _set_aside(self, plugins: list[tuple[str, Any]]) -> None:
        """Before the specs go in: pluggy would refuse all of them for one hook that does not fit."""
        for name, plugin in plugins:
            if not adoption.hashable(plugin):
                adoption.drop(self.pm, plugin)
            for hook, problem, fatal in self._fitting.misfits(plugin):
                self.calls.failed(name, hook, problem)
                if fatal:
                    adoption.drop(self.pm, plugin, (hook,))
            adoption.forget_unknown(self.pm, plugin)

    def _remember_startup(self, communication: Any) -> None:
        """pluggy replays the call to whoever registers later; nobody is called here, so nobody can break it."""
        arguments = {"settings": self.settings, "comm": communication}
        if self.home.history:
            self.home.history.update(arguments)  # a second life in this manager: the same call, told anew
            return
        self.home.history = arguments
        hook = getattr(self.pm.hook, STARTUP)
        everybody = [impl.plugin for impl in hook.get_hookimpls()]
        for plugin in everybody:
            if not hasattr(plugin, STARTUP):  # it uses `specname`, which pluggy's subsets overlooked up to 1.6
                adoption.drop(self.pm, plugin, (STARTUP,))
        self.pm.subset_hook_caller(STARTUP, everybody).call_historic(kwargs=arguments)

    def _start_own(self, module: Any) -> None:
        """Ours is not isolated: a host must hear why it does not start."""
        self._starting_own = True
        try:
            adoption.mark(adoption.implementations(module, self.pm.project_name), self.pm.project_name)
            if self.pm.is_registered(module):
                self._tell_startup(module)
                return
            self._registered.append(module)
            name = self._free_name(own_entry_point().name, OWN_MODULE)
            if self.pm.register(module, name) is None:
                raise NotStarted("This plugin manager blocks the plugin.", hint=f"Unblock {name!r} in it.")
        finally:
            self._starting_own = False

    def _tell_startup(self, plugin: object) -> None:
        """What pluggy's history would have told a plugin that registers now."""
        for found in adoption.implementations(plugin, self.pm.project_name):
            if found.hook == STARTUP:
                wanted = inspect.signature(found.function).parameters
                found.function(**{name: value for name, value in self.home.history.items() if name in wanted})

    def _adopt(self, name: str, plugin: object) -> None:
        unread = adoption.unread(self.pm, plugin)
        carried = {found.hook for found in unread}
        try:
            if STARTUP not in carried:
                self._tell_startup(plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - isolated: its hooks of ours go, those of its host stay
            self.calls.failed(name, STARTUP, error)
            adoption.drop(self.pm, plugin)
            return
        self._carry(name, plugin, unread)

    def _carry(self, name: str, plugin: object, unread: list[adoption.Implementation]) -> None:
        fits = [found for found in unread if not self._fitting.fatal(plugin, found)]
        if fits:
            self._enter(adoption.Carrier(plugin, fits), self._free_name(f"{name} ({OWN_NAME})", ""))

    def _load(self, entry_point: metadata.EntryPoint) -> None:
        distribution = entry_point.dist.name if entry_point.dist else ""
        try:
            plugin = entry_point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what cannot be imported stays out, named
            self.calls.record.told(entry_point.name, distribution)
            self.calls.failed(entry_point.name, "import", error)
            return
        if not self.pm.is_blocked(entry_point.name):
            self.register(plugin, entry_point.name, distribution)

    def register(self, plugin: Any, name: str | None = None, distribution: str = "") -> bool:
        """Register a plugin, marked for this manager's name; False when it was broken and left out."""
        with self.home.lock:
            calls = self.started()
            wanted = name or _name_of(plugin)
            known = [(n, p) for n, p in self.pm.list_name_plugin() if adoption.carried(p) is plugin]
            if known:
                if known[0][1] is plugin:
                    self._carry(known[0][0], plugin, adoption.unread(self.pm, plugin))
                return True
            free = self._free_name(wanted, f"{wanted} ({distribution})" if distribution else "")
            calls.record.told(free, distribution)
            misfits = self._fitting.misfits(plugin)
            for misfit in misfits:
                calls.failed(free, misfit.hook, misfit.problem)
            if any(misfit.fatal for misfit in misfits):
                return False
            if self._starting_own and wanted == OWN_NAME:
                calls.own = free
                calls.record.told(free, calls.record.owner(OWN_NAME))
            if not (adoption.hashable(plugin) and adoption.named(plugin, free)):
                plugin = adoption.Carrier(plugin, adoption.implementations(plugin, self.pm.project_name))
            return self._enter(plugin, free)

    def _enter(self, plugin: Any, name: str) -> bool:
        try:
            if self.pm.register(plugin, name) is None:
                return False
        except (Exception, SystemExit) as error:
            if self.pm.get_plugin(name) is plugin:
                self.pm.unregister(plugin)
            if self._starting_own:
                raise
            self.calls.failed(name, STARTUP, error)
            return False
        adoption.forget_unknown(self.pm, plugin)
        self._registered.append(plugin)
        return True

    def _free_name(self, wanted: str, otherwise: str) -> str:
        """The name, or another one where somebody has it: two distributions may use one entry point's name."""
        names = [wanted, otherwise, *(f"{wanted} {number}" for number in range(2, 1000))]
        return next(name for name in names if name and (not self.pm.has_plugin(name)))

    def leave(self) -> None:
        """Tell everybody, ours last, then take out what came with us."""
        with self.home.lock:
            if self._leaving:
                return
            self._leaving = True
            if self._open:
                self.calls.notify("crm_comm_shutdown", {}, own_last=True)
            self._open = False
            if self.home.communication is not None and self.home.communication._life is self:
                self.home.communication = None
            for plugin in reversed(self._registered):
                if any(known is plugin for _, known in self.pm.list_name_plugin()):
                    self.pm.unregister(plugin)
            self._registered.clear()


def _name_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", "") or f"{type(plugin).__module__}.{type(plugin).__name__}")


def _present(communication: Any, kind: type[C], wanted: Settings | None) -> C:
    known: Settings = communication.settings
    if not isinstance(communication, kind):
        raise InvalidInput(
            f"A {type(communication).__name__} was started in this plugin manager.", hint="Use Communication.of(pm)."
        )
    if wanted is not None and wanted != known:
        log.warning("Communication was started already; the settings given now are not used.")
    return communication
