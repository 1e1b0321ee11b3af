"""Mail servers, with certificates of an authority of the test's own."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.transports.servers import Script, Server


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory) -> str:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def server_context(authority) -> Callable[..., ssl.SSLContext]:
    def make(*names: str, **more) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*(names or ("127.0.0.1", "localhost")), **more).configure_cert(context)
        return context

    return make


@pytest.fixture
def serve(server_context) -> Iterator[Callable[..., Server]]:
    """Starts aiosmtpd servers, stopped after the test."""
    running = []

    def start(security="none", context=None, **more) -> Server:
        if context is None and security != "none":
            context = server_context()
        server = Server(security, context, **more)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Starts scripted servers, stopped after the test."""
    running = []

    def start(**steps) -> Script:
        running.append(Script(**steps))
        return running[-1]

    yield start
    for server in running:
        server.close()
