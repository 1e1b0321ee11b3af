"""Deleting with a way back: undo at once, restore for 30 days, then the account and its secrets are forgotten."""

import base64
import contextlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from crm_comm_hookspecs import Change, CommError, Confirm, Context, InvalidInput, Result, Usage
from crm_comm_plugin.accounts.loading import NAME
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.words import listed
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports import NameTaken

RESTORABLE = timedelta(days=30)
_TOKEN_LENGTH = 100_000


class Remover:
    """Nothing is deleted while something that others named as blocking uses it."""

    def __init__(self, parts: AccountParts) -> None:
        self._parts = parts

    def confirm(self, ids: Sequence[str]) -> Confirm | None:
        """The question, with the accounts and what uses them; None where nothing is left: `delete` says so."""
        accounts = self._parts.store.find_many(ids)
        if not accounts:
            return None
        names = listed([account.name for account in accounts])
        used = [f"“{account.name}” is used by {usage.text}." for account, usage in self._usages(accounts)]
        title = "Delete this account?" if len(accounts) == 1 else f"Delete {len(accounts)} accounts?"
        text = [f"{names} will be deleted.", *used, "This can be taken back for 30 days."]
        return Confirm(title, "\n".join(text))

    def _usages(self, accounts: Sequence[StoredAccount]) -> list[tuple[StoredAccount, Usage]]:
        return [(account, usage) for account in accounts for usage in self._parts.events.account_usages(account.id)]

    def delete(self, context: Context, ids: Sequence[str]) -> Result:
        """Delete all of them, or none while one is in use."""
        accounts = self._parts.store.find_many(ids)
        if not accounts:
            return Result(ok=False, level="warn", message="There is nothing to delete any more.", refresh=True)
        blocked = [
            f"“{account.name}” is used by {usage.text}. Choose another account there first."
            for account, usage in self._usages(accounts)
            if usage.blocking
        ]
        if blocked:
            return Result(ok=False, level="bad", message="Nothing was deleted.", errors={"": blocked})
        now = self._parts.clock.now()
        gone = self._parts.store.delete([account.id for account in accounts], now, context.user)
        self._tell(context, gone, "deleted", now)
        names = listed([account.name for account in accounts if account.id in gone])
        verb = "was" if len(gone) == 1 else "were"
        return Result(message=f"{names} {verb} deleted.", level="ok", refresh=True, undo=_token(now, gone))

    def undo(self, context: Context, tokens: Sequence[str]) -> Result:
        """Take back the deletion that a token came from; what was restored or deleted again since is left alone."""
        wanted: list[StoredAccount] = []
        for token in tokens:
            at, ids = _read(token)
            wanted += [a for a in self._parts.store.find_many(ids, deleted=True) if a.deleted_at == at]
        return self._restored(context, wanted)

    def restore(self, context: Context, ids: Sequence[str]) -> Result:
        """Bring back what was deleted."""
        return self._restored(context, self._parts.store.find_many(ids, deleted=True))

    def _restored(self, context: Context, found: Sequence[StoredAccount]) -> Result:
        """What was deleted longer ago than is promised may lie there still, until the next sweep."""
        now = self._parts.clock.now()
        accounts = [a for a in found if a.deleted_at is not None and a.deleted_at >= now - RESTORABLE]
        if not accounts:
            return Result(ok=False, level="warn", message="There is nothing to bring back any more.", refresh=True)
        done: list[StoredAccount] = []
        taken: list[str] = []
        for account in accounts:
            try:
                if self._parts.store.restore(account.id, now, context.user):
                    done.append(account)
            except NameTaken:
                taken.append(f"Another account is called “{account.name}” now. Rename that one first.")
        self._tell(context, [account.id for account in done], "restored", now)
        names = listed([account.name for account in done])
        message = f"{names} {'is' if len(done) == 1 else 'are'} back." if done else "Nothing was brought back."
        errors = {NAME: taken} if taken else {}
        return Result(ok=not taken, message=message, level="bad" if taken else "ok", errors=errors, refresh=True)

    def _tell(self, context: Context, ids: Sequence[str], kind: str, at: datetime) -> None:
        for account_id in ids:
            self._parts.events.account_changed(
                Change(account_id=account_id, kind=kind, fields=(), user=context.user, at=at)
            )

    def sweep(self) -> int:
        """Forget what was deleted more than 30 days ago, and secrets that nothing points to; how many secrets went."""
        removed = 0
        oauth = self._parts.oauth
        for account in self._parts.store.purge(self._parts.clock.now() - RESTORABLE):
            for ref in account.secrets.values():
                with contextlib.suppress(CommError):
                    self._parts.secrets.remove(ref.ref)
                    removed += 1
            if oauth is not None:
                with contextlib.suppress(CommError):
                    oauth.forget(account.id)
        if oauth is None:
            return removed + self._parts.secrets.sweep(self._parts.store.secret_refs)
        return removed + self._parts.secrets.sweep(lambda: self._parts.store.secret_refs() | oauth.refs())


def _token(at: datetime, ids: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), *ids]).encode()).decode().rstrip("=")


def _read(token: str) -> tuple[datetime, list[str]]:
    try:
        if len(token) > _TOKEN_LENGTH:
            raise ValueError
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        at, *ids = json.loads(raw)
        return datetime.fromisoformat(at), [str(one) for one in ids]
    except (ValueError, TypeError, RecursionError):
        raise InvalidInput(
            "This cannot be taken back: the token is not one of ours.", hint="Use Result.undo."
        ) from None
