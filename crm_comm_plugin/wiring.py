"""The only place that names concrete parts: Settings -> parts -> use-cases. Nothing is opened until it is used."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_comm_hookspecs import AccountType, Change, Communication, MailServer, Notice, Settings, Usage
from crm_comm_plugin.domain.clock import InjectedClock, SystemClock
from crm_comm_plugin.domain.ports import Clock

DATABASE_FILE = "crm-comm.db"
APP_NAME = "crm-comm"


class HookEvents:
    """The Events port over a Communication: other plugins are told, and asked, through their hooks."""

    def __init__(self, comm: Communication) -> None:
        self._comm = comm

    def account_changed(self, change: Change) -> None:
        """Tell `crm_comm_account_changed`."""
        self._comm.notify("crm_comm_account_changed", change=change)

    def limit_reached(self, notice: Notice) -> None:
        """Tell `crm_comm_limit_reached`."""
        self._comm.notify("crm_comm_limit_reached", notice=notice)

    def account_usages(self, account_id: str) -> tuple[Usage, ...]:
        """Ask `crm_comm_account_usages`."""
        found = self._comm.contributions("crm_comm_account_usages", account_id=account_id)
        return tuple(c.value for c in found)


def data_dir_of(settings: Settings) -> Path:
    """The data folder: as set, else the platform's user data folder; the sandbox has one of its own."""
    if settings.data_dir:
        return Path(settings.data_dir).expanduser()
    import platformdirs

    folder = platformdirs.user_data_path(APP_NAME, appauthor=False)
    return folder / "sandbox" if settings.sandbox else folder


def database_url_of(settings: Settings) -> str:
    """The database URL: as set, else SQLite in the data folder."""
    return settings.database_url or f"sqlite:///{data_dir_of(settings) / DATABASE_FILE}"


def clock_of(settings: Settings) -> Clock:
    """The injected clock, else the machine's."""
    return InjectedClock(settings.clock) if settings.clock is not None else SystemClock()
