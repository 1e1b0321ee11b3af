"""Settings: what a host can set. Empty values fall back to CRM_COMM_<NAME> and then to the embedded default."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from .errors import InvalidInput

PREFIX = "CRM_COMM_"
MAX_SECONDS = 86_400.0
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, with its default. The database URL may hold a password and stays out of `repr`.

    database_url: SQLAlchemy URL; default SQLite in `data_dir`. data_dir: default the platform's user data folder.
    secret_backend: auto | database | a keyring backend's dotted path. secret_key_file: key(s) of the database keyring.
    smtp_ca_file: further certificate authorities (PEM). base_url: where the host mounts callback and receive.
    smtp_timeout, http_timeout: seconds per phase. busy_timeout: longest wait for a lock, in seconds.
    installation_limit: a ceiling for all accounts together, as "500/day"; empty = none.
    oauth_*: this installation's client ids at Google and Microsoft; without them OAuth is not offered.
    allowed_networks, denied_networks: where accounts may connect to, as "10.0.0.0/8, loopback, private".
    allow_plain_passwords: passwords may go unencrypted to other machines. It is shown wherever that happens.
    clock: returns the aware UTC time, for tests; without it PostgreSQL uses the server's.
    """

    database_url: str = field(default="", repr=False)
    data_dir: str = ""
    secret_backend: str = "auto"  # noqa: S105 - the name of a setting, no secret
    secret_key_file: str = ""
    smtp_ca_file: str = ""
    base_url: str = ""
    sandbox: bool = False
    smtp_timeout: float = 30.0
    http_timeout: float = 30.0
    busy_timeout: float = 10.0
    installation_limit: str = ""
    oauth_google_client_id: str = ""
    oauth_google_client_secret: str = field(default="", repr=False)
    oauth_microsoft_client_id: str = ""
    oauth_microsoft_client_secret: str = field(default="", repr=False)
    oauth_microsoft_tenant: str = "common"
    allowed_networks: str = ""
    denied_networks: str = ""
    allow_plain_passwords: bool = False
    clock: Callable[[], datetime] | None = None

    def __post_init__(self) -> None:
        """Take paths and URLs as other libraries make them; refuse what cannot work while it still has a name."""
        for known in fields(self):
            if known.name != "clock":
                take = _TAKEN[type(known.default)]
                object.__setattr__(self, known.name, take(known.name, getattr(self, known.name)))
        if self.clock is not None and not callable(self.clock):
            raise InvalidInput("Settings.clock cannot be called.", hint="Pass a function that returns an aware time.")

    def resolved(self, environ: Mapping[str, str] | None = None) -> "Settings":
        """These settings with the environment filled in where a value is at its default."""
        environ = os.environ if environ is None else environ
        found: dict[str, Any] = {}
        for known in fields(self):
            text = environ.get(PREFIX + known.name.upper(), "").strip()
            if known.name != "clock" and text and getattr(self, known.name) == known.default:
                found[known.name] = _parse(known.name, text, known.default)
        return replace(self, **found)


def _parse(name: str, text: str, default: Any) -> Any:
    variable = PREFIX + name.upper()
    if isinstance(default, bool):
        if text.lower() not in _TRUE | _FALSE:
            raise InvalidInput(f"{variable} is {text!r}.", hint="Set it to true or false.")
        return text.lower() in _TRUE
    return _seconds(variable, text) if isinstance(default, float) else text


def _seconds(name: str, value: Any) -> float:
    try:
        seconds = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 < seconds <= MAX_SECONDS:
        raise InvalidInput(f"{name} is {value!r}.", hint="Set it to a number of seconds, more than 0, for example 30.")
    return seconds


def _text(name: str, value: Any) -> str:
    if hasattr(value, "render_as_string"):  # a SQLAlchemy URL, whose str() hides the password
        value = value.render_as_string(hide_password=False)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise InvalidInput(f"Settings.{name} is not a text.", hint="Pass a text, or leave it out.")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):  # "false" would count as true
        raise InvalidInput(f"Settings.{name} is {value!r}.", hint="Set it to True or False.")
    return value


_TAKEN: dict[type, Callable[[str, Any], Any]] = {str: _text, float: _seconds, bool: _flag}
