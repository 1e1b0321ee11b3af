"""Texts at the sandbox's gateway: accepted once for each id, charged by the part, reported when delivered."""

import hashlib
import hmac
import json
import logging
import re
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from crm_comm_plugin.hosts.web.sandbox.orders import Orders, Problem, written
from crm_comm_plugin.hosts.web.sandbox.state import State

log = logging.getLogger(__name__)
KEPT = 50_000
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_HALVES = re.compile("[\ud800-\udfff]")
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO = frozenset("^{}\\[~]|€\f")


@dataclass(slots=True)
class Taken:
    """A text that was accepted."""

    to: str
    text: str
    result: dict[str, Any]


class Texts:
    """What was accepted, by access code and id; the oldest are forgotten."""

    def __init__(self, state: State, orders: Orders) -> None:
        self._state, self._orders = state, orders
        self._lock = threading.Lock()
        self._taken: OrderedDict[tuple[str, str], Taken] = OrderedDict()

    def accept(self, code: str, messages: Sequence[Any], report_url: str) -> tuple[list[dict[str, Any]], Decimal]:
        """(one result for each message in order, the balance). Raises Problem 402 when not one can be paid for."""
        if not all(_readable(message) for message in messages):
            raise Problem(400, "bad_request", "The request cannot be read")
        with self._lock:
            results = [self._one(code, message) for message in messages]
        if all(result.get("code") == "no_credit" for result in results):
            raise Problem(402, "no_credit", "No credits left")
        self._report(code, messages, results, report_url)
        return results, self._orders.balance(code)

    def result(self, code: str, id: str) -> dict[str, Any]:
        """What became of one text."""
        taken = self._taken.get((code, id))
        if taken is None:
            raise Problem(404, "not_found", "Nothing with this id")
        return taken.result

    def _one(self, code: str, message: Mapping[str, Any]) -> dict[str, Any]:
        ref, to, text = message["id"], message["to"], message["text"]
        known = self._taken.get((code, ref))
        if known is not None:
            if (known.to, known.text) != (to, text):
                return {"id": ref, "status": "rejected", "code": "id_reused"}
            return known.result
        if problem := self._refused(code, to, parts_of(text)):
            return {"id": ref, "status": "rejected", "code": problem}
        arrived = self._state.arrive("sms", str(message.get("sender") or "Sandbox"), (to,), "", text)
        result = {
            "id": ref,
            "status": "accepted",
            "gateway_id": f"sandbox-{arrived.number}",
            "segments": parts_of(text),
            "credits": str(parts_of(text)),
            "delivery": "undelivered" if self._state.on("undelivered") else "delivered",
        }
        self._taken[code, ref] = Taken(to, text, result)
        while len(self._taken) > KEPT:
            self._taken.popitem(last=False)
        return result

    def _refused(self, code: str, to: str, parts: int) -> str:
        """Why a text is not taken, as the protocol's code; "" when it is, and paid for."""
        if not _NUMBER.fullmatch(to):
            return "invalid_number"
        if not self._orders.charge(code, Decimal(parts)):
            return "no_credit"
        if not self._state.take(f"sms:{code}"):
            self._orders.charge(code, Decimal(-parts))
            return "throttled"
        return ""

    def _report(self, code: str, messages: Sequence[Any], results: Sequence[Mapping[str, Any]], url: str) -> None:
        """Delivery reports come a moment later, and only to this machine."""
        if not _is_here(url):
            return
        at = written(datetime.now(UTC))
        reports = [
            {"id": result["id"], "to": message["to"], "delivery": result["delivery"], "at": at}
            for message, result in zip(messages, results, strict=True)
            if result["status"] == "accepted"
        ]
        for start in range(0, len(reports), 500):
            threading.Thread(target=_post, args=(code, url, reports[start : start + 500]), daemon=True).start()


def _post(code: str, url: str, reports: Sequence[Mapping[str, str]]) -> None:
    time.sleep(0.5)  # a report that overtakes its own answer would be a special case
    body = json.dumps({"reports": reports}).encode()
    stamp = int(time.time())
    signature = hmac.new(code.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Credits-Signature": f"t={stamp},v1={signature}"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - checked above: http on loopback
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).close()
    except (urllib.error.URLError, OSError) as error:
        log.info("A delivery report was not taken: %s", type(error).__name__)


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    except ValueError:
        return False


def _readable(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    ref, to, text = message.get("id"), message.get("to"), message.get("text")
    named = isinstance(ref, str) and bool(_ID.fullmatch(ref))
    whole = not _HALVES.search(f"{text}{message.get('sender')}")  # half a character cannot be shown in the inbox
    return named and isinstance(to, str) and isinstance(text, str) and text != "" and whole


def parts_of(text: str) -> int:
    """How many parts a text is charged as."""
    if all(letter in _GSM or letter in _TWO for letter in text):
        costs, single, joined = [2 if letter in _TWO else 1 for letter in text], 160, 153
    else:
        costs, single, joined = [2 if ord(letter) > 0xFFFF else 1 for letter in text], 70, 67
    if sum(costs) <= single:
        return 1
    parts, used = 1, 0
    for cost in costs:
        if used + cost > joined:
            parts, used = parts + 1, 0
        used += cost
    return parts
