"""Where keys come from: a file, systemd's credentials, the environment, and at last a file beside the data."""

import os
from collections.abc import Callable
from pathlib import Path

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.domain.ports.secrets import Finding
from crm_comm_plugin.secrets.key_file import KEY_FILE, make_key_file, read_key_file
from crm_comm_plugin.secrets.keys import Key, Keys, parse_keys

VARIABLE = "CRM_COMM_SECRET_KEY"
SET_A_KEY = (
    "Make a key (see docs/security.md) and name its file in CRM_COMM_SECRET_KEY_FILE, or put the key into "
    "CRM_COMM_SECRET_KEY."
)


class KeySources:
    """Reads the keys anew on every `load`, because another process may rotate them.

    key_file: as set, "" = none; own_folder: where a key file of our own may be made, None = nowhere (a server).
    variable: answers an environment variable, "" when it is not set (a function, as a mapping would show the key).
    Every source that is there counts, in the order above: the first key of all seals.
    """

    def __init__(self, key_file: str, own_folder: Path | None, variable: Callable[[str], str]) -> None:
        self._key_file = Path(key_file).expanduser() if key_file else None
        self._variable = variable
        self.own_file = None if own_folder is None else own_folder / KEY_FILE
        self.findings: tuple[Finding, ...] = ()

    def load(self) -> Keys:
        """All keys, none when no source has any. Raises SecretsUnavailable (missing) for a bad source."""
        keys, findings = self._configured()
        if self.own_file is not None:
            keys += self._from_file(self.own_file, findings, ours=True)
        self.findings = tuple(findings)
        return Keys(keys)

    def configured(self) -> bool:
        """True when somebody has set a key: then the database keyring is meant to be used."""
        named = self._key_file, self._credential()
        return any(named) or bool(self._variable(VARIABLE).strip())

    def load_or_make(self, may_make: Callable[[], bool]) -> Keys:
        """All keys; without any, a new key file beside the data where that is allowed.

        may_make: False when secrets are stored already, which a new key could not open.
        """
        keys = self.load()
        if not keys and self.own_file is not None and may_make():
            make_key_file(self.own_file)
            keys = self.load()
        if not keys:
            raise self.missing()
        return keys

    def missing(self) -> SecretsUnavailable:
        """The error that says where a key was looked for."""
        if self.own_file is None:
            return SecretsUnavailable("There is no key for stored passwords.", hint=SET_A_KEY, code="missing")
        return SecretsUnavailable(
            f"The key of the stored passwords is gone: there is no file {self.own_file}, and none was set.",
            hint="Put that file back from a copy, or set the key again. If it is lost: docs/operations.md, Keys.",
            code="missing",
        )

    def _configured(self) -> tuple[list[Key], list[Finding]]:
        keys: list[Key] = []
        findings: list[Finding] = []
        if self._key_file is not None:
            keys += self._named(self._key_file, findings)
        credential = self._credential()
        if credential is not None:
            keys += self._from_file(credential, findings, ours=False)
        text = self._variable(VARIABLE)
        if text.strip():
            keys += parse_keys(text, VARIABLE)
        return keys, findings

    def _credential(self) -> Path | None:
        folder = self._variable("CREDENTIALS_DIRECTORY")
        path = Path(folder) / KEY_FILE
        return path if folder and os.path.exists(path) else None

    def _named(self, path: Path, findings: list[Finding]) -> list[Key]:
        found = self._from_file(path, findings, ours=False)
        if found:
            return found
        raise SecretsUnavailable(
            f"The key file {path} is not there.",
            hint="Put it back, or correct CRM_COMM_SECRET_KEY_FILE (setting `secret_key_file`).",
            code="missing",
        )

    @staticmethod
    def _from_file(path: Path, findings: list[Finding], ours: bool) -> list[Key]:
        try:
            text, wrong = read_key_file(path, ours)
        except FileNotFoundError:
            return []
        findings += wrong
        return list(parse_keys(text, f"the key file {path}"))
