"""Send Me a Test: one short message to whoever asks, with what is typed. The provider counts it, so the limit does."""

import logging
from dataclasses import replace
from datetime import datetime

from crm_comm_hookspecs import (
    CommError,
    Context,
    EmailMessage,
    Outcome,
    Reason,
    Recipient,
    RecipientStatus,
    Result,
    Transport,
    TransportError,
)
from crm_comm_plugin.accounts.diagnosing import close_quietly, diagnosed, in_words, status_after
from crm_comm_plugin.accounts.drafts import Draft
from crm_comm_plugin.accounts.loading import ACTIVE
from crm_comm_plugin.accounts.opening import Opener, connected
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.words import Words
from crm_comm_plugin.domain.accounts import Status
from crm_comm_plugin.domain.addresses import is_address, normalise_address
from crm_comm_plugin.domain.sends import counts_as_used, detail_of

HOLD_SECONDS = 900.0
"""Longer than one message takes with every phase at the time-out that is usual and the line opened once more. With
longer ones the hold may end first: then the message counts at that end."""
_SUBJECT = "Test message"
_TEXT = "This is a test message from your CRM.\n\nIf you can read it, the account it came from can send.\n"
_log = logging.getLogger(__name__)


class Trial:
    """Sends the test: signs in first, so that a mistake is named step by step, and charges before it sends."""

    def __init__(self, parts: AccountParts, opener: Opener) -> None:
        self._parts = parts
        self._opener = opener

    def run(self, context: Context, draft: Draft) -> Result:
        """One message to whoever asks; the answer says where it went."""
        if not draft.account.active:
            return _bad("The account is switched off. Switch it on to send.", ACTIVE)
        address = next((who for who in (context.user, draft.account.sender) if is_address(who)), "")
        if not address:
            return _bad("Enter the sender's address: the test message goes there.", "sender")
        diagnosis = diagnosed(draft.form, draft.account, draft.values, draft.secrets)
        if draft.stored is not None and draft.is_as_stored:
            self._opener.tested(draft.stored, status_after(draft.form, diagnosis))
        if not diagnosis.ok:
            told = in_words(draft.form, diagnosis)
            return replace(told, message=f"Nothing was sent. {told.message}")
        try:
            return self._charged(context, draft, normalise_address(address))
        except TransportError as error:
            return _bad(f"Nothing was sent. {error.message} {error.hint}".strip())

    def _charged(self, context: Context, draft: Draft, address: str) -> Result:
        """Send under a hold of one. An account that is not stored yet has no ledger."""
        if draft.stored is None:
            return self._told(draft, _sent(draft, address), address)
        limiter = self._parts.limiter
        hold = limiter.reserve(replace(draft.stored, active=True), 1, "", HOLD_SECONDS)
        if not hold.granted:
            return self._full(context, hold.retry_at)
        used = 1  # whatever is raised on the way, the message may have left
        try:
            outcome = _sent(draft, address)
            used = int(counts_as_used(outcome))
        except TransportError:
            used = 0
            raise
        finally:
            limiter.settle(hold.id, used)
        return self._told(draft, outcome, address)

    def _full(self, context: Context, retry_at: datetime | None) -> Result:
        text = "Nothing was sent: the send limit of the account is reached."
        if retry_at is not None:
            text += f" The test can go at {Words(context, self._parts.clock.now()).moment(retry_at)}."
        return _bad(text)

    def _told(self, draft: Draft, outcome: Outcome, address: str) -> Result:
        if draft.stored is not None and draft.is_as_stored:
            self._learn(draft, outcome)
        if outcome.status is RecipientStatus.SENT:
            text = f"A test message went to {address}. Look there, also among the spam."
            return Result(message=text, level="ok")
        detail = detail_of(outcome.status, outcome.reason, outcome.detail)
        if outcome.status is RecipientStatus.UNKNOWN:
            text = f"Look into the mailbox of {address} before you try again. {detail}"
            return Result(ok=False, level="warn", message=text, errors={"": [text]})
        return _bad(f"The test message to {address} was not sent. {detail}")

    def _learn(self, draft: Draft, outcome: Outcome) -> None:
        """What a send would have learnt of the account from the same answer."""
        account = draft.stored
        if account is None:
            return
        if counts_as_used(outcome):
            self._opener.touch(account.id)
        detail = detail_of(outcome.status, outcome.reason, outcome.detail)
        if outcome.reason == Reason.PROVIDER_LIMIT:
            until = self._parts.limiter.provider_limit(account, outcome.retry_at, detail)
            self._opener.set_status(account.id, Status.PAUSED, detail, until)
        elif outcome.reason == Reason.AUTH:
            self._opener.set_status(account.id, Status.AUTH_FAILED, detail)


def _sent(draft: Draft, address: str) -> Outcome:
    """What became of the message; raises TransportError where no line could be had."""
    form, recipient = draft.form, Recipient(address)
    line = connected(form, draft.account, form.for_transport(draft.values), draft.secrets)
    try:
        return _answered(line, recipient)
    finally:
        close_quietly(line)


def _answered(line: Transport, recipient: Recipient) -> Outcome:
    """Heard to the end: a line that is left in the middle is not used for a goodbye."""
    message = EmailMessage(subject=_SUBJECT, text=_TEXT)
    found = Outcome(recipient=recipient, status=RecipientStatus.UNKNOWN)
    try:
        for outcome in line.deliver([(recipient, message)]):
            if isinstance(outcome, Outcome):
                found = outcome
    except CommError as error:
        _log.warning("A test message failed with %s.", error.code or type(error).__name__)
    return found


def _bad(text: str, field: str = "") -> Result:
    return Result(ok=False, level="bad", message=text, errors={field: [text]})
