"""A uvicorn server on a socket that was bound before: a port in use is one clear line, never a traceback."""

import errno
import socket
import threading
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp

from crm_comm_hookspecs import CommError

_PATIENCE = 20.0


def bound(host: str, port: int, what: str) -> socket.socket:
    """A listening socket; CommError says in words why there is none. what: for the message, "The SMS gateway"."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except (OSError, OverflowError) as error:
        made.close()
        raise port_problem(error, host, port, what) from None
    return made


def port_problem(error: Exception, host: str, port: int, what: str) -> CommError:
    """Why a server cannot listen there, and what to do."""
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        text = f"{what} cannot start: port {port} on {host} is in use."
        return CommError(
            text, hint="Stop what uses it, or choose another port; see crm-comm serve --help.", code="port_in_use"
        )
    if number in (errno.EACCES, errno.EPERM):
        text = f"{what} cannot start: port {port} needs more rights."
        return CommError(text, hint="Choose a port above 1023; see crm-comm serve --help.", code="port_forbidden")
    text = f"{what} cannot listen on {host}, port {port}."
    return CommError(text, hint="Choose another --host or port; see crm-comm serve --help.", code="cannot_listen")


def server(app: ASGIApp) -> uvicorn.Server:
    """A server that logs no request lines: they hold the access token."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
            lifespan="off",
        )
    )


@dataclass(slots=True)
class Background:
    """A server in a thread of its own."""

    app: ASGIApp
    socket: socket.socket
    _server: uvicorn.Server = field(init=False)
    _thread: threading.Thread = field(init=False)

    def start(self) -> None:
        """Return when it answers."""
        self._server = server(self.app)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self.socket]}, name="web-server", daemon=True
        )
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(_PATIENCE / 0.01)):
            if self._server.started or not self._thread.is_alive():
                break
            waited.wait(0.01)
        if not self._server.started:
            raise CommError("The server did not start.", hint="Try again; the log says more.")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.socket.getsockname()[1])

    def stop(self) -> None:
        """Finish what is being answered, then let go of the port."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self.socket.close()
