"""Autoconfig: a small XML file in which a domain names its mail servers, fetched by https from public addresses."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterable
from xml.etree import ElementTree

from crm_comm_plugin.domain.addresses import normalise_host
from crm_comm_plugin.domain.ports.discovery import Discovered
from crm_comm_plugin.transports.network import Networks

MOST_BYTES = 65_536
CHUNK = 8_192
_SECURITY = {"SSL": "tls", "STARTTLS": "starttls"}


class _Pinned(http.client.HTTPSConnection):
    """An https connection to an address that was judged; there is no proxy and no redirect."""

    def __init__(self, host: str, port: int, seconds: float, networks: Networks, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=seconds, context=context)
        self._networks, self._tls, self._seconds = networks, context, seconds

    def connect(self) -> None:
        """To the address that `networks` allows."""
        plain = self._networks.connect(self.host, self.port, self._seconds)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def fetch(
    host: str, path: str, seconds: float, networks: Networks, context: ssl.SSLContext | None = None, port: int = 443
) -> bytes | None:
    """A small file by https; None for anything but a plain 200. Never raises for what the other side does."""
    deadline = time.monotonic() + seconds
    connection = _Pinned(host, port, seconds, networks, context or ssl.create_default_context())
    try:
        connection.request("GET", path, headers={"Accept": "application/xml, text/xml", "Connection": "close"})
        answer = connection.getresponse()
        return b"".join(_body(answer, connection.sock, deadline)) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _body(answer: http.client.HTTPResponse, sock: socket.socket | None, deadline: float) -> Iterable[bytes]:
    size = 0
    while part := answer.read1(CHUNK):
        size += len(part)
        if size > MOST_BYTES or time.monotonic() > deadline:
            raise ValueError("too much or too slow")
        yield part


def outgoing(xml: bytes, domain: str = "") -> Discovered | None:
    """The first encrypted SMTP server of a configuration; None where there is none, or where it is no such file.

    domain: what the file's %EMAILDOMAIN% stands for.
    """
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        return None
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - small, and without entities
        servers = [server for server in root.iter("outgoingServer") if server.get("type") == "smtp"]
        found = [_server(server, domain) for server in servers]
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    return next((server for server in found if server is not None), None)


def _server(server: ElementTree.Element, domain: str) -> Discovered | None:
    host, port, kind = (str(server.findtext(name) or "").strip() for name in ("hostname", "port", "socketType"))
    if kind.upper() not in _SECURITY or not port.isdecimal() or not 0 < int(port[:6]) < 65_536:
        return None
    try:
        host = normalise_host(host.replace("%EMAILDOMAIN%", domain))
    except ValueError:
        return None
    return Discovered(
        host=host,
        port=int(port),
        security=_SECURITY[kind.upper()],
        source="the configuration file of the domain",
    )
