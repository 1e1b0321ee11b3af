"""Whoever opens a SQLite file, under whatever name, meets the same lock of a send."""

import pytest

from crm_comm_hookspecs import SendInProgress
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.locks import SqlSendLocks


@pytest.mark.parametrize("name", ["link/crm.db", "other.db"])
def test_a_link_to_the_folder_or_the_file_is_no_way_around_it(tmp_path, name):
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "other.db").symlink_to(folder / "crm.db")
    first, second = Database(f"sqlite:///{folder / 'crm.db'}"), Database(f"sqlite:///{tmp_path / name}")
    with SqlSendLocks(first).hold("send"):
        with pytest.raises(SendInProgress), SqlSendLocks(second).hold("send"):
            pass
        with SqlSendLocks(second).hold("another"):
            pass
    with SqlSendLocks(second).hold("send"):
        pass
    first.close()
    second.close()
