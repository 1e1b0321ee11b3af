"""Where the data lies: the data folder, the database's URL, the file of a SQLite database."""

from pathlib import Path

from crm_comm_hookspecs import Settings, StorageUnavailable
from crm_comm_plugin.storage.urls import read_url

DATABASE_FILE = "crm-comm.db"
APP_NAME = "crm-comm"


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


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL, None for anything else."""
    known = read_url(url)
    if known.get_backend_name() != "sqlite":
        return None
    name = known.database or ""
    return Path(name.removeprefix("file:").partition("?")[0] if name.startswith("file:") else name).absolute()


def make_folder(url: str) -> None:
    """Make the folder of a SQLite file, readable by its owner alone; raises StorageUnavailable."""
    if (path := sqlite_path(url)) is not None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(
                f"The data folder {path.parent} cannot be made: {error.strerror}.",
                retryable=False,
                hint="Set data_dir (CRM_COMM_DATA_DIR) to a folder that you may write to.",
            ) from error
