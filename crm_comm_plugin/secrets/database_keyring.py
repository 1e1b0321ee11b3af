"""A keyring backend over the database, for machines whose platform has none. Import this module only when needed."""

from typing import Any, NoReturn

from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.errors import PasswordDeleteError, PasswordSetError

from crm_comm_plugin.domain.ports.secrets import SealedRow, SealedRows
from crm_comm_plugin.secrets.cipher import seal, unseal
from crm_comm_plugin.secrets.key_sources import KeySources
from crm_comm_plugin.secrets.keys import Keys

MAX_NAME = 255
MAX_BYTES = 1_000_000


class DatabaseKeyring(KeyringBackend):
    """Encrypted passwords in a database table. Held as an instance, never set for the whole process.

    Raises SecretsUnavailable when a key is missing or wrong, StorageUnavailable or Busy as the database does, and the
    keyring package's own errors for the rest.
    """

    def __init__(self, rows: SealedRows, sources: KeySources) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # first: it takes attributes from the environment, which must not replace ours
        self._rows = rows
        self._sources = sources
        self._keys = Keys()

    @properties.classproperty
    def priority(cls) -> float:  # noqa: N805 - as keyring declares it
        """Never viable by itself: other users of keyring in this process must not get it."""
        raise RuntimeError("It needs a database; crm_comm_plugin makes it.")

    def get_password(self, service: str, username: str) -> str | None:
        """The password, or None."""
        if not _fits(service, username):
            return None
        row = self._rows.find(service, username)
        if row is None:
            return None
        if self._keys.get(row.key_id) is None:
            self._keys = self._sources.load()  # another process may have rotated
        return unseal(self._keys, row).decode()

    def set_password(self, service: str, username: str, password: str) -> None:
        """Encrypt and store; the last of several writers wins, whole."""
        secret = _encoded(password)
        if not _fits(service, username) or secret is None or len(secret) > MAX_BYTES:
            raise PasswordSetError("The names or the password are too long, or hold characters that no text has.")
        # Read anew for every write: a key that was retired in the meantime must not be used any more.
        self._keys = self._sources.load_or_make(lambda: not self._rows.counts())
        first = self._keys.first
        assert first is not None  # noqa: S101 - load_or_make raises without a key
        self._rows.put(seal(first, service, username, secret))

    def delete_password(self, service: str, username: str) -> None:
        """Delete; needs no key."""
        if not _fits(service, username) or not self._rows.drop(service, username):
            raise PasswordDeleteError("No such password.")

    def reencrypt(self, batch: int = 100) -> tuple[int, int]:
        """Put everything under the first key: (how many were changed, how many could not be read).

        Each batch is one transaction that leaves alone what somebody changed in between, so it may be killed and run
        again at any time, also by two at once.
        """
        keys = self._keys = self._sources.load()
        first = keys.first
        if first is None:
            raise self._sources.missing()
        done = failed = 0
        after = ("", "")
        while rows := self._rows.not_under(first.id, after, batch):
            pairs = [(row, fresh) for row in rows if (fresh := _resealed(keys, row)) is not None]
            failed += len(rows) - len(pairs)
            done += self._rows.swap(pairs)
            after = (rows[-1].service, rows[-1].username)
        return done, failed

    def __copy__(self) -> "DatabaseKeyring":
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("A keyring is never pickled.")


def _resealed(keys: Keys, row: SealedRow) -> SealedRow | None:
    from crm_comm_hookspecs import SecretsUnavailable

    first: Any = keys.first
    try:
        fresh = seal(first, row.service, row.username, unseal(keys, row))
        unseal(keys, fresh)
    except SecretsUnavailable:
        return None
    return fresh


def _encoded(text: str) -> bytes | None:
    """UTF-8, or None for a lone surrogate: the error of `encode` would carry the password."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _fits(*names: str) -> bool:
    return all(len(name) <= MAX_NAME and "\0" not in name and _encoded(name) is not None for name in names)
