"""Finding a domain's mail server: who takes its mail in (MX), what its DNS names (RFC 6186, RFC 8314), autoconfig.

Needs dnspython (extra `discovery`). The domain is all that is told to anybody, never the address.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from crm_comm_plugin.domain.addresses import ascii_domain, normalise_host
from crm_comm_plugin.domain.ports.discovery import Discovered
from crm_comm_plugin.transports.autoconfig import fetch, outgoing
from crm_comm_plugin.transports.network import Networks

if TYPE_CHECKING:
    from dns.resolver import Resolver

SECONDS = 2.0
REMEMBERED = 1_000
FRESH = 3600.0
SILENCE = 60.0
"""After a resolver that did not answer in time nobody waits for it again for so long."""
_SERVICES = (("_submissions._tcp", "tls"), ("_submission._tcp", "starttls"))
_PLACES = (("autoconfig.{}", "/mail/config-v1.1.xml"), ("{}", "/.well-known/autoconfig/mail/config-v1.1.xml"))

Fetch = Callable[[str, str, float], bytes | None]


class DnsDiscovery:
    """The MailDiscovery port. mail_hosts: (end of an MX name, preset); networks: where https may go."""

    def __init__(
        self,
        *,
        mail_hosts: Sequence[tuple[str, str]],
        networks: Networks,
        seconds: float = SECONDS,
        resolver: "Callable[[], Resolver] | None" = None,
        fetch_file: Fetch | None = None,
    ) -> None:
        self._mail_hosts = tuple(mail_hosts)
        self._seconds = seconds
        self._resolver = resolver or _system_resolver
        self._fetch = fetch_file or (lambda host, path, seconds: fetch(host, path, seconds, networks))
        self._silent_until = 0.0
        self._known: dict[str, tuple[float, Discovered | None]] = {}
        self._lock = threading.Lock()

    def find(self, domain: str, ask: bool = True) -> Discovered | None:
        """What is known of a domain; ask False: only from memory."""
        try:
            domain = ascii_domain(domain)
        except ValueError:
            return None
        with self._lock:
            at, found = self._known.get(domain, (0.0, None))
        now = time.monotonic()
        if not ask or (at and now - at < FRESH) or now < self._silent_until:
            return found
        found = self._asked(domain)
        with self._lock:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[domain] = (time.monotonic(), found)
        return found

    def _asked(self, domain: str) -> Discovered | None:
        deadline = time.monotonic() + self._seconds
        for way in (self._by_mx, self._by_srv, self._by_file):
            if time.monotonic() >= deadline or time.monotonic() < self._silent_until:
                return None
            if (found := way(domain, deadline)) is not None:
                return found
        return None

    def _by_mx(self, domain: str, deadline: float) -> Discovered | None:
        records = sorted(self._records(domain, "MX", deadline), key=lambda mx: int(mx.preference))
        for mx in records:
            name = _name(mx.exchange)
            for end, preset in self._mail_hosts:
                if name == end or name.endswith(f".{end}"):
                    return Discovered(preset=preset, source="where the domain's mail is delivered")
        return None

    def _by_srv(self, domain: str, deadline: float) -> Discovered | None:
        for service, security in _SERVICES:
            records = self._records(f"{service}.{domain}", "SRV", deadline)
            for srv in sorted(records, key=lambda srv: (int(srv.priority), -int(srv.weight))):
                host, port = _name(srv.target), int(srv.port)
                if host and 0 < port < 65_536:
                    return Discovered(host=host, port=port, security=security, source="the domain's DNS")
        return None

    def _by_file(self, domain: str, deadline: float) -> Discovered | None:
        for host, path in _PLACES:
            left = deadline - time.monotonic()
            body = self._fetch(host.format(domain), path, left / 2) if left > 0 else None
            if body is not None and (found := outgoing(body, domain)) is not None:
                return found
        return None

    def _records(self, name: str, kind: str, deadline: float) -> Iterable[Any]:
        from dns.exception import DNSException, Timeout

        left = min(deadline - time.monotonic(), self._seconds / 2)
        if left <= 0:
            return ()
        try:
            return tuple(self._resolver().resolve(name, kind, lifetime=left))
        except Timeout:
            self._silent_until = time.monotonic() + SILENCE
        except (DNSException, OSError, ValueError):
            pass
        return ()


def discovery(mail_hosts: Sequence[tuple[str, str]], denied: str = "", allowed: str = "") -> DnsDiscovery | None:
    """The discovery, where the extra is installed: it goes where accounts may, and of that to public addresses only."""
    if find_spec("dns") is None:
        return None
    return DnsDiscovery(mail_hosts=mail_hosts, networks=Networks(allowed, f"{denied} private loopback"))


def _system_resolver() -> "Resolver":
    from dns.resolver import Resolver

    return Resolver()


def _name(target: Any) -> str:
    try:
        return normalise_host(target.to_text(omit_final_dot=True))
    except ValueError:
        return ""
