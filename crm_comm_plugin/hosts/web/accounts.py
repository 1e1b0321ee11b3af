"""An account's own page: what is left of its limits, 30 days of usage, its sends, and who uses it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crm_comm_hookspecs import Account, Allowance, Meter, UnknownAccount, Usage, Window
from crm_comm_plugin.hosts.web.charts import usage_chart
from crm_comm_plugin.hosts.web.pages import Web, render, web_of
from crm_comm_plugin.hosts.web.people import context_of

DAYS = 30
_WINDOWS = {Window.MINUTE: "a minute", Window.HOUR: "an hour", Window.DAY: "24 hours", Window.MONTH: "31 days"}
_NEARLY = 0.8
_LEVELS = {
    "connected": "ok",
    "auth_failed": "bad",
    "secret_missing": "bad",
    "paused": "warn",
    "no_credits": "warn",
}


def show(request: Request) -> Response:
    """The page."""
    web, context = web_of(request), context_of(request)
    account = _account(web, request.path_params["id"])
    now = datetime.now(UTC)
    points = web.comm.usage(account.id, now - timedelta(days=DAYS + 1), now, context=context)
    allowance = web.comm.allowance(account.id, context=context)
    return render(
        request,
        "account.html",
        account=account,
        level=_LEVELS.get(account.status, ""),
        paused_until=allowance.next_free_at if account.status == "paused" else None,
        limits=[_shown(one) for one in (allowance.limits or (allowance,))],
        chart=usage_chart(points, now, context.timezone, DAYS),
        points=points,
        totals=_totals(points),
        sends=web.comm.sends(account_id=account.id, limit=10, context=context).sends,
        usages=_usages(web, account.id),
    )


def callback(request: Request) -> Response:
    """A browser comes back from a sign-in or a purchase (contract, rule 14)."""
    web = web_of(request)
    params = {name: value for name, value in request.query_params.items() if name != "again"}
    result = web.comm.callback(context_of(request), params)
    if result.open_url.startswith(("/list/", "/edit/")):
        return RedirectResponse(result.open_url, 303)
    return render(request, "callback.html", 200 if result.ok else 400, result=result)


def _account(web: Web, id: str) -> Account:
    for account in web.comm.accounts(usable=False):
        if account.id == id:
            return account
    raise UnknownAccount("There is no such account.")


def _usages(web: Web, account_id: str) -> list[Usage]:
    """Asked of every plugin, as the plugin does before a delete."""
    found = web.comm.contributions("crm_comm_account_usages", account_id=account_id)
    return [one.value for one in found if isinstance(one.value, Usage)]


def _totals(points: Any) -> dict[str, int]:
    return {name: sum(getattr(point, name) for point in points) for name in ("sent", "skipped", "failed", "unknown")}


def _shown(allowance: Allowance) -> tuple[Meter | None, Allowance, str]:
    """(bar, allowance, window in words); no bar where nothing is limited."""
    limit = allowance.limit
    if limit.count is None or limit.window is Window.NONE:
        return None, allowance, ""
    taken = allowance.used + allowance.held
    level = "bad" if taken >= limit.count else "warn" if taken >= _NEARLY * limit.count else "ok"
    words = _WINDOWS.get(limit.window, str(limit.window))
    text = f"{taken} of {limit.count} in {words}"
    return Meter(value=taken, max=limit.count or 1, text=text, level=level), allowance, words
