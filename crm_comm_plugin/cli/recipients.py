"""Recipients of `crm-comm send`: the whole CSV is read and checked once before anything is sent, then again to send."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crm_comm_hookspecs import Recipient
from crm_comm_plugin.hosts.csv_recipients import read_recipients


@dataclass(frozen=True, slots=True)
class Recipients:
    """A checked file of so many recipients."""

    path: Path
    channel: str
    total: int

    def read(self) -> Iterator[Recipient]:
        """All of them, in order, without keeping them in memory."""
        return read_recipients(self.path, self.channel)


@contextmanager
def recipients_in(source: str, channel: str) -> Iterator[Recipients]:
    """The recipients of a CSV file, - for stdin. Raises InvalidInput with the line's number for what cannot be read."""
    if source != "-":
        yield _checked(Path(source), channel)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdin.csv"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        yield _checked(path, channel)


def _checked(path: Path, channel: str) -> Recipients:
    return Recipients(path, channel, sum(1 for _ in read_recipients(path, channel)))
