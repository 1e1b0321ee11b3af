"""Reopening: a person takes back that the provider stopped an account."""

from collections.abc import Sequence

from crm_comm_hookspecs import Confirm, Context, Result
from crm_comm_plugin.accounts.opening import Opener
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.words import Words, listed
from crm_comm_plugin.domain.accounts import Status, StoredAccount

ACTION = "reopen"
PLAIN = Confirm(
    "Reopen the selected accounts?",
    "Sending goes on at once. If the provider's own limit is not over yet, the pause comes back.",
)


class Reopener:
    """Of the chosen accounts those that are closed are opened; the others stay as they are."""

    def __init__(self, parts: AccountParts, opener: Opener) -> None:
        self._parts = parts
        self._opener = opener

    def confirm(self, context: Context, ids: Sequence[str]) -> Confirm | None:
        """The question with why and until when each is paused; None where nothing is: `run` says so."""
        found = self._closed(self._parts.store.find_many(ids))
        if not found:
            return None
        now = self._parts.clock.now()
        words, closures = Words(context, now), self._parts.limiter.closures(found)
        lines = []
        for account in found:
            closure = closures.get(account.id)
            until = closure.until if closure is not None else account.status_until
            why = closure.reason if closure is not None else account.status_detail
            when = f" until {words.moment(until)}" if until is not None else ""
            lines.append(f"“{account.name}” is paused{when}{f': {why}' if why else '.'}")
        title = "Reopen this account?" if len(found) == 1 else f"Reopen {len(found)} accounts?"
        return Confirm(title, "\n".join([*lines, PLAIN.text]))

    def reopen(self, context: Context, ids: Sequence[str]) -> Result:
        """Open the limit first: if we die before the status is written, the same button finishes it."""
        accounts = self._parts.store.find_many(ids)
        if not accounts:
            return Result(ok=False, level="warn", message="There is nothing to reopen any more.", refresh=True)
        found = self._closed(accounts)
        for account in found:
            self._parts.limiter.reopen(account)
            if account.status == Status.PAUSED:
                self._opener.set_status(account.id, Status.CONNECTED)
        if not found:
            verb = "is" if len(accounts) == 1 else "are"
            message = f"{listed([account.name for account in accounts])} {verb} not paused: there is nothing to reopen."
            return Result(message=message, level="info", refresh=True)
        return Result(
            message=f"{listed([account.name for account in found])} may send again.", level="ok", refresh=True
        )

    def _closed(self, accounts: Sequence[StoredAccount]) -> list[StoredAccount]:
        now, closures = self._parts.clock.now(), self._parts.limiter.closures(accounts)
        return [a for a in accounts if a.id in closures or (a.active and a.state(now) == Status.PAUSED)]
