"""The port that finds a domain's mail server."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What a domain says of itself. preset: key of a known provider, else host, port, security (starttls | tls);
    source: who says so, in words."""

    preset: str = ""
    host: str = ""
    port: int = 587
    security: str = "starttls"
    source: str = ""


class MailDiscovery(Protocol):
    """Asks a domain's DNS and web server. Never raises, takes two seconds at most, and remembers."""

    def find(self, domain: str, ask: bool = True) -> Discovered | None:
        """What is known of a domain; ask False: only from memory."""
        ...
