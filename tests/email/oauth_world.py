"""A desk over a database and an OAuth server, made the same way in every process."""

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from crm_comm_hookspecs import Settings
from crm_comm_plugin.accounts.oauth import AccountOAuth
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.clock import InjectedClock, SystemClock
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.secrets.build import build_secret_store
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.oauth import SqlOAuthStore
from crm_comm_plugin.storage.secret_rows import SealedSecretRows, SecretJournalRows
from crm_comm_plugin.storage.upgrade import ensure_schema
from crm_comm_plugin.transports.oauth import HttpOAuthProvider
from tests.email.oauth_server import CLIENT_ID, CLIENT_SECRET, SCOPE

KEY = base64.urlsafe_b64encode(hashlib.sha256(b"oauth").digest()).decode()
VALUES = {"host": "127.0.0.1", "port": 587, "security": "starttls", "user": "ann@example.com", "sign_in": "oauth"}
BASE = "https://crm.example/comm"


def account(id: str = "a1") -> StoredAccount:
    """An account as it is stored."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    return StoredAccount(id=id, type="email", channel="email", name="News", created_at=now, updated_at=now)


def provider(url: str, clock: Clock, **more) -> HttpOAuthProvider:
    """The test server as a provider."""
    return HttpOAuthProvider(
        **{
            "key": "test", "label": "Testmail", "hosts": frozenset({"127.0.0.1"}), "scopes": (SCOPE,),
            "authorize": f"{url}/authorize", "token": f"{url}/token", "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET, "timeout": 5.0, "clock": clock,
        } | more
    )  # fmt: skip


class Desk:
    """The desk and what stands under it."""

    def __init__(self, database: Database, url: str, clock: Clock, folder: Path, base_url: str = BASE, **more) -> None:
        self.store = SqlOAuthStore(database)
        self.secrets = build_secret_store(
            Settings(secret_backend="database"), SealedSecretRows(database), SecretJournalRows(database), clock,
            embedded=False, data_dir=folder, environ={"CRM_COMM_SECRET_KEY": KEY},
        )  # fmt: skip
        self.connected: list[str] = []
        self.desk = AccountOAuth(
            store=self.store, secret_store=self.secrets, providers=[provider(url, clock, **more)], clock=clock,
            base_url=base_url, connected=self.connected.append,
        )  # fmt: skip


def worker(database_url: str, url: str, folder: str, barrier, answers) -> None:
    """One of several processes that all find the token too old at once."""
    database = Database(database_url, on_open=ensure_schema)
    try:
        desk = Desk(database, url, SystemClock(), Path(folder)).desk
        desk.signed_in("a1", VALUES)
        barrier.wait(60)
        answers.put(desk.access_token("a1", VALUES))
    except Exception as error:
        answers.put(repr(error))
    finally:
        database.close()


def desk_of(database: Database, url: str, clock, folder: Path, **more) -> Desk:
    """With the test's own clock."""
    return Desk(database, url, InjectedClock(clock), folder, **more)
