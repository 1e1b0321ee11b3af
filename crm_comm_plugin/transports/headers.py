"""Header lines of an e-mail: checked against injection, encoded (RFC 2047), folded (RFC 5322 section 2.2.3)."""

import re
import unicodedata
from collections.abc import Mapping
from email.charset import SHORTEST, Charset
from email.header import Header

MAX_VALUE = 20_000
LINE = 76
_HARD = 998
"""The longest line that RFC 5322 allows; SMTP servers cut or refuse longer ones."""
_NAME = re.compile(r"[!-9;-~]{1,70}\Z")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*\Z")
_OURS = frozenset(
    {
        "from",
        "sender",
        "to",
        "cc",
        "bcc",
        "subject",
        "reply-to",
        "return-path",
        "received",
        "delivered-to",
        "mime-version",
        "dkim-signature",
        "authentication-results",
    }
)
_OUR_FAMILIES = ("content-", "resent-", "arc-", "x-google-smtp", "received-")
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Unsendable(Exception):
    """This message cannot be sent as it is. The text is a sentence for people and holds no content."""


def checked(name: str, value: object) -> str:
    """A header's value without outer spaces; raises Unsendable for what could start a line of its own."""
    if not isinstance(value, str):
        raise Unsendable(f"The header {name} must be a text.")
    if len(value) > MAX_VALUE:
        raise Unsendable(f"The header {name} is too long.")
    value = value.replace("\t", " ")
    if not value.isprintable() and any(unicodedata.category(c) in _BREAKING for c in value):
        raise Unsendable(f"The header {name} holds a line end or control character.")
    return value.strip(" ")


def callers_headers(headers: object) -> dict[str, str]:
    """The headers that a caller gave, checked; raises Unsendable for names that are ours to set."""
    if not isinstance(headers, Mapping):
        raise Unsendable("The headers must be a mapping of texts.")
    found: dict[str, str] = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not _NAME.match(name):
            raise Unsendable("A header has a name that no header can have.")
        low = name.lower()
        if low in _OURS or low.startswith(_OUR_FAMILIES):
            raise Unsendable(f"The header {name} cannot be set by the message.")
        if low in (known.lower() for known in found):
            raise Unsendable(f"The header {name} is given twice.")
        found[name] = checked(name, value)
    return found


def line(name: str, value: str) -> bytes:
    """One unstructured header with its line end. ASCII stays as it is: long tokens, such as URLs, are not encoded."""
    if value.isascii() and "=?" not in value and max(map(len, value.split(" "))) < _HARD - len(name) - 2:
        return _folded(f"{name}: {value}")
    encoded = Header(value, _utf8(), header_name=name, maxlinelen=LINE).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n".encode("ascii")


def address_line(name: str, display: str, address: str) -> bytes:
    """One address header. The address may be in UTF-8 (RFC 6532); the name is encoded or quoted where needed."""
    if not display:
        return f"{name}: {address}\r\n".encode()
    if display.isascii() and "=?" not in display and max(map(len, display.split(" "))) < _HARD // 2:  # it may be quoted
        shown = display if _ATOM.match(display) else '"' + re.sub(r'(["\\])', r"\\\1", display) + '"'
        return _folded(f"{name}: {shown} <{address}>")
    encoded = Header(display, _utf8(), header_name=name, maxlinelen=LINE).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n <{address}>\r\n".encode()


def _folded(text: str) -> bytes:
    """Broken at spaces before column 76 where there are any; a space is never lost, and no line is blank."""
    lines: list[str] = []
    while len(text) > LINE:
        at = text.rfind(" ", 1, LINE)
        if at <= 0 or not text[:at].strip() or text[:at].endswith(":"):
            at = text.find(" ", LINE)
        if at < 0 or not text[at:].strip():
            break
        lines.append(text[:at])
        text = text[at:]
    lines.append(text)
    return ("\r\n".join(lines) + "\r\n").encode()


def _utf8() -> Charset:
    charset = Charset("utf-8")
    charset.header_encoding = SHORTEST
    return charset
