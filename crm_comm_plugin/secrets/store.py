"""The SecretStore port: secrets in a keyring, and a journal that knows of every copy before it is written."""

import contextlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from crm_comm_hookspecs import CommError, InvalidInput, SecretsUnavailable
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.secrets import (
    LIVE,
    Finding,
    SecretCopy,
    SecretJournal,
    SecretsState,
    SecretsStatus,
    UpkeepReport,
)
from crm_comm_plugin.secrets import entries
from crm_comm_plugin.secrets.backends import AUTO, DATABASE, Backends, title
from crm_comm_plugin.secrets.choose import choose

ORPHAN_AGE = timedelta(minutes=10)
MAX_LENGTH = 60_000
STATES = frozenset({"locked", "missing", "wrong_key"})


class KeyringSecretStore:
    """Secrets under references. The journal's line is committed before a secret is written and deleted after it was
    erased, so whenever the process dies, every copy is either in use or found by `sweep`.
    """

    def __init__(self, *, backends: Backends, journal: SecretJournal, clock: Clock) -> None:
        self._backends = backends
        self._journal = journal
        self._clock = clock

    def write(self, account_id: str, field: str, secret: str) -> str:
        """Keep a secret under a new reference (32 hex digits). Raises SecretsUnavailable, InvalidInput."""
        if len(secret) > MAX_LENGTH or any("\ud800" <= char <= "\udfff" for char in secret):
            raise InvalidInput(
                f"The {field} cannot be kept.", hint=f"Use text of at most {MAX_LENGTH} characters, copied whole."
            )
        backend = choose(self._backends, self._journal.pinned())
        self._backends.open(backend)
        ref = secrets.token_hex(16)
        copy = SecretCopy(
            slot=ref,
            ref=ref,
            account_id=account_id,
            field=field,
            backend=backend,
            parts=entries.parts_for(backend, secret),
            state=LIVE,
            created_at=self._clock.now(),
        )
        self._journal.add(copy)
        try:
            entries.put(self._backends, copy, secret)
        except CommError:
            with contextlib.suppress(CommError):  # what cannot be taken back now, `sweep` does
                self.remove(ref)
            raise
        return ref

    def read(self, ref: str) -> str | None:
        """The secret, or None when nothing is kept there. Raises SecretsUnavailable."""
        copy = self._journal.live(ref)
        while copy is not None:
            secret = entries.get(self._backends, copy)
            if secret is not None:
                return secret
            again = self._journal.live(ref)
            if again == copy:
                return None
            copy = again  # a move took it elsewhere while we looked
        return None

    def remove(self, ref: str) -> None:
        """Forget it. A keyring that cannot be reached keeps its entry until a later `sweep`; here it is gone."""
        self._journal.doom((ref,))
        for copy in self._journal.doomed(ref):
            self._erased(copy)

    def sweep(self, wanted: Callable[[], frozenset[str]]) -> int:
        """Erase what no account points to after ten minutes, and what was left of removals and moves; how many."""
        before = self._clock.now() - ORPHAN_AGE
        old = self._journal.suspects(before)  # before `wanted`: an account saved since then is in there
        keep = wanted() if old else frozenset()
        self._journal.doom([ref for ref in old if ref not in keep])
        self._journal.doom_spares(before)
        return self.tidy()

    def tidy(self) -> int:
        """Erase what is doomed already; how many went."""
        return sum(self._erased(copy) for copy in self._journal.doomed())

    def state(self) -> SecretsState:
        """How the keyrings in use are now: the first that is not well, else the one for new secrets; never raises."""
        name = self._backends.setting
        try:
            stored = self._journal.counts()
            chosen = name = choose(self._backends, self._journal.pinned())
            for name in dict.fromkeys((chosen, *stored)):
                self._backends.check(name)
        except CommError as error:
            code = error.code if error.code in STATES else "missing"
            name = name if name != AUTO else self._backends.platform() or DATABASE
            return SecretsState(state=code, backend=name, detail=error.message, hint=error.hint)
        return SecretsState(state="ok", backend=chosen, detail=f"New passwords go to {title(chosen)}.")

    def rotate(self) -> UpkeepReport:
        """Encrypt everything in the database under the first key. May be killed and run again."""
        from crm_comm_plugin.secrets.upkeep import rotate

        return rotate(self._backends)

    def move(self, to: str) -> UpkeepReport:
        """Take all secrets to another keyring: database, auto, or a dotted path. May be killed and run again."""
        from crm_comm_plugin.secrets.upkeep import move

        report = move(self._backends, self._journal, self._clock, to)
        self.tidy()
        return report

    def status(self) -> SecretsStatus:
        """Where secrets are and under which keys. Raises only what the database does."""
        from crm_comm_plugin.secrets.describe import status

        return status(self._backends, self._journal, self.state())

    def describe(self) -> tuple[Finding, ...]:
        """For the doctor: what is wrong, what this protects against, and what not."""
        return self.status().findings

    def _erased(self, copy: SecretCopy) -> bool:
        try:
            entries.erase(self._backends, copy)
        except SecretsUnavailable:
            return False
        self._journal.forget(copy.slot)
        return True

    def __reduce__(self) -> NoReturn:
        raise TypeError("The secret store is never pickled.")
