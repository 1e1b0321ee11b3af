"""Database URLs: what a setting means, or in words why it cannot be used. They may hold a password: never shown."""

from sqlalchemy import exc
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
