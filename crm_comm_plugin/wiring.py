"""The only place that names concrete parts: Settings -> parts -> use-cases. Nothing is opened until it is used."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from crm_comm_hookspecs import (
    AccountType,
    Change,
    CommError,
    Communication,
    MailServer,
    Notice,
    Settings,
    SmsGateway,
    Usage,
)
from crm_comm_plugin.accounts.forms import Forms
from crm_comm_plugin.accounts.oauth import AccountOAuth
from crm_comm_plugin.accounts.opening import Opener
from crm_comm_plugin.accounts.presets import MAIL_HOSTS
from crm_comm_plugin.accounts.registry import HookRegistry
from crm_comm_plugin.accounts.servers import PRESETS
from crm_comm_plugin.accounts.service import Accounts
from crm_comm_plugin.accounts.types import EMAIL, email_type, sms_type
from crm_comm_plugin.credits.service import RETURNED, CreditsService
from crm_comm_plugin.domain.accounts import Status
from crm_comm_plugin.domain.clock import InjectedClock, SystemClock
from crm_comm_plugin.domain.ports import Clock
from crm_comm_plugin.limits.limiter import LedgerLimiter
from crm_comm_plugin.limits.rules import Rules, ceiling_of
from crm_comm_plugin.limits.service import Limits
from crm_comm_plugin.secrets.build import build_secret_store
from crm_comm_plugin.secrets.store import KeyringSecretStore
from crm_comm_plugin.sending import Sending
from crm_comm_plugin.sending.pace import HoldTime
from crm_comm_plugin.storage.accounts import StoredAccounts
from crm_comm_plugin.storage.credits import SqlCredits
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger import SqlLedger
from crm_comm_plugin.storage.locks import SqlSendLocks
from crm_comm_plugin.storage.oauth import SqlOAuthStore
from crm_comm_plugin.storage.outcomes import SqlOutcomes
from crm_comm_plugin.storage.places import data_dir_of, database_url_of, make_folder, sqlite_path
from crm_comm_plugin.storage.secret_rows import SealedSecretRows, SecretJournalRows
from crm_comm_plugin.storage.sends import SqlSends
from crm_comm_plugin.storage.texts import SqlTexts
from crm_comm_plugin.storage.upgrade import ensure_schema
from crm_comm_plugin.storage.usage import UsageRows
from crm_comm_plugin.transports.discovery import discovery
from crm_comm_plugin.transports.mime import is_mail
from crm_comm_plugin.transports.network import Networks
from crm_comm_plugin.transports.oauth import providers
from crm_comm_plugin.transports.sms.catalog import gateways
from crm_comm_plugin.transports.sms.gateway import GatewayTools
from crm_comm_plugin.transports.smtp import smtp_connect

_log = logging.getLogger(__name__)


class HookEvents:
    """The Events port over a Communication: other plugins are told, and asked, through their hooks."""

    def __init__(self, comm: Communication) -> None:
        self._comm = comm

    def account_changed(self, change: Change) -> None:
        """Tell `crm_comm_account_changed`."""
        self._comm.notify("crm_comm_account_changed", change=change)

    def limit_reached(self, notice: Notice) -> None:
        """Tell `crm_comm_limit_reached`."""
        self._comm.notify("crm_comm_limit_reached", notice=notice)

    def account_usages(self, account_id: str) -> tuple[Usage, ...]:
        """Ask `crm_comm_account_usages`."""
        found = self._comm.contributions("crm_comm_account_usages", account_id=account_id)
        return tuple(c.value for c in found)


def clock_of(settings: Settings) -> SystemClock | InjectedClock:
    """The injected clock, else the machine's."""
    return InjectedClock(settings.clock) if settings.clock is not None else SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one Communication runs on. Use-cases for the hooks; the rest for the command line's own needs."""

    settings: Settings
    clock: Clock
    database: Database
    secret_store: KeyringSecretStore
    ledger: SqlLedger
    accounts: Accounts
    limits: Limits
    sending: Sending
    credits: CreditsService
    oauth: AccountOAuth
    account_types: tuple[AccountType, ...]
    mail_servers: tuple[MailServer, ...]
    sms_gateways: tuple[SmsGateway, ...]

    @property
    def data_dir(self) -> Path:
        """The data folder; only where it is asked for, as with a database server there may be none."""
        return data_dir_of(self.settings)

    def close(self) -> None:
        """Let go of what is open."""
        self.database.close()


