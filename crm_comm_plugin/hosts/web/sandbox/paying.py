"""The payment page of the sandbox's gateway: it takes no money, and shows the access code that was bought."""

import base64
import hashlib
from html import escape
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from crm_comm_plugin.hosts.web.sandbox.orders import Orders, Problem
from crm_comm_plugin.hosts.web.sandbox.state import PACKAGE, PaidOrder

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 1rem; }
main { max-width: 26rem; margin: 8vh auto 0; padding: 1.5rem; border: 1px solid #8886; border-radius: 0.6rem; }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
form { display: flex; flex-wrap: wrap; gap: 0.6rem; }
button { font: inherit; padding: 0.45rem 1rem; border-radius: 0.4rem; border: 1px solid #8886; cursor: pointer; }
button[value="pay"] { background: #2453d6; border-color: #2453d6; color: #fff; }
#code { font: 600 1.5rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; user-select: all; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox gateway</title><style>{style}</style></head>
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
        return HTMLResponse(_PAGE.format(style=_STYLE, body=_body(order)), headers=_HEADERS)

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
