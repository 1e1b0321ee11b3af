"""Actions: the toolbar's on accounts, the editors' on what is typed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from crm_comm_hookspecs import (
    Account,
    Confirm,
    Context,
    InvalidInput,
    Result,
    SecretsUnavailable,
    TransportError,
    UnknownAccount,
    UnknownAction,
    Unsupported,
)
from crm_comm_plugin.accounts.diagnosing import diagnosed, in_words, lost_in_words, status_after
from crm_comm_plugin.accounts.email_form import SIGN_IN, TEST, EmailForm
from crm_comm_plugin.accounts.form import Errors, Form
from crm_comm_plugin.accounts.loading import ACTIVE, NAME, Loaded, load, stored_values
from crm_comm_plugin.accounts.opening import Opener
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.sms_form import CAPABILITIES, PURCHASE, REFRESH, SmsForm
from crm_comm_plugin.domain.accounts import Status, StoredAccount

_BESIDE = frozenset({NAME, ACTIVE, "limitation", "limitation_count"})
"""Fields that an action on unsaved values does not look at: a test needs no name."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An account as it would be if it were saved now. account.id is "" before the first save."""

    form: Form
    stored: StoredAccount | None
    account: Account
    loaded: Loaded
    secrets: Mapping[str, str]

    @property
    def is_as_stored(self) -> bool:
        """True when an answer about it is one about the stored account."""
        return self.stored is not None and not self.loaded.typed and not set(self.loaded.changed) - _BESIDE


