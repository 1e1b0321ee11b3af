"""What `crm-comm doctor` looks at: settings, data folder, database, keyring, plugins; what to do about each finding."""

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crm_comm_hookspecs import CommError, Settings, StorageUnavailable

if TYPE_CHECKING:
    from crm_comm_plugin.storage.database import Database

OK, INFO, WARN, BAD = "ok", "info", "warn", "bad"
LOW_SPACE = 100 * 1024 * 1024
"""Bytes free below which a database should not be trusted to grow."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. level: ok | info | warn | bad; hint: what to do about it."""

    level: str
    what: str
    text: str
    hint: str = ""


def isolated(what: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of a check; one that cannot even be made is a finding too."""
    try:
        yield from check()
    except CommError as error:
        yield Finding(level=BAD, what=what, text=error.message, hint=error.hint)
    except OSError as error:
        yield Finding(level=BAD, what=what, text=f"{error.strerror}: {error.filename}", hint="Check its permissions.")
    except Exception as error:
        logging.getLogger(__name__).debug("A check of the doctor failed", exc_info=True)
        hint = "Please report this; with --debug there is more to see."
        yield Finding(level=BAD, what=what, text=f"The check itself failed ({type(error).__name__}).", hint=hint)


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Files and addresses that settings name."""
    if settings.smtp_ca_file:
        yield _authorities(settings.smtp_ca_file)
    if settings.base_url:
        parts = urlsplit(settings.base_url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        yield Finding(
            level=OK if safe and parts.hostname else BAD,
            what="Settings",
            text=f"base_url is {settings.base_url}",
            hint="" if safe else "Set it to the https:// address where the CRM mounts callback and receive.",
        )
    if settings.allow_plain_passwords:
        yield Finding(
            level=WARN,
            what="Settings",
            text="allow_plain_passwords lets passwords go unencrypted to other machines",
            hint="Switch it off as soon as the mail server offers STARTTLS or TLS.",
        )


def _authorities(file: str) -> Finding:
    import ssl

    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", "") or type(error).__name__
        hint = "Set smtp_ca_file to a readable PEM file of certificate authorities."
        return Finding(level=BAD, what="Settings", text=f"smtp_ca_file {file}: {reason}", hint=hint)
    return Finding(level=OK, what="Settings", text=f"Further certificate authorities come from {file}")


def check_folder(settings: Settings) -> Iterator[Finding]:
    """The folder of the embedded database, or the one that was set, can be written to and has room."""
    from crm_comm_plugin.storage.places import data_dir_of, database_url_of, sqlite_path

    try:
        file = sqlite_path(database_url_of(settings))
    except StorageUnavailable:
        return  # the look at the database says it
    if file is None and not settings.data_dir:
        return  # a database server, and a key from elsewhere: nothing lies in a folder
    folder = data_dir_of(settings) if file is None else file.parent
    there = next(parent for parent in [folder, *folder.parents] if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        hint = "Make it writable for this user, or choose another with --data-dir or CRM_COMM_DATA_DIR."
        yield Finding(level=BAD, what="Data folder", text=f"{folder} cannot be written to", hint=hint)
        return
    free = shutil.disk_usage(there).free
    if free < LOW_SPACE:
        text = f"{folder} has only {free // 1_048_576} MB free"
        yield Finding(level=WARN, what="Data folder", text=text, hint="Free some space on this disk.")
    else:
        yield Finding(level=OK, what="Data folder", text=str(folder))


def check_database(settings: Settings) -> Iterator[Finding]:
    """The database can be read and written, is whole, and has this version's schema."""
    from crm_comm_plugin.storage.database import Database
    from crm_comm_plugin.storage.places import database_url_of, sqlite_path
    from crm_comm_plugin.storage.urls import shown

    url = database_url_of(settings)
    file, name = sqlite_path(url), shown(url)
    if file is not None and not file.exists():
        yield Finding(level=OK, what="Database", text=f"{name} is not there yet; the first use makes it")
        return
    database = Database(url, settings.busy_timeout)
    try:
        yield from _schema(database, name)
        if file is not None:
            yield from _whole(file)
    finally:
        database.close()


def _schema(database: "Database", name: str) -> Iterator[Finding]:
    from crm_comm_plugin.storage.upgrade import VERSION_TABLE, ensure_schema, status

    found = status(database)
    if found.state == "empty":
        yield Finding(level=OK, what="Database", text=f"{name} is empty; the first use makes its tables")
        return
    ensure_schema(database)  # raises for what is too old or too new
    yield Finding(level=OK, what="Database", text=f"{name}, schema {found.needed}")
    with database.write() as connection:  # changes nothing, yet needs all that a change needs
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = version_num")  # noqa: S608 - a constant


def _whole(file: Path) -> Iterator[Finding]:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        hint = "Stop the CRM, keep this file aside, and restore the newest backup."
        yield Finding(level=BAD, what="Database", text="The database file is damaged", hint=hint)
