"""What the doctor says about secrets, in plain words: where they are, what that protects against, and what not."""

import os
from collections.abc import Iterator
from pathlib import Path

from crm_comm_hookspecs import SecretsUnavailable
from crm_comm_plugin.domain.ports.secrets import Finding, KeyUse, SecretJournal, SecretsState, SecretsStatus
from crm_comm_plugin.secrets.backends import AUTO, DATABASE, PLATFORM, Backends, title
from crm_comm_plugin.secrets.key_sources import VARIABLE

SAME_USER = "not against programs that run as this user, nor against this machine's administrator"


def status(backends: Backends, journal: SecretJournal, state: SecretsState) -> SecretsStatus:
    """Everything that can be told without showing a secret."""
    stored = journal.counts()
    waiting = len(journal.doomed())
    keys = _keys(backends) if state.backend == DATABASE or DATABASE in stored else ()
    return SecretsStatus(
        state=state,
        setting=backends.setting,
        stored=stored,
        keys=keys,
        waiting=waiting,
        findings=tuple(_findings(backends, state, stored, keys, waiting)),
    )


def _keys(backends: Backends) -> tuple[KeyUse, ...]:
    try:
        have = backends.sources.load().all()
    except SecretsUnavailable:
        have = ()
    counts = backends.rows.counts()
    known = [
        KeyUse(id=key.id, source=key.source, first=not number, secrets=counts.pop(key.id, 0))
        for number, key in enumerate(have)
    ]
    lost = [KeyUse(id=key_id, source="", first=False, secrets=count) for key_id, count in sorted(counts.items())]
    return (*known, *lost)


def _findings(
    backends: Backends, state: SecretsState, stored: dict[str, int], keys: tuple[KeyUse, ...], waiting: int
) -> Iterator[Finding]:
    if state.state != "ok":
        yield Finding(level="bad", text=state.detail, hint=state.hint)
    names = dict.fromkeys((state.backend, *stored))
    if DATABASE in names:
        yield from _about_database(backends, keys, state.state == "ok")
    for name in names:
        if name in PLATFORM.values():
            yield Finding(
                level="ok" if state.state == "ok" else "info",
                text=f"Passwords in {title(name)} are protected by your sign-in: against a stolen disk and other "
                f"users, {SAME_USER} while it is unlocked.",
            )
        elif name not in (DATABASE, AUTO):
            yield Finding(level="info", text=f"How safe {title(name)} is, its own documentation says.")
    if len(stored) > 1:
        yield _several(stored, state.backend if backends.setting == AUTO else backends.setting)
    if waiting:
        yield Finding(
            level="info",
            text=f"{waiting} removed passwords are still to be erased from a keyring.",
            hint="This happens by itself at a start at which the keyring can be reached.",
        )


def _several(stored: dict[str, int], wanted: str) -> Finding:
    places = ", ".join(f"{count} in {title(name)}" for name, count in sorted(stored.items()))
    return Finding(
        level="warn",
        text=f"Passwords are in several places: {places}.",
        hint=f"Run `crm-comm secrets move {wanted}`.",
    )


def _about_database(backends: Backends, keys: tuple[KeyUse, ...], well: bool) -> Iterator[Finding]:
    yield from backends.sources.findings
    first = next((key for key in keys if key.first), None)
    own = backends.sources.own_file
    if first is not None:
        yield from _about_key(first, None if own is None else own.parent)
    elif own is not None and well:
        yield Finding(level="info", text=f"The first password makes a key file beside the data, {own}.")
    old = sum(key.secrets for key in keys if key.source and not key.first)
    if old:
        yield Finding(
            level="warn", text=f"{old} passwords are still under an older key.", hint="Run `crm-comm secrets rotate`."
        )


def _about_key(key: KeyUse, data: Path | None) -> Iterator[Finding]:
    if data is not None and f"{data}{os.sep}" in key.source:
        yield Finding(
            level="info",
            text="Passwords are encrypted in the database, and the key lies in a file beside it. That protects a copy "
            "of the database that gets away without the key file. It does not protect against somebody who can "
            f"read the data folder ({data}), or a backup of it.",
            hint="For more, keep the key elsewhere: docs/security.md says how.",
        )
        return
    yield Finding(
        level="ok",
        text=f"Passwords are encrypted in the database under a key from {key.source}. That protects against "
        f"whoever gets at the database or a copy of it, {SAME_USER}.",
    )
    if key.source == VARIABLE:
        yield Finding(
            level="info",
            text=f"{VARIABLE} can be seen by every program started from this one.",
            hint="A key file with mode 600, named in CRM_COMM_SECRET_KEY_FILE, shows it to fewer.",
        )
