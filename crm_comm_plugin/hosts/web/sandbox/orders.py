"""Orders, access codes and credits of the sandbox's gateway. Every change may be repeated and happens once."""

import secrets
from datetime import datetime
from decimal import Decimal

from starlette.responses import JSONResponse

from crm_comm_plugin.hosts.web.sandbox.state import PACKAGE, Code, PaidOrder, State, new_code

MAX_ORDERS = 1000


class Problem(Exception):
    """An answer of kind application/problem+json."""

    def __init__(self, status: int, code: str, title: str) -> None:
        super().__init__(title)
        self.status, self.code, self.title = status, code, title

    def response(self) -> JSONResponse:
        """As the protocol has it."""
        content = {"type": "about:blank", "title": self.title, "status": self.status, "code": self.code}
        return JSONResponse(content, self.status, media_type="application/problem+json")


def as_order(order: PaidOrder, address: str) -> dict[str, str | None]:
    """The protocol's Order; it never shows the code."""
    return {
        "id": order.id,
        "state": order.state,
        "url": f"{address}/pay/{order.id}",
        "credits": order.credits or None,
        "unit": "credits",
    }


class Orders:
    """Over the book that survives a restart."""

    def __init__(self, state: State) -> None:
        self._state = state

    def make(self, key: str, code: str, return_url: str) -> tuple[PaidOrder, bool]:
        """(the order of this key, whether it is new)."""
        with self._state.book() as book:
            for order in book.orders.values():
                if order.key == key:
                    if order.state == "open" and order.return_url != return_url:
                        raise Problem(422, "key_reused", "This key belongs to another order")
                    return order, False
            if len(book.orders) >= MAX_ORDERS:
                del book.orders[next(iter(book.orders))]
            made = PaidOrder(id=secrets.token_hex(8), key=key, code=code, return_url=return_url)
            book.orders[made.id] = made
            return made, True

    def find(self, id: str) -> PaidOrder:
        """An order by its id."""
        with self._state.book() as book:
            order = book.orders.get(id)
        if order is None:
            raise Problem(404, "not_found", "Nothing with this id")
        return order

    def pay(self, id: str) -> PaidOrder:
        """What the buyer does on the page: adds credits to the order's code, or makes a new one. Once."""
        order = self.find(id)
        with self._state.book() as book:
            if order.state != "open":
                return order
            topped_up = bool(order.code)
            order.code = order.code or new_code()
            entry = book.codes.setdefault(order.code, Code())
            entry.balance = str(Decimal(entry.balance) + PACKAGE)
            order.credits = str(PACKAGE)
            order.state = "used" if topped_up else "paid"
            return order

    def cancel(self, id: str) -> PaidOrder:
        """The buyer thinks again."""
        order = self.find(id)
        with self._state.book():
            if order.state == "open":
                order.state = "failed"
        return order

    def activate(self, code: str) -> tuple[bool, Decimal]:
        """(whether this was the first time, the balance)."""
        with self._state.book() as book:
            entry = book.codes.get(code)
            if entry is None or self._state.on("wrong_password"):
                raise Problem(404, "invalid", "This access code does not exist")
            fresh = entry.state == "new"
            entry.state = "active"
            for order in book.orders.values():
                if order.code == code and order.state == "paid":
                    order.state = "used"
            return fresh, Decimal(entry.balance)

    def active(self, code: str) -> str:
        """The code, if it works."""
        with self._state.book() as book:
            entry = book.codes.get(code)
        if entry is None:
            raise Problem(401, "invalid", "This access code does not exist")
        if entry.state != "active":
            raise Problem(401, "not_active", "This access code is not activated yet")
        return code

    def balance(self, code: str) -> Decimal:
        """What is left."""
        with self._state.book() as book:
            return Decimal(book.codes[code].balance)

    def charge(self, code: str, price: Decimal) -> bool:
        """Take the price; False, and nothing taken, when it is not there."""
        with self._state.book() as book:
            entry = book.codes[code]
            left = Decimal(entry.balance) - price
            if left < 0:
                return False
            entry.balance = str(left)
            return True


def written(at: datetime) -> str:
    """A time as the protocol writes it."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
