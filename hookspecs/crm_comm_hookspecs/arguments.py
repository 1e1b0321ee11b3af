"""What a caller passes: refused in words, here where an argument still has its name. A form's values are people's."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from .errors import InvalidInput
from .rendering import Context, Query, Request

_TEXTS = ("viewer", "editor", "action", "source", "channel", "status", "changed", "version", "confirmed")
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS, (str, type(None))),
    "context": (Context,),
    "params": (Mapping,),
    "request": (Request,),
}


def examine(arguments: Mapping[str, Any]) -> None:
    """Raise InvalidInput for an argument of a hook that is of the wrong type."""
    for name, value in arguments.items():
        kinds = (Query,) if name == "query" and "viewer" in arguments else _KINDS.get(name)
        if kinds is not None:
            must_be(name, value, *kinds)
        if isinstance(value, Context):
            must_be("context.user", value.user, str)
            # not a text: a part of a permission's name would be found in it
            must_be("context.permissions", value.permissions, AbstractSet, tuple, list)


def must_be(name: str, value: object, *kinds: type) -> None:
    """Raise InvalidInput unless the value is of one of the kinds; the first is the one to pass."""
    if not isinstance(value, kinds):
        raise InvalidInput(f"{name} is a {type(value).__name__}.", hint=f"Pass a {kinds[0].__name__}.")


def as_ids(ids: Iterable[str]) -> tuple[str, ...]:
    """Ids as a tuple; a single text would be taken apart into its letters, so it is refused."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise InvalidInput(f"ids is a {type(ids).__name__}.", hint="Pass a list of ids, also for one.")
    return tuple(ids)
