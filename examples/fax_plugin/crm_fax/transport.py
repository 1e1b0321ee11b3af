"""Delivery of faxes: each becomes a file in the machine's folder."""

import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from crm_comm_hookspecs import (
    Diagnosis,
    Message,
    Outcome,
    Reason,
    Recipient,
    RecipientStatus,
    Step,
    TextMessage,
    TransportError,
)


class FaxTransport:
    """One line to one machine; used by one thread at a time."""

    batch = 20

    def __init__(self, folder: str, pin: str, sender_number: str) -> None:
        self._folder, self._pin, self._sender = Path(folder), pin, sender_number

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterable[Outcome]:
        """One outcome each, as soon as it is known."""
        for recipient, message in batch:
            if not isinstance(message, TextMessage):
                yield Outcome(
                    recipient=recipient,
                    status=RecipientStatus.FAILED,
                    reason=Reason.MESSAGE,
                    detail="A fax is a TextMessage.",
                )
                continue
            self._put(recipient.address, message.text)
            yield Outcome(recipient=recipient, status=RecipientStatus.SENT)

    def diagnose(self) -> Diagnosis:
        """Looks, and sends nothing."""
        found = self._folder.is_dir()
        steps = [Step(name="Find the folder", ok=found, hint="" if found else "Create it.", field="folder")]
        if found:
            writable = os.access(self._folder, os.W_OK)
            hint = "" if writable else "Allow the CRM to write there."
            steps.append(Step(name="Write to it", ok=writable, hint=hint, field="folder"))
        return Diagnosis(ok=all(step.ok for step in steps), steps=tuple(steps))

    def waiting(self) -> int:
        """How many faxes the machine has not fetched yet."""
        return sum(1 for _ in self._folder.glob("*.fax")) if self._folder.is_dir() else 0

    def close(self) -> None:
        """Nothing is held open."""

    def _put(self, number: str, text: str) -> None:
        path = self._folder / f"{number}-{uuid.uuid4().hex}"
        try:
            path.with_suffix(".part").write_text(f"To: {number}\nFrom: {self._sender}\n\n{text}", encoding="utf-8")
            path.with_suffix(".part").rename(path.with_suffix(".fax"))  # the machine never sees half a fax
        except OSError as error:
            raise TransportError(
                "The fax folder cannot be written.", reason=Reason.UNREACHABLE, hint="Check that it exists."
            ) from error
