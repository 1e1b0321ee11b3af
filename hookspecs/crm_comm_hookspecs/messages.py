"""Recipients and messages: what other plugins hand over to be sent, and what becomes of it before anything is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .enums import Reason


@dataclass(frozen=True, slots=True)
class Recipient:
    """One addressee. fields: the caller's own data for its message, never read by the plugin."""

    address: str
    name: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message. Its content stays out of `repr`, and so out of logs."""

    filename: str
    content: bytes = field(repr=False)
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailMessage:
    """An e-mail. shared: one message to many recipients at once (Bcc) is allowed. Its texts stay out of `repr`."""

    subject: str
    text: str = field(default="", repr=False)
    html: str = field(default="", repr=False)
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    attachments: tuple[Attachment, ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A text (SMS). It may hold a one-time code, so it stays out of `repr`."""

    text: str = field(repr=False)


Message = EmailMessage | TextMessage
MessageSource = Message | Callable[[Recipient], Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A recipient that cannot be sent to, and why. detail: a sentence for people."""

    recipient: Recipient
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Recipients with normalised addresses, and those that cannot be sent to."""

    ready: tuple[Recipient, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSize:
    """The size of one text. encoding: "GSM-7" | "UCS-2"; length in its units; forced_by: what forces UCS-2."""

    encoding: str
    length: int
    segments: int
    forced_by: str = ""
