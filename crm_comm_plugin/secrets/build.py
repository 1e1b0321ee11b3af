"""Puts the secret store together from settings; wiring calls this. Nothing is opened, read or chosen before use."""

import os
from collections.abc import Mapping
from pathlib import Path

from crm_comm_hookspecs import Settings
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.secrets import SealedRows, SecretJournal
from crm_comm_plugin.secrets.backends import AUTO, DATABASE, Backends
from crm_comm_plugin.secrets.key_sources import KeySources
from crm_comm_plugin.secrets.store import KeyringSecretStore


def build_secret_store(
    settings: Settings,
    rows: SealedRows,
    journal: SecretJournal,
    clock: Clock,
    *,
    embedded: bool,
    data_dir: Path,
    environ: Mapping[str, str] | None = None,
) -> KeyringSecretStore:
    """The store. settings: resolved ones.

    embedded: the database is a SQLite file of this machine, so that a key file may be made in `data_dir`, which is the
    folder of that file. The sandbox never touches a person's own keyring unless told to.
    """

    def variable(name: str) -> str:
        return (os.environ if environ is None else environ).get(name, "")

    setting = settings.secret_backend.strip() or AUTO
    if settings.sandbox and setting == AUTO:
        setting = DATABASE
    sources = KeySources(settings.secret_key_file, data_dir if embedded else None, variable)
    backends = Backends(setting, rows, sources, variable)
    return KeyringSecretStore(backends=backends, journal=journal, clock=clock)
