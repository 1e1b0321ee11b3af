"""A driver's error as one of the contract's, in words with the next step. Never holds a URL or a statement."""

import sqlite3
import sys

from sqlalchemy import exc

from crm_comm_hookspecs import Busy, CommError, StorageUnavailable

_BUSY = "Somebody else is writing for long; try again in a moment, or raise the setting busy_timeout."
_MEANINGS: tuple[tuple[tuple[str, ...], type[CommError], str, str], ...] = (
    (("locked", "lock timeout", "statement timeout", "deadlock"), Busy, "The database is busy.", _BUSY),
    (
        ("readonly", "read-only"),
        StorageUnavailable,
        "The database is read-only.",
        "Make the file and its folder writable.",
    ),
    (("disk is full", "no space"), StorageUnavailable, "The disk is full.", "Free some space and try again."),
    (
        ("malformed", "not a database", "corrupt"),
        StorageUnavailable,
        "The database file is damaged.",
        "Restore a copy of it; `crm-comm doctor` shows where it lies.",
    ),
    (
        ("unable to open",),
        StorageUnavailable,
        "The database file cannot be opened.",
        "Check that its folder exists and is writable.",
    ),
    (
        ("fatal:  database",),
        StorageUnavailable,
        "The database server has no database of that name.",
        "Make it there, or correct its name in the database URL.",
    ),
    (
        ("definition of service", "invalid connection option", "invalid uri query parameter"),
        StorageUnavailable,
        "The database URL has an option that the driver does not know.",
        "Correct the database URL: its options are those of PostgreSQL's libpq.",
    ),
    (
        ("resolve host", "translate host name", "name or service not known"),
        StorageUnavailable,
        "The database server cannot be reached: its name is not known.",
        "Check the host name in the database URL, and this machine's network.",
    ),
    (
        ("password authentication", "no password supplied", "no pg_hba", "permission denied", "fatal:  role"),
        StorageUnavailable,
        "The database server refuses the user.",
        "Check user and password in the database URL, and the user's rights.",
    ),
    (
        ("too many clients", "remaining connection slots"),
        Busy,
        "The database server has no connection left.",
        "Try again in a moment, or raise max_connections there.",
    ),
    (
        (
            "connection refused",
            "could not connect",
            "connection failed",
            "connection is closed",
            "connection is lost",
            "connection is bad",
            "connection not open",
            "connection to server",
            "server closed",
            "terminating",
            "starting up",
            "shutting down",
            "could not receive",
            "could not send",
            "recovery mode",
            "pipeline aborted",
        ),
        StorageUnavailable,
        "The database server cannot be reached.",
        "Check that it is running; the same call may then work.",
    ),
)


def driver_errors() -> tuple[type[Exception], ...]:
    """The base errors of the drivers that are loaded."""
    psycopg = sys.modules.get("psycopg")
    return (sqlite3.Error,) if psycopg is None else (sqlite3.Error, psycopg.Error)


def explained(error: exc.SQLAlchemyError, sqlite: bool = False) -> CommError:
    """An error of SQLAlchemy as one of the contract's."""
    if isinstance(error, exc.TimeoutError):
        return Busy("All connections to the database are in use.", hint="Try again in a moment.")
    cause = getattr(error, "orig", None)
    return explained_driver(cause if cause is not None else error)


def explained_driver(error: BaseException) -> CommError:
    """An error of a driver as one of the contract's."""
    text = str(error).lower()
    for marks, kind, message, hint in _MEANINGS:
        if any(mark in text for mark in marks):
            return kind(message, hint=hint)
    return StorageUnavailable("The database did not do what was asked.")
