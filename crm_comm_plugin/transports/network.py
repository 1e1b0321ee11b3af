"""Where accounts may connect to: names are resolved once, every address is judged, and that address is connected to."""

import ipaddress
import socket
import time
from collections.abc import Iterable

from crm_comm_hookspecs import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network

Where = tuple[int, tuple[str | int, ...]]
"""A socket family and address."""

MOST_ADDRESSES = 8
"""A name with more addresses than this has the rest left out."""

_GROUPS = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
}
_NEVER = (
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local, and where clouds hand out credentials
    "100.100.100.200/32",  # Alibaba's metadata
    "168.63.129.16/32",  # Azure's
    "192.0.0.192/32",  # Oracle's
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "fd00:ec2::/32",  # Amazon's, over IPv6
    "fd20:ce::/32",  # Google's
    "fe80::/10",
    "ff00::/8",
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


class AddressRefused(OSError):
    """This installation does not connect to that address. Its text is for people."""


class Networks:
    """Rules for outgoing connections.

    allowed: when not empty, only these networks are connected to. denied: never connected to, whatever is allowed.
    Both: networks or addresses with commas between them, or the words loopback and private. Link-local, multicast and
    the addresses at which clouds hand out credentials are refused unless `allowed` names them, or a part of them, as
    such: a wider network that holds them, as private does, was hardly meant to.
    """

    def __init__(self, allowed: str = "", denied: str = "") -> None:
        self._allowed = _parsed("allowed_networks", allowed)
        self._only_here = allowed.strip() == "loopback"
        self._denied = _parsed("denied_networks", denied)
        self._never = tuple(ipaddress.ip_network(text) for text in _NEVER)

    def refuses(self, address: str) -> bool:
        """True when an IP address may not be connected to, also where another one stands inside it."""
        return any(self._refuses(each) for each in _meanings(ipaddress.ip_address(address.partition("%")[0])))

    def _refuses(self, address: Address) -> bool:
        if _within(address, self._denied):
            return True
        listed = _holding(address, self._allowed)
        if self._allowed and not listed:
            return True
        meant = max((net.prefixlen for net in listed), default=-1)
        return any(meant < net.prefixlen for net in _holding(address, self._never))

    def _refusal(self, host: str) -> str:
        if self._only_here:
            return f"This installation connects only to its own machine, and {host} is another one."
        return f"This installation does not connect to the network in which {host} is."

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connected socket. Raises AddressRefused, socket.gaierror, TimeoutError, OSError.

        timeout: seconds for all addresses together. What is connected to is the address that was judged, so a name
        that answers differently a moment later gains nothing.
        """
        deadline = time.monotonic() + timeout
        return reach(self.judged(host, port), deadline - time.monotonic(), timeout)

    def judged(self, host: str, port: int) -> "list[Where]":
        """The addresses of a name that may be connected to. Raises AddressRefused, socket.gaierror."""
        usable = [(family, where) for family, where in resolve(host, port) if not self.refuses(str(where[0]))]
        if not usable:
            raise AddressRefused(self._refusal(host))
        return usable


def reach(judged: "list[Where]", seconds: float, timeout: float) -> socket.socket:
    """The first of these addresses that answers, within so many seconds for all; timeout: of the connected socket."""
    deadline = time.monotonic() + seconds
    problem: OSError = TimeoutError("timed out")
    for number, (family, where) in enumerate(judged):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            return _connected(family, where, left / (len(judged) - number), timeout)
        except OSError as error:
            problem = error
    raise problem


def resolve(host: str, port: int) -> "list[Where]":
    """(family, socket address) of a name, without repeats. Raises socket.gaierror."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    unique: dict[Where, None] = {}
    for family, _, _, _, where in found:
        unique[int(family), tuple(part for part in where if isinstance(part, str | int))] = None
    return list(unique)[:MOST_ADDRESSES]


def is_loopback(host: str) -> bool:
    """True when all addresses of a name are of this machine: only then may a password go without encryption."""
    try:
        found = resolve(host, 0)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(
        _within(each, _group("loopback"))
        for _, where in found
        for each in (_plain(ipaddress.ip_address(str(where[0]).partition("%")[0])),)
    )


def peer_is_loopback(connected: socket.socket) -> bool:
    """True when the other end of a connection is this machine."""
    try:
        peer = connected.getpeername()
    except OSError:
        return False
    return isinstance(peer, tuple) and _within(
        _plain(ipaddress.ip_address(str(peer[0]).partition("%")[0])), _group("loopback")
    )


def _connected(family: int, where: tuple[str | int, ...], seconds: float, timeout: float) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(seconds)
        made.connect(where)
        made.settimeout(timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        made.close()
        raise
    return made


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _meanings(address: Address) -> tuple[Address, ...]:
    """An address, and the IPv4 address that it stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    inner: list[Address] = []
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner += address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return (address, *inner)


def _within(address: Address, nets: Iterable[Net]) -> bool:
    return bool(_holding(address, nets))


def _holding(address: Address, nets: Iterable[Net]) -> list[Net]:
    """Those of the networks that the address is in."""
    return [net for net in nets if address.version == net.version and address in net]


def _group(name: str) -> tuple[Net, ...]:
    return tuple(ipaddress.ip_network(text) for text in _GROUPS[name])


def _parsed(setting: str, text: str) -> tuple[Net, ...]:
    found: list[Net] = []
    for word in text.replace(",", " ").split():
        if word.lower() in _GROUPS:
            found += _group(word.lower())
            continue
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise InvalidInput(
                f"{setting} holds {word!r}.",
                hint="Write networks as 10.0.0.0/8 with commas between them, or the words loopback and private.",
            ) from None
    return tuple(found)
