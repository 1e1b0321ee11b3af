"""A copy of a secret in any keyring: cut into parts that fit, read back after writing, failures in our words."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from crm_comm_hookspecs import CommError, SecretsUnavailable
from crm_comm_plugin.domain.ports.secrets import SecretCopy
from crm_comm_plugin.secrets.backends import DATABASE, Backends, title

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

T = TypeVar("T")
SERVICE = "crm-comm"
USERNAME = "secret"
PART = 600
"""Characters per entry: Windows takes 2 560 bytes, which are 640 characters outside the basic plane."""


def parts_for(backend: str, secret: str) -> int:
    """Into how many entries a secret is cut."""
    return 1 if backend == DATABASE else max(1, -(-len(secret) // PART))


def put(backends: Backends, copy: SecretCopy, secret: str) -> None:
    """Write a copy and read it back. Raises SecretsUnavailable."""
    backend = backends.open(copy.backend)
    size = len(secret) if copy.parts == 1 else PART
    for number in range(copy.parts):
        text = secret[number * size : (number + 1) * size]
        service = _service(copy.slot, number)
        _asked(copy.backend, lambda s=service, t=text: backend.set_password(s, USERNAME, t))  # type: ignore[misc]
    if get(backends, copy) != secret:
        raise SecretsUnavailable(
            f"Wrote a password to {title(copy.backend)}, and something else came back.",
            hint="Choose another keyring with `secret_backend`, for example database.",
            code="missing",
        )


def get(backends: Backends, copy: SecretCopy) -> str | None:
    """Read a copy; None when it is not there. Raises SecretsUnavailable."""
    backend = backends.open(copy.backend)
    found: list[str] = []
    for number in range(copy.parts):
        text = _asked(copy.backend, lambda n=number: backend.get_password(_service(copy.slot, n), USERNAME))  # type: ignore[misc]
        if text is None:
            return None
        found.append(text)
    return "".join(found)


def erase(backends: Backends, copy: SecretCopy) -> None:
    """Delete a copy, or what is left of it. Raises SecretsUnavailable."""
    backend = backends.open(copy.backend)
    for number in range(copy.parts):
        _asked(copy.backend, lambda n=number: _erase_entry(backend, _service(copy.slot, n)))  # type: ignore[misc]


def _erase_entry(backend: "KeyringBackend", service: str) -> None:
    from keyring.errors import PasswordDeleteError

    try:
        backend.delete_password(service, USERNAME)
    except PasswordDeleteError:
        if backend.get_password(service, USERNAME) is not None:
            raise


def _service(slot: str, number: int) -> str:
    """A service of its own for each entry: on Windows, entries that share one are moved about by every write."""
    return f"{SERVICE}/{slot}" + (f"/{number + 1}" if number else "")


def _asked(name: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except CommError:
        raise
    except Exception as error:  # noqa: BLE001 - foreign code; its text may hold anything, so only its kind is told
        kind = type(error).__name__
    locked = "Lock" in kind or "Dismissed" in kind
    raise SecretsUnavailable(
        f"{title(name, start=True)} {'is locked' if locked else 'did not answer as it should'} ({kind}).",
        hint="Unlock it and try again." if locked else "Look at it with `crm-comm doctor`.",
        retryable=True,
        code="locked" if locked else "missing",
    )
