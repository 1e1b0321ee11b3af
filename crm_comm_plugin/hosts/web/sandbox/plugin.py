"""The sandbox as another plugin: it offers its SMTP server as a preset, and its gateway by the credits protocol."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from crm_comm_hookspecs import (
    Account,
    Communication,
    Credits,
    FormSchema,
    MailServer,
    Order,
    Outcome,
    Request,
    Settings,
    SmsGateway,
    TextSize,
    Transport,
    Unsupported,
    hookimpl,
)

KEY = "sandbox"
PROTOCOL = "credits"
"""The gateway that speaks the credits protocol; the sandbox's server speaks it too."""


class SandboxPlugin:
    """Registered by the host with `comm.register`."""

    __name__ = "reference-host-sandbox"

    def __init__(self, host: str, smtp_port: int, gateway_url: str) -> None:
        self._host, self._port = host, smtp_port
        self._gateway = SandboxGateway(f"{gateway_url}/v1")

    @hookimpl
    def crm_comm_startup(self, settings: Settings, comm: Communication) -> None:
        """The gateway needs to find the one that speaks its protocol."""
        self._gateway.comm = comm

    @hookimpl
    def crm_comm_mail_servers(self) -> Iterable[MailServer]:
        """One preset."""
        return [
            MailServer(
                key=KEY,
                label="Sandbox server",
                host=self._host,
                port=self._port,
                security="none",
                domains=("sandbox.test",),
                help="Any password will do: this server only pretends.",
            )
        ]

    @hookimpl
    def crm_comm_sms_gateways(self) -> Iterable[SmsGateway]:
        """One gateway."""
        return [self._gateway]


class SandboxGateway:
    """The credits protocol at the sandbox's own address: all calls go to the gateway that speaks it."""

    key = KEY
    label = "Sandbox gateway"
    capabilities = frozenset({"purchase", "activate", "balance", "quote", "reports"})
    fields: type[FormSchema] | None = None
    report_setup = ""

    def __init__(self, url: str) -> None:
        self._url = url
        self.comm: Communication | None = None

    def _speaker(self) -> Any:
        offered = self.comm.contributions("crm_comm_sms_gateways") if self.comm is not None else ()
        for one in offered:
            if one.value.key == PROTOCOL:
                return one.value
        raise Unsupported("Nothing here speaks the credits protocol.", hint="Use the sandbox with crm-comm-plugin.")

    def _here(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {**values, "gateway_url": self._url}

    def open(self, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        """A line to send through; its delivery reports come to this gateway's name."""
        line = self._speaker().open(account, self._here(values), secrets)
        if url := getattr(line, "report_url", ""):
            line.report_url = url.replace(f"/receive/{PROTOCOL}/", f"/receive/{KEY}/")
        transport: Transport = line
        return transport

    def purchase(self, key: str, values: Mapping[str, Any]) -> Order:
        """An order with its payment page."""
        order: Order = self._speaker().purchase(key, self._here(values))
        return order

    def order(self, id: str, values: Mapping[str, Any]) -> Order:
        """The state of a purchase."""
        order: Order = self._speaker().order(id, self._here(values))
        return order

    def activate(self, code: str, values: Mapping[str, Any]) -> Credits:
        """Activate an access code."""
        left: Credits = self._speaker().activate(code, self._here(values))
        return left

    def balance(self, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Credits:
        """The credits left now."""
        left: Credits = self._speaker().balance(self._here(values), secrets)
        return left

    def quote(self, sizes: Sequence[TextSize], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Decimal:
        """What texts cost."""
        price: Decimal = self._speaker().quote(sizes, self._here(values), secrets)
        return price

    def report(self, request: Request, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterable[Outcome]:
        """The outcomes of a delivery report."""
        outcomes: Iterable[Outcome] = self._speaker().report(request, self._here(values), secrets)
        return outcomes

    def look_up(self, refs: Sequence[str], values: Mapping[str, Any], secrets: Mapping[str, str]) -> Sequence[Outcome]:
        """What the gateway knows of texts whose answer was lost."""
        outcomes: Sequence[Outcome] = self._speaker().look_up(refs, self._here(values), secrets)
        return outcomes

    def code_problem(self, code: str) -> str:
        """What is wrong with the form of an access code, in words."""
        return str(self._speaker().code_problem(code))
