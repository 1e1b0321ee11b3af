"""Which keyring new secrets go to: as set; else where secrets are already; else the platform's; else the database."""

import secrets
from datetime import UTC, datetime

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.domain.ports.secrets import SPARE, SecretCopy
from crm_comm_plugin.secrets.backends import AUTO, DATABASE, Backends
from crm_comm_plugin.secrets.entries import erase, put


def choose(backends: Backends, pinned: str) -> str:
    """The backend's name. pinned: where secrets are already, "" = nowhere yet.

    Where secrets are already, `auto` stays, also in a session that cannot reach it: else every second login would
    write elsewhere. Raises SecretsUnavailable (locked) when the platform's keyring is there, locked, and no key was
    set for the database: whoever has a keyring does not want less without being asked.
    """
    if backends.setting != AUTO:
        return backends.setting
    if pinned:
        return pinned
    name = backends.platform()
    if not name:
        return DATABASE
    try:
        backends.open(name)
    except SecretsUnavailable as error:
        if error.code == "locked" and not backends.sources.configured():
            raise
        return DATABASE
    return name if works(backends, name) else DATABASE


def works(backends: Backends, name: str) -> bool:
    """True when it keeps something harmless and lets it go again; asked once."""
    try:
        prove(backends, name)
    except SecretsUnavailable:
        return False
    return True


def prove(backends: Backends, name: str) -> None:
    """Write, read and delete something harmless. Raises SecretsUnavailable."""
    if name in backends.proven:
        return
    slot = f"probe-{secrets.token_hex(8)}"
    at = datetime.now(UTC)
    probe = SecretCopy(slot=slot, ref=slot, account_id="", field="", backend=name, parts=1, state=SPARE, created_at=at)
    try:
        put(backends, probe, slot)
    finally:
        erase(backends, probe)
    backends.proven.add(name)
