"""Calling hooks so that one broken plugin never takes the others down (contract, rule 10)."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pluggy

from .errors import CommError

log = logging.getLogger("crm_comm_hookspecs")

OWN_NAME = "crm_comm_plugin"
"""The registered name of the plugin's own hook implementations: they always come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A plugin that was isolated. where: the hook or the step; problem: in words, without secrets."""

    plugin: str
    distribution: str
    where: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One value from one plugin."""

    value: Any
    plugin: str
    distribution: str


class HookCalls:
    """Calls each plugin's implementation by itself, through pluggy, so that monitoring and wrappers still see it."""

    def __init__(self, pm: pluggy.PluginManager) -> None:
        self.pm = pm
        self._failures: dict[tuple[str, str, str], Failure] = {}

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What was isolated since the start, each once."""
        return tuple(self._failures.values())

    def implementers(self, hook: str) -> list[tuple[str, object]]:
        """(name, plugin) of who implements a hook: the plugin's own first, then in pluggy's calling order."""
        found: dict[str, object] = {}
        for impl in reversed(getattr(self.pm.hook, hook).get_hookimpls()):
            if not (impl.hookwrapper or impl.wrapper):
                found.setdefault(impl.plugin_name, impl.plugin)
        return sorted(found.items(), key=lambda item: item[0] != OWN_NAME)

    def gather(self, hook: str, arguments: Mapping[str, Any]) -> list[Contribution]:
        """All values of a registering hook, with who gave them."""
        gathered: list[Contribution] = []
        for name, plugin in self.implementers(hook):
            values = self._isolated(hook, name, lambda n=name: _flat(self._call(hook, n, arguments)))
            owner = distribution_of(self.pm, plugin, name) if values else ""
            gathered += [Contribution(value=v, plugin=name, distribution=owner) for v in values or ()]
        return gathered

    def notify(self, hook: str, arguments: Mapping[str, Any]) -> None:
        """Tell every plugin; what they answer does not matter."""
        for name, _ in self.implementers(hook):
            self._isolated(hook, name, lambda n=name: self._call(hook, n, arguments))

    def first(self, hook: str, arguments: Mapping[str, Any]) -> Any:
        """The first answer that is not None. Our own errors and typed ones of others are the caller's."""
        for name, _ in self.implementers(hook):
            if name == OWN_NAME:
                answer = self._call(hook, name, arguments)
            else:
                answer = self._isolated(hook, name, lambda n=name: self._call(hook, n, arguments), typed=True)
            if answer is not None:
                return answer
        return None

    def failed(self, name: str, plugin: object, where: str, error: BaseException | str) -> None:
        """Remember and log a failure, with the distribution the plugin comes from."""
        owner = distribution_of(self.pm, plugin, name)
        problem = error if isinstance(error, str) else f"{type(error).__name__} at {_place(error)}"
        failure = Failure(plugin=name, distribution=owner, where=where, problem=problem)
        if (name, where, problem) not in self._failures:
            self._failures[name, where, problem] = failure
        log.error("Plugin %s of distribution %s failed in %s: %s", name, owner or "(none)", where, problem)

    def _call(self, hook: str, name: str, arguments: Mapping[str, Any]) -> Any:
        wrappers = {
            impl.plugin_name for impl in getattr(self.pm.hook, hook).get_hookimpls() if impl.hookwrapper or impl.wrapper
        }
        others = [plugin for other, plugin in self.implementers(hook) if other != name and other not in wrappers]
        answer = self.pm.subset_hook_caller(hook, others)(**arguments)
        spec = getattr(self.pm.hook, hook).spec
        if spec.opts["firstresult"]:
            return answer
        return answer[0] if answer else None

    def _isolated(self, hook: str, name: str, call: Callable[[], Any], typed: bool = False) -> Any:
        try:
            return call()
        except CommError as error:
            if typed:
                raise
            self.failed(name, self.pm.get_plugin(name), hook, error)
        except Exception as error:  # noqa: BLE001 - whatever a foreign plugin raises must stay with it
            self.failed(name, self.pm.get_plugin(name), hook, error)
        return None


def _flat(values: Any) -> tuple[Any, ...]:
    if values is None:
        return ()
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"an iterable of values was expected, not {type(values).__name__}")
    return tuple(values)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}" if trace else "?"


def distribution_of(pm: pluggy.PluginManager, plugin: object, name: str) -> str:
    """The distribution that a plugin was installed with, or "" where that cannot be told."""
    for known, dist in pm.list_plugin_distinfo():
        if known is plugin:
            return str(dist.project_name)
    if told := getattr(plugin, "crm_comm_distribution", ""):
        return str(told)
    module = getattr(plugin, "__module__", None) or getattr(plugin, "__name__", None) or name
    top = str(module).split(".")[0]
    try:
        return ", ".join(metadata.packages_distributions().get(top, ()))
    except Exception:  # noqa: BLE001 - broken metadata of a foreign package must not hide its failure
        return ""
