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
            assert _DOMAIN.fullmatch(server.host.lower()), server.host
            assert 0 < server.port < 65536
            assert server.security in {"starttls", "tls"}, f"{server.key} would send passwords in the clear"
            assert server.sign_in, f"{server.key} needs a way to sign in"
            assert set(server.sign_in) <= {"password", "oauth"}
            assert server.per_message >= 1
            assert server.per_connection >= 0
            assert server.connections >= 1

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
            assert not server.help_url or server.help_url.startswith("https://")
