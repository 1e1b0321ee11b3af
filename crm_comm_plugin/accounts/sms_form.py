"""SMS accounts: gateways, what they can do, and advice while somebody types."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from crm_comm_hookspecs import (
    PERMISSION_EDIT,
    PERMISSION_PURCHASE,
    AccountType,
    Action,
    CommError,
    Context,
    FormSchema,
    SmsGateway,
)
from crm_comm_hookspecs.conditions import as_text
from crm_comm_plugin.accounts.form import Advice, Errors, Form, Gateways, Typed
from crm_comm_plugin.accounts.sms_schema import keys_with
from crm_comm_plugin.domain.accounts import Status
from crm_comm_plugin.domain.ports.credits import CreditsDesk

PURCHASE = Action(
    name="purchase_credits",
    label="Purchase Credits",
    icon="cart",
    help="Opens the gateway's page, where credits are bought and the access code is shown.",
)
ACTIVATE = Action(name="activate", label="Activate", icon="key", help="Activates the access code.")
REFRESH = Action(name="refresh_credits", label="Refresh Credits", icon="refresh", help="Reads how many are left.")
REPORTS = Action(
    name="report_address",
    label="Report Address",
    icon="link",
    help="Shows the secret address that is entered at the gateway's page, so that it reports deliveries.",
)
CAPABILITIES = {
    "purchase_credits": "purchase",
    "activate": "activate",
    "refresh_credits": "balance",
    "report_address": "reports",
}
"""What a gateway must be able to do for each action."""
_PERMISSIONS = {"purchase_credits": PERMISSION_PURCHASE}


class SmsForm(Form):
    """The form over the gateways that are registered now."""

    foreign = False

    def __init__(
        self, type: AccountType, schema: type[FormSchema], gateways: Gateways, desk: CreditsDesk | None
    ) -> None:
        super().__init__(type, schema)
        self.gateways = gateways
        self._desk = desk

    def actions(self, context: Context) -> tuple[Action, ...]:
        """What at least one gateway can do and this person may, each shown while such a gateway is chosen."""
        able = ((action, self._keys(action)) for action in self.every_action())
        return tuple(
            replace(action, when={"gateway": keys})
            for action, keys in able
            if keys and _PERMISSIONS.get(action.name, PERMISSION_EDIT) in context.permissions
        )

    def _keys(self, action: Action) -> list[str]:
        """The gateways of which a button is shown."""
        keys = keys_with(self.gateways, CAPABILITIES[action.name])
        if action is not REPORTS:
            return keys
        return [key for key in keys if self._desk is not None and self._desk.report_setup(self.gateways[key])]

    def every_action(self) -> tuple[Action, ...]:
        """Also what no gateway can do: that is refused by name."""
        return (PURCHASE, ACTIVATE, REFRESH, REPORTS)

    def gateway(self, values: Mapping[str, Any]) -> SmsGateway | None:
        """The gateway that values mean."""
        return self.gateways.get(as_text(values.get("gateway")))

    def defaults(self, context: Context) -> dict[str, Any]:
        """The country is the one the person is in."""
        return {**super().defaults(context), "country_code": _region_of(context)}

    def place_in_words(self, then: Mapping[str, str]) -> str:
        """The old gateway's name."""
        gateway = self.gateways.get(then.get("gateway", ""))
        return gateway.label if gateway is not None else "another gateway"

    def missing(self, values: Mapping[str, Any]) -> str:
        """The gateway."""
        gateway = as_text(values.get("gateway"))
        return "" if gateway in ("", *self.gateways) else f"The SMS gateway “{gateway}” is not installed here."

    def sender(self, values: Mapping[str, Any]) -> str:
        """The sender ID."""
        return as_text(values.get("sender_id"))

    def status(self, values: Mapping[str, Any], has_secrets: bool) -> str:
        """Without an access code there are no credits, where the gateway sells them."""
        gateway = self.gateway(values)
        sells = gateway is not None and {"purchase", "activate"} & set(gateway.capabilities)
        return Status.NO_CREDITS if sells and not has_secrets else Status.UNTESTED

    def advise(self, typed: Typed) -> Advice:
        """How a national number becomes international, what is wrong with a pasted code."""
        hints: Errors = {}
        errors: Errors = {}
        if country := typed.text("country_code"):
            hints |= _example(country)
        if code_form := self._code_form(typed.text("gateway")):
            hints["access_code"] = [code_form]
        code = typed.values.get("access_code")
        if self._desk is not None and isinstance(code, str) and code:
            tidy = self.schema._declared_fields["access_code"].tidy(code)  # type: ignore[attr-defined]
            if problem := self._desk.code_problem(typed.text("gateway"), tidy):
                errors["access_code"] = [problem]
        return Advice(hints=hints, errors=errors)

    def _code_form(self, chosen: str) -> str:
        """What the chosen gateway calls an access code: what it is, or that it is bought here."""
        gateway = self.gateways.get(chosen)
        if gateway is None or self._desk is None:
            return ""
        if "activate" in gateway.capabilities:
            return "Press Purchase Credits to get one. Dashes and small letters do no harm."
        with suppress(CommError):  # a gateway that fails says nothing; its code is still checked when one is typed
            return self._desk.code_problem(chosen, "")
        return ""

    def warnings(self, values: Mapping[str, Any]) -> Errors:
        """An account that no gateway serves yet, or that cannot know what a national number means."""
        hints: Errors = {}
        if not self.gateways:
            hints[""] = ["No SMS gateway is installed yet. Install a plugin that brings one; then choose it here."]
        if not values.get("country_code"):
            hints["country_code"] = ["Without a country only numbers with + and their country code can be sent to."]
        return hints


def _example(country: str) -> Errors:
    from crm_comm_plugin.domain.numbers import example

    found = example(country) if country.isascii() and len(country) == 2 else None
    return {"country_code": [f"{found[0]} becomes {found[1]}."]} if found else {}


def _region_of(context: Context) -> str:
    import phonenumbers

    region = context.region.upper() if isinstance(context.region, str) else ""
    return region if region in phonenumbers.SUPPORTED_REGIONS else ""