def build(settings: Settings, comm: Communication) -> Parts:
    """All parts of one Communication. settings: resolved ones."""
    clock = clock_of(settings)
    registry, events = HookRegistry(comm.contributions), HookEvents(comm)
    database = Database(
        database_url_of(settings),
        settings.busy_timeout,
        on_open=lambda opened: _opened(opened, accounts.sweep, ledger.sweep),
    )
    secret_store = _secret_store(settings, database, clock)
    ledger = _ledger(settings, database, clock)
    limiter = LedgerLimiter(ledger=ledger, rules=Rules(registry), events=events)
    store, usage, texts = StoredAccounts(database), UsageRows(database), SqlTexts(database)
    opener = Opener(store=store, secrets=secret_store, forms=Forms(registry), events=events, clock=clock)
    oauth = _oauth(settings, database, secret_store, opener)
    balances = SqlCredits(database)
    desk = CreditsService(
        registry=registry,
        store=balances,
        refs=texts,
        outcomes=texts,
        accounts=opener,
        clock=clock,
        sandbox=settings.sandbox,
        report_url=_report_url(settings, balances),
    )
    accounts = Accounts(
        store=store,
        secrets=secret_store,
        registry=registry,
        limiter=limiter,
        events=events,
        clock=clock,
        credits=desk,
        sandbox=settings.sandbox,
        oauth=oauth,
        discovery=None
        if settings.sandbox
        else discovery(MAIL_HOSTS, settings.denied_networks, settings.allowed_networks),
    )
    sending = Sending(
        accounts=opener,
        limiter=limiter,
        sends=SqlSends(database),
        outcomes=SqlOutcomes(database),
        locks=SqlSendLocks(database),
        usage=usage,
        clock=clock,
        credits=desk,
        hold=HoldTime.of(max(settings.smtp_timeout, settings.http_timeout)),
        sendable={EMAIL: is_mail},
    )
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        secret_store=secret_store,
        ledger=ledger,
        accounts=accounts,
        limits=Limits(accounts=store, ledger=ledger, limiter=limiter, usage=usage),
        sending=sending,
        credits=desk,
        oauth=oauth,
        account_types=(email_type(smtp_connect(settings, registry.servers, oauth.access_token)), sms_type(desk.open)),
        mail_servers=PRESETS,
        sms_gateways=_gateways(settings, clock, balances, texts),
    )


def _opened(database: Database, secrets: Callable[[], int], books: Callable[[], int]) -> None:
    """Before first use: the folder, the schema, and what a crash or an old deletion has left behind."""
    make_folder(database.url)
    ensure_schema(database)
    try:
        if removed := secrets():
            _log.info("Removed %d secrets that no account needs any more.", removed)
        if forgotten := books():
            _log.info("Forgot the limits of %d accounts that were deleted long ago.", forgotten)
    except CommError as error:
        _log.warning("What is left over could not be removed now: %s", error.code)


def _secret_store(settings: Settings, database: Database, clock: Clock) -> KeyringSecretStore:
    """Where a key file may be made: beside a SQLite file, or in a data folder that was set on purpose (ADR 3)."""
    path = sqlite_path(database.url)
    folder = path.parent if path is not None else data_dir_of(settings) if settings.data_dir else None
    return build_secret_store(
        settings,
        SealedSecretRows(database),
        SecretJournalRows(database),
        clock,
        embedded=folder is not None,
        data_dir=folder or Path(),
    )


def _oauth(settings: Settings, database: Database, store: KeyringSecretStore, opener: Opener) -> AccountOAuth:
    clock = clock_of(settings)
    return AccountOAuth(
        store=SqlOAuthStore(database),
        secret_store=store,
        providers=providers(settings, clock),
        clock=clock,
        base_url=settings.base_url,
        connected=lambda account_id: opener.set_status(opener.find(account_id).id, Status.UNTESTED),
    )


def _ledger(settings: Settings, database: Database, clock: SystemClock | InjectedClock) -> SqlLedger:
    """With PostgreSQL and no injected clock the server's clock is the only one."""
    by_server = settings.clock is None and not database.is_sqlite
    return SqlLedger(database, None if by_server else clock.reading, ceiling_of(settings.installation_limit))


def _gateways(settings: Settings, clock: Clock, balances: SqlCredits, texts: SqlTexts) -> tuple[SmsGateway, ...]:
    base = settings.base_url.rstrip("/")
    tools = GatewayTools(
        clock=clock,
        timeout=settings.http_timeout,
        refs=texts,
        report_url=_report_url(settings, balances) or (lambda _gateway, _account: ""),
        return_url=lambda key: f"{base}/callback?{urlencode({RETURNED: key})}" if base else "",
        balance_seen=balances.save_balance,
        networks=Networks(settings.allowed_networks, settings.denied_networks),
    )
    return gateways(tools)


def _report_url(settings: Settings, balances: SqlCredits) -> Callable[[str, str], str] | None:
    """(gateway key, account id) -> where its delivery reports come (rule 14); None without a base_url."""
    base = settings.base_url.rstrip("/")
    return (lambda key, account: f"{base}/receive/{key}/{balances.report_token(account)}") if base else None
