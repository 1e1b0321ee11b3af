"""A sender with everything real but the provider, which is a file that every recipient reached is written to.

Run as a program: python -m tests.sending.senders DATABASE_URL LOG RECIPIENTS BATCH. It may be killed at any instant.
"""

import os
import sys
from pathlib import Path

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    AccountSchema,
    AccountType,
    Communication,
    Context,
    Diagnosis,
    Editor,
    EmailMessage,
    Outcome,
    Query,
    Recipient,
    RecipientStatus,
    Settings,
    hookimpl,
)

ADMIN = Context(user="admin", permissions=ALL_PERMISSIONS)
MESSAGE = EmailMessage(subject="Hello", text="Good morning")


class PigeonSchema(AccountSchema):
    pass


class Loft:
    """Writes each recipient down before it says that it was sent."""

    def __init__(self, log: Path, batch: int) -> None:
        self.batch = batch
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def deliver(self, batch):
        for recipient, _ in batch:
            os.write(self._log, f"{recipient.address}\n".encode())
            yield Outcome(recipient=recipient, status=RecipientStatus.SENT)

    def diagnose(self):
        return Diagnosis(ok=True, steps=())

    def close(self):
        os.close(self._log)


class Pigeons:
    """The plugin that brings the account type."""

    def __init__(self, log: Path, batch: int = 20) -> None:
        self._log, self._batch = log, batch

    @hookimpl
    def crm_comm_account_types(self):
        editor = Editor(name="pigeon", title="Pigeon post", schema=PigeonSchema)
        return [
            AccountType(
                key="pigeon",
                label="Pigeon",
                icon="mail",
                channel="email",
                editor=editor,
                connect=lambda account, values, secrets: Loft(self._log, self._batch),
            )
        ]


def opened(url: str, log: Path, batch: int = 20, **settings) -> Communication:
    """A Communication with an account of that type."""
    folder = str(log.parent / "data")
    comm = Communication.load(Settings(database_url=url, data_dir=folder, **settings), entry_points=False)
    comm.register(Pigeons(log, batch), "pigeons")
    return comm


def account_of(comm: Communication, **values) -> str:
    """The id of the account; made when there is none."""
    rows = comm.list_rows(ADMIN, "accounts", Query()).rows
    if rows:
        return rows[0].id
    result = comm.save(ADMIN, "pigeon", "", {"account_name": "Pigeons", **values}, "")
    assert result.ok, result
    return result.id


def people(count: int) -> list[Recipient]:
    return [Recipient(f"p{n}@example.com") for n in range(count)]


def reached(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


if __name__ == "__main__":
    url, log, count, batch = sys.argv[1:]
    with opened(url, Path(log), int(batch)) as comm:
        account = account_of(comm)
        print("ready", flush=True)
        comm.send(account, MESSAGE, people(int(count)), key="k")
        print("done", flush=True)
