"""Finding what a person names on the command line: an account by its name or id, an editor, a deleted account."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from crm_comm_hookspecs import Account, Communication, Context, Editor, Query, Row
from crm_comm_plugin.cli.endings import CommandError
from crm_comm_plugin.cli.output import NONE_YET
from crm_comm_plugin.domain.accounts import name_key

VIEWER = "accounts"
PAGE = 500


def find_account(comm: Communication, wanted: str) -> Account:
    """The account with this id or name; a CommandError that says what is there instead."""
    known = comm.accounts(usable=False)
    for account in known:
        if account.id == wanted:
            return account
    for account in known:
        if name_key(account.name) == name_key(wanted):
            return account
    raise CommandError(f"There is no account {wanted!r}. {_instead(wanted, [a.name for a in known])}")


def find_deleted(comm: Communication, context: Context, wanted: str) -> Row:
    """The row of the account that was deleted last under this id or name."""
    rows = list(all_rows(comm, context, Query(deleted=True)))
    named = [r for r in rows if r.id == wanted or name_key(str(r.cells["name"])) == name_key(wanted)]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(row.id for row in named)
        raise CommandError(f"Several deleted accounts were named {wanted!r}. Give one of these ids: {ids}.")
    raise CommandError(f"No account {wanted!r} was deleted in the last 30 days. See: crm-comm accounts list --deleted")


def find_editor(comm: Communication, context: Context, wanted: str) -> Editor:
    """The editor of this name."""
    editors = comm.editors(context)
    for editor in editors:
        if editor.name == wanted:
            return editor
    names = ", ".join(editor.name for editor in editors)
    raise CommandError(f"There is no kind of account {wanted!r}. There are: {names}.")


def all_rows(comm: Communication, context: Context, query: Query, most: int = 0) -> Iterator[Row]:
    """The viewer's rows page by page; most 0 = all of them."""
    after, left = "", most or -1
    while left:
        limit = PAGE if left < 0 else min(PAGE, left)
        page = comm.list_rows(
            context,
            VIEWER,
            Query(
                search=query.search,
                sort=query.sort,
                descending=query.descending,
                deleted=query.deleted,
                after=after,
                limit=limit,
            ),
        )
        yield from page.rows
        after, left = page.next, left - len(page.rows) if left > 0 else left
        if not after:
            return


def _instead(wanted: str, names: Iterable[str]) -> str:
    names = list(names)
    if not names:
        return NONE_YET
    close = get_close_matches(wanted, names, n=1)
    return f"Did you mean {close[0]!r}?" if close else "See: crm-comm accounts list"
