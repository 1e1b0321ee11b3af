"""E-mail messages as bytes: one set of headers per recipient before parts that are serialised once for all."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage as MimeMessage
from email.policy import SMTP
from email.utils import format_datetime

from crm_comm_hookspecs import Attachment, EmailMessage, Message, Recipient
from crm_comm_plugin.domain.addresses import domain_of, normalise_address
from crm_comm_plugin.transports.headers import Unsendable, address_line, callers_headers, checked, line

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
"""Parts are 7-bit clean, so that they pass any server."""
_CONTAINERS = frozenset({"multipart", "message"})
_PLAIN_BYTES = ("application", "octet-stream")
_NOT_IN_COMMANDS = re.compile(r'[ <>,;:"\\]')


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes over the line. sender, recipient: the envelope."""

    sender: str
    recipient: str
    content: bytes

    @property
    def utf8(self) -> bool:
        """True when an address needs SMTPUTF8 (RFC 6531): of the envelope, or the one to reply to."""
        return not (self.sender.isascii() and self.recipient.isascii() and self.content.isascii())


class Composer:
    """Makes mails of one sender; the parts of the last message are kept, since it is mostly the same for all."""

    def __init__(self, sender: str, now: Callable[[], datetime]) -> None:
        self._sender = sender
        self._domain = domain_of(sender)
        self._now = now
        self._last: EmailMessage | None = None
        self._shared: tuple[bytes, bytes, frozenset[str]] = (b"", b"", frozenset())
        self._parts: tuple[tuple[object, ...], bytes] = ((), b"")
        self._date: tuple[float, bytes] = (-1.0, b"")

    def compose(self, recipient: Recipient, message: object) -> Mail:
        """The mail for one recipient; raises Unsendable."""
        if not isinstance(message, EmailMessage):
            raise Unsendable("An e-mail account sends e-mails only.")
        if message is not self._last:
            self._shared = (self._own_headers(message), self._parts_of(message), _given(message))
            self._last = message
        headers, parts, given = self._shared
        name = checked("To", recipient.name)
        own = [address_line("To", name, envelope(recipient.address)), *self._of_this_mail(given)]
        return Mail(self._sender, recipient.address, headers + b"".join(own) + parts)

    def shared(self, message: EmailMessage) -> bytes:
        """One mail that is the same for many recipients, who do not see each other; raises Unsendable."""
        headers = self._own_headers(message)
        own = self._of_this_mail(_given(message))
        return b"".join((headers, b"To: undisclosed-recipients:;\r\n", *own, _parts(message)))

    def _parts_of(self, message: EmailMessage) -> bytes:
        """Made anew only when text, html or attachments are other objects: a caller may change the subject alone."""
        of = (message.text, message.html, message.attachments)
        known, parts = self._parts
        if len(known) != len(of) or any(a is not b for a, b in zip(known, of, strict=True)):
            parts = _parts(message)
            self._parts = of if _stays(message) else (), parts
        return parts

    def _of_this_mail(self, given: frozenset[str]) -> list[bytes]:
        own = []
        if "date" not in given:
            own.append(self._date_line())
        if "message-id" not in given:
            own.append(f"Message-ID: <{secrets.token_hex(16)}@{self._domain}>\r\n".encode())
        return own

    def _date_line(self) -> bytes:
        """Written once a second."""
        now = self._now()
        second = now.timestamp() // 1
        if second != self._date[0]:
            self._date = second, f"Date: {format_datetime(now)}\r\n".encode()
        return self._date[1]

    def _own_headers(self, message: EmailMessage) -> bytes:
        """From, Subject, Reply-To and the caller's own."""
        lines = [address_line("From", "", self._sender), line("Subject", checked("Subject", message.subject))]
        if message.reply_to:
            lines.append(address_line("Reply-To", *_reply_to(message.reply_to)))
        lines += [line(name, value) for name, value in callers_headers(message.headers).items()]
        return b"".join(lines)


def is_mail(message: Message) -> bool:
    """Whether a message can be written as a mail, whoever it goes to."""
    try:
        Composer("a@example.com", lambda: datetime.now(UTC)).compose(Recipient("b@example.com"), message)
    except Unsendable:
        return False
    return True


def envelope(address: str) -> str:
    """An address that can stand in a command; raises Unsendable. Normalised ones pass; third parties may differ."""
    if not isinstance(address, str) or not address.isprintable() or _NOT_IN_COMMANDS.search(address):
        raise Unsendable("The address holds a character that cannot be sent to.")
    if address.count("@") != 1:
        raise Unsendable("The address is not an e-mail address.")
    return address


def _given(message: EmailMessage) -> frozenset[str]:
    return frozenset(name.lower() for name in message.headers)


def _stays(message: EmailMessage) -> bool:
    """True when nobody can change the attachments of a message whose parts could be made."""
    attachments: object = message.attachments
    return isinstance(attachments, tuple) and all(type(each.content) is bytes for each in attachments)


def _reply_to(value: object) -> tuple[str, str]:
    """(name, address) of `Name <address>` or a bare address."""
    text = checked("Reply-To", value)
    name, bracket, rest = text.rpartition("<")
    bare = rest.rstrip().removesuffix(">") if bracket else text
    try:
        return name.strip().strip('"'), normalise_address(bare)
    except ValueError:
        raise Unsendable("The address in Reply-To is not an e-mail address.") from None


def _parts(message: EmailMessage) -> bytes:
    """Everything from MIME-Version on: text, html, attachments; raises Unsendable."""
    mime = MimeMessage(policy=_POLICY)
    if not isinstance(message.text, str) or not isinstance(message.html, str):
        raise Unsendable("Text and html of the message must be texts.")
    try:
        if message.text or not message.html:
            mime.set_content(_clean(message.text), charset="utf-8")
        if message.html:
            (mime.add_alternative if message.text else mime.set_content)(
                _clean(message.html), subtype="html", charset="utf-8"
            )
        for attachment in message.attachments:
            _attach(mime, attachment)
        return mime.as_bytes()
    except (ValueError, TypeError, LookupError, AttributeError):
        raise Unsendable("The message holds something that cannot be put into an e-mail.") from None


def _clean(text: str) -> str:
    """Line ends as one kind; NUL has no place in mail. Halves of surrogate pairs raise UnicodeError."""
    if "\0" in text:
        raise Unsendable("The message holds a NUL character.")
    text.encode()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _attach(mime: MimeMessage, attachment: object) -> None:
    if not isinstance(attachment, Attachment) or not isinstance(attachment.content, bytes | bytearray):
        raise Unsendable("An attachment must be an Attachment with bytes.")
    name = checked("attachment's name", attachment.filename) or "attachment"
    maintype, subtype, parameters = _content_type(checked("attachment's type", attachment.content_type))
    mime.add_attachment(
        bytes(attachment.content), maintype=maintype, subtype=subtype, filename=name, params=parameters or None
    )


def _content_type(text: str) -> tuple[str, str, dict[str, str]]:
    """A type as written, `application/octet-stream` for what is none, or would nest messages."""
    probe = MimeMessage(policy=_POLICY)
    probe["Content-Type"] = text
    header = probe["Content-Type"]
    if header.defects or header.maintype in _CONTAINERS or not text.isascii():
        return (*_PLAIN_BYTES, {})
    parameters = {key: value for key, value in header.params.items() if key in {"charset", "method"}}
    return header.maintype, header.subtype, parameters
