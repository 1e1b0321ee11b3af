"""Accounts: the one door to everything that people and other plugins do with accounts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm_comm_hookspecs import (
    Account,
    Confirm,
    Context,
    Editor,
    InvalidInput,
    Option,
    Page,
    Query,
    Record,
    Result,
    UnknownAccount,
    UnknownAction,
    Viewer,
)
from crm_comm_plugin.accounts.acting import Actor
from crm_comm_plugin.accounts.checking import Checker
from crm_comm_plugin.accounts.countries import SOURCE, Countries
from crm_comm_plugin.accounts.forms import Forms
from crm_comm_plugin.accounts.loading import stored_values
from crm_comm_plugin.accounts.opening import Opener
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.removing import Remover
from crm_comm_plugin.accounts.reopening import ACTION as REOPEN
from crm_comm_plugin.accounts.reopening import Reopener
from crm_comm_plugin.accounts.saving import Saver
from crm_comm_plugin.accounts.viewing import Listing
from crm_comm_plugin.accounts.words import Words
from crm_comm_plugin.domain.accounts import Status
from crm_comm_plugin.domain.ports import AccountStore, Clock, Events, Limiter, Registry, SecretStore
from crm_comm_plugin.domain.ports.credits import CreditsDesk
from crm_comm_plugin.domain.ports.discovery import MailDiscovery
from crm_comm_plugin.domain.ports.oauth import OAuthDesk

_UNUSABLE = frozenset({Status.INACTIVE, Status.AUTH_FAILED, Status.SECRET_MISSING})
"""States in which a person must do something before anything can be sent."""

Act = Callable[[Context, Sequence[str]], Result]


class Accounts:
    """Use-cases of accounts. Permissions are checked by the caller; what a person may not do is left out of lists.

    credits: None where nothing sells any. sandbox: pages of this machine may be opened by http.
    """

    def __init__(
        self,
        *,
        store: AccountStore,
        secrets: SecretStore,
        registry: Registry,
        limiter: Limiter,
        events: Events,
        clock: Clock,
        credits: CreditsDesk | None = None,
        sandbox: bool = False,
        oauth: OAuthDesk | None = None,
        discovery: MailDiscovery | None = None,
    ) -> None:
        self._parts = parts = AccountParts(
            store=store,
            secrets=secrets,
            forms=Forms(registry, credits, oauth, discovery),
            events=events,
            clock=clock,
            limiter=limiter,
            credits=credits,
            sandbox=sandbox,
            oauth=oauth,
        )
        self.opener = Opener(store=store, secrets=secrets, forms=parts.forms, events=events, clock=clock)
        self._listing, self._saver, self._checker = Listing(parts), Saver(parts), Checker(parts)
        self._remover, self._actor = Remover(parts), Actor(parts, self.opener)
        self._reopener = Reopener(parts, self.opener)
        self._countries, self._toolbar = Countries(), _toolbar(self._remover, self._actor, self._reopener)

    def viewer(self, context: Context) -> Viewer:
        """The list `accounts`."""
        return self._listing.viewer(context)

    def list_rows(self, context: Context, query: Query) -> Page:
        """One page of it. Raises InvalidInput."""
        return self._listing.rows(context, query)

    def editors(self, context: Context) -> tuple[Editor, ...]:
        """The forms of all account types, ours first."""
        return self._parts.forms.editors(context)

    def serves(self, editor: str) -> bool:
        """True for the editor of a registered account type."""
        return editor in self._parts.forms.types()

    def open_record(self, context: Context, editor: str, id: str) -> Record:
        """What an editor opens with; raises UnknownAccount."""
        if not id:
            return Record(values=self._parts.forms.form(editor).defaults(context))
        account = self.opener.find(id)
        if account.type != editor:
            raise UnknownAccount("This account is of another kind.", hint=f"Open it with the editor {account.type}.")
        form = self.opener.form_of(account)
        words = Words(context, self._parts.clock.now())
        known = {**form.defaults(Context(user="")), **stored_values(form, account)}
        return Record(
            values=known,
            secrets={field: f"set on {words.day(ref.set_at)}" for field, ref in account.secrets.items()},
            version=str(account.version),
            id=account.id,
        )

    def check(self, context: Context, editor: str, id: str, values: Mapping[str, Any], changed: str) -> Result:
        """Advice while somebody types."""
        return self._checker.check(context, editor, id, values, changed)

    def save(self, context: Context, editor: str, id: str, values: Mapping[str, Any], version: str) -> Result:
        """Validate and store."""
        return self._saver.save(context, editor, id, values, version)

    def acts(self, action: str, editor: str) -> bool:
        """True for an action that `run` answers for."""
        return action in self._toolbar or self._is_editors(action, editor)

    def _is_editors(self, action: str, editor: str) -> bool:
        kind = self._parts.forms.types().get(editor)
        if kind is None:
            return False
        own = self._parts.forms.form(editor)
        return any(found.name == action for found in own.every_action())

    def confirm(
        self, context: Context, action: str, ids: Sequence[str], editor: str, values: Mapping[str, Any]
    ) -> Confirm | None:
        """The question before an action, with what is at stake now; None where nothing needs asking."""
        if action == "delete":
            return self._remover.confirm(_ids(ids))
        if action == REOPEN:
            return self._reopener.confirm(context, _ids(ids))
        if self._is_editors(action, editor):
            return self._actor.confirm(context, action, _ids(ids), editor, values)
        return None

    def run(
        self,
        context: Context,
        action: str,
        ids: Sequence[str],
        editor: str,
        values: Mapping[str, Any],
        confirmed: str,
    ) -> Result:
        """Run an editor's action on its unsaved values, or a toolbar action on ids."""
        if editor and self._is_editors(action, editor):
            return self._actor.run(context, action, _ids(ids), editor, values, confirmed)
        act = self._toolbar.get(action)
        if act is None:
            raise UnknownAction(f"There is no action {action!r:.50}.")
        return act(context, _ids(ids))

    def offers(self, source: str) -> bool:
        """True for a source of options that `options` answers for."""
        return source == SOURCE

    def options(self, context: Context, source: str, query: str, limit: int) -> tuple[Option, ...]:
        """Countries that match."""
        return self._countries.options(context, query, limit)

    def accounts(self, channel: str, usable: bool) -> tuple[Account, ...]:
        """Accounts by name. usable: only active ones that need no person before they can send."""
        now = self._parts.clock.now()
        found = (account.shown(now) for account in self._parts.store.all(channel))
        return tuple(account for account in found if not usable or account.status not in _UNUSABLE)

    def sweep(self) -> int:
        """At start: forget what was deleted more than 30 days ago, and secrets nothing points to; how many went."""
        return self._remover.sweep()


def _toolbar(remover: Remover, actor: Actor, reopener: Reopener) -> dict[str, Act]:
    return {
        "delete": remover.delete,
        "undo": remover.undo,
        "restore": remover.restore,
        "test": actor.test,
        "refresh_credits": actor.refresh,
        REOPEN: reopener.reopen,
    }


def _ids(ids: Sequence[str]) -> tuple[str, ...]:
    if isinstance(ids, str) or not all(isinstance(one, str) for one in ids):
        raise InvalidInput("ids must be a list of ids.", hint="Pass the ids of rows, also for one.")
    return tuple(dict.fromkeys(ids))
