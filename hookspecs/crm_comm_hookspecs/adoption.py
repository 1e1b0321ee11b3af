"""Moving into a plugin manager: our specs under its project name, and marks it can read on plugins written for ours."""

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pluggy

from .calls import HookCalls
from .markers import PROJECT_NAME
from .specs import CommSpecs

HOOK_PREFIX = "crm_comm_"


def specs_for(project: str) -> type:
    """CommSpecs, marked for a project name. Copies, so that managers of other names are not touched."""
    if project == PROJECT_NAME:
        return CommSpecs
    marked: dict[str, Any] = {"__doc__": CommSpecs.__doc__}
    for name in dir(CommSpecs):
        if name.startswith(HOOK_PREFIX):
            original = inspect.unwrap(getattr(CommSpecs, name))
            copy = _copied(original)
            options = getattr(original, f"{PROJECT_NAME}_spec")
            marked[name] = pluggy.HookspecMarker(project)(copy, **_spec_options(options))
    return type("CommSpecs", (), marked)


def _spec_options(options: Any) -> dict[str, Any]:
    return {key: options[key] for key in ("firstresult", "historic")}


def _copied(function: Any) -> Any:
    copy = type(function)(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__, copy.__annotations__ = function.__kwdefaults__, dict(function.__annotations__)
    copy.__doc__, copy.__qualname__, copy.__module__ = (
        function.__doc__,
        function.__qualname__,
        function.__module__,
    )
    return copy


class Carrier:
    """Bears the hooks of a plugin that was registered before us with marks its manager could not read then.

    The plugin itself stays registered as it was, so the order of its other hooks does not change.
    """

    def __init__(self, plugin: object, names: list[str]) -> None:
        self.carried = plugin
        self.__name__ = str(getattr(plugin, "__name__", type(plugin).__name__))
        self.__module__ = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
        for name in names:
            setattr(self, name, getattr(plugin, name))


def mark(plugin: object, project: str) -> list[str]:
    """Mark a plugin's hooks for a project name as they are for the default one; the names newly marked."""
    marked = []
    for name, method, _ in _hooks(plugin):
        options = getattr(method, f"{PROJECT_NAME}_impl", None)
        if options is not None and getattr(method, f"{project}_impl", None) is None:
            setattr(getattr(method, "__func__", method), f"{project}_impl", dict(options))
            marked.append(name)
    return marked


def _hooks(plugin: object) -> Iterator[tuple[str, Any, str]]:
    """(attribute, method, hook name) of what a plugin implements of this contract."""
    for name in dir(plugin):
        try:
            method = getattr(plugin, name, None)
        except Exception:  # noqa: BLE001, S112 - a property of a foreign plugin that raises is none of our hooks
            continue
        if inspect.isroutine(method):
            options = getattr(method, f"{PROJECT_NAME}_impl", None)
            hook = (options.get("specname") if isinstance(options, dict) else None) or name
            if hook.startswith(HOOK_PREFIX):
                yield name, method, hook


def misfits(plugin: object, project: str) -> list[str]:
    """What is wrong with a plugin's hooks: unknown names, arguments that the contract does not pass."""
    problems: list[str] = []
    for _, method, hook in _hooks(plugin):
        options = getattr(method, f"{project}_impl", None) or getattr(method, f"{PROJECT_NAME}_impl", None)
        if not options or options.get("optionalhook"):
            continue
        spec = getattr(CommSpecs, hook, None)
        if spec is None:
            problems.append(f"{hook}: this contract has no such hook; look for a misspelling")
            continue
        known = {*inspect.signature(spec).parameters, "self"}
        asked = {p.name for p in inspect.signature(method).parameters.values() if p.default is p.empty}
        if strange := sorted(asked - known):
            problems.append(f"{hook}: the hook has no argument {', '.join(strange)}")
    return problems


def unfit(problems: list[str]) -> bool:
    """True when pluggy would refuse the plugin, and with it everything else."""
    return any("no argument" in problem for problem in problems)


def set_aside_misfits(pm: pluggy.PluginManager, calls: HookCalls) -> None:
    """Before the specs go in: pluggy would refuse all of them for one plugin that does not fit."""
    for name, plugin in pm.list_name_plugin():
        problems = [] if plugin is None else misfits(plugin, pm.project_name)
        for problem in problems:
            calls.failed(name, plugin, problem.split(":")[0], problem)
        if unfit(problems):
            pm.unregister(plugin)
