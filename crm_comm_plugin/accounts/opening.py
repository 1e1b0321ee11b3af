"""The AccountOpener port: an account, its secrets where they belong, a line to send through."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from crm_comm_hookspecs import (
    Account,
    AccountType,
    Change,
    CommError,
    Reason,
    Transport,
    TransportError,
    UnknownAccount,
)
from crm_comm_plugin.accounts.form import Form
from crm_comm_plugin.accounts.forms import Forms
from crm_comm_plugin.accounts.loading import line_values
from crm_comm_plugin.domain.accounts import Status, StoredAccount
from crm_comm_plugin.domain.hushed import Hush, HushedTransport
from crm_comm_plugin.domain.ports import AccountStore, Clock, Events, SecretStore

LOST = "secret_missing"
_log = logging.getLogger(__name__)


class Opener:
    """Opens accounts for sending, tests and credits."""

    def __init__(
        self, *, store: AccountStore, secrets: SecretStore, forms: Forms, events: Events, clock: Clock
    ) -> None:
        self._store, self._secrets, self._forms, self._events, self._clock = store, secrets, forms, events, clock

    def find(self, account_id: str) -> StoredAccount:
        """One account; raises UnknownAccount, also for a deleted one."""
        account = self._store.find(account_id)
        if account is None:
            raise UnknownAccount("There is no such account.")
        return account

    def form_of(self, account: StoredAccount) -> Form:
        """Its form; raises UnknownEditor when its plugin is gone."""
        return self._forms.form(account.type, account.values)

    def type_of(self, account: StoredAccount) -> AccountType:
        """Its type; raises UnknownEditor when its plugin is gone."""
        return self.form_of(account).type

    def values_of(self, account: StoredAccount) -> Mapping[str, Any]:
        """All values without secrets, as `connect` gets them."""
        form = self.form_of(account)
        return form.for_transport(line_values(form, account))

    def secrets_of(self, account: StoredAccount) -> Mapping[str, str]:
        """Its secrets by field; see the port."""
        form = self.form_of(account)
        values = line_values(form, account)
        if missing := form.missing(values):  # else its secrets would seem to belong elsewhere
            raise TransportError(missing, hint="Install its plugin again, or choose another one in the editor.")
        found: dict[str, str] = {}
        for field, ref in account.secrets.items():
            if not form.same_place(ref.bound, values):
                where = form.place_in_words(ref.bound)
                raise self._lost(account, form, field, f"belongs to {where} and is not sent anywhere else.")
            secret = self._secrets.read(ref.ref)
            if secret is None:
                raise self._lost(account, form, field, "is no longer in the keyring.")
            found[field] = secret
        return found

    def _lost(self, account: StoredAccount, form: Form, field: str, what: str) -> TransportError:
        text = f"{form.labels().get(field, field)} {what}"
        hint = "Open the account in its editor and enter it again."
        current = self._store.find(account.id)
        if current is not None and current.secrets.get(field) == account.secrets.get(field):
            self.set_status(account.id, Status.SECRET_MISSING, f"{text} {hint}")
        return TransportError(text, reason=Reason.AUTH, retryable=False, hint=hint, code=LOST)

    def connect(self, account: StoredAccount) -> Transport:
        """A line of its own, not yet connected. Secrets and values are of one version, also while somebody saves."""
        try:
            return self._connect(account)
        except TransportError as error:
            current = self._store.find(account.id) if error.code == LOST else None
            if current is None or current.version == account.version:
                raise
            return self._connect(current)

    def _connect(self, account: StoredAccount) -> Transport:
        secrets = self.secrets_of(account)
        return connected(self.form_of(account), account.shown(self._clock.now()), self.values_of(account), secrets)

    def set_status(self, account_id: str, status: str, detail: str = "", until: datetime | None = None) -> None:
        """What was seen of the account; tells others when it is another status than before."""
        if self._store.set_status(account_id, status, detail, until):
            now = self._clock.now()
            self._events.account_changed(
                Change(account_id=account_id, kind="status", fields=("status",), user="", at=now)
            )

    def tested(self, account: StoredAccount, found: tuple[str, str] | None) -> None:
        """Keep what a test of the stored account showed: (status, detail), or None for nothing."""
        if found is None or (found[0] == Status.CONNECTED and account.state(self._clock.now()) == Status.PAUSED):
            return  # signing in does not end a provider's pause
        self.set_status(account.id, *found)

    def touch(self, account_id: str) -> None:
        """The account was used now."""
        self._store.touch(account_id, self._clock.now())


def connected(form: Form, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
    """What the type's `connect` answers; a foreign plugin's mistake is a TransportError that names it."""
    try:
        line: object = form.type.connect(account, values, secrets)
    except CommError as error:
        raise (Hush(secrets).error(error) if form.foreign else error) from None
    except Exception as error:
        _log.error("connect of account type %r failed with %s.", form.type.key, type(error).__name__)
        raise broken(form) from error
    if not callable(getattr(line, "deliver", None)):  # found out later, a recipient would count as handed over
        _log.error("connect of account type %r answered %s, no Transport.", form.type.key, type(line).__name__)
        raise broken(form)
    found = cast("Transport", line)
    return HushedTransport(found, secrets) if form.foreign and secrets else found


def broken(form: Form) -> TransportError:
    """Nobody can send with an account whose plugin is broken."""
    return TransportError(
        f"The plugin for {form.type.label} accounts is broken.", hint="Please tell whoever made it; see the log."
    )
