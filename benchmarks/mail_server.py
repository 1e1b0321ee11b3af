"""A real Postfix that takes mail from this machine and throws it away: what is measured is how fast it accepts."""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.ports import free_port
from tests.real.mail_servers import MailServers, wait_for

DRAINED_SECONDS = 60.0


class Accepting(MailServers):
    """Postfix of the tests with one more port, without sign-in, policy or encryption; nobody asks Dovecot here."""

    def __init__(self, folder: Path) -> None:
        chain = folder / "chain.pem"
        trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
        super().__init__(folder, chain, "", discard=True)
        self.port = free_port()

    def start(self) -> None:
        """Postfix alone."""
        self._configure_postfix()
        home = self.folder / "postfix"
        with (home / "main.cf").open("a") as settings:  # else it waits a second when it accepts faster than it delivers
            settings.write("in_flow_delay = 0\n")
        with (home / "master.cf").open("a") as services:
            services.write(f"127.0.0.1:{self.port} inet n - n - - smtpd {_OPEN}\n")
        self.start_postfix()
        wait_for(self.port)

    def stop(self) -> None:
        """End it; the sink that was never started needs no end."""
        self._sink.stop = lambda: None
        super().stop()

    def drain(self) -> None:
        """Until all that was accepted is thrown away, so that one block's rest is not the next one's load."""
        deadline = time.monotonic() + DRAINED_SECONDS
        queue = self.folder / "postfix/queue"
        while any(p.is_file() for name in ("incoming", "active") for p in (queue / name).rglob("*")):
            if time.monotonic() > deadline:
                raise TimeoutError("Postfix does not come to an end with what it accepted")
            time.sleep(0.02)

    def accepted(self) -> int:
        """How many messages its log says it has taken."""
        return len(re.findall(r"discard\[\d+\]: \w+: .*status=sent", (self.folder / "postfix/log").read_text()))


_OPEN = (
    "-o smtpd_tls_security_level=none -o smtpd_sasl_auth_enable=no -o mynetworks=127.0.0.0/8 "
    "-o smtpd_relay_restrictions=permit_mynetworks,reject -o smtpd_sender_restrictions= "
    "-o smtpd_recipient_restrictions= -o smtpd_data_restrictions= -o smtpd_end_of_data_restrictions="
)


@contextmanager
def accepting() -> Iterator[Accepting]:
    """The server, ended afterwards with all that it wrote."""
    with tempfile.TemporaryDirectory(prefix="comm-bench-mail-") as folder:
        server = Accepting(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def version() -> str:
    """Of Postfix."""
    found = subprocess.run(["postconf", "-d", "-h", "mail_version"], check=True, capture_output=True, text=True)
    return found.stdout.strip()
