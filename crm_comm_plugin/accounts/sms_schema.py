"""The form of SMS accounts, made for the gateways that are registered now, with their own fields in it."""

from collections.abc import Mapping
from typing import Any

from crm_comm_hookspecs import AccountSchema, Choice, Flag, FormSchema, Option, SmsGateway, Whole
from crm_comm_hookspecs.schema import MAX_COUNT
from crm_comm_plugin.accounts.fields import Code, Region, SenderId, changed
from crm_comm_plugin.domain.ports.credits import LOW_CREDITS


class SmsSchema(AccountSchema):
    """What an SMS account has. Use `sms_schema` for the gateways that can really be chosen."""

    bound_fields = ("gateway",)

    gateway = Choice([], load_default="", metadata={"label": "Gateway", "widget": "hidden", "live": True})
    access_code = Code(
        metadata={
            "label": "Access Code",
            "help": "You get it from the gateway. Spaces around it do no harm.",
            "autocomplete": "off",
            "live": True,
        },
    )
    country_code = Region(
        maxlength=60,
        metadata={
            "label": "Country Phone Code",
            "help": "Numbers without a country code are taken as numbers of this country.",
            "widget": "combobox",
            "options_from": "countries",
            "autocomplete": "off",
            "live": True,
            "width": "half",
        },
    )
    sender_id = SenderId(
        maxlength=30,
        metadata={
            "label": "Sender ID",
            "help": "What recipients see: a number with country code, a short code, or 3 to 11 letters and digits.",
            "autocomplete": "off",
            "width": "half",
        },
    )
    low_credits = Whole(
        min=0,
        max=MAX_COUNT,
        load_default=LOW_CREDITS,
        metadata={
            "label": "Warn At Credits",
            "help": f"With so many left, or fewer, the list warns. Empty means {LOW_CREDITS}.",
            "width": "half",
        },
    )
    fixed_lines = Flag(
        load_default=False,
        metadata={
            "label": "Send to fixed lines too",
            "help": "Some networks read texts aloud there, most refuse them. Unchecked, fixed lines are not sent to.",
        },
    )


def sms_schema(gateways: Mapping[str, SmsGateway], chosen: str = "") -> type[SmsSchema]:
    """The form with these gateways; fields of the chosen one win where two gateways use one name."""
    keys = list(gateways)
    picked = gateways.get(chosen) or next(iter(gateways.values()), None)
    fields: dict[str, Any] = {
        "gateway": changed(
            SmsSchema._declared_fields["gateway"],
            {"widget": "select" if len(keys) > 1 else "hidden"},
            choices=tuple(Option(key, gateway.label) for key, gateway in gateways.items()),
            load_default=keys[0] if keys else "",
        ),
        "low_credits": changed(
            SmsSchema._declared_fields["low_credits"], {"when": {"gateway": keys_with(gateways, "balance")}}
        ),
    }
    for key in sorted(keys, key=lambda key: picked is not None and key == picked.key):  # the picked one comes last
        for name, field in _further(gateways[key]).items():
            before = fields[name].metadata["when"]["gateway"] if name in fields else []
            when = {**field.metadata.get("when", {}), "gateway": [*before, key]}
            fields[name] = changed(field, {"when": when, **_demanded(field, key)}, required=False)
    own = picked.fields if picked is not None else None
    bases: tuple[type[FormSchema], ...] = (SmsSchema,) if own is None else (SmsSchema, own)
    bound = ("gateway", *(name for name in (own.binding_fields() if own else ()) if name in fields))
    made: type[SmsSchema] = type("SmsSchema", bases, {**fields, "bound_fields": bound, "Meta": FormSchema.Meta})
    made._declared_fields = _in_order(made._declared_fields)
    return made


def _in_order(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Whatever the bases' order makes of it, a gateway's own fields stand below the gateway."""
    ours = list(SmsSchema._declared_fields)
    names = [name for name in declared if name not in ours]
    at = ours.index("gateway") + 1
    return {name: declared[name] for name in (*ours[:at], *names, *ours[at:])}


def keys_with(gateways: Mapping[str, SmsGateway], ability: str) -> list[str]:
    """The gateways that can do something: what is about it is shown while one of them is chosen."""
    return [key for key, gateway in gateways.items() if ability in gateway.capabilities]


def _demanded(field: Any, gateway: str) -> dict[str, Any]:
    """A field that its gateway requires is required only while that gateway is chosen."""
    wanted = field.metadata.get("required_when")
    return {"required_when": {**(wanted or {}), "gateway": [gateway]}} if wanted or field.required else {}


def _further(gateway: SmsGateway) -> dict[str, Any]:
    """A gateway's own fields; those that every SMS account has are not its to change."""
    if gateway.fields is None:
        return {}
    return {n: f for n, f in gateway.fields._declared_fields.items() if n not in SmsSchema._declared_fields}
