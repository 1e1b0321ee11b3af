"""What other plugins ask of sending: the contract's calls, without the context."""

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sized
from contextlib import suppress
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import (
    InvalidInput,
    OutcomePage,
    Prepared,
    Preview,
    Recipient,
    RecipientStatus,
    SendInProgress,
    SendPage,
    SendReport,
)
from crm_comm_hookspecs.messages import Message, MessageSource
from crm_comm_hookspecs.working import OnProgress
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.credits import CreditCheck
from crm_comm_plugin.domain.ports.limits import Limiter
from crm_comm_plugin.domain.ports.opening import AccountOpener
from crm_comm_plugin.domain.ports.sends import OutcomeStore, SendLocks, SendRow, SendStore, UsageStore
from crm_comm_plugin.domain.sends import (
    FINISHED,
    INTERRUPTED,
    RUNNING,
    checked_label,
    checked_number,
    keepable,
    send_id_of,
    without_foreign_words,
)
from crm_comm_plugin.sending import preview
from crm_comm_plugin.sending.books import Books
from crm_comm_plugin.sending.composing import Composer
from crm_comm_plugin.sending.cursors import outcomes_after, outcomes_cursor, sends_after, sends_cursor
from crm_comm_plugin.sending.pace import USUAL_HOLD, HoldTime
from crm_comm_plugin.sending.parts import SendParts
from crm_comm_plugin.sending.reading import Normaliser
from crm_comm_plugin.sending.recovery import take_over
from crm_comm_plugin.sending.run import Run
from crm_comm_plugin.sending.stops import Stops
from crm_comm_plugin.sending.telling import Teller

MOST_SENDS = 1_000
MOST_OUTCOMES = 10_000


