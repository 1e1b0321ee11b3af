"""Moving into a plugin manager: our specs under its project name, and marks it can read on plugins written for ours."""

import difflib
import functools
import inspect
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import pluggy

from .markers import PROJECT_NAME
from .specs import CommSpecs

HOOK_PREFIX = "crm_comm_"
HOOKS = tuple(name for name in dir(CommSpecs) if name.startswith(HOOK_PREFIX))


def unknown_hook(hook: str) -> str:
    """What to say of a hook that this contract does not have."""
    close = difflib.get_close_matches(hook, HOOKS, 1)
    return f"there is no such hook{f'; {close[0]} was meant?' if close else ''}"


def specs_for(project: str) -> type:
    """CommSpecs, marked for a project name. Copies, so that managers of other names are not touched."""
    if project == PROJECT_NAME:
        return CommSpecs
    marked: dict[str, Any] = {"__doc__": CommSpecs.__doc__}
    for name in HOOKS:
        original = getattr(CommSpecs, name)
        options = getattr(original, f"{PROJECT_NAME}_spec")
        chosen = {key: options[key] for key in ("firstresult", "historic")}
        marked[name] = pluggy.HookspecMarker(project)(_copied(original), **chosen)
    return type("CommSpecs", (), marked)


def _copied(function: FunctionType) -> FunctionType:
    copy = FunctionType(function.__code__, function.__globals__, function.__name__)
    functools.update_wrapper(copy, function, updated=())
    return copy


class Implementation(NamedTuple):
    """One hook of this contract in a plugin: the attribute, what bears its marks, what is called, the hook's name."""

    attribute: str
    bearer: Any
    function: Any
    options: dict[str, Any]
    hook: str


def implementations(plugin: object, project: str) -> list[Implementation]:
    """What a plugin implements of this contract, marked for our name or the manager's. Runs none of its properties."""
    found = []
    for attribute in dir(plugin):
        if attribute.startswith("__"):
            continue
        holder = inspect.getattr_static(plugin, attribute, None)
        if not isinstance(holder, FunctionType | MethodType | staticmethod | classmethod):
            continue
        bearer = getattr(holder, "__func__", holder)
        options = _options(holder, bearer, f"{project}_impl") or _options(holder, bearer, f"{PROJECT_NAME}_impl")
        hook = (options or {}).get("specname") or attribute
        if options and hook.startswith(HOOK_PREFIX):
            found.append(Implementation(attribute, bearer, getattr(plugin, attribute), options, hook))
    return found


def _options(holder: object, bearer: object, mark: str) -> dict[str, Any] | None:
    for marked in (holder, bearer):
        options = getattr(marked, mark, None)
        if isinstance(options, dict):
            return options
    return None


def mark(found: list[Implementation], project: str) -> None:
    """Mark a plugin's hooks for a project name as they are for the default one."""
    for implementation in found:
        if getattr(implementation.bearer, f"{project}_impl", None) is None:
            setattr(implementation.bearer, f"{project}_impl", dict(implementation.options))


class Carrier:
    """Bears hooks of a plugin that its manager could not read when it was registered.

    The plugin itself stays registered as it was, so the order of its other hooks does not change.
    """

    def __init__(self, plugin: object, found: list[Implementation]) -> None:
        self.carried = carried(plugin)
        self.__name__ = str(getattr(plugin, "__name__", type(plugin).__name__))
        self.__module__ = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
        for implementation in found:
            setattr(self, implementation.attribute, implementation.function)


def unread(pm: pluggy.PluginManager, plugin: object) -> list[Implementation]:
    """What a registered plugin implements and its manager knows nothing of."""
    return [
        found
        for found in implementations(plugin, pm.project_name)
        if (caller := getattr(pm.hook, found.hook, None)) is not None  # nobody has a misspelt one
        and not any(impl.plugin is plugin for impl in caller.get_hookimpls())
    ]


class Misfit(NamedTuple):
    """What is wrong with one hook of a plugin. fatal: pluggy would refuse the plugin, or every call would fail."""

    hook: str
    problem: str
    fatal: bool = True


