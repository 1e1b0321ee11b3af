"""A server's words without the secrets that it may throw back."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
_CODED = re.compile(r"[A-Za-z0-9+/._~-]{24,}={0,2}|[A-Za-z0-9+/]{12,}={0,2}")
"""Base64, and OAuth tokens."""
_WORD = re.compile(r"[A-Z]?[a-z]{0,22}")
"""A word of a language, such as Authentication: coded bytes have capitals or digits in between."""


class Scrubber:
    """Takes secrets, and what sign-in and web addresses make of them, out of a text."""

    def __init__(self, user: str, secrets: Iterable[str]) -> None:
        found: set[str] = set()
        for secret in filter(None, secrets):
            raw = secret.encode(errors="replace")
            plain = f"\0{user}\0{secret}".encode(errors="replace")
            found |= {secret, quote(raw, safe=""), quote_plus(raw)}
            found |= {base64.b64encode(part).decode() for part in (raw, plain)}
        self._found = sorted(found, key=len, reverse=True)

    def words(self, text: str, signing_in: bool = False) -> str:
        """The text for people; while signing in, anything that looks coded goes too."""
        for secret in self._found:
            text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
        return _CODED.sub(_hidden, text) if signing_in else text


def _hidden(found: re.Match[str]) -> str:
    return found[0] if _WORD.fullmatch(found[0]) else HIDDEN
