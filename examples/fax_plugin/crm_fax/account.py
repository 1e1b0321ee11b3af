"""The fax account: its form, and how a number is written."""

import re
from collections.abc import Mapping
from typing import Any

from crm_comm_hookspecs import (
    Account,
    AccountSchema,
    AccountType,
    Action,
    Context,
    Editor,
    Reason,
    Recipient,
    Rejected,
    Result,
    Secret,
    Text,
    Whole,
    fields_of,
)

from .transport import FaxTransport

KEY = "fax"


class FaxSchema(AccountSchema):
    """What AccountSchema does not have: where the faxes go, from whom, and the machine's PIN."""

    folder = Text(
        required=True,
        maxlength=500,
        metadata={"label": "Fax Folder", "help": "The machine sends every file that is put here.", "live": True},
    )
    sender_number = Text(maxlength=20, metadata={"label": "Your Fax Number", "placeholder": "+49 30 123456"})
    pin = Secret(required=True, metadata={"label": "PIN", "help": "The machine's display shows it."})
    header_lines = Whole(min=0, max=5, load_default=1, metadata={"label": "Header Lines", "width": "half"})

    bound_fields = ("folder",)  # the PIN is for this machine: another folder asks for it again


def connect(account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> FaxTransport:
    """A line to the machine. Nothing is opened before it is used."""
    return FaxTransport(values["folder"], secrets.get("pin", ""), values.get("sender_number", ""))


def normalise(recipient: Recipient, values: Mapping[str, Any]) -> Recipient | Rejected:
    """Digits with a +: what separates them is for people. The recipient's name and fields stay."""
    digits = re.sub(r"[\s./()-]", "", recipient.address)
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        detail = "This is no international fax number. Write it like +49 30 123456."
        return Rejected(recipient=recipient, reason=Reason.INVALID_NUMBER, detail=detail)
    return Recipient(digits, recipient.name, recipient.fields)


def run(
    context: Context, action: str, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]
) -> Result:
    """The editor's own buttons, on values that need not be saved yet."""
    transport = connect(account, values, secrets)
    try:
        if action == "test_connection":
            return tested(transport)
        if action == "print_journal":
            return Result(message=f"{transport.waiting()} faxes wait in the folder.", level="ok")
    finally:
        transport.close()
    return Result(ok=False, level="bad", message="A fax account cannot do this.")


def tested(transport: FaxTransport) -> Result:
    """What people read of a connection test: the step that fails, at its field, with what to try next."""
    failed = [step for step in transport.diagnose().steps if not step.ok]
    errors = {step.field: [f"{step.name}: {step.hint}"] for step in failed}
    return Result(ok=not failed, message="" if failed else "The folder is ready.", errors=errors)


def fax_type() -> AccountType:
    """The account type. key, Editor.name and Account.type are one name."""
    actions = (
        Action(name="test_connection", label="Test Connection"),
        Action(name="print_journal", label="Print Journal"),
    )
    editor = Editor(name=KEY, title="Fax Account", schema=FaxSchema, fields=fields_of(FaxSchema), actions=actions)
    return AccountType(
        key=KEY,
        label="Fax",
        icon="fax",
        channel="fax",
        editor=editor,
        connect=connect,
        normalise=normalise,
        run=run,
    )
