"""Connections of a requests Session that keep to the installation's networks: names are resolved once and judged."""

import socket
from typing import TYPE_CHECKING, Any

from crm_comm_plugin.transports.network import AddressRefused, Networks

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter


def adapter(networks: Networks) -> "HTTPAdapter":
    """An adapter that connects only where it may; one connection at a time, no retries."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, networks)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, networks)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    made = HTTPAdapter(max_retries=0, pool_maxsize=1)
    made.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return made


def _connected(connection: Any, networks: Networks) -> socket.socket:
    """urllib3 wants errors of its own."""
    from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

    host = connection.host.strip("[]")
    try:
        return networks.connect(host, connection.port, float(connection.timeout))
    except AddressRefused as error:
        raise NewConnectionError(connection, f"{REFUSED} {error}") from None
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "timed out") from error
    except OSError as error:
        raise NewConnectionError(connection, "refused") from error


REFUSED = "[not allowed]"
"""Stands in the text of an error for a network that this installation does not connect to."""
