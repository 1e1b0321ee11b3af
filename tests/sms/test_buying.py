"""Buying: an order is remembered before the call, so that pressing twice or a crash between never buys twice."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from crm_comm_hookspecs import Account, Order, Unsupported
from crm_comm_hookspecs.testing import FakeGateway
from tests.sms.desk_world import ANN, CardGateway, Desk, KeyedGateway

NEW = Account(id="", name="", type="sms", channel="sms", active=True, sender="", status="untested")


@pytest.fixture
def keyed():
    return KeyedGateway()


@pytest.fixture
def card():
    return CardGateway()


@pytest.fixture
def desk(database, clock, keyed, card):
    return Desk(database, clock, keyed, card, FakeGateway("poor", capabilities=()))


def test_pressing_twice_opens_the_same_page(desk, keyed):
    account = desk.account()
    first = desk.run("purchase_credits", account)
    again = desk.run("purchase_credits", account, service=desk.restarted())
    assert (first.ok, first.open_url, first.level) == (True, "https://buy.example/0", "info")
    assert again.open_url == first.open_url
    assert len(keyed.orders) == 1


@pytest.mark.parametrize("broken", ["before", "after"])
def test_a_call_that_broke_is_repeated_under_its_own_key(desk, keyed, broken):
    account = desk.account()
    keyed.breaks = broken
    failed = desk.run("purchase_credits", account)
    assert (failed.ok, failed.open_url) == (False, "")
    assert "Try again." in failed.message
    keyed.breaks = ""
    assert desk.run("purchase_credits", account, service=desk.restarted()).open_url == "https://buy.example/0"
    assert len(keyed.orders) == 1


def test_a_crash_between_remembering_and_calling(desk, keyed):
    account = desk.account()

    def dies(key, values):
        raise KeyboardInterrupt

    real, keyed.purchase = keyed.purchase, dies
    with pytest.raises(KeyboardInterrupt):
        desk.run("purchase_credits", account)
    keyed.purchase = real
    desk.run("purchase_credits", account)
    (key,) = keyed.orders
    assert desk.store.order(key).state == "open"


def test_two_at_once_get_one_order(desk, keyed):
    account = desk.account()
    results, start = [], threading.Barrier(6)

    def press():
        start.wait()
        results.append(desk.run("purchase_credits", account, service=desk.restarted()))

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {r.open_url for r in results} == {"https://buy.example/0"}
    assert len(keyed.orders) == 1


def test_coming_back_shows_how_it_stands_and_a_finished_one_makes_room(desk, keyed):
    account = desk.account()
    desk.run("purchase_credits", account)
    (key,) = keyed.orders
    back = desk.service.came_back(ANN, {"purchase": key})
    assert (back.ok, back.id) == (True, "acc1")
    assert "not arrived" in back.message
    keyed.pay(key)
    back = desk.service.came_back(ANN, {"purchase": key})
    assert "100 credits" in back.message
    assert "activate it" in back.message
    paid = desk.run("purchase_credits", account)
    assert "100 credits" in paid.message  # what was paid and not activated is shown again, not bought again
    assert len(keyed.orders) == 1
    keyed.orders[key] = replace(keyed.orders[key], state="used")
    assert desk.run("purchase_credits", account).open_url == "https://buy.example/1"
    assert len(keyed.orders) == 2


def test_coming_back_with_something_else(desk):
    assert desk.service.came_back(ANN, {"code": "x", "state": "y"}) is None
    for key in ("nosuch", "x" * 100, "é"):
        assert not desk.service.came_back(ANN, {"purchase": key}).ok


def test_a_cancelled_order_says_so(desk, keyed):
    account = desk.account()
    desk.run("purchase_credits", account)
    (key,) = keyed.orders
    keyed.orders[key] = replace(keyed.orders[key], state="failed")
    assert "Nothing was bought" in desk.service.came_back(ANN, {"purchase": key}).message
    assert desk.run("purchase_credits", account).open_url == "https://buy.example/1"


def test_an_order_begun_before_the_account_was_saved_goes_on_after(desk, keyed):
    before = desk.run("purchase_credits", NEW, gateway="keyed")
    after = desk.run("purchase_credits", desk.account())
    assert before.open_url == after.open_url
    assert len(keyed.orders) == 1
    assert desk.service.came_back(ANN, {"purchase": next(iter(keyed.orders))}).id == "acc1"


def test_a_slow_answer_does_not_give_an_order_back_to_the_draft(desk, keyed):
    """The browser comes back while the gateway is asked, and meanwhile the account is saved and asks for the page."""
    desk.run("purchase_credits", NEW, gateway="keyed")
    (key,) = keyed.orders
    real = keyed.order

    def slow(id, values):
        desk.run("purchase_credits", desk.account())
        return real(id, values)

    keyed.order = slow
    desk.service.came_back(ANN, {"purchase": key})
    assert desk.store.order(key).owner == "acc1"
    keyed.order = real
    assert desk.service.came_back(ANN, {"purchase": key}).id == "acc1"


def test_accounts_do_not_share_orders(desk, keyed):
    desk.run("purchase_credits", desk.account("acc1"))
    desk.run("purchase_credits", desk.account("acc2"))
    assert len(keyed.orders) == 2


def test_pages_that_are_not_safe_are_not_opened(desk, keyed):
    account = desk.account()
    for url in ("http://buy.example/", "javascript:alert(1)", "https://", "http://127.0.0.1:1/ x"):
        keyed.orders.clear()
        keyed.purchase = lambda key, values, url=url: replace(FakeGateway.purchase(keyed, key, values), url=url)
        assert not desk.run("purchase_credits", account).ok


@pytest.mark.parametrize(
    "told", [{"id": "a\0b"}, {"id": "\ud800"}, {"id": 7}, {"id": None}, {"url": 7}, {"url": "\ud800"}, {"state": []}]
)
def test_an_order_that_cannot_be_kept_is_told_in_words(desk, keyed, told):
    """Its key is remembered, so the next press is still the same order."""
    account = desk.account()
    keyed.purchase = lambda key, values: replace(FakeGateway.purchase(keyed, key, values), **told)
    refused = desk.run("purchase_credits", account)
    assert (refused.ok, refused.message) == (False, "The gateway's answer cannot be read. Try again later.")
    del keyed.purchase
    assert desk.run("purchase_credits", account).ok
    assert len(keyed.orders) == 1


def test_a_stored_card_is_charged_only_after_its_price_was_named(desk, card):
    account = desk.account(gateway="card")
    assert not desk.run("purchase_credits", account).ok
    assert not desk.run("purchase_credits", account, confirmed="made-up").ok
    question = desk.confirm(account)
    assert "20.00 GBP" in question.text
    card.price_now = "25.00"
    assert not desk.run("purchase_credits", account, confirmed=question.token).ok  # it was another price
    assert card.charged == []
    bought = desk.run("purchase_credits", account, confirmed=desk.confirm(account).token)
    assert bought.ok
    assert [offer for _, offer in card.charged] == ["1:25.00"]
    assert desk.service.left({"acc1": None})["acc1"].balance == Decimal(100)


def test_a_lost_charge_is_not_repeated_without_saying_so(desk, card):
    account = desk.account(gateway="card")
    token = desk.confirm(account).token
    card.breaks = "after"
    lost = desk.run("purchase_credits", account, confirmed=token)
    assert not lost.ok
    card.breaks = ""
    for _ in range(2):  # the same confirmation is of no use any more
        assert not desk.run("purchase_credits", account, confirmed=token, service=desk.restarted()).ok
    assert len(card.charged) == 1
    question = desk.confirm(account)
    assert "answer was lost" in question.text
    assert desk.run("purchase_credits", account, confirmed=question.token).ok
    assert len(card.charged) == 2


def test_a_crash_in_a_charge_is_treated_like_a_lost_answer(desk, card):
    account = desk.account(gateway="card")
    real = card.purchase

    def dies(key, values):
        real(key, values)
        raise KeyboardInterrupt

    card.purchase = dies
    with pytest.raises(KeyboardInterrupt):
        desk.run("purchase_credits", account, confirmed=desk.confirm(account).token)
    card.purchase = real
    assert "answer was lost" in desk.confirm(account).text
    assert len(card.charged) == 1


@pytest.mark.parametrize("answer", [None, "bought", Order(id="1", url="", state="gone"), ZeroDivisionError()])
def test_a_charge_whose_answer_cannot_be_read_may_have_arrived(desk, card, answer):
    account, real = desk.account(gateway="card"), card.purchase

    def odd(key, values):
        real(key, values)
        if isinstance(answer, Exception):
            raise answer
        return answer

    card.purchase = odd
    assert not desk.run("purchase_credits", account, confirmed=desk.confirm(account).token).ok
    assert "answer was lost" in desk.confirm(account).text


@pytest.mark.parametrize("credits", [37.5, "37", Decimal("NaN"), Decimal("1e-99999999"), Decimal(10) ** 12])
def test_credits_of_an_order_that_are_no_amount_are_left_out(desk, keyed, credits):
    account = desk.account()
    desk.run("purchase_credits", account)
    (key,) = keyed.orders
    keyed.orders[key] = replace(keyed.orders[key], state="paid", credits=credits)
    told = desk.run("purchase_credits", account)
    assert "Paid: thank you" in told.message


def test_a_charge_that_surely_did_not_arrive_leaves_nothing_behind(desk, card):
    account = desk.account(gateway="card")
    card.breaks = "before"
    assert not desk.run("purchase_credits", account, confirmed=desk.confirm(account).token).ok
    assert "answer was lost" not in desk.confirm(account).text


def test_one_confirmation_buys_once_however_often_it_is_pressed(desk, card):
    account = desk.account(gateway="card")
    token, start = desk.confirm(account).token, threading.Barrier(5)

    def press():
        start.wait()
        desk.run("purchase_credits", account, confirmed=token, service=desk.restarted())

    entered, leave = threading.Event(), threading.Event()
    real = card.purchase

    def slow(key, values):
        entered.set()
        leave.wait(5)
        return real(key, values)

    card.purchase = slow
    threads = [threading.Thread(target=press) for _ in range(5)]
    for thread in threads:
        thread.start()
    entered.wait(5)
    while sum(t.is_alive() for t in threads) > 1:  # the others are answered while the first is still buying
        threads[0].join(0.01)
    leave.set()
    for thread in threads:
        thread.join()
    assert len(card.charged) == 1


def test_what_a_gateway_cannot_do_is_refused_by_name(desk):
    account = desk.account(gateway="poor")
    for action in ("purchase_credits", "activate", "refresh_credits"):
        with pytest.raises(Unsupported, match="Gateway poor"):
            desk.run(action, account)
    assert desk.confirm(account) is None


def test_a_gateway_that_fails_in_its_own_way_is_reported_in_words(desk, keyed, caplog):
    account = desk.account()

    def odd(key, values):
        raise ZeroDivisionError("s3cret-canary-code")

    keyed.purchase = odd
    result = desk.run("purchase_credits", account)
    assert not result.ok
    assert "nobody foresaw" in result.message
    keyed.purchase = lambda key, values: "an order"
    assert not desk.run("purchase_credits", account).ok
