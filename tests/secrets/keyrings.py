"""A real keyring backend in memory, named by its dotted path in settings, with the faults that real ones have."""

from typing import ClassVar

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError


class MemoryKeyring(KeyringBackend):
    priority = 0.1  # type: ignore[assignment]
    entries: ClassVar[dict[tuple[str, str], str]] = {}
    locked = False
    forgets = False
    limit = 10_000_000  # bytes as UTF-16, as Windows counts
    fail_after = 10_000_000  # writes

    @classmethod
    def reset(cls):
        cls.entries = {}
        cls.locked = cls.forgets = False
        cls.limit = cls.fail_after = 10_000_000

    def _open(self):
        if type(self).locked:
            raise KeyringLocked("hunter2 must not be told")

    def get_password(self, service, username):
        self._open()
        return type(self).entries.get((service, username))

    def set_password(self, service, username, password):
        self._open()
        kind = type(self)
        kind.fail_after -= 1
        if kind.fail_after < 0 or len(password.encode("utf-16-le")) > kind.limit:
            raise PasswordSetError(f"could not keep {password}")
        if not kind.forgets:
            kind.entries[service, username] = password

    def delete_password(self, service, username):
        self._open()
        if type(self).entries.pop((service, username), None) is None:
            raise PasswordDeleteError("none")


class OtherKeyring(MemoryKeyring):
    """A second one, for moves between them."""
