"""The error tree: what a caller of the hooks can run into. Users' own mistakes come back in `Result.errors`."""

import re
from datetime import datetime
from typing import ClassVar

from .enums import Reason

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class CommError(Exception):
    """Base of all errors of this contract.

    code: stable and machine-readable; retryable: True when the same call may work a moment later;
    hint: the next step, in words for people. The text holds no secret and no message content.
    A bare CommError may be given its code in the place of the message: `CommError("quota_file_missing", False, "...")`.
    """

    default_code: ClassVar[str] = "comm_error"
    default_retryable: ClassVar[bool] = False
    default_hint: ClassVar[str] = "Try again; `crm-comm doctor` says what is wrong with the installation."

    def __init__(self, message: str = "", retryable: bool | None = None, hint: str = "", *, code: str = "") -> None:
        if not code and self.default_code == CommError.default_code and _CODE.fullmatch(message):
            code, message = message, ""
        self.code = code or self.default_code
        self.retryable = self.default_retryable if retryable is None else retryable
        self.hint = hint or self.default_hint
        self.message = message or self.code.replace("_", " ").capitalize()
        super().__init__(f"{self.message} {self.hint}".strip())

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders (worker pools), so they must survive pickling."""
        return (_rebuild, (type(self), self.args, dict(self.__dict__)))


def _rebuild(kind: type[CommError], args: tuple[object, ...], state: dict[str, object]) -> CommError:
    """Around `__init__`, whose arguments a plugin's own error may have changed."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class NotStarted(CommError):
    """The plugin is not running in this manager, or was shut down."""

    default_code = "not_started"
    default_hint = "Call Communication(pm) first, or do not use it after shutdown."


class NotPermitted(CommError):
    """The context lacks the permission the call needs."""

    default_code = "not_permitted"
    default_hint = "Ask an administrator of the CRM for this permission."


class InvalidInput(CommError):
    """An argument is of the wrong type, out of range, or does not belong here."""

    default_code = "invalid_input"
    default_hint = "Check the arguments of this call."


class UnknownAccount(CommError):
    """No such account, or it was deleted."""

    default_code = "unknown_account"
    default_hint = "Choose one of the accounts in the list; a deleted one can be restored for 30 days."


class UnknownEditor(CommError):
    """No plugin answers for this editor or viewer."""

    default_code = "unknown_editor"
    default_hint = "Use a name from the viewers or editors hook."


class UnknownAction(CommError):
    """No plugin answers for this action."""

    default_code = "unknown_action"
    default_hint = "Use a name from the viewer's or editor's actions."


class UnknownReservation(CommError):
    """No such reservation, or it is too old and was pruned."""

    default_code = "unknown_reservation"
    default_hint = "Reserve again with a new key."


class ReservationMismatch(CommError):
    """The reservation was settled with another number, or more was used than granted."""

    default_code = "reservation_mismatch"
    default_hint = "Settle once, with a number from 0 to what was granted."


class KeyReused(CommError):
    """The same key was used before for something else."""

    default_code = "key_reused"
    default_hint = "Use a new key for a new job, and the same key only to repeat the same one."


class SendInProgress(CommError):
    """Another thread, process or machine is running this send."""

    default_code = "send_in_progress"
    default_retryable = True
    default_hint = "Wait until it has finished, or cancel it."


class Busy(CommError):
    """Too many callers at once: the configured waiting time is over."""

    default_code = "busy"
    default_retryable = True
    default_hint = "Try again in a moment."


class StorageUnavailable(CommError):
    """The database cannot be reached, read or written."""

    default_code = "storage_unavailable"
    default_retryable = True
    default_hint = "Check that the database is running and writable; `crm-comm doctor` says more."


class SchemaTooNew(CommError):
    """The database was written by a newer version of the plugin."""

    default_code = "schema_too_new"
    default_hint = "Install the newer version of crm-comm-plugin, or restore the copy made before its upgrade."


class SchemaTooOld(CommError):
    """The database is of an older version and must be migrated first."""

    default_code = "schema_too_old"
    default_hint = "Run `crm-comm db upgrade`; it copies a SQLite file first."


class SecretsUnavailable(CommError):
    """The keyring is locked, missing, or its key is wrong. Accounts are never lost by this."""

    default_code = "secrets_unavailable"
    default_hint = "Unlock the keyring or set its key; `crm-comm doctor` says which."


class Unsupported(CommError):
    """The gateway or server cannot do this."""

    default_code = "unsupported"
    default_hint = "Choose a gateway or server that can do this."


class TransportError(CommError):
    """Raised by a `Transport`: the whole line failed, not one recipient.

    reason: why the recipients that were not handed over are skipped; it may also be given in the place of the message,
    `TransportError(Reason.AUTH)`. retry_at: when to try again (aware UTC), if known.
    """

    default_code = "transport_error"
    default_retryable = True
    default_hint = "Use Test Connection in the account's editor to see which step fails."

    def __init__(
        self,
        message: str | Reason = "",
        retry_at: datetime | None = None,
        *,
        reason: Reason | str = Reason.UNREACHABLE,
        retryable: bool | None = None,
        hint: str = "",
        code: str = "",
    ) -> None:
        if message in list(Reason):
            reason, message = Reason(message), ""
        self.reason = Reason(reason)
        self.retry_at = retry_at
        super().__init__(message or _LINES.get(self.reason, _LINE), retryable, hint, code=code)


_LINE = "The line to the service failed."
_LINES = {
    Reason.AUTH: "The service does not take the sign-in.",
    Reason.CREDITS: "The credits are used up.",
    Reason.PROVIDER_LIMIT: "The provider's own limit is reached.",
    Reason.UNREACHABLE: "The service cannot be reached.",
}
"""What people read of a line that failed without words of its own, in the outcome of each recipient."""
