"""What the campaign page keeps of a campaign, its message and its recipients, so that it goes on after a restart.

What became of everybody is kept by the plugin and asked through `sends` and `outcomes`.
"""

import json
import re
import secrets
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from crm_comm_hookspecs import CommError, EmailMessage, InvalidInput, Message, TextMessage
from crm_comm_plugin.hosts.csv_recipients import read_recipients

KEEP_DAYS = 60
_KEY = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A campaign as somebody typed it. key: also the send key; total: recipients in the file; send_id: once it ran."""

    key: str
    account_id: str
    account_name: str
    channel: str
    campaign: str
    subject: str = ""
    text: str = ""
    file_name: str = ""
    total: int = 0
    send_id: str = ""

    def message(self) -> Message:
        """What is sent to everybody."""
        if self.channel == "sms":
            return TextMessage(self.text)
        return EmailMessage(subject=self.subject, text=self.text)


class Drafts:
    """A folder for each campaign, readable by this user only."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="crm-comm-") if folder is None else None
        self._folder = Path(self._temporary.name) if self._temporary else Path(folder or "")

    def close(self) -> None:
        """Remove what was only for this run."""
        if self._temporary:
            self._temporary.cleanup()

    def new_key(self) -> str:
        """A key that nobody can guess; it is part of the campaign's address."""
        return secrets.token_hex(12)

    def keep_recipients(self, key: str, source: IO[bytes], channel: str) -> int:
        """Copy a CSV next to its campaign and read it once; answers how many recipients it has.

        Raises InvalidInput with the line's number for what cannot be read; then nothing is kept.
        """
        path = self._place(key) / "recipients.csv"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("wb") as copy:
                path.chmod(0o600)
                shutil.copyfileobj(source, copy, 1 << 20)
            if count := sum(1 for _ in read_recipients(path, channel)):
                return count
            raise InvalidInput(
                "There are no recipients: nothing stands below the names of the columns.", hint="Add them there."
            )
        except OSError as error:
            self.forget(key)
            raise _unwritable(error) from error
        except CommError:
            self.forget(key)
            raise

    def recipients(self, draft: Draft) -> Path:
        """The file to read recipients from."""
        return self._place(draft.key) / "recipients.csv"

    def save(self, draft: Draft) -> None:
        """Keep a campaign; a crash leaves the old or the new one."""
        place = self._place(draft.key)
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            written = place / "campaign.new"
            written.write_text(json.dumps(asdict(draft)), encoding="utf-8")
            written.chmod(0o600)
            written.replace(place / "campaign.json")
        except OSError as error:
            raise _unwritable(error) from error

    def find(self, key: str) -> Draft | None:
        """The campaign of that key whose recipients are still there."""
        if not _KEY.fullmatch(key):
            return None
        place = self._place(key)
        try:
            known = json.loads((place / "campaign.json").read_text(encoding="utf-8"))
            draft = Draft(**known)
        except (OSError, ValueError, TypeError):
            return None
        return draft if (place / "recipients.csv").is_file() else None

    def of_send(self, send_id: str) -> Draft | None:
        """The campaign that a send belongs to."""
        return next((draft for draft in self.all() if draft.send_id == send_id), None) if send_id else None

    def started(self, key: str, send_id: str) -> None:
        """Remember which send a campaign became."""
        draft = self.find(key)
        if draft is not None and send_id and draft.send_id != send_id:
            self.save(replace(draft, send_id=send_id))

    def all(self) -> list[Draft]:
        """Every campaign that is kept."""
        if not self._folder.is_dir():
            return []
        return [draft for place in sorted(self._folder.iterdir()) if (draft := self.find(place.name))]

    def forget(self, key: str) -> None:
        """Remove a campaign and its recipients."""
        if _KEY.fullmatch(key):
            shutil.rmtree(self._place(key), ignore_errors=True)

    def prune(self, now: float | None = None) -> None:
        """Remove what nobody has touched for long; never sent ones after a day."""
        now = time.time() if now is None else now
        for draft in self.all():
            days = KEEP_DAYS if draft.send_id else 1
            if (self._place(draft.key) / "campaign.json").stat().st_mtime < now - days * 86_400:
                self.forget(draft.key)

    def _place(self, key: str) -> Path:
        return self._folder / key


def _unwritable(error: OSError) -> CommError:
    reason = error.strerror or "unknown reason"
    return CommError(
        f"The recipients cannot be kept: {reason}.",
        hint="Make room, or let the data folder be writable, and try again.",
    )
