"""Database URLs as people write them: understood, or refused with the next step, and never shown."""

import pytest

from crm_comm_hookspecs import StorageUnavailable
from crm_comm_plugin.storage.urls import read_url


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
