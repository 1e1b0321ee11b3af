"""E-mail accounts: presets, where a password goes, and advice while somebody types."""

from collections.abc import Mapping
from typing import Any

from crm_comm_hookspecs import PERMISSION_EDIT, AccountType, Action, Context, FormSchema
from crm_comm_hookspecs.conditions import as_text
from crm_comm_plugin.accounts.email_advice import advise
from crm_comm_plugin.accounts.form import Advice, Errors, Form, Servers, Typed
from crm_comm_plugin.accounts.presets import RATHER_OAUTH
from crm_comm_plugin.accounts.servers import CUSTOM, resolved
from crm_comm_plugin.domain.addresses import is_address, normalise_address
from crm_comm_plugin.domain.ports.discovery import MailDiscovery
from crm_comm_plugin.domain.ports.oauth import OAuthDesk

TEST = Action(
    name="test_connection",
    label="Test Connection",
    icon="bolt",
    help="Signs in to the server with what stands here, and sends nothing.",
)
SEND_TEST = Action(
    name="send_test",
    label="Send Me a Test",
    icon="mail",
    help="Sends one short message to you with what stands here. It counts against the limit of the account.",
)

_SECURED = {"starttls": " with STARTTLS", "tls": " with TLS", "none": " without encryption"}

SIGN_IN = "sign_in_"
"""Begins the names of actions that sign in with OAuth; the provider's key follows."""


class EmailForm(Form):
    """The form over the servers that are registered now. oauth, discovery: None where there is none."""

    foreign = False

    def __init__(
        self,
        type: AccountType,
        schema: type[FormSchema],
        servers: Servers,
        oauth: OAuthDesk | None = None,
        discovery: MailDiscovery | None = None,
    ) -> None:
        super().__init__(type, schema)
        self.servers, self.oauth, self.discovery = servers, oauth, discovery

    def actions(self, context: Context) -> tuple[Action, ...]:
        """The two tests, and signing in with OAuth, for whoever may edit."""
        return self.every_action() if PERMISSION_EDIT in context.permissions else ()

    def every_action(self) -> tuple[Action, ...]:
        """The two tests, and one action for each OAuth provider that this installation is known to."""
        offered = self.oauth.offered() if self.oauth is not None else ()
        return (TEST, SEND_TEST, *(_sign_in(key, label) for key, label in offered))

    def place(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The server with its host, port and security, also those of a preset: it might move."""
        server = resolved(values, self.servers)
        if server is None:
            return {"server": as_text(values.get("server"))}
        return {"server": server.key, "host": server.host, "port": str(server.port), "security": server.security}

    def place_in_words(self, then: Mapping[str, str]) -> str:
        """The old server, with all of it that counts: only the port may have changed."""
        if not then.get("host"):
            return "another server"
        return f"{then['host']}:{then.get('port', '')}".rstrip(":") + _SECURED.get(then.get("security", ""), "")

    def missing(self, values: Mapping[str, Any]) -> str:
        """The preset."""
        server = as_text(values.get("server"))
        return "" if server in ("", CUSTOM, *self.servers) else f"The mail server “{server}” is not installed here."

    def complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """The sender is the user where that is an address; a server with one way to sign in needs no choice."""
        user = values.get("user", "")
        if not values.get("sender") and is_address(user):
            values["sender"] = normalise_address(user)
        server = self.servers.get(values.get("server", ""))
        ways = server.sign_in if server is not None else ("password",)
        if "sign_in" not in values and ways:
            values["sign_in"] = ways[0]
        return values

    def problems(self, values: Mapping[str, Any], typed: frozenset[str]) -> Errors:
        """A password without a user, or a way to sign in that this server does not have."""
        errors: Errors = {}
        if "password" in typed and not values.get("user"):
            errors["user"] = ["Enter the user that the password belongs to, or leave the password empty."]
        server = self.servers.get(values.get("server", ""))
        ways = server.sign_in if server is not None else ("password",)
        if values.get("sign_in") not in ways:
            errors["sign_in"] = [f"This server does not offer that. Choose: {', '.join(ways)}."]
        return errors

    def needs(self, secret: str, values: Mapping[str, Any]) -> bool:
        """Without a user nobody signs in."""
        return secret != "password" or bool(values.get("user"))  # noqa: S105 - the name of a field

    def for_transport(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """With host, port and security of the preset."""
        server = resolved(values, self.servers)
        if server is None:
            return dict(values)
        return {**values, "host": server.host, "port": server.port, "security": server.security}

    def advise(self, typed: Typed) -> Advice:
        """The server of an address, the provider's limit, what a provider wants as password."""
        advice = advise(typed, self.servers, self.discovery)
        server = advice.values.get("server", typed.text("server"))
        just_chosen = "server" in advice.values or typed.changed == "server"
        if just_chosen and server in RATHER_OAUTH and self._provider({**typed.values, "server": server}) is not None:
            advice.values["sign_in"] = "oauth"
        return advice

    def warnings(self, values: Mapping[str, Any]) -> Errors:
        """An account without an address to send from, a password that anybody can read."""
        hints: Errors = {}
        if not values.get("sender"):
            hints["sender"] = ["Enter the sender's address: without it nothing can be sent."]
        if values.get("sign_in") == "oauth":
            hints["sign_in"] = [self._oauth_step(values)]
        if values.get("server") == CUSTOM and values.get("security") == "none" and values.get("user"):
            hints["security"] = ["Anybody on the way to this server can read the password. Choose STARTTLS or TLS."]
        return hints

    def _provider(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """(key, label) of whoever signs in to this server with OAuth here."""
        return self.oauth.provider_for(self.for_transport(values)) if self.oauth is not None else None

    def _oauth_step(self, values: Mapping[str, Any]) -> str:
        """What is left to do for an account that signs in with OAuth."""
        provider = self._provider(values)
        if provider is None:
            return "OAuth is not set up here for this server. Ask your administrator for a client id."
        return f"Press Sign in with {provider[1]} if this account is not signed in yet."


def _sign_in(key: str, label: str) -> Action:
    return Action(
        name=f"{SIGN_IN}{key}",
        label=f"Sign in with {label}",
        icon="key",
        help=f"Opens {label}'s page, where the owner of the account allows sending. No password is kept.",
    )
