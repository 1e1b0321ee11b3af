"""Which pages a person's browser may be sent to (rule 6 of the contract)."""

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def may_open(url: object, sandbox: bool) -> bool:
    """True for https, and in the sandbox for plain http of this machine. url: whatever a plugin or gateway answered."""
    if not isinstance(url, str) or any(c.isspace() for c in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (sandbox and parts.scheme == "http" and parts.hostname in _LOOPBACK)