class Refused(Exception):
    """Typed values that nothing can be done with; result says why."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.message)
        self.result = result


class Actor:
    """Runs actions and asks before those that spend money."""

    def __init__(self, parts: AccountParts, opener: Opener) -> None:
        self._parts = parts
        self._opener = opener

    def test(self, context: Context, ids: Sequence[str]) -> Result:
        """Test one stored account, and remember how it went."""
        account = self._one(ids)
        form = self._opener.form_of(account)
        try:
            secrets = self._opener.secrets_of(account)
        except TransportError as error:
            return lost_in_words(error, form)
        except SecretsUnavailable as error:
            return _unavailable(error)
        now = self._parts.clock.now()
        diagnosis = diagnosed(form, account.shown(now), stored_values(form, account), secrets)
        self._remember(account, status_after(form, diagnosis))
        return replace(in_words(form, diagnosis), refresh=True)

    def refresh(self, context: Context, ids: Sequence[str]) -> Result:
        """Read the credits of one stored account."""
        account = self._one(ids)
        try:
            draft = self._draft(context, account.type, account.id, {}, REFRESH.name)
        except Refused as refused:
            return refused.result
        return replace(self._credits(context, REFRESH.name, draft, ""), refresh=True)

    def _one(self, ids: Sequence[str]) -> StoredAccount:
        if len(ids) != 1:
            raise InvalidInput("This works on one account at a time.", hint="Pass exactly one id.")
        return self._opener.find(ids[0])

    def _remember(self, account: StoredAccount, seen: tuple[str, str] | None) -> None:
        if seen is None or (seen[0] == Status.CONNECTED and account.state(self._parts.clock.now()) == Status.PAUSED):
            return  # signing in does not end a provider's pause
        self._opener.set_status(account.id, *seen)

    def run(self, context: Context, action: str, ids: Sequence[str], editor: str, values: Any, token: str) -> Result:
        """An editor's own action on its unsaved values; ids: the stored record they belong to, if any."""
        if len(ids) > 1:
            raise InvalidInput("An editor's action works on one account.", hint="Pass its id, or none.")
        signing_in = action.startswith(SIGN_IN) and isinstance(self._parts.forms.form(editor), EmailForm)
        if signing_in and isinstance(values, Mapping):
            values = {**values, "sign_in": "oauth"}
        try:
            draft = self._draft(context, editor, ids[0] if ids else "", values, action)
        except Refused as refused:
            return refused.result
        if signing_in:
            return self._sign_in(context, action, draft)
        if isinstance(draft.form, SmsForm):
            return self._credits(context, action, draft, token)
        if action == TEST.name and draft.form.type.run is None:
            diagnosis = diagnosed(draft.form, draft.account, draft.loaded.values, draft.secrets)
            if draft.stored is not None and draft.is_as_stored:
                self._remember(draft.stored, status_after(draft.form, diagnosis))
            return in_words(draft.form, diagnosis)
        return self._foreign(context, action, draft)

    def _sign_in(self, context: Context, action: str, draft: Draft) -> Result:
        """Open the page of the provider that the form's server belongs to."""
        desk, values = self._parts.oauth, draft.form.for_transport(draft.loaded.values)
        provider = desk.provider_for(values) if desk is not None else None
        if desk is None or provider is None or action != SIGN_IN + provider[0]:
            text = "This server does not take that sign-in. Choose another server, or another way to sign in."
            return Result(ok=False, level="bad", message=text, errors={"sign_in": [text]})
        began = desk.begin(context, draft.stored, values)
        return self.safe(replace(began, values={"sign_in": "oauth"}) if began.ok else began)

    def confirm(self, context: Context, action: str, ids: Sequence[str], editor: str, values: Any) -> Confirm | None:
        """The question before an editor's action."""
        if action not in CAPABILITIES:
            return self.declared(context, action, editor)
        if self._parts.credits is None:
            return None
        try:
            draft = self._draft(context, editor, ids[0] if ids else "", values, action)
        except Refused:
            return None  # `run` says what is wrong
        values = draft.form.for_transport(draft.loaded.values)
        return self._parts.credits.confirm(context, action, draft.account, values, draft.secrets)

    def declared(self, context: Context, action: str, editor: str) -> Confirm | None:
        """The plain question of a declared action."""
        actions = self._parts.forms.form(editor).actions(context)
        return next((found.confirm for found in actions if found.name == action), None)

    def _draft(self, context: Context, editor: str, id: str, values: Any, action: str) -> Draft:
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
                raise Refused(_unavailable(error)) from error
            if secret is None:
                missing[field] = ["What was stored here is no longer in the keyring. Please enter it again."]
            else:
                found[field] = secret
        if missing:
            raise Refused(Result(ok=False, level="bad", message="A secret is missing.", errors=missing))
        return found

    def _credits(self, context: Context, action: str, draft: Draft, token: str) -> Result:
        gateway = draft.form.gateway(draft.loaded.values) if isinstance(draft.form, SmsForm) else None
        if gateway is None or self._parts.credits is None or CAPABILITIES[action] not in gateway.capabilities:
            name = gateway.label if gateway is not None else draft.form.title
            raise Unsupported(f"{name} cannot do this: {action}.")
        values = draft.form.for_transport(draft.loaded.values)
        return self.safe(self._parts.credits.run(context, action, draft.account, values, draft.secrets, token))

    def _foreign(self, context: Context, action: str, draft: Draft) -> Result:
        run = draft.form.type.run
        if run is None:
            raise UnknownAction(f"Nobody answers for the action {action!r}.")
        try:
            result: object = run(context, action, draft.account, draft.loaded.values, draft.secrets)
        except SecretsUnavailable as error:
            return _unavailable(error)
        except TransportError as error:
            return Result(ok=False, level="bad", message=f"{error.message} {error.hint}")
        except Exception as error:  # noqa: BLE001 - a foreign action stays with its plugin
            _log.error(
                "Action %r of account type %r failed with %s.", action, draft.form.type.key, type(error).__name__
            )
            result = None
        if not isinstance(result, Result):
            return Result(ok=False, level="bad", message="This action is broken. Please tell whoever made its plugin.")
        return self.safe(result)

    def safe(self, result: Result) -> Result:
        """Only https pages are opened; in the sandbox also those of this machine."""
        if not result.open_url:
            return result
        parts = urlsplit(result.open_url)
        if parts.scheme == "https" and parts.hostname:
            return result
        if self._parts.sandbox and parts.scheme == "http" and parts.hostname in _LOOPBACK:
            return result
        text = "The page that was to be opened is not a safe one (https). Please tell whoever runs this service."
        return replace(result, open_url="", ok=False, level="bad", message=text)


def _unavailable(error: SecretsUnavailable) -> Result:
    return Result(ok=False, level="bad", message=f"{error.message} {error.hint}")
