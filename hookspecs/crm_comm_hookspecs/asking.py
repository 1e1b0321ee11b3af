"""What both halves of the facade are built on: asking a hook, and saying what is wrong when nobody answers."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from .calls import Contribution
from .errors import CommError, InvalidInput, NotStarted
from .lifecycle import Lifecycle
from .registering import unique
from .rendering import Context, Query, Request

T = TypeVar("T")
NO_VALUES: Mapping[str, Any] = MappingProxyType({})
_TEXTS = ("viewer", "editor", "action", "source", "channel", "status", "changed", "version", "confirmed")
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS, (str, type(None))),
    "context": (Context,),
    "params": (Mapping,),
    "request": (Request,),
}
"""What an argument must be. Values of a form are people's, so they come back in `Result.errors` instead."""


class Asking:
    """Knows the life it asks through."""

    _life: Lifecycle

    def contributions(self, hook: str, key: str = "", **arguments: Any) -> tuple[Contribution, ...]:
        """The values of a registering hook with who gave them; what is claimed twice is refused and reported.

        key: the attribute that must be unique; by default the contract's own (name or key).
        """
        examine(arguments)
        return unique(self._life.started(), hook, key, arguments)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Tell every plugin of an event; a broken one is isolated."""
        self._life.started().notify(hook, arguments)

    def _first(self, hook: str, **arguments: Any) -> Any:
        examine(arguments)
        return self._life.started().first(hook, arguments)

    def _service(self, hook: str, **arguments: Any) -> Any:
        examine({name: value for name, value in arguments.items() if name != "context" or value is not None})
        answer = self._life.started().first(hook, arguments)
        return known(answer, NotStarted("The plugin does not answer."))


def examine(arguments: Mapping[str, Any]) -> None:
    """Raise InvalidInput for an argument of the wrong type, here where it still has a name."""
    for name, value in arguments.items():
        kinds = (Query,) if name == "query" and "viewer" in arguments else _KINDS.get(name)
        if kinds is not None and not isinstance(value, kinds):
            raise InvalidInput(f"{name} is a {type(value).__name__}.", hint=f"Pass a {kinds[0].__name__}.")


def known(answer: T | None, otherwise: CommError) -> T:
    """The answer, or the error raised when nobody gave one."""
    if answer is None:
        raise otherwise
    return answer


def as_ids(ids: Iterable[str]) -> tuple[str, ...]:
    """Ids as a tuple; a single text would be taken apart into its letters, so it is refused."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise InvalidInput(f"ids is a {type(ids).__name__}.", hint="Pass a list of ids, also for one.")
    return tuple(ids)
