"""The list of accounts: its columns and toolbar, and its rows a page at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from crm_comm_hookspecs import (
    PERMISSION_DELETE,
    PERMISSION_EDIT,
    Action,
    Allowance,
    Column,
    Confirm,
    Context,
    InvalidInput,
    Page,
    Query,
    Row,
    Viewer,
)
from crm_comm_plugin.accounts import cells
from crm_comm_plugin.accounts.cursors import after_of, cursor_of
from crm_comm_plugin.accounts.parts import AccountParts
from crm_comm_plugin.accounts.removing import RESTORABLE
from crm_comm_plugin.accounts.reopening import ACTION as REOPEN
from crm_comm_plugin.accounts.reopening import PLAIN
from crm_comm_plugin.accounts.words import Words
from crm_comm_plugin.domain.accounts import Status, StoredAccount
from crm_comm_plugin.domain.ports import AccountPage, AccountQuery
from crm_comm_plugin.domain.sends import own_sentence

NAME = "accounts"
TITLE = "Communication Accounts"
COLUMNS = (
    Column(name="name", label="Name", sortable=True),
    Column(name="type", label="Type", sortable=True, secondary=True),
    Column(name="status", label="Status", format="badge"),
    Column(name="usage", label="Usage", format="meter"),
    Column(name="last_used", label="Last used", format="datetime", sortable=True, secondary=True),
)
SORTS = ("name", "type", "last_used")
MOST_ROWS = 500
MOST_SEARCH = 200
MOST_FORECASTS = 10
"""Of more accounts at their limit the list says only from when on some is free."""
_DELETE = Confirm("Delete the selected accounts?", "They can be brought back for 30 days.")
_TOOLBAR = (
    (PERMISSION_EDIT, Action(name="edit", label="Edit", kind="edit", needs="one", icon="pencil", shortcut="Enter")),
    (
        PERMISSION_DELETE,
        Action(
            name="delete",
            label="Delete",
            kind="delete",
            needs="many",
            style="danger",
            icon="trash",
            shortcut="Delete",
            confirm=_DELETE,
        ),
    ),
    (
        PERMISSION_EDIT,
        Action(
            name="test", label="Test", needs="one", icon="bolt", help="Signs in with what is stored; sends nothing."
        ),
    ),
    (
        PERMISSION_EDIT,
        Action(name="refresh_credits", label="Refresh Credits", needs="one", icon="refresh", help="Of an SMS account."),
    ),
    (
        PERMISSION_EDIT,
        Action(
            name=REOPEN,
            label="Reopen",
            needs="many",
            icon="restore",
            confirm=PLAIN,
            help="Takes back that the provider stopped an account.",
        ),
    ),
)


class Listing:
    """What the host shows as a list."""

    def __init__(self, parts: AccountParts) -> None:
        self._parts = parts

    def viewer(self, context: Context) -> Viewer:
        """The list with what this person may do."""
        new = Action(
            name="new",
            label="New Account",
            kind="create",
            style="primary",
            icon="plus",
            editors=self._parts.forms.keys(),
        )
        return Viewer(
            name=NAME,
            title=TITLE,
            columns=COLUMNS,
            actions=tuple(a for p, a in ((PERMISSION_EDIT, new), *_TOOLBAR) if p in context.permissions),
            empty="No accounts yet. Add the first one with New Account.",
        )

    def rows(self, context: Context, query: Query) -> Page:
        """One page; raises InvalidInput for what no list of ours can be asked."""
        _examine(query)
        now = self._parts.clock.now()
        wanted = AccountQuery(
            search=query.search,
            sort=query.sort or SORTS[0],
            descending=query.descending,
            after=after_of(query),
            limit=query.limit,
            deleted_since=now - RESTORABLE if query.deleted else None,
        )
        found = self._parts.store.page(wanted)
        return Page(
            rows=self._rows(context, found, Words(context, now)),
            total=found.total,
            next=cursor_of(query, found.next) if found.next is not None else "",
        )

    def _rows(self, context: Context, found: AccountPage, words: Words) -> tuple[Row, ...]:
        now = self._parts.clock.now()
        accounts = found.accounts
        allowances = self._parts.limiter.allowances(accounts)
        texts = {a.id: a.values.get("low_credits") for a in accounts if a.channel == "sms"}
        left = self._parts.credits.left(texts) if texts and self._parts.credits is not None else {}
        labels = {key: kind.label for key, kind in self._parts.forms.types().items()}
        freed = self._freed(accounts, allowances)
        stops = self._stops(context, accounts, words)
        return tuple(
            Row(
                id=account.id,
                editor=account.type,
                cells={
                    "name": account.name,
                    "type": labels.get(account.type, account.type),
                    "status": cells.state(account, words, now),
                    "usage": cells.usage(
                        allowances.get(account.id),
                        left.get(account.id),
                        freed.get(account.id),
                        words,
                        stops.get(account.id, ""),
                    ),
                    "last_used": account.last_used_at or "",
                },
            )
            for account in accounts
        )

    def _stops(self, context: Context, accounts: Sequence[StoredAccount], words: Words) -> dict[str, str]:
        """What the provider said of accounts that it stopped, and what helps; until one of them sends again."""
        paused = [account for account in accounts if account.status == Status.PAUSED]
        hints = self._parts.limiter.hints(paused) if paused else {}
        now = self._parts.clock.now()
        found = {}
        for account in paused:
            why = account.status_detail if account.state(now) == Status.PAUSED else ""
            if PERMISSION_EDIT not in context.permissions:
                why = own_sentence(why)
            at = hints.get(account.id)
            lower = f"The provider stops it at {words.number(at)}: lower the count to that" if at is not None else ""
            found[account.id] = " · ".join(filter(None, [why, lower]))
        return found

    def _freed(
        self, accounts: Sequence[StoredAccount], allowances: Mapping[str, Allowance]
    ) -> dict[str, tuple[datetime, int]]:
        """When how many are free again, of accounts that are at their limit."""
        full = [a for a in accounts if (known := allowances.get(a.id)) and known.remaining == 0 and known.limit.count]
        found: dict[str, tuple[datetime, int]] = {}
        for account in full[:MOST_FORECASTS]:
            _, later = self._parts.limiter.forecast(account, allowances[account.id].limit.count or 1)
            if later:
                found[account.id] = later[0]
        return found


def _examine(query: Query) -> None:
    if not isinstance(query.search, str) or len(query.search) > MOST_SEARCH:
        raise InvalidInput(f"search must be a text of at most {MOST_SEARCH} characters.")
    if query.sort not in ("", *SORTS):
        raise InvalidInput(f"sort is {query.sort!r:.50}.", hint=f"Sort by one of: {', '.join(SORTS)}.")
    limit = query.limit
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST_ROWS:
        raise InvalidInput(f"limit must be a number from 1 to {MOST_ROWS}.")
    if not isinstance(query.after, str):
        raise InvalidInput("after must be the text that Page.next had.")
