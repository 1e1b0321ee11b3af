"""Codes, balances, the check before a send: what people read and what is stored."""

from datetime import timedelta
from decimal import Decimal

import pytest

from crm_comm_hookspecs import (
    Credits,
    InvalidInput,
    Outcome,
    Reason,
    Recipient,
    SecretsUnavailable,
    TextMessage,
    TransportError,
)
from crm_comm_hookspecs.testing import FakeTransport
from crm_comm_plugin.domain.ports.credits import Activated
from crm_comm_plugin.domain.segments import text_size
from tests.sms.desk_world import Desk, KeyedGateway


@pytest.fixture
def keyed():
    return KeyedGateway()


@pytest.fixture
def desk(database, clock, keyed):
    return Desk(database, clock, keyed)


def test_activation_in_words(desk, keyed):
    account = desk.account(status="no_credits")
    result = desk.run("activate", account)
    assert (result.ok, result.level) == (True, "ok")
    assert "100 credits" in result.message
    assert desk.accounts.seen == [("acc1", "connected")]
    assert desk.service.left({"acc1": None, "other": None})["acc1"].balance == Decimal(100)
    now = desk.clock.now()
    keyed.activate = lambda code, values: Activated(balance=Decimal("37.50"), unit="EUR", as_of=now, already=True)
    assert "active already: 37.5 EUR" in desk.run("activate", account).message


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (
            InvalidInput("This access code has expired.", hint="Ask the seller.", code="access_code_expired"),
            "access_code",
        ),
        (TransportError("Wrong code.", reason=Reason.AUTH), "access_code"),
        (InvalidInput("Please use https.", code="gateway_url"), "gateway_url"),
        (TransportError("The gateway cannot be reached.", hint="Try again."), ""),
    ],
)
def test_trouble_stands_at_its_field(desk, keyed, error, field):
    account = desk.account()

    def fails(*_):
        raise error

    keyed.activate = keyed.balance = fails
    for action in ("activate", "refresh_credits"):
        result = desk.run(action, account)
        assert not result.ok
        assert set(result.errors) == ({field} if field else set())
        assert error.message in f"{result.message}{result.errors}"


def test_without_a_code_the_next_step_is_said(desk):
    account = desk.account()
    desk.accounts.secrets.clear()
    for action in ("activate", "refresh_credits"):
        assert "access_code" in desk.run(action, account).errors


@pytest.mark.parametrize(
    ("balance", "level", "words"),
    [
        ("37", "ok", "37 credits left"),
        ("1", "warn", "Only 1 credit left"),
        ("20", "warn", "Only 20"),
        ("0", "bad", "Purchase Credits"),
        ("-1.50", "bad", "-1.5"),
    ],
)
def test_a_balance_is_kept_with_its_age_and_warned_about(desk, keyed, clock, balance, level, words):
    account = desk.account()
    as_of = clock()
    keyed.balance = lambda values, secrets: Credits(balance=Decimal(balance), unit="credits", as_of=as_of)
    result = desk.run("refresh_credits", account)
    assert (result.ok, result.level) == (True, level)
    assert words in result.message
    clock.forward(hours=3)
    left = desk.service.left({"acc1": None})["acc1"]
    assert (left.balance, left.as_of, left.level) == (Decimal(balance), clock() - timedelta(hours=3), level)


@pytest.mark.parametrize(
    ("before", "balance", "after"),
    [
        ("untested", "5", ["connected"]),
        ("auth_failed", "5", ["connected"]),
        ("no_credits", "5", ["connected"]),
        ("no_credits", "0", []),
        ("connected", "0", ["no_credits"]),
        ("untested", "-1", ["no_credits"]),
        ("connected", "5", []),
        ("paused", "5", []),
        ("paused", "0", []),
    ],
)
def test_a_balance_that_was_read_says_how_the_account_is(desk, keyed, clock, before, balance, after):
    keyed.balance = lambda values, secrets: Credits(balance=Decimal(balance), unit="credits", as_of=clock())
    desk.run("refresh_credits", desk.account(status=before))
    assert desk.accounts.seen == [("acc1", status) for status in after]


def test_a_send_that_is_paused_stays_so_though_there_are_credits(desk, keyed):
    """The balance is read at its end; what the send itself has learnt is newer than what it began with."""
    account = desk.account(status="untested")
    transport = desk.service.open(account, {"gateway": "keyed"}, {"access_code": "x"})
    list(transport.deliver([(Recipient("+447400123456"), TextMessage("x"))]))
    desk.account(status="paused")
    transport.close()
    assert desk.accounts.seen == []
    assert desk.service.left({"acc1": None})["acc1"].balance == Decimal(100)


