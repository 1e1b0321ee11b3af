"""`to_json` over every value type: JSON that can be written, read, and put together again."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crm_comm_hookspecs as contract
from crm_comm_hookspecs import AccountSchema, Badge, Editor, InvalidInput, Reason, Row, Settings, fields_of, to_json

from .test_values import TYPES, sample


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_value_becomes_json_with_its_own_field_names(name: str) -> None:
    kind = getattr(contract, name)
    value = to_json(sample(kind))
    hidden = {"Editor": {"schema"}, "AccountType": {"connect", "normalise", "run"}}.get(name, set())
    assert set(value) == {f.name for f in dataclasses.fields(kind)} - hidden
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_an_editor_is_its_fields_and_never_its_schema() -> None:
    value = to_json(Editor(name="x", title="X", schema=AccountSchema, fields=fields_of(AccountSchema)))
    assert "schema" not in value
    count = next(field for field in value["fields"] if field["name"] == "limitation_count")
    assert count["when"] == {"limitation": ["minute", "hour", "day", "month"]}
    assert (count["min"], count["max"]) == (0, 10_000_000)


def test_enums_decimals_times_bytes_and_sets() -> None:
    east = datetime(2026, 11, 24, 10, 30, tzinfo=timezone(timedelta(hours=1)))
    assert to_json({Reason.LIMIT: Decimal("0.10"), "at": east, "raw": b"\xff", "s": {"b", "a"}}) == {
        "limit": "0.10",
        "at": "2026-11-24T09:30:00Z",
        "raw": "/w==",
        "s": ["a", "b"],
    }
    assert to_json(datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)) == "2026-01-01T00:00:00.000005Z"


def test_cells_of_a_row_are_told_apart_by_their_fields() -> None:
    cells = to_json(Row(id="1", editor="email", cells={"status": Badge(text="Connected", level="ok")}))["cells"]
    assert cells == {"status": {"text": "Connected", "level": "ok"}}


def test_settings_keep_the_database_url_to_themselves() -> None:
    assert "S3CRET" not in json.dumps(to_json(Settings(database_url="postgresql://u:S3CRET@db/x")))


@pytest.mark.parametrize(
    "value", [object(), datetime(2026, 1, 1), float("nan"), {"a": float("inf")}, AccountSchema, len]
)
def test_what_is_no_value_of_the_contract_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        to_json(value)


SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False) | st.binary(max_size=9)
MOMENTS = st.datetimes(
    min_value=datetime(1950, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.integers(-900, 900).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@given(st.recursive(SCALARS | MOMENTS, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=20))
def test_any_tree_of_values_becomes_json(value: object) -> None:
    assert json.loads(json.dumps(to_json(value), allow_nan=False)) == to_json(value)


@given(MOMENTS)
def test_a_time_can_be_read_back(moment: datetime) -> None:
    assert datetime.fromisoformat(to_json(moment)) == moment
