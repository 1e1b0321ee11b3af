"""The message of `crm-comm send`, from its options and files, and the key that makes a repeated call go on."""

import hashlib
import mimetypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crm_comm_hookspecs import Account, Attachment, EmailMessage, Message, TextMessage
from crm_comm_plugin.cli.endings import USAGE, CommandError


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What was given for a message: texts, and names of files to read."""

    subject: str = ""
    text: str = ""
    text_file: str = ""
    html_file: str = ""
    reply_to: str = ""
    attach: Sequence[str] = ()

    def message(self, account: Account) -> Message:
        """The message for this account's channel; CommandError when a part is missing or does not belong there."""
        if self.text and self.text_file:
            raise CommandError("Give --text or --text-file, not both.", code=USAGE)
        text = self.text or _text_of(self.text_file)
        html = _text_of(self.html_file)
        if account.channel != "email":
            if self.subject or html or self.attach or self.reply_to:
                raise CommandError(f"{account.name} sends plain texts: give only --text or --text-file.", code=USAGE)
            if not text.strip():
                raise CommandError("Say what to send: --text or --text-file.", code=USAGE)
            return TextMessage(text)
        if not self.subject.strip():
            raise CommandError("An e-mail needs a --subject.", code=USAGE)
        if not (text.strip() or html.strip()):
            raise CommandError("Say what to send: --text, --text-file or --html-file.", code=USAGE)
        files = tuple(_attachment(Path(name)) for name in self.attach)
        return EmailMessage(subject=self.subject, text=text, html=html, reply_to=self.reply_to, attachments=files)


def _text_of(name: str) -> str:
    if not name:
        return ""
    raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise CommandError(f"{name} is not text in UTF-8. Save it as UTF-8 and try again.") from None


def _attachment(path: Path) -> Attachment:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Attachment(filename=path.name, content=path.read_bytes(), content_type=kind)


def default_key(account: Account, campaign: str, message: Message) -> str:
    """The same account, campaign and message are the same send, so that nobody gets it twice by a repeated command."""
    digest = hashlib.sha256()
    for part in (account.id, campaign, *_parts(message)):
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return f"cli-{digest.hexdigest()[:32]}"


def _parts(message: Message) -> list[str | bytes]:
    if isinstance(message, TextMessage):
        return [message.text]
    parts: list[str | bytes] = [message.subject, message.text, message.html, message.reply_to]
    for file in message.attachments:
        parts += [file.filename, file.content]
    return parts
