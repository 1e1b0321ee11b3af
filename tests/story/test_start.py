"""What happens when a host comes up again: leftovers of a crash go, and nothing else does."""

from pathlib import Path

import pytest

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Query, Settings
from crm_comm_hookspecs.calls import OWN_NAME

ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)
FORM = {"account_name": "News", "server": "gmail", "user": "news@gmail.com", "password": "s3cret-canary-kept"}


@pytest.fixture
def settings(tmp_path: Path, clock) -> Settings:
    return Settings(data_dir=str(tmp_path / "data"), secret_backend="database", clock=clock)


def secrets_of(comm: Communication):
    return comm.pm.get_plugin(OWN_NAME).parts().secret_store


def stored(comm: Communication, key: str):
    return (
        comm.pm.get_plugin(OWN_NAME)
        .parts()
        .accounts.opener.secrets_of(comm.pm.get_plugin(OWN_NAME).parts().accounts.opener.find(key))
    )


def test_a_secret_that_a_crash_left_without_an_account_is_removed(settings, clock):
    with Communication.load(settings, entry_points=False) as comm:
        kept = comm.save(ALICE, "email", "", FORM).id
        orphan = secrets_of(comm).write(kept, "password", "s3cret-canary-orphan")
    clock.forward(minutes=11)
    with Communication.load(settings, entry_points=False) as comm:
        assert comm.list_rows(ALICE, "accounts", Query()).total == 1
        assert secrets_of(comm).read(orphan) is None
        assert stored(comm, kept) == {"password": FORM["password"]}


def test_one_that_is_being_saved_right_now_is_left_alone(settings, clock):
    with Communication.load(settings, entry_points=False) as comm:
        young = secrets_of(comm).write("a" * 32, "password", "s3cret-canary-young")
        clock.forward(minutes=5)
        with Communication.load(settings, entry_points=False) as other:
            other.list_rows(ALICE, "accounts", Query())
            assert secrets_of(other).read(young) == "s3cret-canary-young"


def test_what_was_deleted_is_forgotten_after_thirty_days(settings, clock):
    with Communication.load(settings, entry_points=False) as comm:
        key = comm.save(ALICE, "email", "", FORM).id
        comm.run(ALICE, "delete", (key,))
    clock.forward(days=29)
    with Communication.load(settings, entry_points=False) as comm:
        assert comm.list_rows(ALICE, "accounts", Query(deleted=True)).total == 1
    clock.forward(days=2)
    with Communication.load(settings, entry_points=False) as comm:
        assert comm.list_rows(ALICE, "accounts", Query(deleted=True)).total == 0
        assert not comm.run(ALICE, "restore", (key,)).ok
