"""Searches all that a whole test run leaves behind for secrets, and fails the run where one is found.

Looked through are: every file and database, every record that is logged, what tests print, every answer and error of
Communication, every answer of the web host, and what commands print. Tests that type a secret use one that starts with
`CANARY`, as an access code one that starts with `CODE`; the suites of the contract use `SECRET`.
"""

import base64
import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crm_comm_hookspecs import CommError, Communication
from crm_comm_hookspecs.testing import SECRET

CANARY = "s3cret-canary"
CODE = "S3CRETC0DE"
_LOGGERS = ("crm_comm_plugin", "crm_comm_hookspecs", "smtplib", "urllib3", "requests", "keyring", "uvicorn", "mail.log")
_KEEPS_SECRETS = {".keyfile", ".secret-input"}
_CODE = {".py", ".pyc"}
"""Written by people: copies of this project and of its tests hold the canaries themselves."""
_PLACES: list[str] = []
"""Where secrets were found in this process, and by its parallel workers."""


def needles(secret: str) -> tuple[bytes, ...]:
    """How a secret can look: as it is, in UTF-16, in hexadecimal (PostgreSQL's bytea), in base64 at each alignment."""
    plain = secret.encode()
    encoded = {base64.b64encode(b"x" * pad + plain)[4 if pad else 0 : -4] for pad in range(3)}
    return (plain, secret.encode("utf-16-le"), plain.hex().encode(), *sorted(encoded))


_NEEDLES = tuple(needle for secret in (CANARY, CODE, CODE.lower(), SECRET) for needle in needles(secret))


def contains_secret(data: bytes) -> bool:
    """True when any form of a canary is in there."""
    return any(needle in data for needle in _NEEDLES)


def search(data: str | bytes, place: str) -> None:
    """Look into a text, and remember where it was found when there is a secret in it."""
    if contains_secret(data if isinstance(data, bytes) else data.encode("utf-8", "replace")):
        _PLACES.append(place)


class _Search(logging.Handler):
    """Reads every record that is logged, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record."""
        search(self.format(record), f"log record of {record.name} at {record.pathname}:{record.lineno}")


def _searched(ask: Callable[..., Any]) -> Callable[..., Any]:
    """A way of Communication to a hook; what comes back is looked through."""

    @functools.wraps(ask)
    def asked(self: Communication, hook: str, **arguments: Any) -> Any:
        try:
            answer = ask(self, hook, **arguments)
        except CommError as error:
            search(f"{error!r} {error} {error.hint}", f"error of {hook}")
            raise
        search(repr(answer), f"answer of {hook}")
        return answer

    return asked


def pytest_configure(config: pytest.Config) -> None:
    """Start listening to the logs, and to Communication."""
    handler = _Search()
    for name in ("_first", "_service"):
        setattr(Communication, name, _searched(getattr(Communication, name)))
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call):  # type: ignore[no-untyped-def]
    """Look at what a test that passed has printed."""
    report = yield
    if report.passed:
        for title, text in report.sections:
            search(text, f"{title} of {item.nodeid}")
    return report


def search_folder(folder: Path) -> None:
    """Look into every file below a folder."""
    for path in sorted(folder.rglob("*")):
        try:
            searched = path.is_file() and not path.is_symlink() and path.suffix not in _KEEPS_SECRETS | _CODE
            if searched:
                search(path.read_bytes(), str(path.relative_to(folder.parent)))
        except OSError:
            continue


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a parallel worker found."""
    _PLACES.extend(getattr(node, "workeroutput", {}).get("secrets", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look into every file the tests have left, databases included; a find fails the run."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["secrets"] = _PLACES
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    base = getattr(factory, "_basetemp", None)
    if base:
        search_folder(Path(base))
    if _PLACES:
        print("\nSecrets were found in:\n  " + "\n  ".join(dict.fromkeys(_PLACES)))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
