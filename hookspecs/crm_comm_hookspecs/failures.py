"""Plugins that were isolated: who, where they come from, what was wrong. Never what they were called with."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import pluggy

log = logging.getLogger("crm_comm_hookspecs")

OWN_DISTRIBUTION = "crm-comm-plugin"
_KEPT = 200
"""How many different failures are remembered: enough to act on, too few to fill the memory."""


class Unfit(TypeError):
    """A plugin gave or is something the contract cannot use. The text is ours, so it may be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A plugin that was isolated. where: the hook or the step; problem: in words, without secrets."""

    plugin: str
    distribution: str
    where: str
    problem: str


class Failures:
    """Remembers each failure once and logs it; names the distribution a plugin was installed with."""

    def __init__(self, pm: pluggy.PluginManager) -> None:
        self._pm = pm
        self._kept: dict[tuple[str, str, str], Failure] = {}
        self._owners: dict[str, str] = {}

    def all(self) -> tuple[Failure, ...]:
        """What was isolated so far, in order, each once."""
        return tuple(self._kept.copy().values())

    def add(self, name: str, where: str, error: BaseException | str) -> None:
        """Remember and log; the same again is only logged for those who debug."""
        problem = error if isinstance(error, str) else described(error)
        key = (name, where, problem)
        if key in self._kept or len(self._kept) >= _KEPT:
            log.debug("Plugin %s failed again in %s: %s", name, where, problem)
            return
        owner = self.owner(name)
        self._kept[key] = Failure(plugin=name, distribution=owner, where=where, problem=problem)
        log.error("Plugin %s of distribution %s failed in %s: %s", name, owner or "(none)", where, problem)

    def told(self, name: str, distribution: str) -> None:
        """Remember what an entry point says of itself."""
        if distribution:
            self._owners[name] = distribution

    def owner(self, name: str) -> str:
        """The distribution of the plugin registered under a name, or ""."""
        if name not in self._owners:
            self._owners[name] = _distribution_of(self._pm, name)
        return self._owners[name]

    def owner_of(self, name: str) -> Callable[[], str]:
        """The same, later: it reads every installed distribution's metadata, which takes a tenth of a second."""
        return lambda: self.owner(name)


def described(error: BaseException) -> str:
    """An error's kind and place; its text might quote what the plugin was called with."""
    if isinstance(error, Unfit):
        return str(error)
    kind = type(error).__name__
    if isinstance(error, ImportError) and error.name:
        kind = f"{kind} of {error.name!r}"
    if isinstance(error, SyntaxError):
        return f"{kind} at {error.filename}:{error.lineno}"
    place = ""
    trace = error.__traceback__
    while trace:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        if not str(module).startswith(("importlib", "pluggy")):
            place = f" at {module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{kind}{place}"


def _distribution_of(pm: pluggy.PluginManager, name: str) -> str:
    plugin = pm.get_plugin(name)
    for known, dist in pm.list_plugin_distinfo():
        if known is plugin:
            return str(dist.project_name)
    module = getattr(plugin, "__module__", None) or getattr(plugin, "__name__", None) or name
    try:
        return ", ".join(sorted(set(metadata.packages_distributions().get(str(module).split(".")[0], ()))))
    except Exception:  # noqa: BLE001 - broken metadata of a foreign package must not hide its failure
        return ""
