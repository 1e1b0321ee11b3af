"""The lists: any viewer of the contract, drawn from its columns and actions, with an editor over it as a dialog."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crm_comm_hookspecs import (
    PERMISSION_DELETE,
    Action,
    Context,
    Editor,
    Page,
    Query,
    Record,
    UnknownEditor,
    Viewer,
)
from crm_comm_plugin.hosts.web.pages import Web, is_fragment, render, web_of
from crm_comm_plugin.hosts.web.people import context_of
from crm_comm_plugin.hosts.web.sandbox.plugin import KEY as SANDBOX

PAGE = 50
_MAX_TEXT = 200
ACCOUNTS = "accounts"
FEW = 200
RESTORE = Action(name="restore", label="Restore", needs="many", style="primary", icon="restore")
"""The contract has this action for deleted accounts; it stands in no toolbar, so the host adds it to its own."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A dialog: the editor, what it opens with, and the viewer it lies over."""

    editor: Editor
    record: Record
    viewer: Viewer


def home(request: Request) -> Response:
    """The first list there is."""
    viewers = web_of(request).comm.viewers(context_of(request))
    return RedirectResponse(f"/list/{viewers[0].name}" if viewers else "/profile", 303)


def show_list(request: Request) -> Response:
    """A page of a viewer, or only its rows when a script asks for them."""
    web, context = web_of(request), context_of(request)
    viewer = _viewer(web, context, request.path_params["viewer"])
    template = "list_rows.html" if is_fragment(request) else "list.html"
    return render(request, template, **_listed(request, web, context, viewer), opened=None)


def show_editor(request: Request) -> Response:
    """An editor's dialog: alone for a script, over its list when somebody comes by its address."""
    web, context = web_of(request), context_of(request)
    record_id = request.path_params.get("id", "")
    editor = find_editor(web, context, request.path_params["editor"])
    viewer, at = _owner(web, context, editor.name), request.query_params.get("at", "")
    opened = Opened(editor, _at_home(web, editor, web.comm.open_record(context, editor.name, record_id)), viewer)
    if is_fragment(request):
        return render(request, "editor.html", opened=opened, at=at)
    return render(request, "list.html", **_listed(request, web, context, viewer), opened=opened, at=at)


def _at_home(web: Web, editor: Editor, record: Record) -> Record:
    """In the sandbox a new SMS account begins at the sandbox's own gateway: no other one can be reached from there."""
    ours = any(field.name == "gateway" and SANDBOX in [one.value for one in field.options] for field in editor.fields)
    if web.sandbox is None or record.id or not ours:
        return record
    return replace(record, values={**record.values, "gateway": SANDBOX})


def find_editor(web: Web, context: Context, name: str) -> Editor:
    """The editor of that name; UnknownEditor when this person has none."""
    for editor in web.comm.editors(context):
        if editor.name == name:
            return editor
    raise UnknownEditor(f"There is no editor {name[:60]!r} for you.", hint="Start from the list.")


def find_action(web: Web, context: Context, name: str, editor: str) -> Action | None:
    """What a toolbar (editor "") or an editor's footer calls by this name."""
    if editor:
        actions = find_editor(web, context, editor).actions
    else:
        actions = tuple(action for viewer in web.comm.viewers(context) for action in viewer.actions)
    return next((action for action in actions if action.name == name), None)


def _viewer(web: Web, context: Context, name: str) -> Viewer:
    for viewer in web.comm.viewers(context):
        if viewer.name == name:
            return viewer
    raise UnknownEditor(f"There is no list {name[:60]!r} for you.", hint="Choose one in the menu.")


def _owner(web: Web, context: Context, editor: str) -> Viewer:
    """The viewer whose toolbar makes such records, else the first one."""
    viewers = web.comm.viewers(context)
    for viewer in viewers:
        if any(editor in action.editors for action in viewer.actions):
            return viewer
    if not viewers:
        raise UnknownEditor("There is no list for you.", hint="Ask an administrator for communication.view.")
    return viewers[0]


def _listed(request: Request, web: Web, context: Context, viewer: Viewer) -> dict[str, Any]:
    asked = request.query_params
    sortable = {column.name for column in viewer.columns if column.sortable}
    sort = asked.get("sort", "")
    query = Query(
        search=asked.get("q", "")[:_MAX_TEXT],
        sort=sort if sort in sortable else "",
        descending=asked.get("down") == "1",
        after=asked.get("after", ""),
        limit=PAGE,
        deleted=asked.get("deleted") == "1",
    )
    page = web.comm.list_rows(context, viewer.name, query)
    editors = {editor.name: editor for editor in web.comm.editors(context)}
    return {
        "viewer": viewer,
        "page": page,
        "query": query,
        "address": _address(viewer, query),
        "editors": editors,
        "has_accounts": viewer.name == ACCOUNTS,
        "under": _senders(web, viewer, page),
        "shown_actions": _toolbar(context, viewer, deleted=query.deleted),
        "has_deleted": any(action.kind == "delete" for action in viewer.actions),
    }


def _address(viewer: Viewer, query: Query) -> str:
    """Where this page of the list is, for a script that reads it again or goes back to it."""
    down, deleted = "1" if query.descending else "", "1" if query.deleted else ""
    asked = {"q": query.search, "sort": query.sort, "down": down, "after": query.after, "deleted": deleted}
    rest = urlencode({name: value for name, value in asked.items() if value})
    return f"/list/{quote(viewer.name)}" + (f"?{rest}" if rest else "")


def _senders(web: Web, viewer: Viewer, page: Page) -> dict[str, str]:
    """What stands under an account's name, where asking for all accounts is cheap."""
    if viewer.name != ACCOUNTS or page.total is None or page.total > FEW:
        return {}
    return {account.id: account.sender for account in web.comm.accounts(usable=False)}


def _toolbar(context: Context, viewer: Viewer, *, deleted: bool) -> list[Action]:
    """The viewer's actions; over the deleted ones only what brings them back."""
    if not deleted:
        return [action for action in viewer.actions if action.name != RESTORE.name]
    known = [action for action in viewer.actions if action.name == RESTORE.name]
    return known or ([RESTORE] if PERMISSION_DELETE in context.permissions else [])
