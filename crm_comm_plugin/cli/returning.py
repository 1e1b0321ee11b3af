"""A loopback address for a browser to come back to, where no host has one (RFC 8252 section 7.3)."""

import queue
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crm_comm_hookspecs import Result
from crm_comm_plugin.cli.endings import USAGE, CommandError

PATH = "/callback"
_GONE = "Nothing is waiting here."
Finish = Callable[[Mapping[str, str]], Result]


class Returning(ThreadingHTTPServer):
    """Listens on this machine alone; a context manager. port: 0 takes a free one."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self._state = ""
        self._finish: Finish | None = None
        self._once = threading.Lock()
        self._results: queue.SimpleQueue[Result | Exception] = queue.SimpleQueue()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            text = f"Port {port} cannot be used on this machine: {error.strerror}. Give another with --port."
            raise CommandError(text, code=USAGE) from error

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def wait(self, state: str, finish: Finish, seconds: float) -> Result | None:
        """What `finish` makes of the first browser that brings this state, or raises; None: nobody came in time."""
        self._state, self._finish = state, finish
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        try:
            found = self._results.get(timeout=seconds)
        except queue.Empty:
            return None
        finally:
            self.shutdown()
        if isinstance(found, Exception):
            raise found
        return found

    def came_back(self, params: Mapping[str, str]) -> Result | None:
        """None for whoever does not bring the state, or comes again: it is somebody else's page."""
        if not self._state or params.get("state") != self._state or self._finish is None:
            return None
        return self._finish(params) if self._once.acquire(blocking=False) else None

    def done(self, result: Result | Exception) -> None:
        """It is over: the browser has its answer, or there is none."""
        self._results.put(result)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no trouble of ours; a traceback would show the code."""


class _Handler(BaseHTTPRequestHandler):
    server: Returning
    timeout = 10.0

    def log_message(self, *args: object) -> None:
        """Silence: the line would show the code."""

    def do_GET(self) -> None:
        """The way back."""
        where = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(where.query).items()}
        try:
            result = self.server.came_back(params) if where.path == PATH else None
        except Exception as error:  # noqa: BLE001 - whoever waits for the result says what it was
            self._answer(500, "This did not work. The command line says why.")
            return self.server.done(error)
        try:
            self._answer(200 if result else 404, result.message if result else _GONE)
        finally:
            if result is not None:
                self.server.done(result)
        return None

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
