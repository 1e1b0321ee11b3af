"""The schema: one for models and migrations, made by whoever comes first, migrated after a copy, refused when newer."""

import importlib
import pkgutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select, text

import crm_comm_plugin.storage
from crm_comm_hookspecs import SchemaTooNew, SchemaTooOld, StorageUnavailable
from crm_comm_plugin.storage import upgrade as schema
from crm_comm_plugin.storage.account_rows import all_columns
from crm_comm_plugin.storage.account_tables import accounts
from crm_comm_plugin.storage.accounts import StoredAccounts
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.schema import metadata
from tests.storage.account_makers import make

for _module in pkgutil.iter_modules(crm_comm_plugin.storage.__path__):
    if _module.name.endswith("_tables"):
        importlib.import_module(f"crm_comm_plugin.storage.{_module.name}")


@pytest.fixture
def empty(database_url):
    """The URL of a database without any of our tables."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(text(f"DROP TABLE IF EXISTS {schema.VERSION_TABLE}"))
    engine.dispose()
    return database_url


@pytest.fixture
def opened():
    """Makes databases that are closed in the end."""
    made = []

    def open_one(url, checked=True):
        made.append(Database(url, on_open=schema.ensure_schema if checked else None))
        return made[-1]

    yield open_one
    for database in made:
        database.close()


def at_revision(opened, url, revision):
    database = opened(url, checked=False)
    schema.upgrade(database, revision)
    return database


def test_the_newest_migration_is_what_this_version_needs():
    assert max(schema.revisions()) == schema.HEAD


def test_migrations_make_exactly_the_models_tables(empty, opened):
    with opened(empty).read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        ours = [
            change
            for change in compare_metadata(context, metadata)
            if not (change[0] == "remove_table" and not change[1].name.startswith("crm_comm_"))
        ]
    assert ours == []


def test_every_table_of_ours_can_live_in_a_hosts_database(empty, opened):
    with opened(empty).write() as connection:
        names = inspect(connection).get_table_names()
        connection.execute(text("CREATE TABLE contacts (id INTEGER)"))
    assert names
    assert all(name.startswith("crm_comm_") for name in names)
    with opened(empty).read() as connection:
        assert connection.execute(text("SELECT count(*) FROM contacts")).scalar() == 0


def test_a_host_with_tables_of_its_own_gets_ours_beside_them(empty, opened):
    engine = create_engine(empty)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS contacts"))
        connection.execute(text("CREATE TABLE contacts (id INTEGER)"))
    engine.dispose()
    with opened(empty).read() as connection:
        assert {"contacts", "crm_comm_accounts"} <= set(inspect(connection).get_table_names())


def test_an_older_schema_is_refused_until_it_is_migrated(empty, opened):
    old = at_revision(opened, empty, "0001")
    account = make("News")
    with old.write() as connection:
        connection.execute(accounts.insert().values(all_columns(account)))
    assert schema.status(old) == schema.SchemaStatus(found="0001", needed=schema.HEAD, state="old")
    with pytest.raises(SchemaTooOld, match="db upgrade"), opened(empty).read():
        pass
    copy = schema.migrate(old)
    assert schema.status(old).state == "current"
    assert StoredAccounts(opened(empty)).find(account.id) == account
    if old.is_sqlite:
        before = opened(f"sqlite:///{copy}", checked=False)
        assert schema.status(before).found == "0001"
        with before.read() as connection:
            assert connection.execute(select(accounts.c.name)).scalar() == "News"
    else:
        assert copy is None


def test_migrating_again_does_nothing(empty, opened):
    database = opened(empty)
    for _ in range(2):
        assert schema.migrate(database) is None
    assert schema.status(database).state == "current"


def test_a_newer_schema_is_refused_and_left_alone(empty, opened):
    database = at_revision(opened, empty, "head")
    with database.write() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    assert schema.status(database).state == "new"
    with pytest.raises(SchemaTooNew, match="newer version"), opened(empty).read():
        pass
    with pytest.raises(SchemaTooNew):
        schema.migrate(database)
    assert schema.status(database).found == "9999"


def test_an_empty_database_says_so(empty, opened):
    assert schema.status(opened(empty, checked=False)).state == "empty"


def test_processes_that_come_first_at_once_make_it_once(empty, opened):
    program = (
        "import sys\n"
        "from crm_comm_plugin.storage.database import Database\n"
        "from crm_comm_plugin.storage.upgrade import ensure_schema\n"
        "sys.stdin.readline()\n"
        "Database(sys.argv[1], on_open=ensure_schema).engine()\n"
    )
    command = [sys.executable, "-c", program, empty]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=120)[1] for process in running] == [""] * 4
    assert [process.returncode for process in running] == [0] * 4
    assert schema.status(opened(empty, checked=False)).state == "current"


def test_a_migration_that_fails_changes_nothing(empty, opened, monkeypatch):
    old = at_revision(opened, empty, "0001")
    from alembic import command

    real = command.upgrade

    def half(config, target):
        real(config, "0002")
        raise OSError("the power goes")

    monkeypatch.setattr(command, "upgrade", half)
    with pytest.raises(OSError, match="power"):
        schema.migrate(old)
    monkeypatch.undo()
    assert schema.status(old).found == "0001"
    schema.migrate(old)
    assert schema.status(old).state == "current"


def test_a_copy_has_the_files_own_mode_and_overwrites_no_other(tmp_path, opened):
    path = tmp_path / "crm.db"
    database = at_revision(opened, f"sqlite:///{path}", "0001")
    path.chmod(0o600)
    older = tmp_path / f"crm.db.before-0001-{schema.HEAD}"
    older.write_text("another copy")
    copy = schema.migrate(database)
    assert copy == older.with_name(f"{older.name}-2")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert older.read_text() == "another copy"
    assert sorted(tmp_path.glob("*before*")) == [older, copy]


def test_a_file_named_by_a_uri_is_copied_too(tmp_path, opened):
    database = at_revision(opened, f"sqlite:///file:{tmp_path / 'crm.db'}?uri=true", "0001")
    assert schema.migrate(database) == tmp_path / f"crm.db.before-0001-{schema.HEAD}"


def test_of_several_upgrades_at_once_one_copies_and_migrates(tmp_path, opened):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    at_revision(opened, url, "0001").close()
    program = (
        "import sys\n"
        "from crm_comm_plugin.storage.database import Database\n"
        "from crm_comm_plugin.storage.upgrade import migrate\n"
        "import alembic.command, alembic.config\n"
        "sys.stdin.readline()\n"
        "print(migrate(Database(sys.argv[1], 60)))\n"
    )
    command = [sys.executable, "-c", program, url]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in running]
    (copy,) = tmp_path.glob("*before*")
    assert sorted(said) == sorted([(f"{copy}\n", ""), *[("None\n", "")] * 3])
    assert schema.status(opened(f"sqlite:///{copy}", checked=False)).found == "0001"
    assert schema.status(opened(url, checked=False)).state == "current"


def test_threads_make_and_migrate_several_databases_at_once(tmp_path, opened):
    """Alembic keeps in its module what it works on: each must still get its own tables."""
    databases = [opened(f"sqlite:///{tmp_path / f'{number}.db'}") for number in range(6)]
    together = threading.Barrier(len(databases))

    def first_use(database):
        together.wait(60)
        with database.read() as connection:
            return len(inspect(connection).get_table_names())

    with ThreadPoolExecutor(len(databases)) as pool:
        found = list(pool.map(first_use, databases))
    assert found == [len(metadata.tables) + 1] * len(databases)


def test_a_database_that_cannot_be_copied_is_not_migrated(tmp_path, opened, monkeypatch):
    database = at_revision(opened, f"sqlite:///{tmp_path / 'crm.db'}", "0001")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(schema.os, "open", full)
    with pytest.raises(StorageUnavailable, match="Free some space"):
        schema.migrate(database)
    monkeypatch.undo()
    assert schema.status(database).found == "0001"
    assert not list(tmp_path.glob("*.part"))
