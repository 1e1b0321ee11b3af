"""Calling hooks so that one broken plugin never takes the others down (contract, rule 10)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pluggy

from .adoption import HOOK_PREFIX, unknown_hook
from .answers import fitted, refuse_coroutine, values_of
from .errors import CommError
from .failures import OWN_DISTRIBUTION, Failure, Failures

OWN_NAME = "crm_comm_plugin"
"""The registered name of the plugin's own hook implementations: they always come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One value from one plugin."""

    value: Any
    plugin: str
    owner: Callable[[], str] = field(repr=False, compare=False)

    @property
    def distribution(self) -> str:
        """The distribution the plugin was installed with, or ""."""
        return self.owner()


class HookCalls:
    """Calls each plugin's implementation by itself, through pluggy, so that monitoring still sees it."""

    def __init__(self, pm: pluggy.PluginManager) -> None:
        self.pm = pm
        self.record = Failures(pm)
        self.own = OWN_NAME
        self.examined: dict[tuple[str, int], Any] = {}
        self.record.told(OWN_NAME, OWN_DISTRIBUTION)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What was isolated since the start, each once, and hooks that this contract does not have."""
        self._find_unknown()
        return self.record.all()

    def implementers(self, hook: str) -> list[tuple[str, object]]:
        """(name, plugin) of who implements a hook: the plugin's own first, then tryfirst, others, trylast, and of
        those whoever came first. pluggy begins with the last one, who would take over what is claimed already."""
        came = {name: number for number, (name, _) in enumerate(self.pm.list_name_plugin())}
        found: dict[str, tuple[bool, int, int, object]] = {}
        for impl in reversed(getattr(self.pm.hook, hook).get_hookimpls()):
            if not (impl.hookwrapper or impl.wrapper):
                turn, number = impl.trylast - impl.tryfirst, came.get(impl.plugin_name, len(came))
                found.setdefault(impl.plugin_name, (impl.plugin_name != self.own, turn, number, impl.plugin))
        return [(name, found[name][-1]) for name in sorted(found, key=lambda one: found[one][:-1])]

    def gather(self, hook: str, arguments: Mapping[str, Any]) -> list[Contribution]:
        """All values of a registering hook, with who gave them."""
        gathered: list[Contribution] = []
        for name, plugin in self.implementers(hook):
            values = self._isolated(hook, name, plugin, arguments, _all_values)
            owner = self.record.owner_of(name)
            gathered += [Contribution(value=value, plugin=name, owner=owner) for value in values or ()]
        return gathered

    def notify(self, hook: str, arguments: Mapping[str, Any], own_last: bool = False) -> None:
        """Tell every plugin; what they answer does not matter."""
        everybody = self.implementers(hook)
        for name, plugin in everybody[::-1] if own_last else everybody:
            self._isolated(hook, name, plugin, arguments, _ignored)

    def first(self, hook: str, arguments: Mapping[str, Any]) -> Any:
        """The first answer that is not None. Our own errors, and typed ones of others, are the caller's."""
        for name, plugin in self.implementers(hook):
            if name == self.own:
                answer = fitted(hook, self._call(hook, plugin, arguments))
            else:
                answer = self._isolated(hook, name, plugin, arguments, lambda a: fitted(hook, a), typed=True)
            if answer is not None:
                return answer
        return None

    def failed(self, name: str, where: str, error: BaseException | str) -> None:
        """Remember and log a failure, with the distribution the plugin comes from."""
        self.record.add(name, where, error)

    def _call(self, hook: str, plugin: object, arguments: Mapping[str, Any]) -> Any:
        """One plugin's answer; of a registering hook the list of its implementations' answers.

        The public `subset_hook_caller` cannot do this: up to pluggy 1.6 it also calls whoever uses `specname`.
        """
        caller = getattr(self.pm.hook, hook)
        impls = [i for i in caller.get_hookimpls() if i.plugin is plugin and not (i.hookwrapper or i.wrapper)]
        return caller._hookexec(hook, impls, arguments, caller.spec.opts["firstresult"])

    def _isolated(
        self,
        hook: str,
        name: str,
        plugin: object,
        arguments: Mapping[str, Any],
        finish: Callable[[Any], Any],
        typed: bool = False,
    ) -> Any:
        try:
            return finish(self._call(hook, plugin, arguments))
        except CommError as error:
            if typed:
                raise
            self.failed(name, hook, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a foreign plugin raises stays with it
            self.failed(name, hook, error)
        return None

    def _find_unknown(self) -> None:
        for hook, caller in vars(self.pm.hook).copy().items():
            if hook.startswith(HOOK_PREFIX) and not caller.has_spec():
                for impl in caller.get_hookimpls():
                    if not impl.optionalhook:
                        self.failed(impl.plugin_name, hook, unknown_hook(hook))


def _all_values(answers: Any) -> tuple[Any, ...]:
    return tuple(value for values in answers for value in values_of(values))


def _ignored(answers: Any) -> None:
    for answer in answers:
        refuse_coroutine(answer)
