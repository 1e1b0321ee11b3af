"""The first command of the README, on a fresh copy of the tree: from nothing but Python and make to a page."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
MADE = shutil.ignore_patterns(".venv", ".git", "build", "dist", "__pycache__", ".*_cache", ".hypothesis")
FREE_PORTS = "--sandbox --port 0 --smtp-port 0 --gateway-port 0"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make serve` as a newcomer types it, but on free ports and with a data folder of its own."""
    shutil.copytree(ROOT, tmp_path / "clone", ignore=MADE)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_COMM_", "VIRTUAL_ENV"))}
    env |= {"CRM_COMM_DATA_DIR": str(tmp_path / "data"), "CRM_COMM_SECRET_BACKEND": "database", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        ["make", "serve", f"SERVE_ARGS={FREE_PORTS}"],
        cwd=tmp_path / "clone", env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    shutil.rmtree(tmp_path / "clone")  # the secrets that its tests plant are no find


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_make_serve_prints_a_link_that_opens_the_list_of_accounts(serving):
    said = []
    for line in serving.stdout:
        said.append(line)
        if link := re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", line):
            break
    else:
        pytest.fail("".join(said))
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as client:
        page = client.get(link[0])
    assert page.status_code == 200
    assert "Communication Accounts" in page.text
