"""`fields_of`: what a host renders of a schema."""

import logging
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from .conditions import listed
from .fields import Secret, Text, as_option, bounds
from .rendering import Context, Field
from .schema import FormSchema, default_of

_log = logging.getLogger(__name__)
_ORDER = {"first": 0, "": 1, "last": 2}
_COPIED = (
    "help",
    "help_url",
    "placeholder",
    "autocomplete",
    "width",
    "pattern",
    "options_from",
    "secret",
    "live",
    "options",
)


def fields_of(schema: type[FormSchema], context: Context | None = None) -> tuple[Field, ...]:
    """The fields of a form in the order in which they are shown.

    context: whose language and region metadata that is a function is asked for; None is nobody's, in English.
    A function that fails for somebody is logged, and the field shown without what it was to give: one field never takes
    a form down. For nobody it raises, so that a plugin whose form cannot be read is refused when it registers.
    """
    found = [(name, field, _resolved(name, field.metadata, context)) for name, field in schema._declared_fields.items()]
    shown = sorted(found, key=lambda item: _ORDER.get(item[2].get("place", ""), 1))
    return tuple(_field(name, field, meta) for name, field, meta in shown)


def _resolved(name: str, metadata: Mapping[str, Any], context: Context | None) -> dict[str, Any]:
    who = context or Context(user="")
    found = {}
    for key, value in metadata.items():
        try:
            given = value(who) if callable(value) else value
            found[key] = tuple(as_option(one) for one in given) if key == "options" else given
        except Exception as error:
            if context is None:
                raise
            _log.error("%s of the field %r failed with %s.", key, name, type(error).__name__)
    return found


def _field(name: str, field: "fields.Field[Any]", meta: Mapping[str, Any]) -> Field:
    known: dict[str, Any] = bounds(field) | {key: meta[key] for key in _COPIED if key in meta}
    known["options"] = tuple(known.get("options", ()))
    for key in ("when", "required_when"):
        known[key] = {of: list(listed(values)) for of, values in (meta.get(key) or {}).items()}
    return Field(
        name=name,
        label=meta.get("label", name.replace("_", " ").capitalize()),
        widget=meta.get("widget", _widget(field, known)),
        required=field.required,
        default=None if meta.get("secret") else default_of(field),
        **known,
    )


def _widget(field: "fields.Field[Any]", known: Mapping[str, Any]) -> str:
    if isinstance(field, Secret) or known.get("secret"):
        return "password"
    if known.get("options_from"):
        return "combobox"
    if known.get("options"):
        return "select"
    if isinstance(field, Text) and field.lines:
        return "textarea"
    if isinstance(field, fields.Boolean):
        return "checkbox"
    if isinstance(field, fields.Number):
        return "number"
    return "email" if isinstance(field, fields.Email) else "text"
