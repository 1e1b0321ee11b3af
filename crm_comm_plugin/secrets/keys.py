"""Keys of the database keyring: their text form, their ids, and several at once for rotation."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

from crm_comm_hookspecs import SecretsUnavailable

KEY_BYTES = 32
MAKE_A_KEY = (
    "A key is 32 random bytes as base64 or hex; make one with "
    '`python3 -c "import secrets; print(secrets.token_urlsafe(32))"`.'
)
_MIN_DISTINCT = 10
"""32 random bytes with fewer different values have odds below 1 in 10 to the 25: such a key was typed by hand."""


class Key:
    """One AES-256 key. Its id says which key sealed a secret and tells nothing about the key itself."""

    __slots__ = ("_bytes", "id", "source")

    def __init__(self, material: bytes, source: str) -> None:
        self._bytes = material
        self.source = source
        self.id = hmac.new(material, b"crm-comm key id", hashlib.sha256).hexdigest()[:16]

    def reveal(self) -> bytes:
        """The key itself, for the cipher only."""
        return self._bytes

    def __repr__(self) -> str:
        return f"<Key {self.id} from {self.source}>"

    def __reduce__(self) -> str:
        raise TypeError("A key is never pickled.")


class Keys:
    """All keys we have: the first seals, every one opens."""

    __slots__ = ("_by_id",)

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._by_id: dict[str, Key] = {}
        for key in keys:
            self._by_id.setdefault(key.id, key)

    @property
    def first(self) -> Key | None:
        """The key that seals."""
        return next(iter(self._by_id.values()), None)

    def get(self, id: str) -> Key | None:
        """The key with this id, if we have it."""
        return self._by_id.get(id)

    def all(self) -> tuple[Key, ...]:
        """In order."""
        return tuple(self._by_id.values())

    def __bool__(self) -> bool:
        return bool(self._by_id)

    def __repr__(self) -> str:
        return f"<Keys {' '.join(self._by_id) or 'none'}>"

    def __reduce__(self) -> str:
        raise TypeError("Keys are never pickled.")


def parse_keys(text: str, source: str) -> Sequence[Key]:
    """The keys in a text: one per line or separated by commas, `#` starts a comment. source: for messages.

    Raises SecretsUnavailable (missing) for none or a bad one; the message holds its number, nothing of it.
    """
    lines = (line.partition("#")[0] for line in text.lstrip("\ufeff").splitlines())
    words = [word.strip() for line in lines for word in line.split(",") if word.strip()]
    if not words:
        raise SecretsUnavailable(f"There is no key in {source}.", hint=MAKE_A_KEY, code="missing")
    return [Key(_decoded(word, number, source), source) for number, word in enumerate(words, 1)]


def _decoded(word: str, number: int, source: str) -> bytes:
    material, trouble = b"", "is not base64 or hex"
    try:
        if re.fullmatch(r"[0-9A-Fa-f]{64}", word):
            material = bytes.fromhex(word)
        else:
            plain = word.rstrip("=").replace("-", "+").replace("_", "/")
            material = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        pass
    else:
        if len(material) != KEY_BYTES:
            trouble = f"has {len(material)} bytes instead of {KEY_BYTES}"
        elif len(set(material)) < _MIN_DISTINCT:
            trouble = "is not random"
        else:
            return material
    raise SecretsUnavailable(f"Key {number} in {source} {trouble}.", hint=MAKE_A_KEY, code="missing")
