"""Postfix with Dovecot's sign-in on loopback, a policy service that decides at every phase, and a sink for what leaves.

Runs as root on Debian with the packages postfix and dovecot-core; everything lies in one folder and ends with it.
"""

import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aiosmtpd.controller import Controller

from tests.ports import free_port

USER, PASSWORD = "ann@example.com", "Geheim-7"


def wait_for(port: int, seconds: float = 20.0) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


class Sink:
    """Takes everything that Postfix delivers."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []

    async def handle_DATA(self, server, session, envelope) -> str:
        """One message."""
        self.got += [(address, envelope.original_content) for address in envelope.rcpt_tos]
        return "250 2.0.0 ok"

    def counts(self) -> Counter:
        """How many messages that Postfix was given each address got: a killed Postfix may itself deliver one twice."""
        given = {(address, re.search(rb"\sid (\S+)", content).group(1)) for address, content in list(self.got)}
        return Counter(address for address, _ in given)


class Policy(socketserver.ThreadingTCPServer):
    """A policy service. decide(attributes) -> action; "" = no opinion."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.decide: Callable[[dict[str, str]], str] = lambda asked: ""
        super().__init__(("127.0.0.1", 0), _Asked)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    def handle_error(self, request, client_address) -> None:
        """A Postfix that was killed hangs up."""


class _Asked(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        asked: dict[str, str] = {}
        for raw in self.rfile:
            name, _, value = raw.decode().strip().partition("=")
            if name:
                asked[name] = value
                continue
            self.wfile.write(f"action={self.server.decide(asked) or 'DUNNO'}\n\n".encode())
            asked = {}


class MailServers:
    """Both servers, the policy and the sink. few: a port that takes five recipients in one message."""

    def __init__(self, folder: Path, certificate: Path, introspect: str, discard: bool = False) -> None:
        self.folder = folder
        self.policy, self.sink = Policy(), Sink()
        self.starttls, self.tls, self.few, self.auth = (free_port() for _ in range(4))
        self._sink = Controller(self.sink, hostname="127.0.0.1", port=free_port())
        self._processes: list[subprocess.Popen] = []
        self._certificate, self._introspect, self._discard = certificate, introspect, discard
        for name in ("postfix", "postfix/queue", "postfix/data", "dovecot"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for path in (folder, *folder.parents):
            if path.owner() == "root" and path != Path("/") and str(path).startswith("/tmp/"):
                path.chmod(0o755)
        shutil.chown(folder / "postfix/data", "postfix")

    def start(self) -> None:
        """Start everything."""
        self._sink.start()
        self._configure_dovecot()
        self._configure_postfix()
        self.start_dovecot()
        self.start_postfix()

    def start_dovecot(self) -> None:
        """Start Dovecot, also again after `stop_dovecot`."""
        self._run("dovecot", "-F", "-c", str(self.folder / "dovecot/dovecot.conf"))
        wait_for(self.auth)

    def stop_dovecot(self) -> None:
        """From now on Postfix has nobody to ask about passwords."""
        process = next(found for found in self._processes if found.args[0] == "dovecot")
        self._processes.remove(process)
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)

    def start_postfix(self) -> None:
        """Start Postfix, also again after `kill`: it refuses to start as long as what was killed is not quite gone."""
        deadline = time.monotonic() + 60
        while True:
            process = self._run("postfix", "-c", str(self.folder / "postfix"), "start-fg")
            if self._serves(process):
                return
            self._processes.remove(process)
            if time.monotonic() > deadline:
                said = (self.folder / "output").read_text(errors="replace").splitlines()[-10:]
                raise TimeoutError("\n".join(("Postfix does not start; the last that was said:", *said)))

    def _serves(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until all ports are served; False when the process has ended instead."""
        for port in (self.starttls, self.tls, self.few):
            while process.poll() is None:
                with suppress(TimeoutError):
                    wait_for(port, 0.2)
                    break
        return process.poll() is None

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        return self._processes[-1]

    def kill(self) -> None:
        """End Postfix at once, with all that it is doing."""
        process = next(found for found in self._processes if found.args[0] == "postfix")
        self._processes.remove(process)  # first: as soon as it is dead, a test may start another one
        self._end_postfix()
        process.wait(10)

    def _end_postfix(self) -> None:
        """Its master leads a process group of its own."""
        with suppress(OSError, ValueError):
            os.killpg(int((self.folder / "postfix/queue/pid/master.pid").read_text()), signal.SIGKILL)

    def stop(self) -> None:
        """End everything."""
        self._end_postfix()
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        self._sink.stop()
        self.policy.shutdown()
        self.policy.server_close()

    def settled(self, count: int, seconds: float = 60.0) -> Counter:
        """What arrived, once so many addresses got something or the time is over."""
        deadline = time.monotonic() + seconds
        while len(self.sink.counts()) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.sink.counts()

    def flush(self) -> None:
        """Deliver what waits in the queue."""
        subprocess.run(["postqueue", "-c", str(self.folder / "postfix"), "-f"], check=False, capture_output=True)

    def _configure_dovecot(self) -> None:
        """Without Dovecot's penalty for failures from one address: beyond ten seconds Postfix gives up, with a 454."""
        home = self.folder / "dovecot"
        (home / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (home / "oauth2.conf").write_text(
            f"introspection_mode = post\nintrospection_url = {self._introspect}\nusername_attribute = username\n"
            "active_attribute = active\nactive_value = true\n"
        )
        (home / "dovecot.conf").write_text(
            f"""base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
instance_name = {home.parent.name}
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
auth_cache_size = 0
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN {home}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {home}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=dovecot gid=dovecot home=/tmp
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {self.auth}
  }}
}}
"""
        )

    def _configure_postfix(self) -> None:
        home, policy = self.folder / "postfix", f"check_policy_service inet:127.0.0.1:{self.policy.port}"
        onward = "discard:" if self._discard else f"smtp:[127.0.0.1]:{self._sink.port}"
        (home / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {home}/log
maillog_file_prefixes = /tmp
disable_dns_lookups = yes
default_transport = {onward}
default_destination_recipient_limit = 1
minimal_backoff_time = 1s
queue_run_delay = 1s
smtpd_tls_chain_files = {self._certificate}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{self.auth}
smtpd_client_connection_count_limit = 0
smtpd_delay_reject = no
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_client_restrictions = {policy}
smtpd_helo_restrictions = {policy}
smtpd_sender_restrictions = {policy}
smtpd_recipient_restrictions = {policy}, permit_sasl_authenticated, reject
smtpd_data_restrictions = {policy}
smtpd_end_of_data_restrictions = {policy}
"""
        )
        services = [
            f"127.0.0.1:{self.starttls} inet n - n - - smtpd",
            f"127.0.0.1:{self.tls} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes",
            f"127.0.0.1:{self.few} inet n - n - - smtpd -o smtpd_recipient_limit=5",
            "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
            "tlsmgr unix - - n 1000? 1 tlsmgr", "rewrite unix - - n - - trivial-rewrite",
            "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
            "verify unix - - n - 1 verify", "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap",
            "smtp unix - - n - - smtp", "relay unix - - n - - smtp", "error unix - - n - - error",
            "retry unix - - n - - error", "discard unix - - n - - discard", "anvil unix - - n - 1 anvil",
            "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd", "showq unix n - n - - showq",
        ]  # fmt: skip
        (home / "master.cf").write_text("\n".join(services) + "\n")
