"""Upkeep of stored secrets: to new keys, and to another keyring. Each may be killed anywhere and run again."""

import secrets
from dataclasses import replace

from crm_comm_hookspecs import InvalidInput, SecretsUnavailable
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.secrets import SPARE, SecretCopy, SecretJournal, UpkeepReport
from crm_comm_plugin.secrets import entries
from crm_comm_plugin.secrets.backends import AUTO, DATABASE, Backends, title
from crm_comm_plugin.secrets.choose import prove, works

BATCH = 100


def rotate(backends: Backends) -> UpkeepReport:
    """Encrypt everything in the database under the first key. Raises SecretsUnavailable (missing)."""
    if not backends.rows.counts():
        return UpkeepReport(done=0, failed=0, detail="No passwords are kept in the database.")
    done, failed = backends.database().reencrypt()
    if failed:
        return UpkeepReport(
            done=done,
            failed=failed,
            detail=f"{failed} passwords could not be read and were left as they are.",
            hint="Add their key again (`crm-comm secrets status` lists key ids) and run it once more.",
        )
    return UpkeepReport(
        done=done, failed=0, detail="All passwords are under the first key.", hint="Older keys can be taken away now."
    )


def move(backends: Backends, journal: SecretJournal, clock: Clock, to: str) -> UpkeepReport:
    """Copy each secret, compare, switch its line in the journal, erase the old copy."""
    target = _target(backends, to)
    prove(backends, target)
    done = failed = 0
    after, detail, hint = "", "", ""
    while copies := journal.not_in(target, after, BATCH):
        for copy in copies:
            try:
                secret = entries.get(backends, copy)
            except SecretsUnavailable as error:
                failed, detail, hint = failed + 1, error.message, error.hint
                continue
            if secret is not None:
                done += _move_one(backends, journal, clock, copy, target, secret)
            elif journal.live(copy.ref) == copy:
                failed, detail = failed + 1, f"Some are no longer in {title(copy.backend)}."
                hint = "Enter those passwords again; `crm-comm accounts list` shows which."
        after = copies[-1].slot
    if not failed:
        detail = f"All of them are in {title(target)} now."
    if not failed and backends.setting not in (AUTO, target):
        hint = f"Set `secret_backend` to {target}, else new passwords go to {title(backends.setting)}."
    return UpkeepReport(done=done, failed=failed, detail=detail, hint=hint)


def _move_one(
    backends: Backends, journal: SecretJournal, clock: Clock, copy: SecretCopy, target: str, secret: str
) -> int:
    spare = replace(
        copy,
        slot=secrets.token_hex(16),
        backend=target,
        parts=entries.parts_for(target, secret),
        state=SPARE,
        created_at=clock.now(),
    )
    journal.add(spare)
    entries.put(backends, spare, secret)
    if not journal.switch(copy.slot, spare.slot):
        return 0  # removed or moved by somebody else meanwhile; `sweep` erases our copy
    try:
        entries.erase(backends, copy)
    except SecretsUnavailable:
        return 1  # the line says doomed: `sweep` erases it when the old keyring can be reached
    journal.forget(copy.slot)
    return 1


def _target(backends: Backends, to: str) -> str:
    name = to.strip()
    if name == AUTO:
        platform = backends.platform()
        return platform if platform and works(backends, platform) else DATABASE
    if not all(part.isidentifier() for part in name.split(".")) or (name != DATABASE and "." not in name):
        raise InvalidInput("That is not the name of a keyring.", hint="Say database, auto, or a backend's dotted path.")
    backends.trust(name)
    return name