def test_a_send_that_takes_the_last_credit_says_so(desk, keyed):
    keyed.credits = keyed.price = Decimal(1)
    account = desk.account()
    transport = desk.service.open(account, {"gateway": "keyed"}, {"access_code": "x"})
    assert [o.status for o in transport.deliver([(Recipient("+447400123456"), TextMessage("x"))])] == ["sent"]
    keyed.credits = Decimal(0)
    transport.close()
    assert desk.accounts.seen == [("acc1", "no_credits")]


@pytest.mark.parametrize(("low", "level"), [(500, "warn"), (100, "warn"), (99, "ok"), (0, "ok"), (None, "ok")])
def test_the_threshold_can_be_set(desk, low, level):
    assert desk.run("refresh_credits", desk.account(low_credits=low)).level == level
    assert desk.service.left({"acc1": low})["acc1"].level == level


def test_an_older_balance_does_not_replace_a_newer_one(desk, clock):
    now = clock()
    for number, hours in ((5, 0), (7, -1), (6, 1)):
        desk.store.save_balance(
            "a", Credits(balance=Decimal(number), unit="credits", as_of=now + timedelta(hours=hours))
        )
    assert desk.store.balances(["a"])["a"].balance == Decimal(6)


def deliver(desk, account, texts):
    transport = desk.service.open(account, desk.accounts.stored[account.id].values, {"access_code": "x"})
    got = list(transport.deliver([(Recipient(f"+4477009000{n:02}"), TextMessage(t)) for n, t in enumerate(texts)]))
    transport.close()
    return got


def test_what_cannot_be_paid_is_skipped_before_it_goes(desk, keyed):
    keyed.price, keyed.credits = Decimal("0.05"), Decimal("0.20")
    outcomes = deliver(desk, desk.account(), ["short", "a" * 161, "short", "short", "short"])
    assert [o.status for o in outcomes] == ["sent", "sent", "sent", "skipped", "skipped"]
    assert {o.reason for o in outcomes[3:]} == {Reason.CREDITS}
    assert len(keyed.transport.delivered) == 3
    assert outcomes[3].detail.startswith("The balance of 0 credits")


def test_credits_bought_meanwhile_are_seen(desk, keyed):
    account = desk.account()
    keyed.price, keyed.credits = Decimal(1), Decimal(2)
    transport = desk.service.open(account, {"gateway": "keyed"}, {})
    pairs = [(Recipient(f"+44770090000{n}"), TextMessage("x")) for n in range(4)]
    assert [o.status for o in transport.deliver(pairs[:2])] == ["sent", "sent"]
    keyed.credits = Decimal(50)
    assert [o.status for o in transport.deliver(pairs[2:])] == ["sent", "sent"]


def test_a_gateway_that_does_not_tell_is_tried(desk, keyed):
    account = desk.account()

    def down(*_):
        raise TransportError("Down.")

    keyed.balance = down
    assert [o.status for o in deliver(desk, account, ["a"])] == ["sent"]
    keyed.balance, keyed.quote = KeyedGateway().balance, down
    assert [o.status for o in deliver(desk, account, ["a"])] == ["sent"]
    keyed.capabilities = frozenset()
    assert [o.status for o in deliver(desk, account, ["a"])] == ["sent"]


def test_after_a_send_the_balance_is_read_and_kept(desk, keyed, clock):
    account = desk.account()
    keyed.credits = Decimal(100)
    deliver(desk, account, ["a"])
    assert desk.service.left({"acc1": None})["acc1"].balance == Decimal(100)


def test_the_rest_has_its_outcome_when_the_line_breaks(desk, keyed):
    keyed.price, keyed.credits, keyed.transport = Decimal(1), Decimal(2), FakeTransport(break_after=1)
    transport = desk.service.open(desk.account(), {"gateway": "keyed"}, {})
    got = []

    def everything():
        for outcome in transport.deliver([(Recipient(f"+44770090000{n}"), TextMessage("x")) for n in range(4)]):
            got.append(outcome)

    with pytest.raises(TransportError):
        everything()
    assert [(o.recipient.address[-1], o.status) for o in got] == [("0", "sent"), ("2", "skipped"), ("3", "skipped")]


def test_a_preview_knows_the_price_and_who_can_be_paid_for(desk, keyed):
    stored = desk.accounts.stored[desk.account().id]
    sizes = [text_size("a")] * 480 + [text_size("a" * 161)] * 20
    keyed.price = Decimal("0.05")
    assert desk.service.forecast(stored, iter(sizes)) == (Decimal("26.00"), 500)
    keyed.credits = Decimal("24.15")  # 480 short ones and one long one, but not two
    assert desk.service.forecast(stored, iter(sizes)) == (Decimal("26.00"), 481)
    assert desk.service.left({"acc1": None}) == {}  # a dry run stores nothing
    keyed.capabilities = frozenset({"quote"})
    assert desk.service.forecast(stored, iter(sizes)) == (Decimal("26.00"), None)
    keyed.capabilities = frozenset()
    assert desk.service.forecast(stored, sizes) == (None, None)

    def locked(account):
        raise SecretsUnavailable

    desk.accounts.secrets_of = locked
    assert desk.service.forecast(stored, sizes) == (None, None)


