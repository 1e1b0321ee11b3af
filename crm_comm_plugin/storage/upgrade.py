"""The schema's version: made when the database is empty, refused when newer, migrated on request after a copy."""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url

from crm_comm_hookspecs import SchemaTooNew, SchemaTooOld
from crm_comm_plugin.storage.database import Database

HEAD = "0004"
"""The newest revision; a test holds it equal to the migrations folder."""
VERSION_TABLE = "crm_comm_alembic_version"


def ensure_schema(database: Database) -> None:
    """Before first use: make the schema in an empty database, pass at HEAD, else raise SchemaTooOld or SchemaTooNew."""
    with database.read() as connection:
        found = current_revision(connection)
    if found == HEAD:
        return
    if not found:
        upgrade(database)
        return
    raise (SchemaTooOld if found in _revisions() else SchemaTooNew)(
        f"The database has schema {found}, this version of the plugin needs {HEAD}."
    )


def current_revision(connection: Connection) -> str:
    """The revision a database is at, "" when it has none of our tables."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar() or "")


def upgrade(database: Database) -> None:
    """Run the missing migrations in one transaction; two processes at once wait for each other."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7266366)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def copy_sqlite(database: Database) -> Path | None:
    """A copy of the SQLite file beside it, made with SQLite's own backup; None for PostgreSQL or a new database."""
    path = make_url(database.url).database
    if not database.is_sqlite or not path or path == ":memory:" or not Path(path).exists():
        return None
    with database.read() as connection:
        revision = current_revision(connection) or "empty"
    copy = Path(f"{path}.before-{revision}-{HEAD}")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy


def _revisions() -> set[str]:
    folder = Path(__file__).parent / "migrations" / "versions"
    return {path.name.split("_")[0] for path in folder.glob("[0-9]*.py")}
