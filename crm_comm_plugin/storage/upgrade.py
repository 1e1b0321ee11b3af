"""The schema's version: made when the database is empty, refused when newer, migrated on request after a copy."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect

from crm_comm_hookspecs import SchemaTooNew, SchemaTooOld, StorageUnavailable
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.places import sqlite_path

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
    with _alone(database) as connection:
        _run(connection, target)


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A transaction beside which nobody makes or migrates tables, and on SQLite nobody writes."""
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield connection


def _run(connection: Connection, target: str) -> None:
    """Alembic keeps what it works on in its module, so in a process one database after the other is migrated."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_by_one.lock:
        command.upgrade(config, target)


class _OneByOne:
    """A lock of this process; in a forked one a lock that another thread held would never be released."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        if hasattr(os, "register_at_fork"):  # Windows has no fork
            os.register_at_fork(after_in_child=self._anew)

    def _anew(self) -> None:
        self.lock = threading.Lock()


_one_by_one = _OneByOne()


def migrate(database: Database) -> Path | None:
    """Bring an older database to HEAD, after a copy of the SQLite file; answers the copy. Raises SchemaTooNew.

    Nothing is copied or changed where nothing is to be done. From the copy to the end nobody else writes to SQLite, so
    the copy lacks nothing, and of two at once the second finds it done.
    """
    found = status(database)
    if found.state in ("current", "empty"):
        ensure_schema(database)
        return None
    if found.state == "new":
        raise SchemaTooNew(f"The database has schema {found.found}, this version of the plugin knows {HEAD}.")
    with _alone(database) as connection:
        revision = current_revision(connection)
        if revision == HEAD:
            return None
        copy = _copied(database, revision)
        _run(connection, "head")
    return copy


def _copied(database: Database, revision: str) -> Path | None:
    """A copy of the SQLite file beside it, made with SQLite's own backup; None for PostgreSQL.

    It is readable by its owner only until it has the mode of the original, and never overwrites another copy.
    """
    path = sqlite_path(database.url)
    if path is None:
        return None
    copy = _unused(f"{path}.before-{revision}-{HEAD}")
    part = Path(f"{copy}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.chmod(path.stat().st_mode & 0o777)
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
