"""Parts for the tests of secrets: stores over a fresh database, with keys, without, and with a keyring in memory."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crm_comm_hookspecs import Settings
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.secrets.build import build_secret_store
from crm_comm_plugin.secrets.store import KeyringSecretStore
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.secret_rows import SealedSecretRows, SecretJournalRows
from tests.secrets.keyrings import MemoryKeyring, OtherKeyring

MEMORY = "tests.secrets.keyrings.MemoryKeyring"
OTHER = "tests.secrets.keyrings.OtherKeyring"
NO_PLATFORM = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def key(name: str) -> str:
    """A key that looks random, the same for the same name."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()


KEY_A, KEY_B = key("a"), key("b")


@pytest.fixture(autouse=True)
def _clean_keyrings():
    MemoryKeyring.reset()
    OtherKeyring.reset()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


MakeStore = Callable[..., KeyringSecretStore]


@pytest.fixture
def make_store(database: Database, clock, data_dir: Path) -> MakeStore:
    """Makes a store as another process would: make_store(backend="auto", key="", embedded=False, ...)."""

    def make(backend="auto", key="", embedded=False, key_file="", rows=None, journal=None, **environ: Any):
        found = dict(NO_PLATFORM) | environ
        if key:
            found["CRM_COMM_SECRET_KEY"] = key
        return build_secret_store(
            Settings(secret_backend=backend, secret_key_file=str(key_file)),
            rows or SealedSecretRows(database),
            journal or SecretJournalRows(database),
            InjectedClock(clock),
            embedded=embedded,
            data_dir=data_dir,
            environ=found,
        )

    return make


@pytest.fixture
def store(make_store: MakeStore) -> KeyringSecretStore:
    """A store over the database with a key."""
    return make_store(key=KEY_A)
