"""A form as typed -> what is to be stored, or what is wrong with it. Nothing here writes or reads a secret."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from marshmallow import ValidationError
from marshmallow.fields import Enum as EnumField

from crm_comm_hookspecs import CommError, to_json
from crm_comm_hookspecs.fields import REQUIRED
from crm_comm_plugin.accounts.form import Errors, Form
from crm_comm_plugin.domain.accounts import SecretRef, StoredAccount, name_key

NAME, ACTIVE = "account_name", "active"
_LARGEST = 10**30
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A form that was read.

    values: JSON types, without name, active and secrets. typed: secrets to keep from now on. kept: stored secrets that
    stay; moved: stored ones that belong to another place and are asked for again; all others go. changed: names of what
    differs from what is stored.
    """

    name: str = ""
    active: bool = True
    values: dict[str, Any] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict, repr=False)
    kept: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    errors: Errors = field(default_factory=dict)
    changed: tuple[str, ...] = ()


def stored_values(form: Form, stored: StoredAccount | None) -> dict[str, Any]:
    """What is stored, as the form has it; fields that the form no longer has are left out."""
    if stored is None:
        return {}
    values = {**stored.values, NAME: stored.name, ACTIVE: stored.active}
    return {name: value for name, value in values.items() if name in form.names and name not in form.secrets}


def line_values(form: Form, stored: StoredAccount) -> dict[str, Any]:
    """What is stored, as a line needs it: fields that came with a newer version of the plugin have their defaults."""
    return form.filled(stored_values(form, stored))


def load(form: Form, stored: StoredAccount | None, posted: Any) -> Loaded:
    """Read a form over what is stored; never raises, whatever was posted."""
    if not isinstance(posted, Mapping):
        return Loaded(errors={"": ["Please send the form's fields."]})
    before = stored_values(form, stored)
    secrets = dict(stored.secrets) if stored is not None else {}
    raw = {**before, **{name: _tame(value) for name, value in posted.items()}}
    data, hidden, errors = _read(form, raw, frozenset(secrets))
    typed = {name: data.pop(name) or "" for name in form.secrets if name in data}
    typed = {name: text for name, text in typed.items() if text}
    values, unfit = _as_json(form, data)
    values = form.complete(values)
    gone = _gone(form, values, hidden, posted) - set(typed)
    moved = {n for n in set(secrets) - set(typed) - gone if not form.same_place(secrets[n].bound, values)}
    errors |= unfit
    errors |= form.problems(values, frozenset(typed)) if not errors else {}
    errors |= _asked(form, secrets, moved)
    name = str(values.pop(NAME, ""))
    if NAME not in errors and "" not in errors and not name_key(name):
        errors[NAME] = [REQUIRED]
    active = bool(values.pop(ACTIVE, True))
    return Loaded(
        name=name,
        active=active,
        values=values,
        typed=typed,
        kept=frozenset(secrets) - set(typed) - gone - moved,
        moved=frozenset(moved),
        errors=errors,
        changed=_changed(before, {**values, NAME: name, ACTIVE: active}, {*typed, *(gone & set(secrets))}),
    )


def _read(form: Form, raw: Mapping[str, Any], kept: frozenset[str]) -> tuple[dict[str, Any], frozenset[str], Errors]:
    """What marshmallow makes of it: the data that is shown, which fields are hidden, errors."""
    data: Any = {}
    hidden: frozenset[str] = frozenset()
    errors: Errors = {}
    try:
        schema = form.schema(kept=kept)
        hidden = schema.hidden(raw)
        for name in hidden & set(schema.fields):
            schema.fields[name].required = False  # what is not shown cannot be filled in
        data = schema.load(raw)
    except ValidationError as error:
        data, errors = error.valid_data, flat(cast("Mapping[Any, Any]", error.normalized_messages()))  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - a foreign schema's mistake must not take the form down
        _log.error("The form of %r failed with %s.", form.type.key, type(error).__name__)
        errors = {"": ["This form is broken. Please tell whoever made its plugin."]}
    shown = {n: v for n, v in data.items() if n not in hidden} if isinstance(data, dict) else {}
    return shown, hidden, errors


def _tame(value: Any) -> Any:
    """A number so long that Python refuses to write it down is no number of any form."""
    return "?" if isinstance(value, int) and abs(value) > _LARGEST else value


def _gone(form: Form, values: Mapping[str, Any], hidden: frozenset[str], posted: Mapping[Any, Any]) -> set[str]:
    """Secrets that are not to be kept: cleared, not shown, or of no use."""
    return {
        name
        for name in form.secrets
        if name in hidden or not form.needs(name, values) or (name in posted and posted[name] is None)
    }


def flat(messages: Mapping[Any, Any]) -> Errors:
    """marshmallow's messages as field -> [text]; what concerns the whole form stands under ""."""
    errors: Errors = {}
    for name, found in messages.items():
        key = "" if name == "_schema" else str(name)
        errors.setdefault(key, []).extend(_texts(found))
    return errors


def _texts(found: Any) -> list[str]:
    if isinstance(found, Mapping):
        return [text for entry in found.values() for text in _texts(entry)]
    if isinstance(found, list | tuple):
        return [text for entry in found for text in _texts(entry)]
    return [str(found)]


def _as_json(form: Form, data: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    values: dict[str, Any] = {}
    errors: Errors = {}
    for name in data:
        try:
            values[name] = _plain(form, name, data)
        except Exception:  # noqa: BLE001 - a foreign field's mistake must not take the form down
            errors[name] = ["This cannot be stored. Please tell whoever made this form's plugin."]
    return values, errors


def _plain(form: Form, name: str, data: Mapping[str, Any]) -> Any:
    """A loaded value in JSON types; what the contract has no value of (a date, say) as its field writes it.

    So are enums of marshmallow's own field, which reads names or values, as it was told: it must read what is stored.
    """
    field = form.schema._declared_fields.get(name)
    try:
        if not isinstance(field, EnumField):
            return to_json(data[name])
    except CommError:
        if field is None:
            raise
    return to_json(field.serialize(name, dict(data)))


def _asked(form: Form, secrets: Mapping[str, SecretRef], moved: set[str]) -> Errors:
    """Rule 4: a stored secret goes only where it was set for."""
    labels = form.labels() if moved else {}
    return {
        name: [
            f"Please enter {labels.get(name, name)} again: what is stored belongs to "
            f"{form.place_in_words(secrets[name].bound)} and is not sent anywhere else."
        ]
        for name in sorted(moved)
    }


def _changed(before: Mapping[str, Any], now: Mapping[str, Any], secrets: set[str]) -> tuple[str, ...]:
    fields = {n for n in {*before, *now} if before.get(n) != now.get(n)}
    return tuple(sorted(fields | secrets))
