"""A reseller of the credits protocol in memory; every request and answer is held against the protocol's document."""

import json
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from crm_comm_plugin.domain.segments import text_size
from tests.sms.faulty_server import Answered, FaultyServer, Seen

DOCUMENT = Path(__file__).parents[2] / "docs" / "credits-gateway.openapi.json"
BASE = "https://gateway.example/v1"
STATUS = {
    "invalid": 404,
    "expired": 410,
    "used": 409,
    "too_many_attempts": 429,
    "no_credit": 402,
    "throttled": 429,
    "unavailable": 503,
}


def protocol() -> OpenAPI:
    """The protocol's document, ready to check with."""
    from openapi_core import Config

    problem = {"application/problem+json": json.loads}
    return OpenAPI.from_dict(json.loads(DOCUMENT.read_text()), config=Config(extra_media_type_deserializers=problem))


class CreditsWorld:
    """codes: access code -> state (new | active | expired | used). sent: id -> (to, text), each once."""

    def __init__(self, check: OpenAPI | None = None) -> None:
        self.codes: dict[str, str] = {"S3CRETC0DE1": "new"}
        self.balance: dict[str, Decimal] = {"S3CRETC0DE1": Decimal(100)}
        self.orders: dict[str, dict] = {}
        self.by_key: dict[str, str] = {}
        self.messages: dict[str, dict] = {}
        self.sent: list[tuple[str, str, str]] = []
        self.problem = ""
        self.reject: dict[str, str] = {}
        self._check = check
        self.server = FaultyServer(self._answer)
        self.url = f"{self.server.url}/v1"

    def pay(self, order_id: str, credits: int = 100) -> str:
        """The buyer pays; the code that the page shows, or "" when an active code was topped up."""
        order = self.orders[order_id]
        order["credits"] = str(credits)
        if order["tops_up"]:
            self.balance[order["tops_up"]] += credits
            order["state"] = "used"
            return ""
        code = secrets.token_hex(6).upper()
        self.codes[code], self.balance[code] = "new", Decimal(credits)
        order["state"], order["code"] = "paid", code
        return code

    def _answer(self, seen: Seen) -> Answered:
        status, data = self._act(seen)
        kind = "application/json" if status < 400 else "application/problem+json"
        answer = Answered(status, json.dumps(data).encode(), kind)
        if self._check is not None:
            self._checked(seen, answer)
        return answer

    def _checked(self, seen: Seen, answer: Answered) -> None:
        kind = seen.headers.get("content-type", "")
        request = MockRequest(
            "https://gateway.example",
            seen.method.lower(),
            seen.path,
            headers=seen.headers,
            data=seen.body or None,
            content_type=kind or "application/json",
        )
        self._check.validate_request(request)
        self._check.validate_response(
            request, MockResponse(answer.body, answer.status, content_type=answer.content_type)
        )

    def _act(self, seen: Seen) -> tuple[int, dict]:
        path, code = seen.path.removeprefix("/v1"), seen.headers.get("authorization", "").removeprefix("Bearer ")
        body = json.loads(seen.body) if seen.body else {}
        if self.problem:
            return problem(self.problem)
        if path == "/orders":
            return self._order(seen.headers["idempotency-key"], code)
        if path.startswith("/orders/"):
            found = self.orders.get(path.split("/")[2])
            return (200, shown(found)) if found else problem("not_found", 404)
        if path == "/activations":
            return self._activation(body["code"])
        if self.codes.get(code) != "active":
            return problem("invalid", 401)
        if path == "/balance":
            return 200, self._balance(code)
        if path == "/quotes":
            return 200, {"credits": str(sum(s["segments"] * s["texts"] for s in body["sizes"])), "unit": "credits"}
        if path == "/messages":
            return self._messages(code, body["messages"])
        found = self.messages.get(path.removeprefix("/messages/"))
        return (200, found) if found else problem("not_found", 404)

    def _order(self, key: str, code: str) -> tuple[int, dict]:
        if code and self.codes.get(code) != "active":
            return problem("invalid", 401)
        if key in self.by_key:
            return 200, shown(self.orders[self.by_key[key]])
        order = {
            "id": f"ord_{len(self.orders)}",
            "state": "open",
            "url": f"https://gateway.example/pay/{len(self.orders)}",
            "credits": None,
            "unit": "credits",
            "tops_up": code,
        }
        self.orders[order["id"]], self.by_key[key] = order, order["id"]
        return 201, shown(order)

    def _activation(self, code: str) -> tuple[int, dict]:
        state = self.codes.get(code, "invalid")
        if state in ("invalid", "expired", "used"):
            return problem(state)
        self.codes[code] = "active"
        for order in self.orders.values():
            if order.get("code") == code:
                order["state"] = "used"
        return 200, {"state": "activated" if state == "new" else "already_active", **self._balance(code)}

    def _balance(self, code: str) -> dict:
        return {"balance": str(self.balance[code]), "unit": "credits", "as_of": datetime.now(UTC).isoformat()}

    def _messages(self, code: str, messages: list[dict]) -> tuple[int, dict]:
        results = [self._message(code, message) for message in messages]
        return 200, {"results": results, "balance": str(self.balance[code]), "unit": "credits"}

    def _message(self, code: str, message: dict) -> dict:
        ref = message["id"]
        if ref in self.messages:
            return self.messages[ref]
        if message["to"] in self.reject:
            return {"id": ref, "status": "rejected", "code": self.reject[message["to"]]}
        segments = text_size(message["text"]).segments
        if self.balance[code] < segments:
            return {"id": ref, "status": "rejected", "code": "no_credit"}
        self.balance[code] -= segments
        self.sent.append((ref, message["to"], message["text"]))
        self.messages[ref] = {
            "id": ref,
            "status": "accepted",
            "gateway_id": f"g{len(self.sent)}",
            "segments": segments,
            "credits": str(segments),
        }
        return self.messages[ref]


def shown(order: dict) -> dict:
    return {name: order[name] for name in ("id", "state", "url", "credits", "unit")}


def problem(code: str, status: int = 0) -> tuple[int, dict]:
    status = status or STATUS[code]
    data = {"type": "about:blank", "title": code, "status": status, "code": code}
    return status, {**data, "retry_after": 120} if status == 429 else data
