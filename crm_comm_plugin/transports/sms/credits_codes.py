"""The words of the credits protocol: access codes, what activation answers, signatures and reports."""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from crm_comm_hookspecs import InvalidInput, Outcome, Reason, TransportError
from crm_comm_plugin.transports.sms.http import Answer
from crm_comm_plugin.transports.sms.outcomes import as_text, delivery_of, reason_of_status, trouble

RETRIES = 3
"""How often a call is made whose answer was lost, where the protocol makes a repeat harmless."""
_BARE = re.compile(r"[A-Z0-9]{6,64}").fullmatch
_BETWEEN = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff\-\u2010-\u2015_.]+")
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})").fullmatch

ACTIVATION: Mapping[str, tuple[str, str]] = {
    "invalid": ("This access code does not exist.", "Copy it again from the page where you bought it."),
    "expired": ("This access code has expired.", "Ask the seller for a new one."),
    "used": ("This access code was used up.", "Buy credits to get a new one."),
    "too_many_attempts": ("Too many wrong access codes were tried.", "Wait {minutes} min, then try again."),
}
"""What activation may answer, and the next step."""

REASONS: Mapping[str, Reason] = {
    "no_credit": Reason.CREDITS,
    "invalid_number": Reason.INVALID_NUMBER,
    "refused": Reason.REFUSED,
    "message": Reason.MESSAGE,
    "sender": Reason.REFUSED,
    "throttled": Reason.PROVIDER_LIMIT,
    "unreachable": Reason.UNREACHABLE,
    "id_reused": Reason.UNREACHABLE,
}
"""Why one text was rejected."""


def problem_of(answer: Answer) -> TransportError:
    """What a problem answer of a whole call means, in words."""
    reason = reason_of_status(answer) or Reason.UNREACHABLE
    if answer.status in (400, 404, 405, 413, 422):  # the request's form is wrong, or its place; not a text
        return trouble(Reason.UNREACHABLE, "bad_request", "The gateway does not understand the request.")
    return trouble(reason, as_text(answer.object().get("code"))[:40])


def bare_code(code: str) -> str:
    """An access code without the spaces and dashes of a paste, in capitals; "" when it cannot be one."""
    bare = _BETWEEN.sub("", code).upper()
    return bare if _BARE(bare) else ""


def signature(body: bytes, code: str, at: int) -> str:
    """The value of X-Credits-Signature for a body sent at a Unix time."""
    digest = hmac.new(code.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def signed(header: str, body: bytes, code: str) -> bool:
    """Whether a signature is genuine. Its time is not looked at: a report that comes late or twice does no harm."""
    found = _SIGNATURE(header)
    return found is not None and hmac.compare_digest(header, signature(body, code, int(found[1])))


def reported(reports: Any) -> Iterator[Outcome]:
    """The outcomes of reports; raises InvalidInput when they cannot be read."""
    if not isinstance(reports, list):
        raise InvalidInput("The report cannot be read.", code="report_unreadable")
    for report in reports:
        if not isinstance(report, dict) or report.get("delivery") not in ("", "delivered", "undelivered"):
            continue
        delivered = {"delivered": True, "undelivered": False}.get(report["delivery"])
        yield delivery_of(report.get("id"), report.get("to"), delivered, report.get("code"), _time(report.get("at")))


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(as_text(value))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
