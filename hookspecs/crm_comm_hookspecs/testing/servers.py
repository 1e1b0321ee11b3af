"""MailServerSuite: derive a test class from it, and it shows that presets of mail servers keep the contract."""

import re
from collections.abc import Iterable

from ..extending import MailServer
from ..markers import hookimpl
from .fakes import start

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)+")


class MailServerSuite:
    """Override `servers`."""

    def servers(self) -> Iterable[MailServer]:
        """The presets."""
        raise NotImplementedError

    def test_they_are_accepted_by_the_facade(self) -> None:
        servers = list(self.servers())

        class Plugin:
            @hookimpl
            def crm_comm_mail_servers(self) -> list[MailServer]:
                return servers

        with start() as comm:
            comm.register(Plugin(), "plugin_under_test")
            found = comm.contributions("crm_comm_mail_servers")
            assert comm.failures == (), comm.failures
            assert [c.value for c in found] == servers

    def test_each_can_be_connected_to(self) -> None:
        for server in self.servers():
            assert server.label, f"{server.key} has no label"
            assert _DOMAIN.fullmatch(server.host.lower()), (
                f"host of {server.key} is a server's name, not {server.host!r}"
            )
            assert isinstance(server.port, int), f"the port of {server.key} is a number"
            assert 0 < server.port < 65536, f"the port of {server.key} is from 1 to 65535"
            safe = server.security in {"starttls", "tls"}
            assert safe, (
                f"security of {server.key} is starttls or tls, not {server.security!r}: passwords go through it"
            )
            assert server.sign_in, f"{server.key} needs a way to sign in"
            ways = set(server.sign_in) <= {"password", "oauth"}
            assert ways, f"sign_in of {server.key} is of password and oauth, not {server.sign_in!r}"
            assert server.per_message >= 1, f"per_message of {server.key} is at least 1 recipient"
            assert server.per_connection >= 0, f"per_connection of {server.key} is a number of messages, 0 for any"
            assert server.connections >= 1, f"connections of {server.key} is at least 1"

    def test_domains_are_claimed_once(self) -> None:
        claimed: dict[str, str] = {}
        for server in self.servers():
            for domain in server.domains:
                assert _DOMAIN.fullmatch(domain), f"{domain!r} is no domain in lower case"
                assert claimed.setdefault(domain, server.key) == server.key, f"{domain} is claimed twice"

    def test_numbers_have_a_source_and_a_date(self) -> None:
        for server in self.servers():
            if server.limit or server.pace or server.per_connection or server.per_message > 1:
                assert server.source.startswith("https://"), f"say where the numbers of {server.key} are from"
                assert re.match(r"20\d\d-[01]\d", server.as_of), f"say when the numbers of {server.key} were read"
            safe = not server.help_url or server.help_url.startswith("https://")
            assert safe, f"help_url of {server.key} is https, not {server.help_url!r}"
