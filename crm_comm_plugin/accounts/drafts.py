"""Typed values as the account that they would make: what actions on a form that is not saved yet work with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_comm_hookspecs import Account, Result, SecretsUnavailable, UnknownAccount
from crm_comm_plugin.accounts.form import Errors, Form
from crm_comm_plugin.accounts.loading import ACTIVE, NAME, Loaded, line_values, load
from crm_comm_plugin.accounts.opening import Opener
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.sms_form import PURCHASE
from crm_comm_plugin.domain.accounts import Status, StoredAccount

_BESIDE = frozenset({NAME, ACTIVE, "limitation", "limitation_count"})
"""Fields that an action on unsaved values does not look at: a test needs no name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An account as it would be if it were saved now. account.id is "" before the first save."""

    form: Form
    stored: StoredAccount | None
    account: Account
    loaded: Loaded
    secrets: Mapping[str, str]

    @property
    def values(self) -> dict[str, Any]:
        """What a line gets of it, the same as it gets of a stored account."""
        return {NAME: self.loaded.name, ACTIVE: self.loaded.active, **self.loaded.values}

    @property
    def is_as_stored(self) -> bool:
        """True when an answer about it is one about the stored account."""
        return self.stored is not None and not self.loaded.typed and not set(self.loaded.changed) - _BESIDE

    @property
    def signs_in_as_stored(self) -> bool:
        """True when its secrets go where the stored ones do: what is told then is about the stored account."""
        if self.stored is None or self.loaded.typed:
            return False
        before = line_values(self.form, self.stored)
        return self.form.place(self.loaded.values) == self.form.place(before)


class Refused(Exception):
    """Typed values that nothing can be done with; result says why."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.message)
        self.result = result


class Drafts:
    """Makes drafts, with the stored secrets where they still belong."""

    def __init__(self, parts: AccountParts, opener: Opener) -> None:
        self._parts = parts
        self._opener = opener

    def make(self, editor: str, id: str, values: Any, action: str) -> Draft:
        """The draft of typed values. id: the stored account they belong to, or ""; raises Refused, UnknownAccount."""
        stored = self._opener.find(id) if id else None
        if stored is not None and stored.type != editor:
            raise UnknownAccount("This account is of another kind.", hint="Use its own editor.")
        known: dict[str, Any] = dict(stored.values) if stored is not None else {}
        form = self._parts.forms.form(editor, {**known, **values} if isinstance(values, Mapping) else known)
        loaded = load(form, stored, values)
        buying = action == PURCHASE.name  # the code that a purchase gives replaces one that belongs elsewhere
        errors = {n: e for n, e in loaded.errors.items() if n not in _BESIDE and not (buying and n in loaded.moved)}
        if errors:
            text = "Please check what is marked first."
            raise Refused(Result(ok=False, level="bad", message=text, errors=errors))
        now = self._parts.clock.now()
        account = Account(
            id=stored.id if stored is not None else "",
            name=loaded.name,
            type=form.type.key,
            channel=form.type.channel,
            active=loaded.active,
            sender=form.sender(loaded.values),
            status=stored.state(now) if stored is not None else Status.UNTESTED,
        )
        return Draft(
            form=form, stored=stored, account=account, loaded=loaded, secrets=self._secrets(form, stored, loaded)
        )

    def _secrets(self, form: Form, stored: StoredAccount | None, loaded: Loaded) -> dict[str, str]:
        found = dict(loaded.typed)
        missing: Errors = {}
        for field in loaded.kept if stored is not None else ():
            try:
                secret = self._parts.secrets.read(stored.secrets[field].ref) if stored is not None else None
            except SecretsUnavailable as error:
                raise Refused(unavailable(error)) from error
            if secret is None:
                missing[field] = ["What was stored here is no longer in the keyring. Please enter it again."]
            else:
                found[field] = secret
        if missing:
            raise Refused(Result(ok=False, level="bad", message="A secret is missing.", errors=missing))
        return found


def unavailable(error: SecretsUnavailable) -> Result:
    """The keyring cannot be used now."""
    return Result(ok=False, level="bad", message=f"{error.message} {error.hint}")