class Fitting:
    """Tries plugins on in a manager of its own, so that the host's is never left half changed."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._pm = pluggy.PluginManager(project)
        self._pm.add_hookspecs(specs_for(project))

    def misfits(self, plugin: object) -> list[Misfit]:
        """What is wrong with a plugin's hooks."""
        found = implementations(plugin, self._project)
        mark(found, self._project)
        return [misfit for implementation in found if (misfit := self._misfit(plugin, implementation))]

    def fatal(self, plugin: object, found: Implementation) -> bool:
        """True when one implementation cannot be called."""
        misfit = self._misfit(plugin, found)
        return misfit is not None and misfit.fatal

    def _misfit(self, plugin: object, found: Implementation) -> Misfit | None:
        if found.hook not in HOOKS:
            if found.options.get("optionalhook"):
                return None
            return Misfit(found.hook, unknown_hook(found.hook), fatal=False)
        if problem := _strange_arguments(found):
            return Misfit(found.hook, problem)
        trial = Carrier(plugin, [found])
        try:
            self._pm.register(trial)
        except Exception as error:  # noqa: BLE001 - builds of pluggy differ in what they refuse, and how
            return Misfit(found.hook, str(error).strip().splitlines()[-1])
        finally:
            if self._pm.is_registered(trial):
                self._pm.unregister(trial)
        if found.options.get("wrapper") or found.options.get("hookwrapper"):
            return Misfit(found.hook, "wrappers are not called: each plugin is called by itself", fatal=False)
        return None


def _strange_arguments(found: Implementation) -> str:
    parameters = inspect.signature(found.function).parameters.values()
    known = inspect.signature(getattr(CommSpecs, found.hook)).parameters
    if strange := sorted(p.name for p in parameters if p.default is p.empty and _passed(p) and p.name not in known):
        return f"the hook has no argument {', '.join(strange)}"
    if unfilled := sorted(p.name for p in parameters if p.default is p.empty and p.kind is p.KEYWORD_ONLY):
        return f"the argument {', '.join(unfilled)} is keyword-only, which pluggy does not fill"
    return ""


def _passed(parameter: inspect.Parameter) -> bool:
    return parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}


def hashable(plugin: object) -> bool:
    """False for a plugin that pluggy cannot leave out of a call; a Carrier bears its hooks."""
    try:
        hash(plugin)
    except Exception:  # noqa: BLE001 - whatever a foreign __hash__ raises, pluggy cannot use it
        return False
    return True


def named(plugin: Any, name: str) -> bool:
    """A plugin needs a `__name__`, which hosts like datasette read of every one they have; False when it takes none."""
    try:
        if not hasattr(plugin, "__name__"):
            plugin.__name__ = name
    except Exception:  # noqa: BLE001 - frozen, slotted, or whatever a foreign `__setattr__` raises
        return False
    return True


def carried(plugin: object) -> object:
    """Who a registered plugin really is: a Carrier's is the one it bears."""
    return plugin.carried if isinstance(plugin, Carrier) else plugin


def drop(pm: pluggy.PluginManager, plugin: object, hooks: tuple[str, ...] = HOOKS) -> None:
    """Take a plugin out of hooks of ours; what it does for its host goes on."""
    for hook in hooks:
        caller = getattr(pm.hook, hook, None)
        if caller is not None and any(impl.plugin is plugin for impl in caller.get_hookimpls()):
            caller._remove_plugin(plugin)


def forget_unknown(pm: pluggy.PluginManager, plugin: object) -> None:
    """Take out a plugin's hooks that nobody has: they are reported, and would fail the host's `check_pending`."""
    for name, caller in vars(pm.hook).copy().items():
        unknown = name.startswith(HOOK_PREFIX) and name not in HOOKS and not caller.has_spec()
        if unknown and any(impl.plugin is plugin and not impl.optionalhook for impl in caller.get_hookimpls()):
            drop(pm, plugin, (name,))
