"""Delivery reports: late, doubled, unknown and forged ones do no harm."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from crm_comm_hookspecs import (
    Account,
    CommError,
    InvalidInput,
    Outcome,
    Reply,
    Request,
    Result,
    SecretsUnavailable,
    SmsGateway,
    StorageUnavailable,
    UnknownAccount,
)
from crm_comm_plugin.credits.asking import LOGGER, asked
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.credits import REF_FIELD, CreditStore, DeliveryOutcomes, SentText, TextRefs
from crm_comm_plugin.domain.ports.events import Registry
from crm_comm_plugin.domain.ports.gateways import AnswersQueries, SetsUpReports
from crm_comm_plugin.domain.ports.opening import AccountOpener

MAX_BODY = 1_000_000
MAX_TOKEN = 64
MOST_QUERIES = 200
"""How many unknown recipients are asked for at once."""
NOT_OURS = Reply(404, b"There is nothing here.")
LATER = Reply(503, b"Try again later.")
TAKEN = Reply(200, b"ok")
ReportUrl = Callable[[str, str], str]
"""(gateway key, account id) -> where its delivery reports come, "" without a base_url."""


class Reports:
    """What gateways tell after a send."""

    def __init__(
        self,
        *,
        registry: Registry,
        store: CreditStore,
        refs: TextRefs,
        outcomes: DeliveryOutcomes,
        accounts: AccountOpener,
        clock: Clock,
        url: ReportUrl | None = None,
    ) -> None:
        self._registry, self._store, self._refs, self._url = registry, store, refs, url
        self._outcomes, self._accounts, self._clock = outcomes, accounts, clock

    def receive(self, request: Request) -> Reply:
        """Take a report. 404: not ours, or not genuine; 400: cannot be read; 503: the gateway shall come again."""
        if len(request.body) > MAX_BODY:
            return Reply(413, b"Too long.")
        try:
            return self._taken(request)
        except (StorageUnavailable, SecretsUnavailable) as error:
            logging.getLogger(LOGGER).warning("A delivery report must wait: %s", error.code)
            return LATER
        except UnknownAccount:
            return NOT_OURS
        except InvalidInput as error:
            return NOT_OURS if error.code == "report_forged" else Reply(400, b"This cannot be read.")
        except CommError as error:
            return LATER if error.retryable else NOT_OURS

    def setup(self, gateway: SmsGateway) -> str:
        """Where people enter the address, in words; "" where there is none, or nothing to enter."""
        if self._url is None or "reports" not in gateway.capabilities:
            return ""
        return (
            gateway.report_setup if isinstance(gateway, SetsUpReports) else f"Enter it on the page of {gateway.label}."
        )

    def address(self, user: str, gateway: SmsGateway, account: Account) -> Result:
        """The account's address, for whoever sets up its gateway: nowhere else is it shown (docs/security.md)."""
        where = self.setup(gateway)
        if self._url is None or not where:
            return Result(ok=False, level="warn", message="There is no address to enter at this gateway.")
        if not account.id:
            return Result(ok=False, level="warn", message="Save the account first: each has an address of its own.")
        log = logging.getLogger(LOGGER)
        log.info("%r was shown the delivery report address of account %s", user, account.id)
        kept = "Keep it to yourself: who knows it can report deliveries of this account."
        return Result(level="info", message=f"{where}\n{self._url(gateway.key, account.id)}\n{kept}")

    def settle_unknown(self, account: StoredAccount, gateway: SmsGateway) -> int:
        """Ask the gateway what became of texts whose answer was lost; how many are settled. Raises CommError."""
        if not isinstance(gateway, AnswersQueries):
            return 0
        texts = self._refs.of(account.id, self._outcomes.unknown(account.id, MOST_QUERIES))
        if not texts:
            return 0
        values, secrets = self._accounts.values_of(account), self._accounts.secrets_of(account)
        refs = [text.ref for text in texts]
        return self._note(account.id, asked(gateway, lambda: gateway.look_up(refs, values, secrets), secrets))

    def _taken(self, request: Request) -> Reply:
        token = request.token
        possible = isinstance(token, str) and 0 < len(token) <= MAX_TOKEN and token.isascii()
        owner = self._store.token_owner(token) if possible else ""
        if not owner:
            return NOT_OURS
        account = self._accounts.find(owner)
        values = self._accounts.values_of(account)
        gateway = self._gateway(request, values)
        if gateway is None:
            return NOT_OURS
        secrets = self._accounts.secrets_of(account)
        self._note(account.id, asked(gateway, lambda: tuple(gateway.report(request, values, secrets)), secrets))
        return TAKEN

    def _gateway(self, request: Request, values: Mapping[str, Any]) -> SmsGateway | None:
        gateways = self._registry.gateways()
        key = values.get("gateway") or next(iter(gateways), "")
        gateway = gateways.get(request.source) if request.source == key else None
        return gateway if gateway is not None and "reports" in gateway.capabilities else None

    def _note(self, account_id: str, told: Iterable[Outcome]) -> int:
        """Write what was told; what is about nobody is passed over."""
        reports = [outcome for outcome in told if isinstance(outcome, Outcome)]
        known = self._refs.find(account_id, _refs_of(reports))
        noted = 0
        for report in reports:
            text = known.get(_ref_of(report))
            address = text.address if text is not None else report.recipient.address
            if not address or report.delivery not in ("", "delivered", "undelivered"):
                continue
            if text is None and (_ref_of(report) or not report.delivery):
                continue  # a reference that is not known is of another account, or program, at the same gateway
            send_id, at = text.send_id if text is not None else "", _moment(report, text, self._clock.now())
            noted += self._outcomes.delivered(account_id, send_id, address, report.delivery, at)
        return noted


def _moment(report: Outcome, text: SentText | None, now: datetime) -> datetime:
    """When it happened, as the gateway says; now where that cannot be: before the text went, or still to come."""
    at = report.at
    possible = text is not None and isinstance(at, datetime) and at.tzinfo is not None and text.at <= at <= now
    return at if possible and at is not None else now


def _ref_of(report: Outcome) -> str:
    ref = report.recipient.fields.get(REF_FIELD)
    return ref if isinstance(ref, str) else ""


def _refs_of(reports: Sequence[Outcome]) -> list[str]:
    return sorted({ref for report in reports if (ref := _ref_of(report))})[:1000]
