"""Searches all that a whole test run leaves behind for secrets: files, databases, logs, printed output.

Tests that type a secret use one that starts with `CANARY`. Whoever finds it anywhere fails the run.
"""

import base64
import logging
from pathlib import Path
from typing import Any

import pytest

CANARY = "s3cret-canary"
_LOGGERS = ("crm_comm_plugin", "crm_comm_hookspecs", "smtplib", "urllib3", "requests", "keyring", "uvicorn", "mail.log")
_KEEPS_SECRETS = {".keyfile", ".secret-input"}
_PLACES = pytest.StashKey[list[str]]()


def needles(secret: str = CANARY) -> tuple[bytes, ...]:
    """How a secret can look: as it is, in UTF-16, in hexadecimal (PostgreSQL's bytea), in base64 at each alignment."""
    plain = secret.encode()
    encoded = {base64.b64encode(b"x" * pad + plain)[4 if pad else 0 : -4] for pad in range(3)}
    return (plain, secret.encode("utf-16-le"), plain.hex().encode(), *sorted(encoded))


_NEEDLES = needles()


def contains_secret(data: bytes) -> bool:
    """True when any form of the canary is in there."""
    return any(needle in data for needle in _NEEDLES)


class _Search(logging.Handler):
    """Reads every record that is logged, with its traceback."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.found = found
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record."""
        if contains_secret(self.format(record).encode("utf-8", "replace")):
            self.found.append(f"log record of {record.name} at {record.pathname}:{record.lineno}")


def pytest_configure(config: pytest.Config) -> None:
    """Start listening to the logs."""
    config.stash[_PLACES] = []
    handler = _Search(config.stash[_PLACES])
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call):  # type: ignore[no-untyped-def]
    """Look at what a test that passed has printed."""
    report = yield
    if report.passed:
        for title, text in report.sections:
            if contains_secret(text.encode("utf-8", "replace")):
                item.config.stash[_PLACES].append(f"{title} of {item.nodeid}")
    return report


def search_folder(config: pytest.Config, folder: Path) -> None:
    """Look into every file below a folder."""
    for path in sorted(folder.rglob("*")):
        try:
            searched = path.is_file() and not path.is_symlink() and path.suffix not in _KEEPS_SECRETS
            if searched and contains_secret(path.read_bytes()):
                config.stash[_PLACES].append(str(path.relative_to(folder.parent)))
        except OSError:
            continue


def search_text(config: pytest.Config, text: str, place: str) -> None:
    """Look into a text."""
    if contains_secret(text.encode()):
        config.stash[_PLACES].append(place)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a parallel worker found."""
    node.config.stash[_PLACES] += getattr(node, "workeroutput", {}).get("secrets", [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look into every file the tests have left, databases included; a find fails the run."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["secrets"] = session.config.stash[_PLACES]
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    places = session.config.stash[_PLACES]
    base = getattr(factory, "_basetemp", None)
    if base:
        search_folder(session.config, Path(base))
    if places:
        print("\nSecrets were found in:\n  " + "\n  ".join(dict.fromkeys(places)))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
