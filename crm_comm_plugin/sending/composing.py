"""The message of each recipient: the same for all, or made by the caller's function."""

from collections.abc import Callable

from crm_comm_hookspecs import EmailMessage, InvalidInput, Reason, RecipientStatus, TextMessage
from crm_comm_hookspecs.messages import Message, MessageSource, Recipient
from crm_comm_hookspecs.working import Outcome

BATCH_BYTES = 16_000_000
"""A batch is cut short when its messages together are larger, so that memory stays flat."""

_KINDS: dict[str, tuple[type, ...]] = {"email": (EmailMessage,), "sms": (TextMessage,)}
_ANY = (EmailMessage, TextMessage)


class Composer:
    """Makes messages. One message for all must fit the account's channel, else InvalidInput."""

    def __init__(self, source: MessageSource, channel: str) -> None:
        self._kinds = _KINDS.get(channel, _ANY)
        self._make: Callable[[Recipient], Message] | None = None
        self._message: Message | None = None
        if isinstance(source, _ANY):
            if not isinstance(source, self._kinds):
                raise InvalidInput(f"This account sends {self._names()}, not {type(source).__name__}.")
            self._message = source
        elif callable(source):
            self._make = source
        else:
            raise InvalidInput(
                f"The message must be {self._names()} or a function of the recipient, not {type(source).__name__}."
            )

    @property
    def fixed(self) -> Message | None:
        """The one message for all, if it is one."""
        return self._message

    def message_for(self, recipient: Recipient) -> Message | Outcome:
        """The message, or why this recipient gets none. What the caller's function raised is named by its class only:
        its text may hold content."""
        if self._make is None:
            return self._message  # type: ignore[return-value]
        try:
            made: object = self._make(recipient)
        except Exception as error:  # noqa: BLE001 - the caller's function
            return _failed(recipient, f"The message could not be made ({type(error).__name__}).")
        if isinstance(made, self._kinds):
            return made  # type: ignore[return-value]
        return _failed(recipient, f"The message must be {self._names()}, not {type(made).__name__}.")

    def _names(self) -> str:
        return " or ".join(kind.__name__ for kind in self._kinds)


def weight(message: Message) -> int:
    """About how many bytes a message holds; 0 for one that is the same for all is the caller's to know."""
    if isinstance(message, TextMessage):
        return len(message.text) if isinstance(message.text, str) else 0
    try:
        return len(message.text) + len(message.html) + sum(len(part.content) for part in message.attachments)
    except (TypeError, AttributeError):
        return 0  # not what it should be: the transport refuses it in words


def _failed(recipient: Recipient, detail: str) -> Outcome:
    return Outcome(recipient=recipient, status=RecipientStatus.FAILED, reason=Reason.MESSAGE, detail=detail)
