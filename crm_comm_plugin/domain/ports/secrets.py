"""The port to where secrets are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsState:
    """How the keyring is. state: ok | locked | missing | wrong_key; detail and hint in words; backend: its name."""

    state: str
    backend: str
    detail: str = ""
    hint: str = ""


class SecretStore(Protocol):
    """Secrets under opaque references. All methods may raise SecretsUnavailable (code: locked, missing, wrong_key)."""

    def write(self, account_id: str, field: str, secret: str) -> str:
        """Keep a secret under a NEW reference; until an account points to it, it is an orphan that `sweep` finds."""
        ...

    def read(self, ref: str) -> str | None:
        """The secret, or None when nothing is kept there."""
        ...

    def remove(self, ref: str) -> None:
        """Forget it; harmless when it is gone."""
        ...

    def sweep(self, wanted: Callable[[], frozenset[str]]) -> int:
        """Remove references that are older than ten minutes and not wanted by any account; how many went."""
        ...

    def state(self) -> SecretsState:
        """How the keyring is now; never raises."""
        ...
