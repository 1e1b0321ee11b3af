"""Where the data lies: the data folder, the database's URL, the file of a SQLite database."""

import re
from pathlib import Path
from urllib.parse import unquote

from crm_comm_hookspecs import Settings, StorageUnavailable
from crm_comm_plugin.storage.urls import pinned, read_url, url_of_file

DATABASE_FILE = "crm-comm.db"
APP_NAME = "crm-comm"
_ANOTHER = "Set data_dir (CRM_COMM_DATA_DIR) to a folder that you may write to."


def data_dir_of(settings: Settings) -> Path:
    """The data folder: as set, else the platform's user data folder; the sandbox has one of its own.

    Raises StorageUnavailable where there is no home folder.
    """
    if settings.data_dir:
        return _expanded(settings.data_dir)
    import platformdirs

    try:
        folder = platformdirs.user_data_path(APP_NAME, appauthor=False)
    except RuntimeError:  # older versions leave the ~ as it is
        folder = Path("~")
    if not folder.is_absolute():
        raise StorageUnavailable("This user has no home folder for the data.", retryable=False, hint=_ANOTHER)
    return folder / "sandbox" if settings.sandbox else folder


def database_url_of(settings: Settings) -> str:
    """The database URL: as set, else SQLite in the data folder. Raises StorageUnavailable."""
    if settings.database_url:
        return pinned(settings.database_url)
    return url_of_file(data_dir_of(settings) / DATABASE_FILE)


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser().absolute()
    except RuntimeError:
        problem = f"The data folder {name} cannot be found: there is no such home folder."
    raise StorageUnavailable(problem, retryable=False, hint=_ANOTHER)


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL, None for anything else."""
    known = read_url(url)
    if known.get_backend_name() != "sqlite":
        return None
    name = known.database or ""
    if name.startswith("file:"):  # as SQLite reads it: an empty or local host may stand before the path
        name = unquote(name.removeprefix("file:").partition("?")[0])
        name = re.sub(r"^//(localhost)?(?=/)", "", name)
    return Path(name).absolute()


def make_folder(url: str) -> None:
    """Make the folder of a SQLite file, readable by its owner alone; raises StorageUnavailable."""
    if (path := sqlite_path(url)) is not None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageUnavailable(
                f"The data folder {path.parent} cannot be made: {error.strerror}.",
                retryable=False,
                hint=_ANOTHER,
            ) from error
