"""What replies mean: the providers' own texts, enhanced codes, and what nobody has seen before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_comm_hookspecs import Reason, RecipientStatus
from crm_comm_plugin.transports.replies import MAX_WORDS, Phase, meaning_of, read_reply

SENT, SKIPPED, FAILED, UNKNOWN = RecipientStatus
LIMIT, AUTH, REFUSED, MESSAGE, UNREACHABLE = (
    Reason.PROVIDER_LIMIT,
    Reason.AUTH,
    Reason.REFUSED,
    Reason.MESSAGE,
    Reason.UNREACHABLE,
)
GMAIL = " For more information on Gmail sending limits go to https://support.example.com/a/answer/166852 x-gsmtp"

SEEN = [
    ("550 5.4.5 Daily user sending limit exceeded." + GMAIL, Phase.RECIPIENT, SKIPPED, LIMIT),
    ("550-5.4.5 Daily user sending limit exceeded.", Phase.CONTENT, SKIPPED, LIMIT),
    ("550 5.4.5 Daily sending quota exceeded.", Phase.CONTENT, SKIPPED, LIMIT),
    ("550 5.7.1 Daily SMTP relay limit exceeded for customer.", Phase.RECIPIENT, SKIPPED, LIMIT),
    ("450 4.2.1 Peak SMTP relay limit exceeded for customer.", Phase.RECIPIENT, SKIPPED, LIMIT),
    (
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
        Phase.CONTENT,
        SKIPPED,
        LIMIT,
    ),
    ("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/x", Phase.SENDER, SKIPPED, LIMIT),
    ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Phase.CONTENT, SKIPPED, LIMIT),
    ("550 5.2.254 InvalidRecipientsPerMinuteQuotaExceeded", Phase.RECIPIENT, SKIPPED, LIMIT),
    ("550 5.4.6 Unusual sending activity detected. Please try after sometime.", Phase.CONTENT, SKIPPED, LIMIT),
    ("450 Requested mail action not taken: Mail send limit exceeded", Phase.RECIPIENT, SKIPPED, LIMIT),
    ("550 5.7.0 Hourly sending limit for this account was reached", Phase.SENDER, SKIPPED, LIMIT),
    ("535 5.7.8 Username and Password not accepted.", Phase.SIGN_IN, SKIPPED, AUTH),
    ("534-5.7.9 Application-specific password required.", Phase.SIGN_IN, SKIPPED, AUTH),
    ("550 5.7.30 Basic authentication is not supported.", Phase.SIGN_IN, SKIPPED, AUTH),
    ("530 5.7.0 Must issue a STARTTLS command first.", Phase.SENDER, SKIPPED, AUTH),
    ("530 5.7.0 Authentication required", Phase.SENDER, SKIPPED, AUTH),
    ("554 5.7.1 <x@example.org>: Relay access denied", Phase.RECIPIENT, SKIPPED, AUTH),
    ("550 relaying denied", Phase.RECIPIENT, SKIPPED, AUTH),
    ("553 5.7.1 <x@example.org>: Sender address rejected: not owned by user ann", Phase.SENDER, SKIPPED, AUTH),
    ("454 4.7.0 Temporary authentication failure", Phase.SIGN_IN, SKIPPED, UNREACHABLE),
    ("421 4.7.0 Try again later, closing connection.", Phase.RECIPIENT, SKIPPED, UNREACHABLE),
    ("451 4.3.0 Queue file write error", Phase.SENDER, SKIPPED, UNREACHABLE),
    ("452 4.5.3 Too many recipients", Phase.RECIPIENT, SKIPPED, REFUSED),
    ("552 5.5.3 Too many recipients", Phase.RECIPIENT, SKIPPED, REFUSED),
    ("552 5.3.4 Message size exceeds fixed limit", Phase.SENDER, FAILED, MESSAGE),
    ("552 5.3.4 Not now", Phase.GREETING, SKIPPED, UNREACHABLE),
    ("550 5.5.3 Too many recipients", Phase.RECIPIENT, SKIPPED, REFUSED),
    ("550 5.1.1 The email account that you tried to reach does not exist.", Phase.RECIPIENT, FAILED, REFUSED),
    ("550 No such user here", Phase.RECIPIENT, FAILED, REFUSED),
    ("550 5.7.1 Message rejected by policy", Phase.RECIPIENT, FAILED, REFUSED),
    ("554 5.2.0 Mailbox error", Phase.RECIPIENT, FAILED, REFUSED),
    ("552 5.2.2 <x@example.org>: user quota limit exceeded", Phase.RECIPIENT, FAILED, REFUSED),
    ("450 4.2.1 The user you are trying to contact is receiving mail too quickly", Phase.RECIPIENT, SKIPPED, REFUSED),
    ("452 4.2.2 The recipient's inbox is out of storage space", Phase.RECIPIENT, SKIPPED, REFUSED),
    ("451 4.7.1 Greylisting in action", Phase.RECIPIENT, SKIPPED, REFUSED),
    ("554 5.7.1 Spam message rejected", Phase.CONTENT, FAILED, MESSAGE),
    ("552 5.3.4 Message size exceeds fixed limit", Phase.SENDER, FAILED, MESSAGE),
    ("552 Message size exceeds maximum permitted", Phase.CONTENT, FAILED, MESSAGE),
    ("550 5.1.1 no such user", Phase.CONTENT, FAILED, REFUSED),
    ("451 4.3.0 Try again", Phase.CONTENT, SKIPPED, REFUSED),
    ("550", Phase.RECIPIENT, FAILED, REFUSED),
    ("599 8.8.8 what", Phase.RECIPIENT, FAILED, REFUSED),
    # Postfix says what it has against the sender or the client only when it hears of a recipient.
    ("553 5.7.1 <a@x.example>: Sender address rejected: not owned by user ann", Phase.RECIPIENT, SKIPPED, AUTH),
    ("550 5.1.8 <a@x.example>: Sender address rejected: Domain not found", Phase.RECIPIENT, SKIPPED, AUTH),
    ("450 4.1.8 <a@x.example>: Sender address rejected: Domain not found", Phase.RECIPIENT, SKIPPED, REFUSED),
    ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", Phase.CONTENT, SKIPPED, AUTH),
    ("554 5.2.252 SendAsDenied; ann@x.example not allowed to send as bob@x.example", Phase.CONTENT, SKIPPED, AUTH),
    ("501 5.1.7 Bad sender address syntax", Phase.RECIPIENT, SKIPPED, AUTH),
    ("554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", Phase.RECIPIENT, SKIPPED, UNREACHABLE),
    (
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        Phase.RECIPIENT,
        SKIPPED,
        UNREACHABLE,
    ),
    ("504 5.5.2 <host>: Helo command rejected: need fully-qualified hostname", Phase.SENDER, SKIPPED, UNREACHABLE),
    ("421 4.7.28 Gmail has detected an unusual rate of mail from your IP", Phase.RECIPIENT, SKIPPED, UNREACHABLE),
    ("550 5.7.1 <x@example.org>: Recipient address rejected: Access denied", Phase.RECIPIENT, FAILED, REFUSED),
    # Exchange Online and Outlook.com about the account or its organisation, mostly after the content.
    (
        "550 5.7.233 - Your message can't be sent because your tenant has exceeded its daily limit for sending email"
        " to external recipients (tenant external recipient rate limit).",
        Phase.CONTENT,
        SKIPPED,
        LIMIT,
    ),
    (
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
        Phase.CONTENT,
        SKIPPED,
        LIMIT,
    ),
    ("550 5.7.705 Access denied, tenant has exceeded threshold", Phase.CONTENT, SKIPPED, LIMIT),
    ("550 You have exceeded your hourly sending quota", Phase.RECIPIENT, SKIPPED, LIMIT),
    (
        "554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent"
        " exception with message WASCL UserAction verdict is not None. Actual verdict is RefuseQuota, ShowTierUpgrade.",
        Phase.CONTENT,
        SKIPPED,
        LIMIT,
    ),
    # The sender's address is another one than the account's: iCloud, Zoho, Fastmail, SendGrid look into the content.
    ("550 5.7.0 From address is not one of your addresses", Phase.CONTENT, SKIPPED, AUTH),
    ("553 Relaying disallowed as a@x.example", Phase.CONTENT, SKIPPED, AUTH),
    ("553 Relaying disallowed. Invalid Domain - x.example", Phase.CONTENT, SKIPPED, AUTH),
    ("553 Sender is not allowed to relay emails", Phase.CONTENT, SKIPPED, AUTH),
    ("551 5.7.1 Not authorised to send from this header address", Phase.CONTENT, SKIPPED, AUTH),
    ("550 The from address does not match a verified Sender Identity.", Phase.CONTENT, SKIPPED, AUTH),
    ("553 relaying disallowed", Phase.RECIPIENT, SKIPPED, AUTH),
    # Alike, and about somebody or something else.
    ("550 5.7.1 You are not authorized to send to this group", Phase.RECIPIENT, FAILED, REFUSED),
    ("552 5.2.2 The recipient has exceeded the daily quota", Phase.RECIPIENT, FAILED, REFUSED),
    ("550 5.7.1 The recipient has exceeded its daily receiving limit", Phase.RECIPIENT, FAILED, REFUSED),
    ("550 5.7.1 Message exceeded the limit of 100 links", Phase.CONTENT, FAILED, MESSAGE),
]


@pytest.mark.parametrize(("text", "phase", "status", "reason"), SEEN)
def test_replies_that_were_seen(text, phase, status, reason):
    reply = read_reply(int(text[:3]), text[4:].encode())
    meaning = meaning_of(reply, phase)
    assert (meaning.status, meaning.reason) == (status, reason)
    assert meaning.detail.endswith(".")


def test_smtp_that_is_switched_off_is_not_a_wrong_password():
    told = b"5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://x"
    meaning = meaning_of(read_reply(535, told), Phase.SIGN_IN)
    assert (meaning.status, meaning.reason) == (SKIPPED, AUTH)
    assert "switched off" in meaning.detail
    assert "password" not in meaning.detail
    wrong = read_reply(535, b"5.7.139 Authentication unsuccessful, the user credentials were incorrect.")
    assert "user and password" in meaning_of(wrong, Phase.SIGN_IN).detail


def test_the_code_is_read_from_every_shape():
    assert read_reply(550, b"5.1.1 no\n5.1.1 such user").shown == "550 5.1.1"
    assert read_reply(550, b"5.1.1 no\n5.1.1 such user").words == "no such user"
    assert read_reply(550, b"4.1.1 classes differ").shown == "550"
    assert read_reply(-1, b"").shown == ""


@given(st.integers(-1, 999), st.binary(max_size=400), st.sampled_from(Phase))
def test_any_reply_has_a_meaning_that_blames_nobody_wrongly(code, text, phase):
    reply = read_reply(code, text)
    assert len(reply.words) <= MAX_WORDS
    assert all(c.isprintable() for c in reply.words)
    meaning = meaning_of(reply, phase)
    assert meaning.status in (SKIPPED, FAILED)
    if meaning.status == FAILED:
        assert reply.for_good
        assert phase in (Phase.RECIPIENT, Phase.DATA, Phase.CONTENT, Phase.SENDER)
