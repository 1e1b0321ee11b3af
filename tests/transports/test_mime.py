"""Messages as bytes: what a person wrote comes back from a reader, and nothing else can be slipped in."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_comm_hookspecs import Attachment, EmailMessage, Recipient, TextMessage
from crm_comm_plugin.transports.headers import Unsendable
from crm_comm_plugin.transports.mime import Composer

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANN = Recipient("ann@example.com", "Ann")
LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))
LINE = st.text(LETTERS, max_size=120).map(lambda text: " ".join(text.split()))
BODY = st.text(st.one_of(LETTERS, st.just("\n"), st.just("."), st.just("\t")), max_size=400)
NAMES = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=40)


def composed(message, recipient=ANN, sender="me@example.com"):
    return Composer(sender, lambda: AT).compose(recipient, message).content


def read(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def body(message, kind):
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


@settings(max_examples=1000, deadline=None)
@given(subject=LINE, name=LINE, text=BODY, html=BODY, file=NAMES, content=st.binary(max_size=300))
def test_what_was_written_is_read(subject, name, text, html, file, content):
    attachment = Attachment(filename=f"{file}.pdf", content=content, content_type="application/pdf")
    message = EmailMessage(subject=subject, text=text, html=html, attachments=(attachment,))
    raw = composed(message, Recipient("ann@example.com", name))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    found = read(raw)
    assert found["subject"] == subject
    plain = email.message_from_bytes(raw)  # the classic reader: today's has a fault at names in several encoded words
    assert str(make_header(decode_header(parseaddr(plain["to"])[0]))) == name
    assert found["to"].addresses[0].addr_spec == "ann@example.com"
    if text or not html:
        assert body(found, "plain").rstrip("\n") == text.rstrip("\n")
    if html:
        assert body(found, "html").rstrip("\n") == html.rstrip("\n")
    (part,) = found.iter_attachments()
    assert part.get_filename() == f"{file}.pdf"
    assert part.get_content() == content


def test_the_usual_headers_are_there_once():
    raw = composed(EmailMessage(subject="Hi", text="x", reply_to="Support <help@example.com>"))
    found = read(raw)
    assert found["from"] == "me@example.com"
    assert found["to"] == "Ann <ann@example.com>"
    assert found["reply-to"] == "Support <help@example.com>"
    assert found["date"].datetime == AT
    assert found["message-id"].endswith("@example.com>")
    assert len(found["message-id"]) < 80
    assert sorted(map(str.lower, found.keys())) == sorted(set(map(str.lower, found.keys())))
    assert found["mime-version"] == "1.0"


def test_an_address_to_reply_to_outside_ascii_needs_a_server_that_takes_such():
    plain = EmailMessage(subject="Hi", text="x", reply_to="Ann <jane@exämple.example>")
    assert not Composer("me@example.com", lambda: AT).compose(ANN, plain).utf8
    foreign = EmailMessage(subject="Hi", text="x", reply_to="jürgen@example.com")
    assert Composer("me@example.com", lambda: AT).compose(ANN, foreign).utf8


def test_a_name_without_spaces_breaks_no_line_bound():
    raw = composed(EmailMessage(subject="Hi", text="x"), Recipient("ann@example.com", "A" * 1500))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert str(make_header(decode_header(parseaddr(email.message_from_bytes(raw)["to"])[0]))) == "A" * 1500


def test_each_mail_has_its_own_id():
    composer = Composer("me@example.com", lambda: AT)
    message = EmailMessage(subject="Hi", text="x")
    ids = {read(composer.compose(ANN, message).content)["message-id"] for _ in range(10)}
    assert len(ids) == 10


def test_the_callers_headers_are_passed_on():
    link = "<https://example.com/u/" + "x" * 300 + ">"
    headers = {
        "List-Unsubscribe": f"{link}, <mailto:leave@example.com>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Message-ID": "<mine@example.com>",
        "Date": "Mon, 01 Jan 2024 00:00:00 +0000",
        "X-Campaign": "Grüße",
    }
    raw = composed(EmailMessage(subject="Hi", text="x", headers=headers))
    found = read(raw)
    assert {name: found[name] for name in headers} == headers
    assert len(found.get_all("message-id")) == len(found.get_all("date")) == 1
    assert b"List-Unsubscribe=One-Click" in raw


@pytest.mark.parametrize(
    "name",
    [
        *("From", "sender", "TO", "Cc", "Bcc", "Subject", "Reply-To", "Content-Type", "content-any", "MIME-Version"),
        "Return-Path",
        "Received",
        "Resent-To",
        "X:Y",
        "X Y",
        "",
        "X\r\nBcc",
        "Ünï",
        "x" * 100,
        7,
        None,
        "DKIM-Signature",
    ],
)
def test_headers_that_are_ours_or_none_are_refused(name):
    with pytest.raises(Unsendable) as caught:
        composed(EmailMessage(subject="Hi", headers={name: "secret words"}))
    assert "secret words" not in str(caught.value)


@pytest.mark.parametrize(
    "evil", ["a\r\nBcc: x@y.z", "a\nb", "a\rb", "a\x00b", "a\x0bb", "a\u2028b", "a\x85b", "\ud800"]
)
@pytest.mark.parametrize("place", ["subject", "name", "reply_to", "header", "filename", "content_type"])
def test_injection_is_refused_everywhere(evil, place):
    message = {"subject": "Hi", "text": "x"}
    recipient = ANN
    if place == "name":
        recipient = Recipient("ann@example.com", evil)
    elif place == "header":
        message["headers"] = {"X-A": evil}
    elif place in ("filename", "content_type"):
        message["attachments"] = (Attachment(**({"filename": "a", "content": b""} | {place: evil})),)
    else:
        message[place] = evil
    with pytest.raises(Unsendable) as caught:
        composed(EmailMessage(**message), recipient)
    assert "x@y.z" not in str(caught.value)


@pytest.mark.parametrize(
    "junk",
    [
        {"subject": None},
        {"subject": "x" * 30_000},
        {"text": None},
        {"text": b"bytes"},
        {"text": "a\x00b"},
        {"text": "\ud800"},
        {"html": 5},
        {"headers": [("a", "b")]},
        {"headers": {"X-A": 5}},
        {"headers": {"X-A": "1", "x-a": "2"}},
        {"attachments": ("file.pdf",)},
        {"attachments": (Attachment(filename="a", content="text"),)},
        {"attachments": 7},
        {"reply_to": "nobody"},
    ],
)
def test_junk_is_refused_in_words(junk):
    with pytest.raises(Unsendable):
        composed(EmailMessage(**({"subject": "Hi", "text": "x"} | junk)))


def test_a_text_message_is_no_email():
    with pytest.raises(Unsendable):
        composed(TextMessage("hi"))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("text/csv; charset=utf-8", "text/csv"),
        ("text/calendar; method=REQUEST", "text/calendar"),
        ("message/rfc822", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("image/png", "image/png"),
    ],
)
def test_types_of_attachments(given, shown):
    attachment = Attachment(filename="Übersicht.x", content=b"a\x00\xff\r\n", content_type=given)
    (part,) = read(composed(EmailMessage(subject="Hi", attachments=(attachment,)))).iter_attachments()
    assert part.get_content_type() == shown
    assert part.get_payload(decode=True) == attachment.content
    assert part.get_filename() == "Übersicht.x"


def test_parts_are_made_once_for_all():
    composer = Composer("me@example.com", lambda: AT)
    message = EmailMessage(subject="Hi", text="x" * 100)
    first, second = (composer.compose(Recipient(f"{n}@example.com"), message).content for n in "ab")
    assert first.partition(b"MIME-Version")[2] == second.partition(b"MIME-Version")[2]
    other = composer.compose(ANN, EmailMessage(subject="Other", text="y")).content
    assert read(other)["subject"] == "Other"


def test_a_subject_for_each_recipient_leaves_the_parts_as_they_are():
    composer = Composer("me@example.com", lambda: AT)
    file = Attachment(filename="a.bin", content=b"x" * 1000)
    message = EmailMessage(subject="Hi", text="x" * 100, html="<p>x</p>", attachments=(file,))
    mails = [composer.compose(ANN, replace(message, subject=f"Hi {n}")).content for n in "ab"]
    assert [read(mail)["subject"] for mail in mails] == ["Hi a", "Hi b"]
    assert mails[0].partition(b"MIME-Version")[2] == mails[1].partition(b"MIME-Version")[2]


@pytest.mark.parametrize("part", ["text", "html", "attachments"])
def test_a_part_for_each_recipient_is_made_for_each(part):
    composer = Composer("me@example.com", lambda: AT)
    message = EmailMessage(subject="Hi", text="same", html="<p>same</p>")
    for word in ("first", "second"):
        own = (Attachment(filename=f"{word}.bin", content=b"x"),) if part == "attachments" else word
        mail = composer.compose(ANN, replace(message, **{part: own})).content
        assert word.encode() in mail
        assert (b"first" in mail) is (word == "first")


@pytest.mark.parametrize("kind", [tuple, list])
def test_an_attachment_that_its_caller_changes_is_made_anew(kind):
    composer = Composer("me@example.com", lambda: AT)
    content = bytearray(b"one")
    message = EmailMessage(subject="Hi", attachments=kind([Attachment(filename="a.bin", content=content)]))
    for word in (b"one", b"two"):
        content[:] = word
        (part,) = read(composer.compose(ANN, replace(message, subject="Hi")).content).iter_attachments()
        assert part.get_payload(decode=True) == word


def test_the_date_is_that_of_each_mail():
    times = iter([AT, AT + timedelta(milliseconds=900), AT + timedelta(seconds=61)])
    composer = Composer("me@example.com", lambda: next(times))
    message = EmailMessage(subject="Hi", text="x")
    found = [read(composer.compose(ANN, message).content)["date"].datetime for _ in range(3)]
    assert found == [AT.replace(microsecond=0)] * 2 + [(AT + timedelta(seconds=61)).replace(microsecond=0)]
