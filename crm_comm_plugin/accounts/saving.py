"""Saving an account, so that a crash between any two steps leaves it working with the old or the new secrets."""

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import Busy, Change, CommError, Context, Result, SecretsUnavailable, UnknownAccount
from crm_comm_plugin.accounts.form import Form
from crm_comm_plugin.accounts.loading import NAME, Loaded, load
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.words import Words
from crm_comm_plugin.domain.accounts import SecretRef, StoredAccount, name_key
from crm_comm_plugin.domain.ports import NameTaken, StaleVersion

OVERWRITE = "*"
_ATTEMPTS = 5
TAKEN = "Another account has this name. Please choose another one."
_SIGN_IN = frozenset({"user", "sign_in"})


class Saver:
    """New secrets are written under new references, then the row that points to them, then the old ones go."""

    def __init__(self, parts: AccountParts) -> None:
        self._parts = parts

    def save(self, context: Context, editor: str, id: str, values: Any, version: str) -> Result:
        """Validate and store; the user's mistakes come back in the Result.

        Overwriting on purpose starts again from what is stored now: what this form leaves alone may just have changed.
        """
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(StaleVersion):
                return self._saved(context, editor, id, values, version)
        raise Busy("Others keep changing this account.")

    def _saved(self, context: Context, editor: str, id: str, values: Any, version: str) -> Result:
        stored = self._parts.store.find(id) if id else None
        if id and stored is None:
            return self._gone(context, id)
        if stored is not None and stored.type != editor:
            raise UnknownAccount("This account is of another kind.", hint="Open it with its own editor.")
        if stored is not None and version not in (OVERWRITE, str(stored.version)):
            return self._conflict(context, stored, version)
        form = self._form(editor, stored, values)
        loaded = load(form, stored, values)
        if NAME not in loaded.errors and self._taken(loaded.name, id):
            loaded.errors[NAME] = [TAKEN]
        if loaded.errors:
            return Result(ok=False, level="bad", message="Nothing was saved yet.", errors=loaded.errors)
        if stored is not None and not loaded.changed:
            return self._done(form, stored.id, loaded)
        return self._store(context, form, stored, loaded, version)

    def _form(self, editor: str, stored: StoredAccount | None, values: Any) -> Form:
        known: dict[str, Any] = dict(stored.values) if stored is not None else {}
        return self._parts.forms.form(editor, {**known, **values} if isinstance(values, Mapping) else known)

    def _taken(self, name: str, id: str) -> bool:
        return self._parts.store.name_owner(name_key(name)) not in ("", id)

    def _store(
        self, context: Context, form: Form, stored: StoredAccount | None, loaded: Loaded, version: str
    ) -> Result:
        account = self._account(context, form, stored, loaded)
        written: dict[str, SecretRef] = {}
        try:
            for field, secret in loaded.typed.items():
                ref = self._parts.secrets.write(account.id, field, secret)
                written[field] = SecretRef(ref=ref, set_at=account.updated_at, bound=form.place(loaded.values))
        except SecretsUnavailable as error:
            self._forget(written)
            text = f"{error.message} {error.hint}"
            return Result(ok=False, level="bad", message=text, errors={field: [text] for field in loaded.typed})
        account = replace(account, secrets={**account.secrets, **written})
        try:
            self._commit(form, stored, account, loaded)
        except (NameTaken, StaleVersion, UnknownAccount) as refused:
            # Nothing points to them; after any other error the row may be there, so `sweep` looks.
            self._forget(written)
            return self._refused(context, refused, account.id, version)
        if stored is not None:
            self._forget({field: ref for field, ref in stored.secrets.items() if account.secrets.get(field) != ref})
        kind = "created" if stored is None else "changed"
        self._parts.events.account_changed(
            Change(account_id=account.id, kind=kind, fields=loaded.changed, user=context.user, at=account.updated_at)
        )
        return self._done(form, account.id, loaded)

    def _account(self, context: Context, form: Form, stored: StoredAccount | None, loaded: Loaded) -> StoredAccount:
        now = self._parts.clock.now()
        entered: dict[str, Any] = {
            "name": loaded.name,
            "active": loaded.active,
            "sender": form.sender(loaded.values),
            "values": loaded.values,
            "updated_at": now,
            "updated_by": context.user,
        }
        if stored is not None:
            kept = {field: ref for field, ref in stored.secrets.items() if field in loaded.kept}
            return replace(stored, **entered, secrets=kept)
        return StoredAccount(
            id=uuid.uuid4().hex,
            type=form.type.key,
            channel=form.type.channel,
            status=form.status(loaded.values, bool(loaded.typed)),
            created_at=now,
            created_by=context.user,
            **entered,
        )

    def _commit(self, form: Form, stored: StoredAccount | None, account: StoredAccount, loaded: Loaded) -> None:
        if stored is None:
            self._parts.store.insert(account)
            return
        matters = form.secrets | _SIGN_IN | set(form.schema.binding_fields())
        status = form.status(loaded.values, bool(account.secrets)) if matters & set(loaded.changed) else ""
        self._parts.store.update(account, stored.version, loaded.changed, status=status)

    def _refused(self, context: Context, refused: Exception, id: str, version: str) -> Result:
        if isinstance(refused, NameTaken):
            return Result(ok=False, level="bad", message="Nothing was saved yet.", errors={NAME: [TAKEN]})
        if isinstance(refused, StaleVersion):
            if version == OVERWRITE:
                raise refused
            return self._conflict(context, refused.current, version)
        return self._gone(context, id)

    def _forget(self, refs: Mapping[str, SecretRef]) -> None:
        for ref in refs.values():
            with contextlib.suppress(CommError):  # `sweep` finds what could not be removed now
                self._parts.secrets.remove(ref.ref)

    def _done(self, form: Form, id: str, loaded: Loaded) -> Result:
        hints = form.warnings(loaded.values)
        return Result(ok=True, level="ok", message="Saved.", id=id, refresh=True, hints=hints)

    def _conflict(self, context: Context, current: StoredAccount, version: str) -> Result:
        words = Words(context, self._parts.clock.now())
        what = self._what_changed(current, version)
        text = (
            f"{current.updated_by or 'Somebody'} changed this account in between ({words.moment(current.updated_at)}"
            f"{': ' + what if what else ''}). Nothing was saved. Reload to see it, or overwrite it."
        )
        return Result(ok=False, conflict=True, level="warn", message=text, id=current.id)

    def _what_changed(self, current: StoredAccount, version: str) -> str:
        readable = isinstance(version, str) and version.isascii() and version.isdigit() and len(version) < 10
        known = int(version) if readable else current.version
        steps = self._parts.store.history(current.id, max(0, min(current.version - known, 100)))
        labels = self._parts.forms.form(current.type, current.values).labels()
        names = dict.fromkeys(labels.get(field, field) for entry in steps for field in entry.fields)
        return ", ".join(names)

    def _gone(self, context: Context, id: str) -> Result:
        deleted = self._parts.store.find(id, deleted=True)
        if deleted is None or deleted.deleted_at is None:
            raise UnknownAccount("There is no such account.")
        when = Words(context, self._parts.clock.now()).moment(deleted.deleted_at)
        text = (
            f"{deleted.deleted_by or 'Somebody'} deleted this account in between ({when}). Nothing was saved. "
            "Restore it first, or save it as a new one."
        )
        return Result(ok=False, conflict=True, level="warn", message=text, id=id)
