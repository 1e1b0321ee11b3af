"""Database URLs as people write them: understood, or refused with the next step, and never shown."""

import os
import sys

import pytest

from crm_comm_hookspecs import Communication, Settings, StorageUnavailable
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.places import data_dir_of, database_url_of, sqlite_path
from crm_comm_plugin.storage.upgrade import ensure_schema
from crm_comm_plugin.storage.urls import read_url, shown


@pytest.mark.parametrize("written", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_all_names_of_postgresql_mean_the_driver_we_have(written):
    url = read_url(f"{written}://crm:hunter2@db.example/crm")
    assert url.render_as_string(hide_password=False) == "postgresql+psycopg://crm:hunter2@db.example/crm"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "sqlite:///crm.db"),
        ("sqlite:///:memory:", "sqlite:///crm.db"),
        ("sqlite:///file::memory:?uri=true", "sqlite:///crm.db"),
        ("sqlite:///file:crm?mode=memory&cache=shared&uri=true", "sqlite:///crm.db"),
        ("mysql://crm:hunter2@db.example/crm", "Use SQLite or PostgreSQL"),
        ("postgresql://crm:hunter2@db.example:port/crm", "postgresql://user:password@host/name"),
        ("hunter2", "postgresql://user:password@host/name"),
    ],
)
def test_what_cannot_be_used_says_what_can(url, words):
    with pytest.raises(StorageUnavailable) as caught:
        read_url(url)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not caught.value.retryable


@pytest.mark.parametrize("name", ["a b", "50%25", "what?", "a?b=c", "#1", "caf\u00e9", "a+b", "file:x", "a&b", "'"])
def test_a_data_folder_of_any_name_holds_the_database_itself(tmp_path, name):
    url = database_url_of(Settings(data_dir=str(tmp_path / name)))
    database = Database(url, on_open=ensure_schema)
    with database.read():
        pass
    database.close()
    assert sqlite_path(url) == tmp_path / name / "crm-comm.db"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "crm-comm.db").is_file()


@pytest.mark.parametrize("settings", [Settings(database_url="sqlite:///a%25b/crm.db"), Settings(data_dir="a%25b")])
def test_a_relative_path_means_the_same_file_wherever_the_process_goes(tmp_path, monkeypatch, settings):
    monkeypatch.chdir(tmp_path)
    url = database_url_of(settings)
    folder = tmp_path / ("a%25b" if settings.data_dir else "a%b")
    monkeypatch.chdir("/")
    assert sqlite_path(url).parent == folder


@pytest.mark.parametrize("before", ["", "//", "//localhost"])
def test_a_sqlite_uri_names_the_file_that_sqlite_opens(tmp_path, before):
    url = f"sqlite:///file:{before}{tmp_path}/a%2520b.db?uri=true"
    database = Database(url, on_open=ensure_schema)
    with database.read():
        pass
    database.close()
    assert sqlite_path(url) == tmp_path / "a b.db"
    assert sqlite_path(url).is_file()


def test_a_home_that_is_not_there_is_said(monkeypatch):
    with pytest.raises(StorageUnavailable, match="CRM_COMM_DATA_DIR"):
        data_dir_of(Settings(data_dir="~nobody-of-this-name/crm"))
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as without HOME and without an entry in passwd
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    with pytest.raises(StorageUnavailable, match="CRM_COMM_DATA_DIR"):
        database_url_of(Settings())


def test_a_database_server_needs_no_home(monkeypatch, postgres):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    with Communication.load(Settings(database_url=postgres())) as comm:
        assert comm.accounts() == ()


def test_without_its_driver_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageUnavailable, match=r"pip install 'crm-comm-plugin\[postgres\]'"):
        Database("postgresql://crm:hunter2@db.example/crm").engine()


def test_a_url_is_shown_without_its_password_wherever_that_stands():
    assert shown("postgres://crm:hunter2@db/crm?password=hunter3") == "postgresql+psycopg://crm:***@db/crm"
    assert shown("sqlite:////srv/caf%C3%A9/crm.db") == "sqlite:////srv/caf\u00e9/crm.db"
