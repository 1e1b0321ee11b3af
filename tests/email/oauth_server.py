"""An OAuth server on loopback: PKCE required, refresh tokens rotate and are good once, introspection names the user."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "crm", "client-secret"
SCOPE = "mail.send"


@dataclass
class Book:
    """What the server knows and was asked. rotate: refresh tokens are good once, and a second use ends the sign-in."""

    user: str = "ann@example.com"
    life: int = 3600
    rotate: bool = True
    scope: str = SCOPE
    refuse: bool = False
    down: bool = False
    busy: str = ""  # an error code that says to try again later
    blind: bool = False  # introspection does not work
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)  # refresh token -> family
    used: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    access: dict[str, tuple[str, str]] = field(default_factory=dict)  # access token -> (family, user)
    refreshes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    wait: threading.Event | None = None
    on_introspect: Callable[[], None] = lambda: None  # called while a mail server waits for the answer

    def tokens(self, family: str) -> dict[str, object]:
        """A new pair."""
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.access[access] = (family, self.user)
        self.refresh[refresh] = family
        return {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": self.life,
                "scope": self.scope}  # fmt: skip

    def revoke(self) -> None:
        """The person has taken the permission back."""
        self.ended |= set(self.refresh.values())
        self.access.clear()

    def expire(self) -> None:
        """All access tokens are too old."""
        self.access.clear()


class Handler(BaseHTTPRequestHandler):
    """authorize (consents at once), token, introspect."""

    server: "Server"

    def log_message(self, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        """The browser's page: consents and sends back."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        book = self.server.book
        if asked.get("client_id") != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            return self.answer(400, {"error": "invalid_request"})
        back = {"state": asked["state"]}
        if book.refuse:
            back["error"] = "access_denied"
        else:
            code = back["code"] = secrets.token_urlsafe(16)
            book.codes[code] = asked
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
        self.end_headers()
        return None

    def do_POST(self) -> None:
        """token and introspect."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        form = {k: v[0] for k, v in parse_qs(body).items()}
        if self.path.startswith("/introspect"):
            return self.introspect(form)
        book = self.server.book
        if book.down:
            return self.answer(503, {})
        if book.busy:
            return self.answer(400, {"error": book.busy})
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return self.answer(401, {"error": "invalid_client"})
        if book.wait is not None:
            book.wait.wait(10)
        with book.lock:
            return self.answer(
                *(self.code(form) if form.get("grant_type") == "authorization_code" else self.renew(form))
            )

    def introspect(self, form: dict[str, str]) -> None:
        """What an access token is good for."""
        self.server.book.on_introspect()
        if self.server.book.blind:
            return self.answer(500, {})
        found = self.server.book.access.get(form.get("token", ""))
        good = {"active": True, "username": found[1], "scope": SCOPE} if found else {"active": False}
        return self.answer(200, good)

    def code(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Tokens for a code, once."""
        asked = self.server.book.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        return 200, self.server.book.tokens(secrets.token_hex(4))

    def renew(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Tokens for a refresh token."""
        book, token = self.server.book, form.get("refresh_token", "")
        book.refreshes += 1
        if token in book.used:
            book.ended.add(book.used[token])
        family = book.refresh.get(token)
        if family is None or family in book.ended:
            return 400, {"error": "invalid_grant"}
        if book.rotate:
            book.used[token] = book.refresh.pop(token)
            return 200, book.tokens(family)
        answer = book.tokens(family)
        del book.refresh[str(answer.pop("refresh_token"))]
        return 200, answer

    def answer(self, status: int, content: dict[str, object]) -> None:
        """JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """The server with its book."""

    daemon_threads = True
    book: Book

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def oauth_server(port: int = 0) -> Iterator[Server]:
    """Runs while the block does."""
    server = Server(("127.0.0.1", port), Handler)
    server.book = Book()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
