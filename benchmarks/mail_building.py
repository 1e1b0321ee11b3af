"""How long it takes to make a mail's bytes, against `email.message.EmailMessage` from scratch for each recipient."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage as MimeMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, make_msgid

from benchmarks.limits_measure import Row, Versus, Work, at_most, micros, versus
from crm_comm_hookspecs import Attachment, EmailMessage, Recipient
from crm_comm_plugin.transports.mime import Composer

SENDER = "ann@example.com"
TEXT = "Good morning, this is one line of the text of a letter to somebody.\n" * 75
"""5 kB."""
HTML = f"<html><body><p>{TEXT.replace(chr(10), '</p><p>')}</p></body></html>"
PLAIN = EmailMessage(subject="News of the week", text=TEXT, headers={"List-Unsubscribe": "<https://example.com/u>"})
RICH = replace(
    PLAIN,
    subject="Grüße zur Woche",
    text=TEXT.replace("o", "ö"),
    html=HTML,
    attachments=(Attachment(filename="a.pdf", content=bytes(range(256)) * 200, content_type="application/pdf"),),
)


def rows() -> list[Row]:
    """The same message for all is judged; one made for each recipient by the caller is printed."""
    found = []
    for name, message in (("text of 5 kB", PLAIN), ("text, html, attachment of 50 kB", RICH)):
        found.append(at_most(f"building, one for all: {name}", 0.2, _compared(lambda n, m=message: m)))
        own = _compared(lambda n, m=message: replace(m, text=f"Dear {n},\n{m.text}"))
        found.append(Row(f"building, made for each recipient: {name}", "printed", _cost(own)))
        subject = _compared(lambda n, m=message: replace(m, subject=f"{m.subject}, {n}"))
        found.append(Row(f"building, a subject for each recipient: {name}", "printed", _cost(subject)))
    return found


def _cost(found: Versus) -> str:
    return f"{1 / found.ratio:.2f} x ({micros(found)})"


def _compared(made: Callable[[int], EmailMessage]) -> Versus:
    """Both get the same messages, which are there before."""
    people = [Recipient(f"person{n}@example.org", f"Name {n}") for n in range(50)]
    pairs = [(person, made(number)) for number, person in enumerate(people)]
    composer = Composer(SENDER, lambda: datetime.now(UTC))

    def ours() -> None:
        for person, message in pairs:
            composer.compose(person, message)

    def scratch() -> None:
        for person, message in pairs:
            from_scratch(person, message)

    return versus(Work(ours, 1, units=len(pairs)), Work(scratch, 1, units=len(pairs)))


def from_scratch(person: Recipient, message: EmailMessage) -> bytes:
    """As the standard library's documentation shows it."""
    mail = MimeMessage(policy=SMTP)
    mail["From"] = SENDER
    mail["To"] = formataddr((person.name, person.address))
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain="example.com")
    for name, value in message.headers.items():
        mail[name] = value
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    for part in message.attachments:
        maintype, _, subtype = part.content_type.partition("/")
        mail.add_attachment(part.content, maintype=maintype, subtype=subtype, filename=part.filename)
    return mail.as_bytes()
