"""Database URLs: what a setting means, or in words why it cannot be used. They may hold a password: never shown."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, exc
from sqlalchemy.engine import URL, make_url

from crm_comm_hookspecs import StorageUnavailable

_EXAMPLES = "Write it as sqlite:///crm.db or postgresql://user:password@host/name."


def read_url(text: str) -> URL:
    """The URL of a SQLite file or a PostgreSQL database, `postgres://` included; raises StorageUnavailable."""
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError) as error:
        raise StorageUnavailable("The database URL cannot be read.", retryable=False, hint=_EXAMPLES) from error
    kind = url.get_backend_name()
    if kind in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        problem = f"Databases of the kind {kind!r} are not supported."
        raise StorageUnavailable(problem, retryable=False, hint="Use SQLite or PostgreSQL.")
    if url.database in {None, "", ":memory:", "file::memory:"} or url.query.get("mode") == "memory":
        problem = "A database in memory cannot be used: each connection would have one of its own."
        raise StorageUnavailable(problem, retryable=False, hint="Name a file, as in sqlite:///crm.db.")
    return url


def url_of_file(path: Path) -> str:
    """The URL of a SQLite file, whatever its folders are called; raises StorageUnavailable."""
    text = URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    if make_url(text).database != str(path):  # SQLAlchemy 2.0 has no way to write a question mark
        problem = f"The database cannot lie in {path.parent}, whose name has a question mark."
        raise StorageUnavailable(problem, retryable=False, hint="Set data_dir (CRM_COMM_DATA_DIR) to another folder.")
    return text


def pinned(text: str) -> str:
    """The same URL, naming the same file wherever the process goes: a relative path is made absolute now."""
    url = read_url(text)
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name.startswith("file:") or Path(name).is_absolute():
        return text
    return url.set(database=str(Path(name).absolute())).render_as_string(hide_password=False)


def shown(text: str) -> str:
    """A URL for people: without its password, which may also stand among its options."""
    url = read_url(text)
    return f"sqlite:///{url.database}" if url.get_backend_name() == "sqlite" else url.set(query={}).render_as_string()


def engine_for(url: URL, **options: Any) -> Engine:
    """An engine; raises StorageUnavailable where its driver is not installed."""
    try:
        return create_engine(url, hide_parameters=True, **options)  # who logs an error would log addresses and tokens
    except ImportError as error:
        raise StorageUnavailable(
            "PostgreSQL needs psycopg, which is not installed here or does not work.",
            retryable=False,
            hint="Install it with: pip install 'crm-comm-plugin[postgres]'",
        ) from error
