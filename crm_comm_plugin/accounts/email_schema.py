"""The form of e-mail accounts, made for the mail servers that are registered now."""

from collections.abc import Sequence
from typing import Any

from crm_comm_hookspecs import AccountSchema, Choice, MailServer, Option, Secret, Text, Whole
from crm_comm_plugin.accounts.fields import Address, HostName, changed
from crm_comm_plugin.accounts.presets import FEATURED
from crm_comm_plugin.accounts.servers import CUSTOM, CUSTOM_LABEL

_ONLY_CUSTOM = {"server": [CUSTOM]}
_SIGN_IN = {"password": "Password", "oauth": "OAuth"}
MOST_SEGMENTS = 4
"""More servers than this are shown as a list, not side by side."""


class EmailSchema(AccountSchema):
    """What an e-mail account has. Use `email_schema` for the servers that can really be chosen."""

    bound_fields = ("server", "host", "port", "security")

    user = Text(
        maxlength=254,
        plain=True,
        metadata={
            "label": "User",
            "help": "Usually the e-mail address. Leave it empty for a server without sign-in.",
            "placeholder": "name@example.com",
            "autocomplete": "off",
            "live": True,
            "width": "half",
        },
    )
    password = Secret(metadata={"label": "Password", "autocomplete": "new-password", "width": "half"})
    server = Choice([(CUSTOM, CUSTOM_LABEL)], required=True, metadata={"label": "Server", "live": True})
    sign_in = Choice(
        [("password", "Password")],
        load_default="password",
        metadata={"label": "Sign-in", "widget": "hidden", "live": True},
    )
    host = HostName(
        maxlength=253,
        metadata={
            "label": "Host",
            "placeholder": "smtp.example.com",
            "when": _ONLY_CUSTOM,
            "required_when": _ONLY_CUSTOM,
            "live": True,
            "width": "half",
        },
    )
    port = Whole(
        min=1,
        max=65_535,
        load_default=587,
        metadata={
            "label": "Port",
            "when": _ONLY_CUSTOM,
            "required_when": _ONLY_CUSTOM,
            "live": True,
            "width": "third",
        },
    )
    security = Choice(
        [("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "None")],
        load_default="starttls",
        metadata={
            "label": "Security",
            "help": "Without it anybody on the way can read the password.",
            "when": _ONLY_CUSTOM,
            "required_when": _ONLY_CUSTOM,
            "live": True,
            "width": "third",
        },
    )
    sender = Address(
        maxlength=320,
        metadata={
            "label": "Sender",
            "help": "The address that recipients see. Empty: the user, when that is an address.",
            "autocomplete": "off",
        },
    )


def email_schema(servers: Sequence[MailServer]) -> type[EmailSchema]:
    """The form with these presets to choose from, beside a custom server; the big ones first, then in their order."""
    known = {server.key: Option(server.key, server.label, "mail") for server in servers}
    known[CUSTOM] = Option(CUSTOM, CUSTOM_LABEL, "server")
    first = [known[key] for key in FEATURED if key in known]
    choices = [*first, *(option for key, option in known.items() if key not in FEATURED)]
    with_password = [*(server.key for server in servers if "password" in server.sign_in), CUSTOM]
    ways = {"password", *(way for server in servers for way in server.sign_in)}
    several = [server.key for server in servers if len(server.sign_in) > 1]
    return _made(choices, with_password, tuple(Option(way, _SIGN_IN.get(way, way)) for way in sorted(ways)), several)


def _made(
    choices: Sequence[Option], with_password: Sequence[str], ways: tuple[Option, ...], several: Sequence[str]
) -> type[EmailSchema]:
    known = EmailSchema._declared_fields
    by_password = {"server": list(with_password), "sign_in": ["password", ""]}
    shown = {**by_password, "server": [*with_password, ""]}
    presets = [choice.value for choice in choices if choice.value != CUSTOM]
    fields: dict[str, Any] = {
        "user": changed(known["user"], {"required_when": {"server": presets}} if presets else {}),
        "password": changed(known["password"], {"when": shown, "required_when": {"user": ["*"], **by_password}}),
        "server": changed(
            known["server"],
            {"widget": "segmented" if len(choices) <= MOST_SEGMENTS else "select"},
            choices=tuple(choices),
        ),
    }
    shown_ways = {"widget": "segmented", "when": {"server": list(several)}} if several else {}
    fields["sign_in"] = changed(known["sign_in"], shown_ways, choices=ways)
    return type("EmailSchema", (EmailSchema,), fields)
