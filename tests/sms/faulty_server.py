"""An HTTP server that breaks where it is told to: before a request, in it, after it, in the answer."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BREAKS = (
    "drop_before",  # the connection is closed before anything is read
    "drop_in",  # half of the request is read
    "drop_unprocessed",  # all of it is read, nothing is done
    "drop_after",  # done, and no answer
    "drop_in_answer",  # done, and half of the answer
    "hang",  # done, and no answer until the time is over
    "hang_in_answer",  # done, half of the answer, then nothing until the time is over
    "garbage",  # done, and a page of somebody else instead of the answer
    "502",  # done, and a proxy's error
    "503",  # not done
)


@dataclass
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answered:
    """An answer to give."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class FaultyServer:
    """`breaks` is taken from for each request, in order; "" works. answer: what a working gateway says."""

    def __init__(self, answer: Callable[[Seen], Answered]) -> None:
        self.answer, self.breaks, self.seen = answer, deque[str](), list[Seen]()
        self._over = threading.Event()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args):
                pass

            def do_GET(self):
                self.close_connection |= not outer._serve(self)

            do_POST = do_PUT = do_GET

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self._http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def _serve(self, http: BaseHTTPRequestHandler) -> bool:
        """Answer one request; False closes the connection."""
        fault = self.breaks.popleft() if self.breaks else ""
        length = int(http.headers.get("content-length") or 0)
        if fault == "drop_before":
            return False
        if fault == "drop_in":
            http.rfile.read(length // 2)
            return False
        body = http.rfile.read(length)
        if fault == "drop_unprocessed":
            return False
        if fault == "503":
            return self._reply(http, Answered(503, b"{}", headers={"Retry-After": "60"}))
        headers = {name.lower(): value for name, value in http.headers.items()}
        with self._lock:
            seen = Seen(http.command, http.path, headers, body)
            self.seen.append(seen)
            answer = self.answer(seen)
        if fault == "hang":
            self._over.wait(5)
            return False
        if fault == "drop_after":
            return False
        if fault == "garbage":
            answer = Answered(200, b"<html>Welcome to the hotel</html>", "text/html")
        if fault == "502":
            answer = Answered(502, b"<html>Bad gateway</html>", "text/html")
        return self._reply(http, answer, half=fault.endswith("in_answer"), hang=fault == "hang_in_answer")

    def _reply(self, http: BaseHTTPRequestHandler, answer: Answered, half: bool = False, hang: bool = False) -> bool:
        with contextlib.suppress(OSError):
            http.send_response(answer.status)
            http.send_header("Content-Type", answer.content_type)
            http.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                http.send_header(name, value)
            http.end_headers()
            http.wfile.write(answer.body[: len(answer.body) // 2] if half else answer.body)
            http.wfile.flush()
            if hang:
                self._over.wait(5)
            return not half
        return False
