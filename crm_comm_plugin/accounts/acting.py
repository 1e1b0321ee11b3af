"""Actions: the toolbar's on accounts, the editors' on what is typed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import (
    Confirm,
    Context,
    InvalidInput,
    Result,
    SecretsUnavailable,
    TransportError,
    UnknownAction,
    Unsupported,
)
from crm_comm_plugin.accounts.diagnosing import diagnosed, in_words, lost_in_words, status_after
from crm_comm_plugin.accounts.drafts import Draft, Drafts, Refused, unavailable
from crm_comm_plugin.accounts.email_form import SEND_TEST, SIGN_IN, TEST, EmailForm
from crm_comm_plugin.accounts.loading import line_values
from crm_comm_plugin.accounts.opening import Opener
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.sms_form import CAPABILITIES, PURCHASE, REFRESH, SmsForm
from crm_comm_plugin.accounts.trial import Trial
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.hushed import Hush
from crm_comm_plugin.domain.pages import may_open

_log = logging.getLogger(__name__)


class Actor:
    """Runs actions and asks before those that spend money."""

    def __init__(self, parts: AccountParts, opener: Opener) -> None:
        self._parts = parts
        self._opener = opener
        self._drafts = Drafts(parts, opener)
        self._trial = Trial(parts, opener)

    def test(self, context: Context, ids: Sequence[str]) -> Result:
        """Test one stored account, and remember how it went."""
        account = self._one(ids)
        form = self._opener.form_of(account)
        try:
            secrets = self._opener.secrets_of(account)
        except TransportError as error:
            return lost_in_words(error, form)
        except SecretsUnavailable as error:
            return unavailable(error)
        now = self._parts.clock.now()
        diagnosis = diagnosed(form, account.shown(now), line_values(form, account), secrets)
        self._opener.tested(account, status_after(form, diagnosis))
        return replace(in_words(form, diagnosis), refresh=True)

    def refresh(self, context: Context, ids: Sequence[str]) -> Result:
        """Read the credits of one stored account."""
        account = self._one(ids)
        if not isinstance(self._opener.form_of(account), SmsForm):
            text = f"“{account.name}” has no credits to read. Choose an SMS account."
            return Result(ok=False, level="warn", message=text)
        try:
            draft = self._drafts.make(account.type, account.id, {}, REFRESH.name)
        except Refused as refused:
            return refused.result
        return replace(self._credits(context, REFRESH.name, draft, ""), refresh=True)

    def _one(self, ids: Sequence[str]) -> StoredAccount:
        if len(ids) != 1:
            raise InvalidInput("This works on one account at a time.", hint="Pass exactly one id.")
        return self._opener.find(ids[0])

    def run(self, context: Context, action: str, ids: Sequence[str], editor: str, values: Any, token: str) -> Result:
        """An editor's own action on its unsaved values; ids: the stored record they belong to, if any."""
        if len(ids) > 1:
            raise InvalidInput("An editor's action works on one account.", hint="Pass its id, or none.")
        signing_in = action.startswith(SIGN_IN) and isinstance(self._parts.forms.form(editor), EmailForm)
        if signing_in and isinstance(values, Mapping):
            values = {**values, "sign_in": "oauth"}
        try:
            draft = self._drafts.make(editor, ids[0] if ids else "", values, action)
        except Refused as refused:
            return refused.result
        if signing_in:
            return self._sign_in(context, action, draft)
        if isinstance(draft.form, SmsForm):
            return self._credits(context, action, draft, token)
        if action == TEST.name and draft.form.type.run is None:
            diagnosis = diagnosed(draft.form, draft.account, draft.values, draft.secrets)
            if draft.stored is not None and draft.is_as_stored:
                self._opener.tested(draft.stored, status_after(draft.form, diagnosis))
            return in_words(draft.form, diagnosis)
        if action == SEND_TEST.name and draft.form.type.run is None:
            return self._trial.run(context, draft)
        return self._foreign(context, action, draft)

    def _sign_in(self, context: Context, action: str, draft: Draft) -> Result:
        """Open the page of the provider that the form's server belongs to."""
        desk, values = self._parts.oauth, draft.form.for_transport(draft.values)
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
            draft = self._drafts.make(editor, ids[0] if ids else "", values, action)
        except Refused:
            return None  # `run` says what is wrong
        values = draft.form.for_transport(draft.values)
        return self._parts.credits.confirm(context, action, draft.account, values, draft.secrets)

    def declared(self, context: Context, action: str, editor: str) -> Confirm | None:
        """The plain question of a declared action."""
        actions = self._parts.forms.form(editor).actions(context)
        return next((found.confirm for found in actions if found.name == action), None)

    def _credits(self, context: Context, action: str, draft: Draft, token: str) -> Result:
        gateway = draft.form.gateway(draft.values) if isinstance(draft.form, SmsForm) else None
        if gateway is None or self._parts.credits is None or CAPABILITIES[action] not in gateway.capabilities:
            name = gateway.label if gateway is not None else draft.form.title
            raise Unsupported(f"{name} cannot do this: {action}.")
        values = draft.form.for_transport(draft.values)
        own = action == PURCHASE.name or draft.signs_in_as_stored
        account = draft.account if own else replace(draft.account, id="")
        return self.safe(self._parts.credits.run(context, action, account, values, draft.secrets, token))

    def _foreign(self, context: Context, action: str, draft: Draft) -> Result:
        run = draft.form.type.run
        if run is None:
            raise UnknownAction(f"Nobody answers for the action {action!r}.")
        try:
            result = Hush(draft.secrets).result(run(context, action, draft.account, draft.values, draft.secrets))
        except SecretsUnavailable as error:
            return unavailable(error)
        except TransportError as error:
            hushed = Hush(draft.secrets).error(error)
            return Result(ok=False, level="bad", message=f"{hushed.message} {hushed.hint}")
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
        if not result.open_url or may_open(result.open_url, self._parts.sandbox):
            return result
        text = "The page that was to be opened is not a safe one (https). Please tell whoever runs this service."
        return replace(result, open_url="", ok=False, level="bad", message=text)
