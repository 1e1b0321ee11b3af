"""E-mail addresses and host names as people type them -> the one form that is stored, compared and sent to."""

import re
import unicodedata

from crm_comm_hookspecs.characters import unprintable

MAX_LOCAL, MAX_DOMAIN, MAX_LABEL, MAX_ADDRESS = 64, 253, 63, 254
"""Octets (RFC 5321 section 4.5.3.1, RFC 3696 erratum 1690)."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+{_TOP})\Z")
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*{_TOP}\Z")
_OUTER = " \t\u00a0"
_SPECIAL = frozenset('()<>[]:;@\\,"')
_LOCAL_HOST = "localhost"


def normalise_address(text: str) -> str:
    """The address with its domain in lower-case ASCII (IDNA 2008); the part before the @ stays as it is, in form NFC.

    Raises ValueError with a sentence for people, which never holds the address. Source: RFC 5321, RFC 6531, RFC 5891.
    """
    plain = _PLAIN.match(text) if len(text) <= MAX_ADDRESS else None
    if plain is None:
        return _slowly(text)
    local, domain = plain.groups()
    if len(local) > MAX_LOCAL or "--" in domain:
        return _slowly(text)
    return text if domain.islower() else f"{local}@{domain.lower()}"


def is_address(text: str) -> bool:
    """True when `normalise_address` takes it."""
    try:
        normalise_address(text)
    except ValueError:
        return False
    return True


def domain_of(address: str) -> str:
    """What stands after the @ of a normalised address."""
    return address.rpartition("@")[2]


def _slowly(text: str) -> str:
    text = text.strip(_OUTER)
    if not text:
        raise ValueError("The address is missing.")
    if problem := unprintable(text):
        raise ValueError(problem)
    if len(text) > 4 * MAX_ADDRESS:
        raise ValueError("The address is too long.")
    local, at, domain = text.rpartition("@")
    if not at:
        raise ValueError("An address needs an @, as in name@example.com.")
    address = f"{_local(local)}@{_domain(domain)}"
    if len(address.encode()) > MAX_ADDRESS:
        raise ValueError("The address is too long.")
    return address


def _local(local: str) -> str:
    local = unicodedata.normalize("NFC", local)
    if not local:
        raise ValueError("The part before the @ is missing.")
    if "@" in local:
        raise ValueError("The address has more than one @.")
    if "<" in local:
        raise ValueError("Enter only the address, as in name@example.com, without a name and without < and >.")
    if any(c.isspace() for c in local):
        raise ValueError("The address has a space in it.")
    if _SPECIAL.intersection(local):
        raise ValueError("The part before the @ has a character that addresses cannot have.")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise ValueError("The part before the @ has a dot too many.")
    if any(unicodedata.category(c) == "Cf" for c in local):
        raise ValueError("The address has an invisible character. Type it again instead of pasting it.")
    if len(local.encode()) > MAX_LOCAL:
        raise ValueError("The part before the @ is too long.")
    return local


def _domain(domain: str) -> str:
    if not domain:
        raise ValueError("The part after the @ is missing.")
    name = ascii_domain(domain)
    if "." not in name and name != _LOCAL_HOST:
        raise ValueError("The part after the @ is not complete, as in name@example.com.")
    return name


def ascii_domain(domain: str) -> str:
    """A domain name in lower-case ASCII; raises ValueError with words for what cannot be one."""
    if len(domain) > MAX_DOMAIN:
        raise ValueError("The domain name is too long.")
    if not domain.isascii() or "xn--" in domain.lower():
        domain = _idna(domain)
    domain = domain.lower()
    if not _DOMAIN.match(domain) or len(domain) > MAX_DOMAIN:
        raise ValueError("The domain name is not valid: check for letters too many, missing or wrong.")
    return domain


def _idna(domain: str) -> str:
    import idna

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        raise ValueError("The domain name has characters that domain names cannot have.") from None


def normalise_host(text: str) -> str:
    """A server's name or IP address as it is stored; raises ValueError with a sentence for people."""
    import ipaddress

    text = text.strip(_OUTER)
    if not text:
        raise ValueError("The server's name is missing.")
    if problem := unprintable(text):
        raise ValueError(problem)
    if "://" in text or "/" in text:
        raise ValueError("Enter only the server's name, as in smtp.example.com, without http:// and without slashes.")
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" not in bare:
        try:
            return str(ipaddress.ip_address(bare))
        except ValueError:
            pass
    if "@" in text:
        raise ValueError("This is an address. Enter the server's name, as in smtp.example.com.")
    if text.count(":") == 1:
        raise ValueError("Enter the port in its own field, and here only the server's name.")
    return ascii_domain(text.removesuffix("."))
