"""Keyring backends by name: ours, the platform's, or one that the settings name. Held here, never set globally."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.domain.ports.secrets import SealedRows
from crm_comm_plugin.secrets import secret_service
from crm_comm_plugin.secrets.key_sources import KeySources

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

    from crm_comm_plugin.secrets.database_keyring import DatabaseKeyring

AUTO, DATABASE = "auto", "database"
PLATFORM = {
    "linux": secret_service.NAME,
    "darwin": "keyring.backends.macOS.Keyring",
    "win32": "keyring.backends.Windows.WinVaultKeyring",
}
TITLES = {
    DATABASE: "the database",
    PLATFORM["linux"]: "the desktop's keyring (Secret Service)",
    PLATFORM["darwin"]: "the macOS Keychain",
    PLATFORM["win32"]: "the Windows Credential Manager",
}
_KEEPS_NOTHING = ("keyring.backends.fail", "keyring.backends.null", "keyring.backends.chainer")


class Backends:
    """Makes and keeps backends, and says whether one can be used now.

    setting: `secret_backend`. Besides ours and the platform's only the one it names is ever imported: names from the
    database are not trusted to say which code runs. proven: those that were seen to keep what they are given.
    """

    def __init__(self, setting: str, rows: SealedRows, sources: KeySources, variable: Callable[[str], str]) -> None:
        self.setting = setting.strip() or AUTO
        self.rows = rows
        self.sources = sources
        self._variable = variable
        self._made: dict[str, KeyringBackend] = {}
        self._trusted = {self.setting, *PLATFORM.values()}
        self.proven: set[str] = set()

    def trust(self, name: str) -> None:
        """An administrator named this backend as well."""
        self._trusted.add(name)

    def database(self) -> "DatabaseKeyring":
        """Our keyring over the database."""
        from crm_comm_plugin.secrets.database_keyring import DatabaseKeyring

        found = self._made.setdefault(DATABASE, DatabaseKeyring(self.rows, self.sources))
        assert isinstance(found, DatabaseKeyring)  # noqa: S101 - only this line fills the slot
        return found

    def open(self, name: str) -> "KeyringBackend":
        """The backend, able to work now. Raises SecretsUnavailable."""
        if name == DATABASE:
            return self.database()
        if name == secret_service.NAME:
            backend = self._made.get(name) or _loaded(name)
            secret_service.check_secret_service()
        elif name in self._trusted:
            backend = self._made.get(name) or _loaded(name)
        else:
            raise SecretsUnavailable(
                f"Passwords are kept in {title(name)}, which is not set up here.",
                hint=f"Set `secret_backend` to {name} again; `crm-comm secrets move KEYRING` takes them elsewhere.",
                code="missing",
            )
        self._made[name] = backend
        return backend

    def check(self, name: str) -> None:
        """Pass when everything stored in it can be read now, without asking anybody. Raises SecretsUnavailable."""
        if name != DATABASE:
            self.open(name)
            return
        counts = self.rows.counts()
        keys = self.sources.load()
        if not keys and (counts or self.sources.own_file is None):
            raise self.sources.missing()
        lost = {key_id: count for key_id, count in counts.items() if keys and keys.get(key_id) is None}
        if lost:
            raise SecretsUnavailable(
                f"{sum(lost.values())} of {sum(counts.values())} stored passwords were encrypted with another key "
                f"(id {', '.join(sorted(lost))}).",
                hint="Set that key again, beside the present one. If it is lost, enter those passwords again.",
                code="wrong_key",
            )

    def platform(self) -> str:
        """The platform's keyring, or "" where there is none or the user switched it off for keyring as a whole."""
        name = PLATFORM.get(sys.platform, "")
        wanted = self._variable("PYTHON_KEYRING_BACKEND") or _from_keyring_config()
        return name if wanted in ("", name) else ""


def title(name: str, start: bool = False) -> str:
    """A backend's name for people; start: at the start of a sentence."""
    text = TITLES.get(name, f"the keyring {name}")
    return text[0].upper() + text[1:] if start else text


def _loaded(name: str) -> "KeyringBackend":
    if name.startswith(_KEEPS_NOTHING):
        raise SecretsUnavailable(
            f"The keyring {name} keeps nothing.", hint="Set `secret_backend` to auto or database.", code="missing"
        )
    return _guarded(name, lambda: _instance(name))


def _instance(name: str) -> "KeyringBackend":
    from importlib import import_module

    from keyring.backend import KeyringBackend

    module, _, kind = name.rpartition(".")
    found = getattr(import_module(module), kind)
    if not (isinstance(found, type) and issubclass(found, KeyringBackend)):
        raise TypeError("not a keyring backend")
    found.priority  # noqa: B018 - raises where it cannot work
    return found()


def _guarded(name: str, make: Callable[[], "KeyringBackend"]) -> "KeyringBackend":
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - foreign code; its text may hold anything, so only its kind is told
        kind = type(error).__name__
    raise SecretsUnavailable(
        f"{title(name, start=True)} cannot be used here ({kind}).",
        hint="Install or start it, or set `secret_backend` to database.",
        code="missing",
    )


def _from_keyring_config() -> str:
    """What `keyring --disable` or the user's keyringrc.cfg says; read here, as keyring would also change sys.path."""
    from configparser import Error, RawConfigParser

    from keyring.util import platform_

    parser = RawConfigParser()
    try:
        parser.read(str(platform_.config_root()) + "/keyringrc.cfg", encoding="utf-8")
        return parser.get("backend", "default-keyring", fallback="").strip()
    except (Error, OSError, UnicodeDecodeError):
        return ""