def test_diagnose_and_begin_reach_the_gateways_transport(desk, keyed):
    told = []
    keyed.transport.begin = told.append
    transport = desk.service.open(desk.account(), {"gateway": "keyed"}, {})
    transport.begin("send1")
    assert told == ["send1"]
    assert transport.diagnose().ok
    with pytest.raises(TransportError) as caught:
        desk.service.open(desk.account(), {"gateway": "gone"}, {})
    assert caught.value.reason is Reason.AUTH


def test_codes_are_checked_where_the_gateway_knows_their_form(desk, keyed):
    assert desk.service.code_problem("keyed", "x") == ""
    keyed.code_problem = lambda code: "Too short." if len(code) < 6 else ""
    assert desk.service.code_problem("keyed", "x") == "Too short."
    assert desk.service.code_problem("gone", "long enough") == ""


def test_replies_of_foreign_gateways_are_looked_at(desk, keyed):
    now, some = desk.clock.now(), Decimal(37)
    for nonsense in (
        None,
        "37",
        Credits(balance=37.0, unit="", as_of=now),
        Credits(balance=Decimal("1e-99999999"), unit="", as_of=now),
        Credits(balance=Decimal("1." + "1" * 40), unit="", as_of=now),
        Credits(balance=Decimal("NaN"), unit="", as_of=now),
        Credits(balance=Decimal("1e400"), unit="", as_of=now),
        Credits(balance=some, unit=None, as_of=now),
        Credits(balance=some, unit="\ud800", as_of=now),
        Credits(balance=some, unit="", as_of=None),
        Credits(balance=some, unit="", as_of=now.replace(tzinfo=None)),
    ):
        keyed.balance = lambda *_, answer=nonsense: answer
        assert not desk.run("refresh_credits", desk.account()).ok


def test_a_gateway_of_another_plugin_that_quotes_the_code_is_not_believed_to_be_discreet(desk, keyed):
    account, code = desk.account(), "s3cret-canary-code"

    def fails(*_):
        raise TransportError(f"{code} is unknown.", hint=f"Is {code} right?")

    keyed.activate = keyed.balance = keyed.purchase = fails
    for action in ("activate", "refresh_credits", "purchase_credits"):
        told = str(desk.run(action, account))
        assert "[hidden] is unknown." in told
        assert code not in told
    keyed.transport.deliver = fails
    transport = desk.service.open(account, {"gateway": "keyed"}, {"access_code": code})
    with pytest.raises(TransportError, match=r"^\[hidden\] is unknown\. Is \[hidden\] right\?$"):
        list(transport.deliver([(Recipient("+447700900000"), TextMessage("x"))]))


class Chatty(FakeTransport):
    """A line of another plugin that wants to know its send, as ours do, and quotes the code in an outcome."""

    def begin(self, send_id):
        self.send_id = send_id

    def deliver(self, batch):
        for recipient, _ in batch:
            yield Outcome(recipient=recipient, status="failed", detail="s3cret-canary-code is unknown.")


def test_neither_does_its_line_nor_the_error_of_opening_it_tell_the_code(desk, keyed):
    account, code = desk.account(), "s3cret-canary-code"
    keyed.transport = Chatty()
    transport = desk.service.open(account, {"gateway": "keyed"}, {"access_code": code})
    transport.begin("send-1")
    (outcome,) = transport.deliver([(Recipient("+447700900000"), TextMessage("x"))])
    assert (keyed.transport.send_id, outcome.detail) == ("send-1", "[hidden] is unknown.")

    def fails(*_):
        raise TransportError(f"{code} is unknown.")

    keyed.open = fails
    with pytest.raises(TransportError, match=r"^\[hidden\] is unknown\."):
        desk.service.open(account, {"gateway": "keyed"}, {"access_code": code})


def test_a_gateway_that_breaks_when_it_is_opened_is_named_in_the_log_and_its_words_are_not(desk, keyed, caplog):
    def breaks(*_):
        raise RuntimeError("s3cret-canary-code")

    keyed.open = breaks
    with pytest.raises(TransportError, match="nobody foresaw"):
        desk.service.open(desk.account(), {"gateway": "keyed"}, {"access_code": "s3cret-canary-code"})
    assert "keyed" in caplog.text
    assert "s3cret" not in caplog.text
