"""The plugin's own account types, around the lines that wiring plugs in."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import (
    Account,
    AccountType,
    Editor,
    Reason,
    Recipient,
    Rejected,
    Transport,
)
from crm_comm_plugin.accounts.email_schema import email_schema
from crm_comm_plugin.accounts.servers import PRESETS
from crm_comm_plugin.accounts.sms_schema import SmsSchema
from crm_comm_plugin.domain import numbers
from crm_comm_plugin.domain.addresses import normalise_address

EMAIL, SMS = "email", "sms"

Connect = Callable[[Account, Mapping[str, Any], Mapping[str, str]], Transport]
"""(account, values, secrets) -> a line, not yet connected."""


def email_type(connect: Connect) -> AccountType:
    """E-mail accounts over a line to their mail server."""
    editor = Editor(name=EMAIL, title="E-mail Account", schema=email_schema(PRESETS))
    return AccountType(
        key=EMAIL, label="E-mail", icon="mail", channel="email", editor=editor, connect=connect, normalise=normalise
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


def sms_type(connect: Connect) -> AccountType:
    """SMS accounts over a line to their gateway."""
    editor = Editor(name=SMS, title="SMS Account", schema=SmsSchema)
    return AccountType(
        key=SMS, label="SMS", icon="phone", channel="sms", editor=editor, connect=connect, normalise=numbers.normalise
    )
