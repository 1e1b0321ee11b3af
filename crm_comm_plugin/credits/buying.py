"""Buying credits so that nothing is bought twice: an order is remembered before the gateway hears of it."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import Account, CommError, Confirm, Order, Result, SmsGateway, TransportError
from crm_comm_hookspecs.conditions import as_text
from crm_comm_plugin.credits.asking import UNFORESEEN, UNREADABLE, able, asked, checked_order
from crm_comm_plugin.credits.words import CODE, order_in_words, trouble
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.credits import CreditStore, StoredOrder
from crm_comm_plugin.domain.ports.gateways import ChargesCard, Offer

KEY_BYTES = 16
_UNSURE = "An earlier purchase was sent and its answer was lost: look at the balance first. "
_MAY_HAVE_BOUGHT = frozenset({"purchase_unknown", UNFORESEEN, UNREADABLE})


class Buying:
    """Purchases of one installation. sandbox: payment pages on loopback may be plain http."""

    def __init__(self, *, store: CreditStore, clock: Clock, sandbox: bool) -> None:
        self._store, self._clock, self._sandbox = store, clock, sandbox

    def question(self, gateway: SmsGateway, account: Account, user: str, values: Mapping[str, Any]) -> Confirm | None:
        """What would be charged at once; None for a gateway that charges nothing before its page."""
        if not isinstance(gateway, ChargesCard):
            return None
        offer = asked(gateway, lambda: gateway.offer(values), _secrets(values))
        unsure = self._store.unfinished(self._new(gateway, account, user, values), _owners(account, user))
        return Confirm(
            title="Buy credits now?",
            text=(_UNSURE if unsure else "") + offer.text,
            yes="Buy now",
            no="Cancel",
            token=_token(offer, unsure),
        )

    def purchase(
        self, gateway: SmsGateway, account: Account, user: str, values: Mapping[str, Any], confirmed: str
    ) -> Result:
        """Open the gateway's page; or, where a card is charged at once, buy what was confirmed. Raises CommError."""
        able(gateway, "purchase")
        if isinstance(gateway, ChargesCard):
            return self._charge(gateway, account, user, values, confirmed)
        for _ in range(2):
            order = self._new(gateway, account, user, values)
            stored = self._store.begin_order(order, _owners(account, user))
            told = self._told(gateway, stored, values)
            if stored.key == order.key or told.state in ("open", "paid"):
                break  # else: the one before was finished meanwhile, so this press means a new one
        text, level = order_in_words(told)
        if told.state == "open":
            text, level = "The gateway's page opens. Come back here when you have paid.", "info"
        return Result(
            ok=told.state != "failed", message=text, level=level, open_url=told.url, refresh=told.state == "used"
        )

    def state(self, gateway: SmsGateway, stored: StoredOrder) -> Order:
        """What became of a purchase; the stored one where the gateway cannot tell. Raises CommError."""
        values = json.loads(stored.place)
        if not stored.id or isinstance(gateway, ChargesCard):
            return _as_order(stored)
        answer = checked_order(asked(gateway, lambda: gateway.order(stored.id, values)), self._sandbox)
        self._store.save_order(_with(stored, answer))
        return answer

    def _told(self, gateway: SmsGateway, stored: StoredOrder, values: Mapping[str, Any]) -> Order:
        """Ask with the order's own key: asked again after a crash or a lost answer, it is still one order."""
        answer = checked_order(
            asked(gateway, lambda: gateway.purchase(stored.key, values), _secrets(values)), self._sandbox
        )
        self._store.save_order(_with(stored, answer))
        return answer

    def _charge(
        self, gateway: SmsGateway, account: Account, user: str, values: Mapping[str, Any], confirmed: str
    ) -> Result:
        assert isinstance(gateway, ChargesCard)  # noqa: S101 - for the type checker
        offer = asked(gateway, lambda: gateway.offer(values), _secrets(values))
        order, owners = self._new(gateway, account, user, values), _owners(account, user)
        unsure = self._store.unfinished(order, owners)
        if confirmed != _token(offer, unsure):
            return Result(ok=False, message=f"Please confirm the price first: {offer.text}", level="warn")
        if unsure is not None:  # the person knows of it, and wants to buy all the same
            self._store.save_order(replace(unsure, state="failed"))
        if self._store.begin_order(order, owners).key != order.key:
            return Result(ok=False, message="A purchase is under way. Look at the balance in a minute.", level="warn")
        try:
            answer = asked(
                gateway, lambda: gateway.purchase(order.key, {**values, "offer": offer.token}), _secrets(values)
            )
            bought = checked_order(answer, self._sandbox)
        except CommError as error:
            surely_not = not isinstance(error, TransportError) or error.code not in _MAY_HAVE_BOUGHT
            self._store.save_order(replace(order, state="failed" if surely_not else "lost"))
            return trouble(error)
        self._store.save_order(_with(order, bought))
        text, level = order_in_words(bought)
        return Result(message=text, level=level, refresh=True)

    def _new(self, gateway: SmsGateway, account: Account, user: str, values: Mapping[str, Any]) -> StoredOrder:
        return StoredOrder(
            key=secrets.token_hex(KEY_BYTES),
            owner=_owners(account, user)[0],
            gateway=gateway.key,
            place=_place(gateway, values),
            user=user,
            created_at=self._clock.now(),
        )


def _secrets(values: Mapping[str, Any]) -> dict[str, str]:
    """The access code, which a gateway gets with the values when credits are bought for it."""
    return {CODE: as_text(values.get(CODE))}


def _owners(account: Account, user: str) -> tuple[str, ...]:
    """Whose unfinished orders count: the account's, and those this person began before it was saved."""
    return (account.id, f"draft:{user}") if account.id else (f"draft:{user}",)


def _place(gateway: SmsGateway, values: Mapping[str, Any]) -> str:
    names = gateway.fields.binding_fields() if gateway.fields is not None else ()
    return json.dumps({name: str(values.get(name) or "") for name in sorted(names)})


def _token(offer: Offer, unsure: StoredOrder | None) -> str:
    return hashlib.sha256(f"{offer.token}\0{unsure.key if unsure else ''}".encode()).hexdigest()[:32]


def _with(stored: StoredOrder, answer: Order) -> StoredOrder:
    return replace(stored, id=answer.id, url=answer.url, state=answer.state, credits=answer.credits)


def _as_order(stored: StoredOrder) -> Order:
    state = stored.state if stored.state in ("open", "paid", "used", "failed") else "open"
    return Order(id=stored.id, url=stored.url, state=state, credits=stored.credits)
