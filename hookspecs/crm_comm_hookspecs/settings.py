"""Settings: what a host can set. Empty values fall back to CRM_COMM_<NAME> and then to the embedded default."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from .errors import InvalidInput

PREFIX = "CRM_COMM_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, with its default.

    database_url: SQLAlchemy URL; default SQLite in `data_dir`. data_dir: default the platform's user data folder.
    secret_backend: auto | database | a keyring backend's dotted path. secret_key_file: key(s) of the database keyring.
    smtp_ca_file: further certificate authorities (PEM). base_url: where the host mounts callback and receive.
    smtp_timeout, http_timeout: seconds per phase. busy_timeout: longest wait for a lock, in seconds.
    installation_limit: a ceiling for all accounts together, as "500/day"; empty = none.
    clock: returns the aware UTC time, for tests; without it PostgreSQL uses the server's.
    """

    database_url: str = ""
    data_dir: str = ""
    secret_backend: str = "auto"
    secret_key_file: str = ""
    smtp_ca_file: str = ""
    base_url: str = ""
    sandbox: bool = False
    smtp_timeout: float = 30.0
    http_timeout: float = 30.0
    busy_timeout: float = 10.0
    installation_limit: str = ""
    clock: Callable[[], datetime] | None = None

    def resolved(self, environ: Mapping[str, str] | None = None) -> "Settings":
        """These settings with the environment filled in where a value is at its default."""
        environ = os.environ if environ is None else environ
        found: dict[str, Any] = {}
        for field in fields(self):
            text = environ.get(PREFIX + field.name.upper(), "")
            if field.name != "clock" and text and getattr(self, field.name) == field.default:
                found[field.name] = _parse(field.name, text, field.default)
        return replace(self, **found)


def _parse(name: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.strip().lower() in _TRUE | _FALSE:
            return text.strip().lower() in _TRUE
    elif isinstance(default, float):
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if 0 < seconds < 1e6:
            return seconds
    else:
        return text
    raise InvalidInput(
        f"{PREFIX}{name.upper()} is {text!r}.", hint="Set it to a number of seconds, or to true or false."
    )
