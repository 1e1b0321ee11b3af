"""SMS credits for the other parts: the editor's buttons, the balance in lists, the check before a send, reports."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from crm_comm_hookspecs import (
    Account,
    CommError,
    Confirm,
    Context,
    Credits,
    InvalidInput,
    Reason,
    Reply,
    Request,
    Result,
    SmsGateway,
    TextSize,
    Transport,
    TransportError,
    UnknownAction,
)
from crm_comm_plugin.credits.asking import Held, able, asked, checked_credits
from crm_comm_plugin.credits.buying import Buying
from crm_comm_plugin.credits.reports import Reports, ReportUrl
from crm_comm_plugin.credits.spending import PaidTransport, Purse, forecast
from crm_comm_plugin.credits.words import CODE, amount, left_in_words, level_of, missing_code, order_in_words, trouble
from crm_comm_plugin.domain.accounts import Status, StoredAccount
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.credits import Activated, CreditsLeft, CreditStore, DeliveryOutcomes, TextRefs
from crm_comm_plugin.domain.ports.events import Registry
from crm_comm_plugin.domain.ports.gateways import KnowsCode
from crm_comm_plugin.domain.ports.opening import AccountOpener

_LEARNS = frozenset({Status.CONNECTED, Status.UNTESTED, Status.AUTH_FAILED, Status.NO_CREDITS})
"""States that a balance which was read has news for: its gateway took the access code."""
RETURNED = "purchase"
"""The parameter by which a browser that comes back names its order."""


class CreditsService:
    """The ports CreditsDesk, CreditCheck and ReportDesk. sandbox: payment pages on loopback may be plain http."""

    def __init__(
        self,
        *,
        registry: Registry,
        store: CreditStore,
        refs: TextRefs,
        outcomes: DeliveryOutcomes,
        accounts: AccountOpener,
        clock: Clock,
        sandbox: bool = False,
        report_url: ReportUrl | None = None,
    ) -> None:
        self._registry, self._store, self._accounts, self._clock = registry, store, accounts, clock
        self._buying = Buying(store=store, clock=clock, sandbox=sandbox)
        self._reports = Reports(
            registry=registry,
            store=store,
            refs=refs,
            outcomes=outcomes,
            accounts=accounts,
            clock=clock,
            url=report_url,
        )

    def run(
        self,
        context: Context,
        action: str,
        account: Account,
        values: Mapping[str, Any],
        secrets: Mapping[str, str],
        confirmed: str = "",
    ) -> Result:
        """An action of the SMS editor. Raises Unsupported for what the gateway cannot do."""
        held = Held(self._gateway(values), account, values, secrets)
        if action == "purchase_credits":
            able(held.gateway, "purchase")
            return self._purchase(context, held, confirmed)
        if action == "activate":
            able(held.gateway, "activate")
            return self._activate(held)
        if action == "refresh_credits":
            able(held.gateway, "balance")
            return self._refresh(held)
        if action == "report_address":
            able(held.gateway, "reports")
            return self._reports.address(context.user, held.gateway, account)
        raise UnknownAction(f"SMS accounts have no action {action!r}.")

    def confirm(
        self, context: Context, action: str, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]
    ) -> Confirm | None:
        """The question that names a price; None when there is none, or when `run` will say what is missing."""
        if action != "purchase_credits":
            return None
        try:
            gateway = self._gateway(values)
            able(gateway, "purchase")
            return self._buying.question(gateway, account, context.user, _with_code(values, secrets))
        except CommError:
            return None

    def came_back(self, context: Context, params: Mapping[str, str]) -> Result | None:
        """What became of the purchase that a browser comes back from; None when it is not from one."""
        key = params.get(RETURNED)
        if not isinstance(key, str) or not key:
            return None
        stored = self._store.order(key) if len(key) <= 64 and key.isascii() else None
        gateway = self._registry.gateways().get(stored.gateway) if stored is not None else None
        if stored is None or gateway is None:
            return Result(ok=False, message="This purchase is not known here.", level="warn")
        try:
            order = self._buying.state(gateway, stored)
        except CommError as error:
            return trouble(error)
        account_id = "" if stored.owner.startswith("draft:") else stored.owner
        if order.state == "used" and account_id:
            self._refresh_stored(account_id)
        text, level = order_in_words(order)
        return Result(ok=order.state != "failed", message=text, level=level, refresh=True, id=account_id)

    def left(self, accounts: Mapping[str, object]) -> dict[str, CreditsLeft]:
        """Stored balances by account id, with their age. accounts: id -> its value `low_credits`."""
        return {
            key: CreditsLeft(balance=c.balance, unit=c.unit, as_of=c.as_of, level=level_of(c, accounts[key]))
            for key, c in self._store.balances(list(accounts)).items()
        }

    def code_problem(self, gateway: str, code: str) -> str:
        """What is wrong with the form of a pasted access code, in words."""
        gateways = self._registry.gateways()
        found = gateways.get(gateway) or next(iter(gateways.values()), None)
        return asked(found, lambda: found.code_problem(code)) if isinstance(found, KnowsCode) else ""

    def report_setup(self, gateway: SmsGateway) -> str:
        """Where people enter the address for delivery reports, in words; "" where there is nothing to enter."""
        return self._reports.setup(gateway)

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        """The gateway's transport, which does not try what cannot be paid."""
        try:
            held = Held(self._gateway(values), account, values, secrets)
        except InvalidInput as error:
            raise TransportError(error.message, reason=Reason.AUTH, retryable=False, hint=error.hint) from None
        tells = "balance" in held.gateway.capabilities
        purse = self._purse(held) if tells and "quote" in held.gateway.capabilities else None

        def finished() -> None:
            if tells:
                (purse or self._purse(held)).read()

        line = asked(held.gateway, lambda: held.gateway.open(account, values, secrets), secrets)
        return PaidTransport(line, purse, finished, secrets)

    def forecast(self, account: StoredAccount, sizes: Iterable[TextSize]) -> tuple[Decimal | None, int | None]:
        """What texts of these sizes cost together, and how many of them the balance pays for; None where untold."""
        try:
            values, secrets = self._accounts.values_of(account), self._accounts.secrets_of(account)
            held = Held(self._gateway(values), account.shown(self._clock.now()), values, secrets)
        except CommError:
            return None, None
        if "quote" not in held.gateway.capabilities:
            return None, None
        return forecast(Purse(held, lambda _: None), sizes, tells="balance" in held.gateway.capabilities)

    def receive(self, request: Request) -> Reply | None:
        """Take a delivery report; None when it is from no gateway."""
        if not isinstance(request.source, str) or request.source not in self._registry.gateways():
            return None
        return self._reports.receive(request)

    def _purchase(self, context: Context, held: Held, confirmed: str) -> Result:
        values = _with_code(held.values, held.secrets)
        try:
            result = self._buying.purchase(held.gateway, held.account, context.user, values, confirmed)
        except CommError as error:
            return trouble(error)
        if result.ok and result.refresh and "balance" in held.gateway.capabilities:
            with suppress(CommError):
                self._keep(held.account, held.balance())
        return result

    def _activate(self, held: Held) -> Result:
        code = held.secrets.get(CODE)
        if not code:
            return missing_code()
        try:
            found = checked_credits(asked(held.gateway, lambda: held.gateway.activate(code, held.values), held.secrets))
        except CommError as error:
            return trouble(error)
        self._keep(held.account, found)
        already = isinstance(found, Activated) and found.already
        text = "This access code was active already" if already else "The access code is active"
        keep = "" if held.account.id else " Save the account to keep it."
        message = f"{text}: {amount(found.balance, found.unit)}.{keep}"
        return Result(message=message, level="ok", refresh=bool(held.account.id))

    def _refresh(self, held: Held) -> Result:
        if not held.secrets.get(CODE):
            return missing_code()
        try:
            found = held.balance()
        except CommError as error:
            return trouble(error)
        self._keep(held.account, found)
        if held.account.id:
            with suppress(CommError):  # a further question; the answer to this one stands without it
                self._reports.settle_unknown(self._accounts.find(held.account.id), held.gateway)
        level = level_of(found, held.values.get("low_credits"))
        return Result(message=left_in_words(found.balance, found.unit, level), level=level, refresh=True)

    def _refresh_stored(self, account_id: str) -> None:
        with suppress(CommError):
            stored = self._accounts.find(account_id)
            values, secrets = self._accounts.values_of(stored), self._accounts.secrets_of(stored)
            held = Held(self._gateway(values), stored.shown(self._clock.now()), values, secrets)
            self._keep(held.account, held.balance())

    def _keep(self, account: Account, found: Credits, sending: bool = False) -> None:
        """Store a balance, and how the account is by it. sending: what works then, and what stops, the send says."""
        if not account.id:
            return
        self._store.save_balance(account.id, found)
        now = Status.CONNECTED if found.balance > 0 else Status.NO_CREDITS
        if sending and found.balance > 0:
            return
        with suppress(CommError):  # deleted meanwhile
            before = self._accounts.find(account.id).state(self._clock.now())
            if before in _LEARNS and before != now:
                self._accounts.set_status(account.id, now)

    def _purse(self, held: Held) -> Purse:
        return Purse(held, lambda found: self._keep(held.account, found, sending=True))

    def _gateway(self, values: Mapping[str, Any]) -> SmsGateway:
        gateways = self._registry.gateways()
        key = str(values.get("gateway") or next(iter(gateways), ""))
        if key not in gateways:
            raise InvalidInput("The gateway of this account is not installed.", hint="Choose another gateway.")
        return gateways[key]


def _with_code(values: Mapping[str, Any], secrets: Mapping[str, str]) -> Mapping[str, Any]:
    """What purchases see: a gateway sells to the holder of an access code, if there is one."""
    return {**values, CODE: code} if (code := secrets.get(CODE)) else values
