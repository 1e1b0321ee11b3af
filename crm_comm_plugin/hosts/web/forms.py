"""What an editor's script asks: live check, save, run, options. Values go through as typed; the plugin decides."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from crm_comm_hookspecs import Communication, Confirm, Context, Result, UnknownAccount, to_json
from crm_comm_plugin.hosts.web.pages import Web, web_of
from crm_comm_plugin.hosts.web.people import context_of
from crm_comm_plugin.hosts.web.viewers import find_action

MAX_IDS = 500
MAX_OPTIONS = 50


def check(request: Request, given: Mapping[str, Any]) -> Result:
    """Advice while somebody types."""
    return web_of(request).comm.check(
        context_of(request), _text(given, "editor"), _text(given, "id"), _values(given), _text(given, "changed")
    )


def save(request: Request, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Save and Close. gone: it was deleted meanwhile, so there is nothing to compare with or to overwrite."""
    comm, context = web_of(request).comm, context_of(request)
    editor, account = _text(given, "editor"), _text(given, "id")
    result = comm.save(context, editor, account, _values(given), _text(given, "version"))
    return {**to_json(result), "gone": result.conflict and not _is_there(comm, context, editor, account)}


def run(request: Request, given: Mapping[str, Any]) -> Mapping[str, Any] | Result:
    """Run an action; where something must be asked first, the question comes back instead, with its token."""
    web, context = web_of(request), context_of(request)
    action, editor, ids, values = _text(given, "action"), _text(given, "editor"), _ids(given), _values(given)
    if given.get("asked") is not True:
        question = _question(web, context, action, editor, ids, values)
        if question is not None:
            return {"confirm": question}
    return web.comm.run(context, action, ids, editor, values, _text(given, "confirmed"))


def record(request: Request, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is stored now, for somebody who was told of a conflict and wants to compare."""
    return {"record": web_of(request).comm.open_record(context_of(request), _text(given, "editor"), _text(given, "id"))}


def options(request: Request) -> Response:
    """The options of a combobox."""
    asked = request.query_params
    found = web_of(request).comm.options(
        context_of(request), asked.get("source", ""), asked.get("q", "")[:100], MAX_OPTIONS
    )
    return JSONResponse([to_json(option) for option in found])


def _question(
    web: Web, context: Context, action: str, editor: str, ids: tuple[str, ...], values: Mapping[str, Any]
) -> Confirm | None:
    """The plugin's question with what is at stake now, else the action's plain one."""
    if action == "undo":
        return None
    asked = web.comm.confirm(context, action, ids, editor, values)
    known = find_action(web, context, action, editor)
    return asked or (known.confirm if known else None)


def _is_there(comm: Communication, context: Context, editor: str, account: str) -> bool:
    try:
        comm.open_record(context, editor, account)
    except UnknownAccount:
        return False
    return True


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} must be a text.")
    return value


def _values(given: Mapping[str, Any]) -> Mapping[str, Any]:
    values = given.get("values", {})
    if not isinstance(values, dict):
        raise HTTPException(400, "values must be an object.")
    return values


def _ids(given: Mapping[str, Any]) -> tuple[str, ...]:
    ids = given.get("ids", [])
    if not isinstance(ids, list) or len(ids) > MAX_IDS or not all(isinstance(one, str) for one in ids):
        raise HTTPException(400, f"ids must be a list of at most {MAX_IDS} texts.")
    return tuple(ids)
