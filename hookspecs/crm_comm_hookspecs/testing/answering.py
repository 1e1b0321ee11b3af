"""What the suites say of a plugin that fails or answers something else: pytest does not look into our asserts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from marshmallow import ValidationError

from ..enums import RecipientStatus
from ..errors import CommError
from ..extending import Transport
from ..working import Outcome
from .hostile import SECRET

T = TypeVar("T")


def asked(what: str, call: Callable[..., T], *arguments: Any) -> T:
    """What the plugin answers. Errors of the contract and of a form are answers, too; any other one is a bug."""
    try:
        return call(*arguments)
    except (CommError, ValidationError, AssertionError):
        raise
    except Exception as error:
        raise AssertionError(f"{what} must not raise {type(error).__name__}: {error}") from error


def expected(what: str, answer: Any, kind: type) -> None:
    """The answer is of the kind."""
    assert isinstance(answer, kind), f"{what} must answer {kind.__name__}, not {type(answer).__name__}"


def several(what: str, answer: Any, kind: type) -> list[Any]:
    """The values of an iterable, each of the kind."""
    fits = isinstance(answer, Iterable) and not isinstance(answer, str | bytes | Mapping)
    assert fits, f"{what} must answer an iterable of {kind.__name__}, not {type(answer).__name__}"
    values: list[Any] = asked(what, list, answer)
    for value in values:
        assert isinstance(value, kind), f"{what} must give {kind.__name__} values, not {type(value).__name__}"
    return values


@contextmanager
def line(what: str, transport: Any) -> Iterator[Transport]:
    """A transport, closed at the end. what: where it comes from."""
    lacks = [name for name in ("batch", "deliver", "diagnose", "close") if not hasattr(transport, name)]
    assert not lacks, f"{what} must answer a Transport; {type(transport).__name__} lacks {', '.join(lacks)}"
    try:
        yield transport
    finally:
        asked("close", transport.close)


def examine(outcome: Outcome) -> None:
    """An outcome that can be kept and shown."""
    status = outcome.status
    assert isinstance(status, RecipientStatus), f"status is a RecipientStatus, not {type(status).__name__} {status!r}"
    if status is not RecipientStatus.SENT:
        assert outcome.reason, "say why somebody was not reached: an Outcome that is not sent needs a reason"
    for name in ("at", "retry_at"):
        aware(f"{name} of an Outcome", getattr(outcome, name))
    unseen("an Outcome", outcome)


def aware(what: str, at: datetime | None) -> None:
    """A time with its zone, or none."""
    assert at is None or at.utcoffset() is not None, f"{what} is a time without a zone: use aware UTC times"


def unseen(what: str, shown: object) -> None:
    """The secret is not in what is shown."""
    assert SECRET not in str(shown) + repr(shown), f"{what} shows the secret"
