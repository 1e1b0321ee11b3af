"""The plugin's own account types, around the lines that wiring plugs in."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import (
    Account,
    AccountType,
    Editor,
    MailServer,
    Reason,
    Recipient,
    Rejected,
    Transport,
    TransportError,
)
from crm_comm_plugin.accounts.email_schema import email_schema
from crm_comm_plugin.accounts.servers import PRESETS, resolved
from crm_comm_plugin.accounts.sms_schema import SmsSchema
from crm_comm_plugin.domain import numbers
from crm_comm_plugin.domain.addresses import normalise_address
from crm_comm_plugin.domain.ports import Registry

EMAIL, SMS = "email", "sms"

ConnectMail = Callable[[Account, MailServer, Mapping[str, Any], Mapping[str, str]], Transport]
"""(account, the server with host, port and security resolved, values, secrets) -> a line to it."""


def email_type(connect: ConnectMail, registry: Registry) -> AccountType:
    """E-mail accounts. connect opens a line to a resolved server."""

    def line(account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        server = resolved(values, registry.servers())
        if server is None:
            raise TransportError(
                "The account's server is not known any more.",
                reason=Reason.AUTH,
                retryable=False,
                hint="Open the account and choose another server, or install the plugin that brought it.",
            )
        return connect(account, server, values, secrets)

    editor = Editor(name=EMAIL, title="E-mail Account", schema=email_schema(PRESETS))
    return AccountType(
        key=EMAIL, label="E-mail", icon="mail", channel="email", editor=editor, connect=line, normalise=normalise
    )


def normalise(recipient: Recipient, values: Mapping[str, Any]) -> Recipient | Rejected:
    """A recipient of an e-mail account with its address in one form."""
    try:
        address = normalise_address(recipient.address)
    except ValueError as error:
        return Rejected(recipient=recipient, reason=Reason.INVALID_ADDRESS, detail=str(error))
    except (TypeError, AttributeError):
        return Rejected(recipient=recipient, reason=Reason.INVALID_ADDRESS, detail="The address is not a text.")
    return recipient if address == recipient.address else replace(recipient, address=address)


def sms_type(registry: Registry) -> AccountType:
    """SMS accounts over the gateways that are registered."""

    def line(account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Transport:
        gateway = registry.gateways().get(str(values.get("gateway") or ""))
        if gateway is None:
            raise TransportError(
                "The account's SMS gateway is not installed.",
                reason=Reason.AUTH,
                retryable=False,
                hint="Open the account and choose a gateway, or install the plugin that brought it.",
            )
        return gateway.open(account, values, secrets)

    editor = Editor(name=SMS, title="SMS Account", schema=SmsSchema)
    return AccountType(
        key=SMS, label="SMS", icon="phone", channel="sms", editor=editor, connect=line, normalise=numbers.normalise
    )
