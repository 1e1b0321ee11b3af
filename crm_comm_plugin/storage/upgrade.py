"""The schema's version: made when the database is empty, refused when newer, migrated on request after a copy."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url

from crm_comm_hookspecs import SchemaTooNew, SchemaTooOld, StorageUnavailable
from crm_comm_plugin.storage.database import Database

HEAD = "0006"
"""The newest revision; a test holds it equal to the migrations folder."""
VERSION_TABLE = "crm_comm_alembic_version"
_LOCK = 7266366  # PostgreSQL's advisory lock of whoever makes or migrates our tables


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """What a database has and what this version needs. state: empty | current | old | new."""

    found: str
    needed: str
    state: str


def status(database: Database) -> SchemaStatus:
    """How the database stands, without changing it."""
    with database.read() as connection:
        found = current_revision(connection)
    known = {"": "empty", **dict.fromkeys(revisions(), "old"), HEAD: "current"}
    return SchemaStatus(found=found, needed=HEAD, state=known.get(found, "new"))


def ensure_schema(database: Database) -> None:
    """Before first use: make the schema in an empty database, pass at HEAD, else raise SchemaTooOld or SchemaTooNew."""
    with database.read() as connection:
        found = current_revision(connection)
    if found == HEAD:
        return
    if not found:
        upgrade(database)
        return
    raise (SchemaTooOld if found in revisions() else SchemaTooNew)(
        f"The database has schema {found}, this version of the plugin needs {HEAD}."
    )


def current_revision(connection: Connection) -> str:
    """The revision a database is at, "" when it has none of our tables."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar() or "")  # noqa: S608


def upgrade(database: Database, target: str = "head") -> None:
    """Run the missing migrations in one transaction; two processes at once wait for each other."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, target)


def migrate(database: Database) -> Path | None:
    """Bring an older database to HEAD, after a copy of the SQLite file; answers the copy. Raises SchemaTooNew.

    Nothing is copied or changed where nothing is to be done.
    """
    found = status(database)
    if found.state in ("current", "empty"):
        ensure_schema(database)
        return None
    if found.state == "new":
        raise SchemaTooNew(f"The database has schema {found.found}, this version of the plugin knows {HEAD}.")
    copy = copy_sqlite(database)
    upgrade(database)
    return copy


def copy_sqlite(database: Database) -> Path | None:
    """A copy of the SQLite file beside it, made with SQLite's own backup; None for PostgreSQL or a new database.

    It is readable by its owner only until it has the mode of the original, and never overwrites another copy.
    """
    path = make_url(database.url).database
    if not database.is_sqlite or not path or path == ":memory:" or not Path(path).exists():
        return None
    with database.read() as connection:
        revision = current_revision(connection) or "empty"
    copy = _unused(f"{path}.before-{revision}-{HEAD}")
    part = Path(f"{copy}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.chmod(Path(path).stat().st_mode & 0o777)
        part.replace(copy)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StorageUnavailable(
            f"The database could not be copied to {copy}, so it was left as it is.",
            hint="Free some space and make the folder writable, then try again.",
        ) from error
    return copy


def _unused(name: str) -> Path:
    copy, number = Path(name), 1
    while copy.exists():
        number += 1
        copy = Path(f"{name}-{number}")
    return copy


_FOLDER = Path(__file__).parent / "migrations"


def revisions() -> set[str]:
    """All revisions that this version knows."""
    return {path.name.split("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py")}
