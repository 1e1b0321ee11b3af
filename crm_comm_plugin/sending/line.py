"""The transport of one run: opened when first needed, told which send it works for, closed at the end."""

import logging
from contextlib import suppress

from crm_comm_hookspecs import CommError, Reason, Transport, TransportError
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.ports.credits import SendAware
from crm_comm_plugin.sending.dispatch import LOGGER, Failure
from crm_comm_plugin.sending.pace import Pace
from crm_comm_plugin.sending.parts import SendParts


class Line:
    """One transport for a whole run."""

    def __init__(self, parts: SendParts, send_id: str, pace: Pace) -> None:
        self._parts = parts
        self._send_id = send_id
        self._pace = pace
        self._transport: Transport | None = None

    def open(self, account: StoredAccount) -> Transport | Failure:
        """The transport, or why there is none. Errors of ours (a locked keyring) are raised: somebody must act."""
        if self._transport is not None:
            return self._transport
        try:
            transport = self._parts.accounts.connect(account)
            if isinstance(transport, SendAware):
                transport.begin(self._send_id)
        except TransportError as error:
            return Failure(error.reason, error.message, error.retry_at)
        except CommError:
            raise
        except Exception as error:  # noqa: BLE001 - a third party's connect
            logging.getLogger(LOGGER).warning(
                "Account type %s failed to connect: %s", account.type, type(error).__name__
            )
            return Failure(Reason.UNREACHABLE, "The account type could not open its line.")
        self._transport = transport
        self._pace.likes(getattr(transport, "batch", 1))
        return transport

    def close(self) -> None:
        """Let go of the transport; nothing that goes wrong here matters any more."""
        transport, self._transport = self._transport, None
        if transport is not None:
            with suppress(Exception):
                transport.close()
