"""What every request must pass: the right Host, no foreign Origin, the access link's token; and answers' headers."""

import hashlib
import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
OPEN_PATHS = ("/static/", "/receive/")
"""What is answered without the token: files that are in every installation, and calls of services (rule 14)."""
_SAFE = frozenset({"GET", "HEAD"})
_NO_ENTRY = (
    "Open the link that `crm-comm serve` printed: it holds the key to this page. After a restart there is a new link."
)
_AGAIN = '<!doctype html><html lang="en"><meta http-equiv="refresh" content="0"><title>One moment</title></html>'


def loopback_hosts(port: int, host: str = "127.0.0.1") -> frozenset[str]:
    """What the Host header may say for a server on this port."""
    names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    return frozenset({f"{name}:{port}" for name in names} | ({*names} if port == 80 else set()))


class Guard:
    """ASGI middleware around the whole app. hosts: allowed Host headers; token: the access link's."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str], cookie: str) -> None:
        self._app, self._hosts, self._cookie = app, frozenset(hosts), cookie
        self._token = token
        self._pass = hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by itself, or let the request through; add the headers either way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        answer = self._refusal(scope) or self._entry(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return PlainTextResponse("This server does not answer to that name.", 421)
        if scope["method"] in _SAFE or scope["path"].startswith("/receive/"):
            return None
        origin = headers.get("origin", "")
        foreign = origin and _site(origin) != host
        if foreign or headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return PlainTextResponse("Another site may not do this.", 403)
        return None

    def _entry(self, scope: Scope) -> Response | None:
        if scope["path"].startswith(OPEN_PATHS):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get("token", "")
        if given and scope["method"] in _SAFE and hmac.compare_digest(given.encode(), self._token.encode()):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            here = "/" + scope["path"].lstrip("/")  # two slashes would name another site
            answer = RedirectResponse(here + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(self._cookie, self._pass, httponly=True, samesite="strict", path="/")
            return answer
        if hmac.compare_digest(self._sent(scope).encode(), self._pass.encode()):
            return None
        if scope["path"] == "/callback" and "again" not in dict(query) and scope["method"] == "GET":
            return _once_more(query)
        return PlainTextResponse(_NO_ENTRY, 401)

    def _sent(self, scope: Scope) -> str:
        try:
            found = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return found.value if found else ""


def _site(origin: str) -> str:
    """Host and port of an Origin; "" for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _once_more(query: list[tuple[str, str]]) -> Response:
    """A browser that comes back from another site sends no strict cookie: from our own page it does."""
    target = "/callback?" + urlencode([*query, ("again", "1")])
    page = _AGAIN.replace('content="0"', f'content="0;url={target.replace("&", "&amp;")}"')
    return HTMLResponse(page)
