"""manifest.json is what a host reads before importing anything: valid, and equal to pyproject and the code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from crm_comm_hookspecs import ALL_PERMISSIONS, Communication, Context, Settings

from .manifest_of_code import MANIFEST, SCHEMA, manifest


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_manifest_is_what_pyproject_and_the_code_say() -> None:
    assert read(MANIFEST) == manifest(), "run: python -m tests.packaging.manifest_of_code"


def test_the_manifest_fits_its_schema() -> None:
    schema = read(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(read(MANIFEST))
    assert read(MANIFEST)["$schema"] == SCHEMA.relative_to(MANIFEST.parent).as_posix()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m.pop("contract"),
        lambda m: m.update(version="soon"),
        lambda m: m["hooks"]["offered"].append("other_hook"),
        lambda m: m["permissions"].update(root="All."),
        lambda m: m["settings"]["sandbox"].update(type="maybe"),
        lambda m: m.update(surprise=1),
    ],
)
def test_the_schema_refuses_what_is_wrong(spoil: Callable[[Any], Any]) -> None:
    wrong = read(MANIFEST)
    spoil(wrong)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, read(SCHEMA))


def test_account_types_and_viewers_are_those_that_the_plugin_registers(tmp_path: Path) -> None:
    said = read(MANIFEST)
    with Communication.load(Settings(data_dir=str(tmp_path)), entry_points=False) as comm:
        found = [c.value for c in comm.contributions("crm_comm_account_types")]
        shown = [viewer.name for viewer in comm.viewers(Context(user="alice", permissions=ALL_PERMISSIONS))]
    assert [{"key": t.key, "label": t.label, "channel": t.channel} for t in found] == said["account_types"]
    assert shown == said["viewers"]


def test_nothing_reads_it_at_run_time(tmp_path: Path) -> None:
    code = (
        "import sys, builtins; seen = []; real = builtins.open\n"
        "sys.addaudithook(lambda e, a: seen.append(str(a[0])) if e == 'open' else None)\n"
        "import crm_comm_plugin.plugin\n"
        "assert not [s for s in seen if s.endswith('manifest.json')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
