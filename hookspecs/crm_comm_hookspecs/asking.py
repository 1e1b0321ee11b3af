"""What both halves of the facade are built on: asking a hook, and saying what is wrong when nobody answers."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from .arguments import examine
from .calls import Contribution
from .errors import CommError, NotStarted
from .lifecycle import Lifecycle
from .registering import unique

T = TypeVar("T")
NO_VALUES: Mapping[str, Any] = MappingProxyType({})


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


def known(answer: T | None, otherwise: CommError) -> T:
    """The answer, or the error raised when nobody gave one."""
    if answer is None:
        raise otherwise
    return answer
