"""Templates, and how an answer is made of them: pages, fragments, JSON, and errors in one clear line."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from crm_comm_hookspecs import (
    Badge,
    Busy,
    CommError,
    Communication,
    InvalidInput,
    Meter,
    NotPermitted,
    StorageUnavailable,
    UnknownAccount,
    UnknownAction,
    UnknownEditor,
    to_json,
)
from crm_comm_plugin.hosts.web.people import context_of

if TYPE_CHECKING:
    from crm_comm_plugin.hosts.web.drafts import Drafts
    from crm_comm_plugin.hosts.web.jobs import Jobs
    from crm_comm_plugin.hosts.web.sandbox import Sandbox

MAX_JSON = 1_000_000
"""Bytes of a form; contract rule 14 has the same number for `receive`."""
_STATUS: dict[type[CommError], int] = {
    NotPermitted: 403,
    UnknownAccount: 404,
    UnknownEditor: 404,
    UnknownAction: 404,
    InvalidInput: 400,
    Busy: 503,
    StorageUnavailable: 503,
}
_WORDS = {404: "There is no such page.", 405: "This page cannot be used like that."}


@dataclass(frozen=True, slots=True)
class Web:
    """What the routes of one app share."""

    comm: Communication
    drafts: "Drafts"
    jobs: "Jobs"
    templates: Environment
    sandbox: "Sandbox | None" = None


def web_of(request: Request) -> Web:
    """The app's parts."""
    web: Web = request.app.state.web
    return web


def environment() -> Environment:
    """The templates of this package; everything is escaped, and a misspelt name is an error."""
    made = Environment(
        loader=PackageLoader("crm_comm_plugin.hosts.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"kind_of": kind_of}
    made.filters |= {"as_json": as_json, "utc": utc, "local": local}
    return made


def kind_of(value: Any) -> str:
    """How a cell is drawn: by what it is, so that an unknown format still shows as text."""
    if isinstance(value, Badge):
        return "badge"
    if isinstance(value, Meter):
        return "meter"
    if isinstance(value, datetime):
        return "datetime"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else "text"


def as_json(value: Any) -> str:
    """JSON for an attribute; Jinja escapes it."""
    return json.dumps(to_json(value), ensure_ascii=False)


def utc(at: datetime) -> str:
    """A time for `<time datetime>`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def local(at: datetime, timezone: str) -> str:
    """A time in words, for whoever has no script."""
    return at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def render(request: Request, template: str, answer: int = 200, **values: Any) -> Response:
    """A page or a fragment."""
    context = context_of(request)
    web = web_of(request)
    viewers = web.comm.viewers(context) if not is_fragment(request) else ()
    text = web.templates.get_template(template).render(
        context=context, viewers=viewers, sandbox=web.sandbox, path=request.url.path, **values
    )
    return HTMLResponse(text, answer)


def is_fragment(request: Request) -> bool:
    """True when htmx asks for a part of a page."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


async def json_of(request: Request) -> dict[str, Any]:
    """The JSON object that was posted; bounded."""
    given = b""
    async for chunk in request.stream():
        given += chunk
        if len(given) > MAX_JSON:
            raise HTTPException(413, "This is too much for one form.")
    try:
        data = json.loads(given)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise HTTPException(400, "This is not what a form sends.")
    return data


def json_route(answer: Callable[[Request, Mapping[str, Any]], Any]) -> Callable[[Request], Awaitable[Response]]:
    """A route that takes a JSON object and answers a value of the contract, or a mapping, as JSON."""

    async def route(request: Request) -> Response:
        data = await json_of(request)
        return JSONResponse(to_json(await run_in_threadpool(answer, request, data)))

    return route


def comm_error(request: Request, error: Exception) -> Response:
    """An error of the contract: a page, or what a script shows as a message."""
    if not isinstance(error, CommError):
        return failed_page(request)
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return _failed(request, status, error.message, error.hint)


def http_error(request: Request, error: Exception) -> Response:
    """404 and its like."""
    if not isinstance(error, HTTPException):
        return failed_page(request)
    text = _WORDS.get(error.status_code, str(error.detail))
    return _failed(request, error.status_code, text, "Go back, or start from the list of accounts.")


def failed_page(request: Request) -> Response:
    """A mistake of ours: nothing of it is shown."""
    return _failed(request, 500, "Something went wrong here.", "Try again. The log of crm-comm serve says more.")


def _failed(request: Request, status: int, message: str, hint: str) -> Response:
    if request.url.path.startswith("/api/") or is_fragment(request):
        return JSONResponse({"ok": False, "level": "bad", "message": f"{message} {hint}".strip()}, status)
    try:
        return render(request, "error.html", status, message=message, hint=hint)
    except Exception:  # noqa: BLE001 - not even the menu can be drawn
        bare = web_of(request).templates.get_template("bare_error.html")
        return HTMLResponse(bare.render(message=message, hint=hint), status)