class Sending:
    """Sends, and what became of them. Calls block; any thread may call.

    sendable: by account type, whether a message can be sent at all, for `preview`.
    """

    def __init__(
        self,
        *,
        accounts: AccountOpener,
        limiter: Limiter,
        sends: SendStore,
        outcomes: OutcomeStore,
        locks: SendLocks,
        usage: UsageStore,
        clock: Clock,
        credits: CreditCheck | None = None,
        hold: HoldTime = USUAL_HOLD,
        sendable: Mapping[str, Callable[[Message], bool]] | None = None,
    ) -> None:
        self._credits, self._sendable = credits, sendable or {}
        self._parts = SendParts(
            accounts=accounts,
            limiter=limiter,
            sends=sends,
            outcomes=outcomes,
            locks=locks,
            usage=usage,
            clock=clock,
            hold=hold,
        )

    def prepare(self, account_id: str, recipients: Iterable[Recipient]) -> Prepared:
        """Normalise, validate, drop repeats; sends nothing. Raises UnknownAccount, InvalidInput."""
        _, normalise = self._opened(account_id)
        return preview.prepared(_iterable(recipients), normalise)

    def preview(self, account_id: str, message: MessageSource, recipients: Iterable[Recipient]) -> Preview:
        """A dry run that charges and stores nothing. Raises UnknownAccount, InvalidInput."""
        account, normalise = self._opened(account_id)
        composer = Composer(message, account.channel)
        desk = self._credits if account.channel == "sms" else None
        sendable = self._sendable.get(account.type)
        return preview.preview(account, composer, _iterable(recipients), normalise, self._parts.limiter, desk, sendable)

    def send(
        self,
        account_id: str,
        message: MessageSource,
        recipients: Iterable[Recipient],
        key: str,
        campaign: str = "",
        on_progress: OnProgress | None = None,
    ) -> SendReport:
        """Send to everybody under the limit; the same key goes on where the last call ended, however it ended.

        Raises UnknownAccount, InvalidInput, SendInProgress, SecretsUnavailable, StorageUnavailable, Busy, and what
        recipients or on_progress raise; the send can be continued after each of them.
        """
        checked_label(key, "The key", required=True)
        checked_label(campaign, "The campaign", required=False)
        if on_progress is not None and not callable(on_progress):
            raise InvalidInput("on_progress must be a function.")
        account, normalise = self._opened(account_id)
        composer = Composer(message, account.channel)
        stream = _iterable(recipients)
        send_id = send_id_of(account.id, key)
        with self._parts.locks.hold(send_id):
            row = self._parts.sends.begin(self._row(send_id, account, key, campaign))
            teller = Teller(self._parts, campaign, on_progress, _length(recipients))
            Run(self._parts, row, Stops(self._parts, account), composer, teller).go(stream, normalise)
        return self._report(send_id)

    def sends(
        self, account_id: str = "", campaign: str = "", key: str = "", after: str = "", limit: int = 50
    ) -> SendPage:
        """The sends that match, newest first."""
        checked_number(limit, "limit", MOST_SENDS)
        search = (
            checked_label(account_id, "The account's id", required=False),
            checked_label(campaign, "The campaign", required=False),
            checked_label(key, "The key", required=False),
        )
        rows = self._parts.sends.page(*search, sends_after(after, search), limit + 1)
        page, more = rows[:limit], len(rows) > limit
        cursor = sends_cursor(page[-1].created_at, page[-1].id, search) if more else ""
        return SendPage(sends=tuple(_shown(row) for row in page), next=cursor)

    def cancel(self, send_id: str) -> SendReport:
        """Stop a running send before its next batch, from any process; one that died is ended."""
        self._report(send_id)
        if self._parts.sends.ask_to_stop(send_id):
            self._tidy(send_id)
        return self._report(send_id)

    def outcomes(
        self, send_id: str, status: str = "", after: str = "", limit: int = 1000, foreign_words: bool = True
    ) -> OutcomePage:
        """What became of each recipient, in the order in which they came. foreign_words: also what servers said."""
        checked_number(limit, "limit", MOST_OUTCOMES)
        if not isinstance(status, str) or status not in {"", *RecipientStatus}:
            raise InvalidInput("status must be sent, skipped, failed, unknown or empty.")
        self._report(send_id)
        search = (send_id, str(status))
        found, more = self._parts.outcomes.page(send_id, str(status), outcomes_after(after, search), limit)
        cursor = outcomes_cursor(found[-1][0], search) if more else ""
        shown = (outcome if foreign_words else without_foreign_words(outcome) for _, outcome in found)
        return OutcomePage(outcomes=tuple(shown), next=cursor)

    def _opened(self, account_id: str) -> tuple[StoredAccount, Normaliser]:
        accounts = self._parts.accounts
        account = accounts.find(account_id)
        return account, Normaliser(accounts.type_of(account), accounts.values_of(account))

    def _row(self, send_id: str, account: StoredAccount, key: str, campaign: str) -> SendRow:
        return SendRow(
            id=send_id,
            account_id=account.id,
            key=key,
            campaign=campaign,
            state=RUNNING,
            created_at=self._parts.clock.now(),
            owner=_token(),
        )

    def _tidy(self, send_id: str) -> None:
        """Nobody may be there to see the wish to stop: a run that died is ended in its place."""
        parts = self._parts
        with suppress(SendInProgress), parts.locks.hold(send_id):
            found = parts.sends.find(send_id)
            if found is None or found.state != RUNNING:
                return
            row = parts.sends.begin(replace(found, owner=_token()))
            books = Books(parts, row)
            take_over(row, books, parts.limiter)
            Teller(parts, row.campaign, None, None).usage(row.account_id, books.told)
            parts.sends.end(books.ticket, INTERRUPTED, parts.clock.now(), None)

    def _report(self, send_id: object) -> SendReport:
        row = self._parts.sends.find(send_id) if isinstance(send_id, str) and keepable(send_id) else None
        if row is None:
            raise InvalidInput(
                "There is no such send.", hint="Take the send_id of a report, or look in the list of sends."
            )
        return _shown(row)


def _token() -> str:
    """Who may write to a send: no two runs have the same."""
    return f"{os.getpid()}-{secrets.token_hex(8)}"


def _shown(row: SendRow) -> SendReport:
    return SendReport(
        send_id=row.id,
        account_id=row.account_id,
        campaign=row.campaign,
        counts=Counter({RecipientStatus(status): number for status, number in row.counts.items()}),
        finished=row.state == FINISHED,
        retry_at=row.retry_at,
    )


def _iterable(recipients: Any) -> Iterable[Recipient]:
    if isinstance(recipients, str | bytes) or not isinstance(recipients, Iterable):
        raise InvalidInput(f"recipients must be an iterable of Recipient, not {type(recipients).__name__}.")
    return recipients


def _length(recipients: Iterable[Recipient]) -> int | None:
    return len(recipients) if isinstance(recipients, Sized) else None
