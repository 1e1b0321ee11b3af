"""The ports to where secrets are kept: the store that use-cases call, and the rows under it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

LIVE, SPARE, DOOMED = "live", "spare", "doomed"
"""A copy of a secret is the one that counts, is being made by a move, or is to be erased."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """An encrypted secret of the database keyring. key_id: which key opens it."""

    service: str
    username: str
    key_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCopy:
    """The journal's line about one copy of a secret, never the secret itself.

    slot: names the copy in its backend, never used twice; ref: what the account points to; backend: "database" or a
    dotted path; parts: into how many entries a long secret was cut; state: live | spare | doomed.
    """

    slot: str
    ref: str
    account_id: str
    field: str
    backend: str
    parts: int
    state: str
    created_at: datetime


class SealedRows(Protocol):
    """The database keyring's rows. One call is one transaction."""

    def find(self, service: str, username: str) -> SealedRow | None:
        """One row."""
        ...

    def put(self, row: SealedRow) -> None:
        """Insert it, or replace the one of the same service and user name."""
        ...

    def drop(self, service: str, username: str) -> bool:
        """Delete it; False when it is not there."""
        ...

    def swap(self, pairs: Sequence[tuple[SealedRow, SealedRow]]) -> int:
        """Replace old by new where old is still unchanged; how many were."""
        ...

    def not_under(self, key_id: str, after: tuple[str, str], limit: int) -> tuple[SealedRow, ...]:
        """Rows encrypted with another key, in order of (service, username)."""
        ...

    def counts(self) -> dict[str, int]:
        """How many rows each key id has."""
        ...


class SecretJournal(Protocol):
    """Which copies exist where: committed before a secret is written, deleted after it was erased."""

    def add(self, copy: SecretCopy) -> None:
        """A copy is about to be written."""
        ...

    def live(self, ref: str) -> SecretCopy | None:
        """The copy that counts."""
        ...

    def pinned(self) -> str:
        """The backend of the oldest live copy, "" without any."""
        ...

    def counts(self) -> dict[str, int]:
        """How many live copies each backend has."""
        ...

    def switch(self, old: str, new: str) -> bool:
        """Make spare slot `new` live and live slot `old` doomed, both or, when one is no longer so, neither."""
        ...

    def doom(self, refs: Sequence[str]) -> None:
        """All copies of these references are to be erased."""
        ...

    def doom_spares(self, before: datetime) -> None:
        """Copies of moves that died are to be erased."""
        ...

    def doomed(self, ref: str = "") -> tuple[SecretCopy, ...]:
        """Copies to be erased, of one reference or all."""
        ...

    def forget(self, slot: str) -> None:
        """The copy was erased."""
        ...

    def suspects(self, before: datetime) -> tuple[str, ...]:
        """Live references written before this time that the account they were written for does not point to."""
        ...

    def not_in(self, backend: str, after: str, limit: int) -> tuple[SecretCopy, ...]:
        """Live copies that are in another backend, by slot."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the doctor says about secrets. level: ok | info | warn | bad; hint: what to do, "" when nothing."""

    level: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """One key of the database keyring by its id. source: where it came from, "" when we have it no longer."""

    id: str
    source: str
    first: bool
    secrets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsStatus:
    """For `crm-comm secrets status`. stored: secrets per backend; waiting: erased ones that a keyring still holds."""

    state: SecretsState
    setting: str
    stored: dict[str, int]
    keys: tuple[KeyUse, ...]
    waiting: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepReport:
    """What `rotate` or `move` did. done: secrets that were changed; failed: could not be read, left as they were."""

    done: int
    failed: int
    detail: str = ""
    hint: str = ""
