"""Advice while somebody types: stores nothing, reads no secret, and never takes back what was typed."""

from collections.abc import Mapping
from typing import Any

from crm_comm_hookspecs import Context, Result
from crm_comm_plugin.accounts.form import Errors, Form, Typed
from crm_comm_plugin.accounts.loading import NAME, Loaded, load, stored_values
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.saving import TAKEN
from crm_comm_plugin.domain.accounts import StoredAccount, name_key


class Checker:
    """Answers for the whole form as it stands, so that a host can show the last answer and forget the others."""

    def __init__(self, parts: AccountParts) -> None:
        self._parts = parts

    def check(self, context: Context, editor: str, id: str, values: Any, changed: str) -> Result:
        """Hints, errors of fields that are filled in, and suggestions that follow from the last change."""
        stored = self._parts.store.find(id) if id else None
        if stored is not None and stored.type != editor:
            stored = None
        posted = values if isinstance(values, Mapping) else {}
        known: dict[str, Any] = dict(stored.values) if stored is not None else {}
        form = self._parts.forms.form(editor, {**known, **posted})
        before = stored_values(form, stored)
        loaded = load(form, stored, values)
        merged = {**dict.fromkeys(form.names), **form.defaults(context), **before, **posted}
        advice = form.advise(
            Typed(
                context=context,
                values={n: _plain(v) for n, v in merged.items() if n in form.names},
                before=before,
                changed=changed if isinstance(changed, str) else "",
                typed=frozenset(n for n in posted if isinstance(n, str)),
            )
        )
        hints = self._with_limit(stored, advice.hints)
        errors = _filled_in(form, loaded, posted) | advice.errors
        if self._taken(loaded, stored):
            errors[NAME] = [TAKEN]
        return Result(ok=not errors, errors=errors, hints=hints, values=advice.values)

    def _with_limit(self, stored: StoredAccount | None, hints: Errors) -> Errors:
        """What the provider's own stops say about the count that is set."""
        stopped = self._parts.limiter.hints([stored]) if stored is not None else {}
        if stored is None or stored.id not in stopped:
            return hints
        text = (
            f"The provider stopped this account again and again, last at {stopped[stored.id]} recipients. "
            "Lower the count to that, so that campaigns know before they start."
        )
        return {**hints, "limitation_count": [text, *hints.get("limitation_count", [])]}

    def _taken(self, loaded: Loaded, stored: StoredAccount | None) -> bool:
        if NAME in loaded.errors or not loaded.name:
            return False
        return self._parts.store.name_owner(name_key(loaded.name)) not in ("", stored.id if stored is not None else "")


def _filled_in(form: Form, loaded: Loaded, posted: Mapping[Any, Any]) -> Errors:
    """Errors that somebody can see the reason of; an empty field is no mistake yet."""

    def visible(name: str) -> bool:
        value = posted.get(name)
        empty = value is None or (isinstance(value, str) and not value.strip())
        return not empty or name not in form.names or name in loaded.moved

    return {name: texts for name, texts in loaded.errors.items() if visible(name)}


def _plain(value: Any) -> Any:
    """What can be written as text without harm."""
    return value if isinstance(value, str | bool | float) or (isinstance(value, int) and abs(value) < 10**15) else None
