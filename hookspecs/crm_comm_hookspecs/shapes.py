"""What the parts of registered values are made of: a wrong one is refused with its plugin, before anybody reads it."""

from collections.abc import Mapping
from typing import Any

from .enums import Window
from .failures import Unfit
from .formfields import fields_of
from .rendering import Action, Confirm
from .schema import FormSchema
from .working import Limit

FIXED = (tuple, frozenset)
"""What a value that is looked up by its hash may hold."""
_COLLECTIONS = (*FIXED, list, set)
"""Can be read again and again, as a generator cannot; a text would be read letter by letter."""


def texts(value: Any, what: str, *names: str) -> None:
    """Each of these is a text."""
    for name in names:
        if not isinstance(getattr(value, name), str):
            raise Unfit(f"{name} of {what} must be a text")


def several(value: Any, what: str, name: str, kind: type, among: tuple[type, ...] = _COLLECTIONS) -> None:
    """A collection of values of one kind."""
    if not isinstance(getattr(value, name), among) or not all(isinstance(one, kind) for one in getattr(value, name)):
        raise Unfit(f"{name} of {what} must be a tuple of {kind.__name__}")


def wholes(value: Any, what: str, *names: str) -> None:
    """Each of these is a whole number from 0."""
    for name in names:
        if not _is_count(getattr(value, name)):
            raise Unfit(f"{name} of {what} must be a whole number from 0")


def limits(value: Any, what: str, *names: str) -> None:
    """Each of these is a Limit, or None."""
    for name in names:
        found = getattr(value, name)
        if found is None:
            continue
        fits = isinstance(found, Limit) and found.window in list(Window)
        if not fits or not (found.count is None or _is_count(found.count)):
            raise Unfit(f"{name} of {what} must be a Limit, or None")


def actions(value: Any, what: str) -> None:
    """Actions that can be shown and called by their names."""
    several(value, what, "actions", Action)
    for action in value.actions:
        own = f"action {action.name!r} of {what}"
        texts(action, own, "name", "label", "kind", "needs", "style", "icon", "help", "shortcut")
        several(action, own, "editors", str)
        if not isinstance(action.confirm, Confirm | None) or not isinstance(action.when, Mapping):
            raise Unfit(f"confirm of {own} must be a Confirm or None, when a mapping")


def form(schema: type[FormSchema], what: str) -> None:
    """Fields that can be shown, and that are typed and stored under the names they are shown with."""
    fields_of(schema)
    for name, field in schema._declared_fields.items():
        if field.dump_only or not {field.data_key, field.attribute} <= {None, name}:
            raise Unfit(f"field {name!r} of {what} has data_key, attribute or dump_only; a form's field has one name")


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0
