"""Settings: empty values fall back to the environment, and what cannot work is named."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from crm_comm_hookspecs import InvalidInput, Settings, to_json

SHOWN = {"secret_backend", "secret_key_file"}


def test_an_empty_value_falls_back_to_the_environment() -> None:
    found = Settings(data_dir="/mine").resolved(
        {
            "CRM_COMM_DATABASE_URL": "sqlite:///x.db",
            "CRM_COMM_DATA_DIR": "/theirs",
            "CRM_COMM_SANDBOX": "true",
            "CRM_COMM_SMTP_TIMEOUT": "5",
            "CRM_COMM_SECRET_BACKEND": "database",
            "CRM_COMM_CLOCK": "ignored",
        }
    )
    assert found == Settings(
        database_url="sqlite:///x.db",
        data_dir="/mine",
        sandbox=True,
        smtp_timeout=5.0,
        secret_backend="database",
    )


def test_nothing_set_is_the_embedded_default() -> None:
    assert Settings().resolved({"CRM_COMM_BASE_URL": "  "}) == Settings()


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_COMM_BASE_URL", "https://crm.example/communication")
    assert Settings().resolved().base_url == "https://crm.example/communication"


@pytest.mark.parametrize(
    ("name", "text"),
    [("SANDBOX", "maybe"), ("SMTP_TIMEOUT", "soon"), ("HTTP_TIMEOUT", "nan"), ("SMTP_TIMEOUT", "-1"),
     ("SMTP_TIMEOUT", "0"), ("HTTP_TIMEOUT", "1e9")],
)  # fmt: skip
def test_an_environment_that_cannot_be_read_is_named_with_the_next_step(name: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=f"CRM_COMM_{name}") as caught:
        Settings().resolved({f"CRM_COMM_{name}": text})
    assert caught.value.hint.startswith("Set it to")


@pytest.mark.parametrize(
    "values",
    [{"smtp_timeout": 0}, {"http_timeout": "x"}, {"busy_timeout": float("nan")}, {"smtp_timeout": True},
     {"data_dir": 5}, {"base_url": None}, {"clock": "now"}, {"sandbox": "false"}, {"allow_plain_passwords": 1}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_at_once(values: dict) -> None:
    with pytest.raises(InvalidInput, match=next(iter(values))):
        Settings(**values)


def test_paths_and_urls_of_other_libraries_are_taken() -> None:
    url = make_url("postgresql+psycopg://u:pw@db/x")
    found = Settings(data_dir=Path("/srv/data"), database_url=url, smtp_timeout=5)
    assert (found.data_dir, found.smtp_timeout) == ("/srv/data", 5.0)
    assert found.database_url == "postgresql+psycopg://u:pw@db/x"


def test_no_secret_among_the_settings_is_shown() -> None:
    secret = [
        f.name for f in fields(Settings) if ("secret" in f.name and f.name not in SHOWN) or f.name == "database_url"
    ]
    settings = Settings(**dict.fromkeys(secret, "S3CRET"))
    assert len(secret) >= 3
    assert "S3CRET" not in repr(settings) + json.dumps(to_json(settings))
