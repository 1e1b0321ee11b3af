"""The sandbox's SMS gateway: the credits protocol (docs/credits-gateway.openapi.json) and a payment page."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from crm_comm_plugin.hosts.web.sandbox import paying
from crm_comm_plugin.hosts.web.sandbox.orders import Orders, Problem, as_order
from crm_comm_plugin.hosts.web.sandbox.state import State
from crm_comm_plugin.hosts.web.sandbox.texts import Texts

UNIT = "credits"
SLOW_SECONDS = 1.0
_KEY = re.compile(r".{16,100}")
Answer = Callable[[Request], Awaitable[Response]]


class Dropped(Exception):
    """The line is to break without an answer."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The routes over orders and texts."""

    state: State
    orders: Orders
    texts: Texts
    address: str

    async def order(self, request: Request) -> Response:
        """POST /orders"""
        key = request.headers.get("idempotency-key", "")
        if not _KEY.fullmatch(key):
            raise Problem(400, "bad_request", "An Idempotency-Key of 16 to 100 characters is needed")
        body = await body_of(request)
        code = self._active(request) if request.headers.get("authorization") else ""
        made, new = self.orders.make(key, code, str(body.get("return_url") or ""))
        return JSONResponse(as_order(made, self.address), 201 if new else 200)

    async def order_state(self, request: Request) -> Response:
        """GET /orders/{id}"""
        return JSONResponse(as_order(self.orders.find(request.path_params["id"]), self.address))

    async def activate(self, request: Request) -> Response:
        """POST /activations"""
        code = (await body_of(request)).get("code")
        fresh, left = self.orders.activate(code if isinstance(code, str) else "")
        return JSONResponse({"state": "activated" if fresh else "already_active", **self._balance(left)})

    async def balance(self, request: Request) -> Response:
        """GET /balance"""
        return JSONResponse(self._balance(self.orders.balance(self._active(request))))

    async def quote(self, request: Request) -> Response:
        """POST /quotes"""
        self._active(request)
        sizes = (await body_of(request)).get("sizes")
        try:
            parts = sum(int(size["segments"]) * int(size["texts"]) for size in sizes or ())
        except (TypeError, ValueError, KeyError, OverflowError):
            raise Problem(400, "bad_request", "The request cannot be read") from None
        return JSONResponse({"credits": str(Decimal(parts)), "unit": UNIT})

    async def send(self, request: Request) -> Response:
        """POST /messages"""
        code = self._active(request)
        body = await body_of(request)
        messages = body.get("messages")
        if not isinstance(messages, list) or not 1 <= len(messages) <= 1000:
            raise Problem(400, "bad_request", "The request cannot be read")
        if self.state.on("slow"):
            await asyncio.sleep(SLOW_SECONDS)
        results, left = self.texts.accept(code, messages, str(body.get("report_url") or ""))
        if self.state.on("drop"):
            raise Dropped
        return JSONResponse({"results": results, "balance": str(left), "unit": UNIT})

    async def message(self, request: Request) -> Response:
        """GET /messages/{id}"""
        return JSONResponse(self.texts.result(self._active(request), request.path_params["id"]))

    def _active(self, request: Request) -> str:
        scheme, _, code = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self.state.on("wrong_password"):
            raise Problem(401, "invalid", "This access code does not exist")
        return self.orders.active(code)

    def _balance(self, left: Decimal) -> dict[str, str]:
        return {"balance": str(left), "unit": UNIT, "as_of": datetime.now(UTC).isoformat().replace("+00:00", "Z")}


async def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent."""
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Problem(400, "bad_request", "The request cannot be read")
    return body


def make_gateway(state: State, address: str) -> Starlette:
    """The app. address: its own, for the payment page's URL."""
    orders = Orders(state)
    gateway = Gateway(state, orders, Texts(state, orders), address)
    pages = paying.Pages(orders)
    routes = [
        Route("/v1/orders", _guarded(gateway.order), methods=["POST"]),
        Route("/v1/orders/{id}", _guarded(gateway.order_state)),
        Route("/v1/activations", _guarded(gateway.activate), methods=["POST"]),
        Route("/v1/balance", _guarded(gateway.balance)),
        Route("/v1/quotes", _guarded(gateway.quote), methods=["POST"]),
        Route("/v1/messages", _guarded(gateway.send), methods=["POST"]),
        Route("/v1/messages/{id}", _guarded(gateway.message)),
        Route("/pay/{id}", pages.show),
        Route("/pay/{id}", pages.pay, methods=["POST"]),
    ]
    return Starlette(routes=routes)


def _guarded(answer: Answer) -> Answer:
    async def route(request: Request) -> Response:
        try:
            return await answer(request)
        except Problem as problem:
            return problem.response()
        except Dropped:
            return _Broken()

    return route


class _Broken(Response):
    """Promises a body and breaks the line in the middle of it."""

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise Dropped
