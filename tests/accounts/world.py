"""A world for accounts: the real store, and fakes of what lies beyond it."""

import itertools
from datetime import datetime
from typing import Any

from crm_comm_hookspecs import (
    ALL_PERMISSIONS,
    Allowance,
    Change,
    Context,
    Contribution,
    Diagnosis,
    Limit,
    Reason,
    SecretsUnavailable,
    Step,
    TransportError,
    Usage,
    Window,
)
from crm_comm_hookspecs.testing import FakeClock
from crm_comm_plugin.accounts.registry import HookRegistry
from crm_comm_plugin.accounts.servers import PRESETS
from crm_comm_plugin.accounts.service import Accounts
from crm_comm_plugin.accounts.types import email_type, sms_type
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.storage.accounts import StoredAccounts

ALICE = Context(user="alice", permissions=ALL_PERMISSIONS)
BOB = Context(user="bob", permissions=ALL_PERMISSIONS)
GMAIL = {"account_name": "News", "server": "gmail", "user": "news@gmail.com", "password": "s3cret-canary-2"}
CUSTOM = {
    "account_name": "News",
    "server": "smtp",
    "host": "smtp.acme.example",
    "port": 587,
    "security": "starttls",
    "user": "news@acme.example",
    "password": "s3cret-canary-2",
}


class MemorySecrets:
    """The SecretStore port in memory. broken: what every call raises."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.broken: Exception | None = None
        self._numbers = itertools.count(1)

    def write(self, account_id: str, field: str, secret: str) -> str:
        self._works()
        ref = f"ref{next(self._numbers)}"
        self.kept[ref] = secret
        return ref

    def read(self, ref: str) -> str | None:
        self._works()
        return self.kept.get(ref)

    def remove(self, ref: str) -> None:
        self._works()
        self.kept.pop(ref, None)

    def sweep(self, wanted) -> int:
        orphans = set(self.kept) - wanted()
        for ref in orphans:
            del self.kept[ref]
        return len(orphans)

    def lock(self) -> None:
        self.broken = SecretsUnavailable("The keyring is locked.", hint="Unlock it and save again.", code="locked")

    def _works(self) -> None:
        if self.broken is not None:
            raise self.broken


class Tellable:
    """The Events port that remembers."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.usages: dict[str, tuple[Usage, ...]] = {}

    def account_changed(self, change: Change) -> None:
        self.changes.append(change)

    def account_usages(self, account_id: str) -> tuple[Usage, ...]:
        return self.usages.get(account_id, ())

    def limit_reached(self, notice) -> None: ...

    @property
    def kinds(self) -> list[str]:
        return [change.kind for change in self.changes]


class CountingLimiter:
    """The Limiter port as the list asks it. used: account id -> (how many, next and full free)."""

    def __init__(self) -> None:
        self.used: dict[str, tuple[int, datetime | None]] = {}
        self.closed: dict[str, Any] = {}
        self.stopped: dict[str, int] = {}
        self.calls = 0

    def allowances(self, accounts):
        self.calls += 1
        return {account.id: self._of(account) for account in accounts}

    def _of(self, account) -> Allowance:
        limit = account.limit()
        used, free_at = self.used.get(account.id, (0, None))
        remaining = None if limit.count is None else max(limit.count - used, 0)
        return Allowance(
            account_id=account.id,
            limit=limit if limit.count is not None else Limit(None, Window.NONE),
            used=used,
            held=0,
            remaining=remaining,
            next_free_at=free_at,
            full_at=free_at,
        )

    def closures(self, accounts):
        return self.closed

    def reopen(self, account):
        self.closed.pop(account.id, None)

    def hints(self, accounts):
        return {account.id: self.stopped[account.id] for account in accounts if account.id in self.stopped}

    def forecast(self, account, units):
        used, free_at = self.used.get(account.id, (0, None))
        return 0, ((free_at, used),) if free_at else ()


class Line:
    """A transport that only can be tested. It knows what a right password is."""

    batch = 10

    def __init__(self, world, place, secrets) -> None:
        self._world, self._place, self._secrets = world, place, dict(secrets)
        world.lines.append((place, self._secrets))

    def diagnose(self) -> Diagnosis:
        if isinstance(self._world.trouble, Exception):
            raise self._world.trouble
        steps = [Step(name="Connect", ok=True, detail=self._place)]
        right = self._secrets.get("password") in (None, "s3cret-canary-2")
        hint = "" if right else "Check the password."
        field = "" if right else "password"
        steps.append(Step(name="Sign in", ok=right, detail="" if right else "535 refused", hint=hint, field=field))
        return Diagnosis(ok=right, steps=tuple(steps))

    def deliver(self, batch):
        return []

    def close(self) -> None:
        self._world.closed += 1


class World:
    """Everything that a test of accounts touches."""

    def __init__(self, database) -> None:
        self.clock = FakeClock()
        self.lines: list[tuple[str, dict[str, str]]] = []
        self.closed = 0
        self.trouble: Exception | None = None
        self.store = StoredAccounts(database)
        self.secrets = MemorySecrets()
        self.events = Tellable()
        self.limiter = CountingLimiter()
        self.types: list[Any] = []
        self.servers: list[Any] = [*PRESETS]
        self.gateways: list[Any] = []
        self.registry = HookRegistry(self._contributions)
        self.own = [email_type(self._connect), sms_type(self._open_gateway)]
        self.accounts = self.make()

    def make(self, **changes: Any) -> Accounts:
        known = {
            "store": self.store,
            "secrets": self.secrets,
            "registry": self.registry,
            "limiter": self.limiter,
            "events": self.events,
            "clock": InjectedClock(self.clock),
        }
        return Accounts(**{**known, **changes})

    def _contributions(self, hook: str, key: str) -> tuple[Contribution, ...]:
        values = {
            "crm_comm_account_types": [*self.own, *self.types],
            "crm_comm_mail_servers": self.servers,
            "crm_comm_sms_gateways": self.gateways,
        }[hook]
        return tuple(Contribution(value=value, plugin="test", owner=str) for value in values)

    def _connect(self, account, values, secrets):
        if isinstance(self.trouble, TransportError) and self.trouble.code == "at_once":
            raise self.trouble
        if not values.get("host"):
            raise TransportError("The server is not known any more.", reason=Reason.AUTH)
        return Line(self, "{host}:{port}/{security}".format_map(values), secrets)

    def _open_gateway(self, account, values, secrets):
        gateway = self.registry.gateways().get(values["gateway"])
        if gateway is None:
            raise TransportError("The gateway is not installed.", reason=Reason.AUTH)
        return gateway.open(account, values, secrets)

    def saved(self, values=GMAIL, editor="email", context=ALICE) -> str:
        result = self.accounts.save(context, editor, "", values, "")
        assert result.ok, result
        return result.id

    def save(self, id, values, version=None, editor="email", context=ALICE):
        version = self.record(id, editor).version if version is None else version
        return self.accounts.save(context, editor, id, values, version)

    def record(self, id, editor="email"):
        return self.accounts.open_record(ALICE, editor, id)

    def run(self, action, ids=(), editor="", values=None, context=ALICE, confirmed=""):
        return self.accounts.run(context, action, ids, editor, values or {}, confirmed)
