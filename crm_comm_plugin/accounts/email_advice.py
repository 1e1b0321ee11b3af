"""Advice for the e-mail form: from an address to its server, ports that fit, the provider's own numbers."""

from collections.abc import Callable
from typing import Any

from crm_comm_hookspecs import MailServer, Window
from crm_comm_plugin.accounts.form import Advice, Errors, Servers, Typed
from crm_comm_plugin.accounts.presets import ESTIMATED
from crm_comm_plugin.accounts.servers import CUSTOM, preset_for
from crm_comm_plugin.domain.addresses import domain_of, is_address, normalise_address
from crm_comm_plugin.domain.ports.discovery import Discovered, MailDiscovery

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_WORDS = {Window.MINUTE: "per minute", Window.HOUR: "per hour", Window.DAY: "per day", Window.MONTH: "per month"}


def advise(typed: Typed, servers: Servers, discovery: MailDiscovery | None = None) -> Advice:
    """Hints for the whole form as it stands; suggested values only for what the last change calls for."""
    hints: Errors = {}
    values: dict[str, Any] = {}
    say: Callable[[str, str], None] = lambda name, text: hints.setdefault(name, []).append(text)  # noqa: E731
    _server(typed, servers, discovery, values, say)
    _port(typed, values, say)
    chosen = servers.get(str(values.get("server", typed.text("server"))))
    if chosen is not None:
        _password(chosen, say)
        _limit(typed, chosen, values, say)
    return Advice(hints=hints, values=values)


Say = Callable[[str, str], None]


def _server(typed: Typed, servers: Servers, discovery: MailDiscovery | None, values: dict[str, Any], say: Say) -> None:
    user = typed.text("user")
    if not is_address(user):
        return
    address = normalise_address(user)
    now = typed.text("server")
    just_typed = typed.changed == "user"
    preset = preset_for(address, servers.values())
    if preset is not None:
        if now != preset.key and just_typed:
            values["server"] = preset.key
            say("server", f"{domain_of(address)} belongs to {preset.label}.")
        elif now and now != preset.key:
            say("server", f"{domain_of(address)} usually belongs to {preset.label}.")
    elif now in ("", CUSTOM):
        _find(typed, domain_of(address), servers, discovery, values, say)
    if just_typed and typed.text("sender") == str(typed.before.get("user") or "-"):
        values["sender"] = address


def _find(
    typed: Typed, domain: str, servers: Servers, discovery: MailDiscovery | None, values: dict[str, Any], say: Say
) -> None:
    """What the domain says of itself; else a guess."""
    asking = typed.changed == "user" and typed.is_empty("host")
    found = discovery.find(domain, asking) if discovery is not None else None
    if found is None:
        _guess(typed, domain, values, say)
    elif found.preset and (preset := servers.get(found.preset)) is not None:
        if asking:
            values["server"] = preset.key
        say("server", f"{domain} seems to be with {preset.label}, by {found.source}. Please check that.")
    elif found.host:
        _found(typed, found, asking, values, say)


def _found(typed: Typed, found: Discovered, asking: bool, values: dict[str, Any], say: Say) -> None:
    if asking:
        values |= {"server": CUSTOM, "host": found.host, "port": found.port, "security": found.security}
    if values.get("host", typed.text("host")) == found.host:
        say("host", f"{found.host} comes from {found.source}. Please test the connection.")


def _guess(typed: Typed, domain: str, values: dict[str, Any], say: Say) -> None:
    host = f"smtp.{domain}"
    if typed.changed == "user" and typed.is_empty("host"):
        values |= {"server": CUSTOM, "host": host, "port": 587, "security": "starttls"}
    if values.get("host", typed.text("host")) == host:
        say("host", f"{host} is only a guess from the address. Please check it with your provider, and test it.")


def _port(typed: Typed, values: dict[str, Any], say: Say) -> None:
    if typed.text("server") != CUSTOM:
        return
    security, port = typed.text("security"), typed.text("port")
    usual = _PORTS.get(security)
    if usual is None or port == str(usual):
        return
    others = {str(p) for p in _PORTS.values()} - {str(usual)}
    if typed.changed == "security" and (port in others or not port):
        values["port"] = usual
    elif {security, port} in ({"tls", "587"}, {"starttls", "465"}):
        say("port", f"With this security the port is usually {usual}.")


def _password(server: MailServer, say: Say) -> None:
    if server.help:
        say("password", f"{server.help} {server.help_url}".strip())


def _limit(typed: Typed, server: MailServer, values: dict[str, Any], say: Say) -> None:
    limit = server.limit
    if limit is None or limit.count is None:
        return
    chosen = typed.text("limitation")
    source = f" Source: {server.source} ({server.as_of})." if server.source else ""
    text = f"{server.label} allows about {limit.count} recipients {_WORDS[limit.window]}."
    if server.key in ESTIMATED:
        text = f"{limit.count} recipients {_WORDS[limit.window]} is a careful start: {server.label} states no number."
    if chosen == limit.window:
        if typed.changed == "limitation" and typed.is_empty("limitation_count"):
            values["limitation_count"] = limit.count
        say("limitation_count", f"{text} Stay below it: mail sent from other programs counts too.{source}")
    elif chosen in ("", Window.NONE):
        say("limitation", text)
    else:
        say("limitation_count", f"{text}{source}")
