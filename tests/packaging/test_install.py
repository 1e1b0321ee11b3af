"""`pip install .` and `pip install -e .` work from any folder, bring all files, and put nothing else in the way."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
OFFLINE = ["--no-deps", "--no-build-isolation", "--no-index"]
PACKAGES = {
    "crm_comm_plugin": ROOT / "crm_comm_plugin",
    "crm_comm_hookspecs": ROOT / "hookspecs" / "crm_comm_hookspecs",
}

PROBE = """
import json
from importlib import metadata, resources
import crm_comm_plugin.plugin, crm_comm_hookspecs.testing
(entry,) = [e for e in metadata.entry_points(group="crm") if e.dist.name == "crm-comm-plugin"]
print(json.dumps({
    "plugin": crm_comm_plugin.__file__,
    "contract": crm_comm_hookspecs.__file__,
    "entry": [entry.name, entry.value, entry.load() is crm_comm_plugin.plugin],
    "typed": [resources.files(p).joinpath("py.typed").is_file() for p in ("crm_comm_plugin", "crm_comm_hookspecs")],
    "script": [e.value for e in metadata.entry_points(group="console_scripts", name="crm-comm")],
}))
"""


def run(command: list[str], cwd: Path, **environment: str) -> str:
    known = {**os.environ, "PYTHONSAFEPATH": "1", **environment}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=known, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git would give somebody, so that building leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp("source") / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    for package in PACKAGES.values():
        shutil.copytree(
            package, copy / package.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    return copy


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([*PIP, "wheel", *OFFLINE, "--wheel-dir", str(folder), str(source)], folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_two_packages_and_nothing_else(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    expected = {
        f"{package}/{path.relative_to(source / folder.relative_to(ROOT)).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in (source / folder.relative_to(ROOT)).rglob("*")
        if path.is_file()
    }
    assert names == expected
    assert {name.split("/")[0] for name in names} == set(PACKAGES)
    assert any(name.startswith("crm_comm_plugin/storage/migrations/versions/") for name in names)
    assert "crm_comm_plugin/py.typed" in names
    assert "crm_comm_hookspecs/py.typed" in names


def test_an_installed_wheel_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run([*PIP, "install", *OFFLINE, "--target", str(target), str(wheel)], elsewhere)
    found = json.loads(run([sys.executable, "-c", PROBE], elsewhere, PYTHONPATH=str(target)))
    assert found["plugin"].startswith(str(target))
    assert found["contract"].startswith(str(target))
    assert found["entry"] == ["communication", "crm_comm_plugin.plugin", True]
    assert found["typed"] == [True, True]
    assert "crm_comm_plugin.cli:main" in found["script"]
    unwanted = {p.name for p in target.iterdir()} - set(PACKAGES) - {"bin"}
    assert [name for name in unwanted if not name.endswith(".dist-info")] == []


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The Python of a fresh virtual environment that sees this one's dependencies, but not its editable install."""
    import venv

    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    purelib = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).strip()
    (Path(purelib) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_an_editable_install_works_from_another_folder(source: Path, fresh: Path, tmp_path: Path) -> None:
    pip = [*PIP, "--python", str(fresh), "install", *OFFLINE, "--ignore-installed", "--editable", str(source)]
    run(pip, tmp_path)
    found = json.loads(run([str(fresh), "-c", PROBE.replace("(entry,)", "entry, *_")], tmp_path))
    assert found["plugin"].startswith(str(source / "crm_comm_plugin"))
    assert found["contract"].startswith(str(source / "hookspecs" / "crm_comm_hookspecs"))
    assert found["entry"] == ["communication", "crm_comm_plugin.plugin", True]
    assert found["typed"] == [True, True]


def test_every_extra_is_named_by_somebody() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras) >= {"web", "cli", "postgres", "oauth", "test", "dev"}


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.5.0", "1.6.0"])
def test_the_contract_keeps_its_word_on_older_builds_of_pluggy(version: str, tmp_path: Path) -> None:
    run([*PIP, "install", "--no-deps", "--target", str(tmp_path / "old"), f"pluggy=={version}"], tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "old")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
