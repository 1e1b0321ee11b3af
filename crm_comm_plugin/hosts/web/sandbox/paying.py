"""The payment page of the sandbox's gateway: it takes no money, and shows the access code that was bought."""

from html import escape
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from crm_comm_plugin.hosts.web.sandbox.orders import Orders, Problem
from crm_comm_plugin.hosts.web.sandbox.state import PACKAGE, PaidOrder

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Sandbox gateway</title></head>
<body><main><h1>Sandbox gateway</h1>{body}</main></body></html>"""
_FORM = """<form method="post"><button name="do" value="pay">{pay}</button>
<button name="do" value="cancel">Cancel</button></form>"""


class Pages:
    """Show an order, pay it, cancel it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def show(self, request: Request) -> Response:
        """The order as it is."""
        try:
            order = self._orders.find(request.path_params["id"])
        except Problem as problem:
            return PlainTextResponse(problem.title, problem.status, headers=_HEADERS)
        return HTMLResponse(_PAGE.format(body=_body(order)), headers=_HEADERS)

    async def pay(self, request: Request) -> Response:
        """Pay or cancel; a form of another site cannot."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return PlainTextResponse("Another site may not do this.", 403, headers=_HEADERS)
        try:
            async with request.form(max_files=0, max_fields=5) as form:
                act = self._orders.pay if form.get("do") == "pay" else self._orders.cancel
                act(request.path_params["id"])
        except Problem as problem:
            return PlainTextResponse(problem.title, problem.status, headers=_HEADERS)
        return RedirectResponse(request.url.path, 303, headers=_HEADERS)


def _body(order: PaidOrder) -> str:
    back = ""
    if urlsplit(order.return_url).scheme in ("http", "https"):
        back = f'<p><a id="back" href="{escape(order.return_url)}">Back to the CRM</a></p>'
    if order.state == "open":
        what = f"<p>{PACKAGE} credits, for nothing: this gateway only pretends.</p>"
        return what + _FORM.format(pay="Buy them") + back
    if order.state == "failed":
        return "<p>This purchase was cancelled. Nothing was charged.</p>" + back
    if order.state == "paid":
        code = "-".join(order.code[at : at + 4] for at in range(0, len(order.code), 4))
        shown = f'<p>Thank you. Your access code:</p><p><strong id="code">{escape(code)}</strong></p>'
        return shown + "<p>Copy it into the account, and press Activate there.</p>" + back
    return f"<p>Thank you. {escape(order.credits)} credits are on your access code.</p>" + back
