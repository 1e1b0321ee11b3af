"""A credits desk over a real database, a gateway in memory, and accounts that a test makes."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from crm_comm_hookspecs import ALL_PERMISSIONS, Account, Context, Order, TransportError, UnknownAccount
from crm_comm_hookspecs.testing import FakeGateway
from crm_comm_plugin.credits.service import CreditsService
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.domain.ports.gateways import Offer
from crm_comm_plugin.storage.credits import SqlCredits
from crm_comm_plugin.storage.texts import SqlTexts

ANN = Context(user="ann", permissions=ALL_PERMISSIONS)


class CardGateway(FakeGateway):
    """Charges a card at once; `breaks` says how often its answer is lost."""

    def __init__(self) -> None:
        super().__init__("card")
        self.price_now, self.charged, self.breaks = "20.00", [], ""

    def offer(self, values):
        return Offer(text=f"363 texts for {self.price_now} GBP.", token=f"1:{self.price_now}")

    def purchase(self, key, values):
        if self.breaks == "before":
            raise TransportError("The gateway does not accept connections.")
        self.charged.append((key, values["offer"]))
        if self.breaks == "after":
            raise TransportError("The answer was lost.", code="purchase_unknown", hint="Look at the balance.")
        return Order(id=key, url="", state="used", credits=Decimal(20))


class KeyedGateway(FakeGateway):
    """Sells by order, idempotent by key; a purchase may break before or after it arrived."""

    def __init__(self) -> None:
        super().__init__("keyed")
        self.breaks = ""

    def purchase(self, key, values):
        if self.breaks == "before":
            raise TransportError("The gateway does not accept connections.", hint="Try again.")
        order = super().purchase(key, values)
        if self.breaks == "after":
            raise TransportError("The gateway did not answer in time.", hint="Try again.")
        return order


@dataclass
class Accounts:
    """The AccountOpener port over a dictionary."""

    stored: dict[str, StoredAccount] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def find(self, account_id: str) -> StoredAccount:
        if account_id not in self.stored:
            raise UnknownAccount
        return self.stored[account_id]

    def values_of(self, account: StoredAccount) -> Any:
        return account.values

    def secrets_of(self, account: StoredAccount) -> dict[str, str]:
        return self.secrets.get(account.id, {})

    def set_status(self, account_id: str, status: str, detail: str = "", until: datetime | None = None) -> None:
        self.seen.append((account_id, status))


class Registry:
    """The Registry port over what a test put in."""

    def __init__(self, *gateways) -> None:
        self._gateways = {gateway.key: gateway for gateway in gateways}

    def gateways(self):
        return self._gateways


class Desk:
    """Everything together."""

    def __init__(self, database, clock, *gateways) -> None:
        self.database, self.clock = database, InjectedClock(clock)
        self.accounts = Accounts()
        self.store, self.texts = SqlCredits(database), SqlTexts(database)
        self.gateways = gateways
        self.service = self.restarted()

    def restarted(self) -> CreditsService:
        """The service as another process would have it."""
        return CreditsService(
            registry=Registry(*self.gateways),
            store=self.store,
            refs=self.texts,
            outcomes=self.texts,
            accounts=self.accounts,
            clock=self.clock,
            sandbox=True,
        )

    def account(self, id: str = "acc1", gateway: str = "keyed", status: str = "connected", **values: Any) -> Account:
        now = self.clock.now()
        stored = StoredAccount(
            id=id,
            type="sms",
            channel="sms",
            name=id,
            status=status,
            values={"gateway": gateway, **values},
            created_at=now,
            updated_at=now,
        )
        self.accounts.stored[id] = stored
        self.accounts.secrets[id] = {"access_code": "s3cret-canary-code"}
        return stored.shown(now)

    def run(self, action: str, account: Account, confirmed: str = "", service=None, **values: Any):
        stored = self.accounts.stored.get(account.id)
        values = {**(stored.values if stored else {}), **values}
        secrets = self.accounts.secrets.get(account.id, {})
        return (service or self.service).run(ANN, action, account, values, secrets, confirmed)

    def confirm(self, account: Account, **values: Any):
        stored = self.accounts.stored.get(account.id)
        values = {**(stored.values if stored else {}), **values}
        return self.service.confirm(ANN, "purchase_credits", account, values, self.accounts.secrets.get(account.id, {}))
