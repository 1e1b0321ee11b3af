"""The sandbox: an SMTP server and an SMS gateway on this machine, and the plugin that offers them as accounts."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crm_comm_plugin.hosts.web.running import Background, bound
from crm_comm_plugin.hosts.web.sandbox.gateway import make_gateway
from crm_comm_plugin.hosts.web.sandbox.plugin import SandboxPlugin
from crm_comm_plugin.hosts.web.sandbox.smtp import SmtpServer
from crm_comm_plugin.hosts.web.sandbox.state import State

HOST = "127.0.0.1"
SMTP_PORT, GATEWAY_PORT = 8766, 8767
"""Fixed, so that accounts saved yesterday find their servers today."""


@dataclass(slots=True)
class Sandbox:
    """Both servers, running. `plugin` goes into `comm.register`."""

    state: State
    smtp: SmtpServer
    gateway: Background
    plugin: SandboxPlugin

    @property
    def smtp_place(self) -> str:
        """Where mail goes."""
        return f"{HOST}:{self.smtp.port}"

    @property
    def gateway_place(self) -> str:
        """Where texts go."""
        return f"http://{HOST}:{self.gateway.port}"

    def stop(self) -> None:
        """Let go of both ports."""
        with suppress(Exception):  # an end that does not go well changes nothing for anybody
            self.smtp.stop(no_assert=True)
        self.gateway.stop()


def start(smtp_port: int = SMTP_PORT, gateway_port: int = GATEWAY_PORT, file: Path | None = None) -> Sandbox:
    """Start both servers on loopback; port 0 takes a free one. file: keeps codes and credits.

    Raises CommError in one clear line when a port is in use.
    """
    state = State(file)
    listening = bound(HOST, gateway_port, "The sandbox's SMS gateway")
    try:
        smtp = SmtpServer(state, HOST, smtp_port)
        smtp.start()
    except BaseException:
        listening.close()
        raise
    port = int(listening.getsockname()[1])
    gateway = Background(make_gateway(state, f"http://{HOST}:{port}"), listening)
    gateway.start()
    return Sandbox(state, smtp, gateway, SandboxPlugin(HOST, smtp.port, f"http://{HOST}:{port}"))


__all__ = ["GATEWAY_PORT", "HOST", "SMTP_PORT", "Sandbox", "start"]
