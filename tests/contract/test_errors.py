"""The error tree: codes, hints that say the next step, and errors that cross process borders."""

import copy
import pickle
from datetime import UTC, datetime

import pytest

import crm_comm_hookspecs as contract
from crm_comm_hookspecs import CommError, Reason, TransportError, UnknownAccount

NAMES = [
    "NotStarted",
    "NotPermitted",
    "InvalidInput",
    "UnknownAccount",
    "UnknownEditor",
    "UnknownAction",
    "UnknownReservation",
    "ReservationMismatch",
    "KeyReused",
    "SendInProgress",
    "Busy",
    "StorageUnavailable",
    "SchemaTooNew",
    "SchemaTooOld",
    "SecretsUnavailable",
    "Unsupported",
    "TransportError",
]


@pytest.mark.parametrize("name", NAMES)
def test_each_error_has_a_code_of_its_own_and_a_next_step(name: str) -> None:
    kind = getattr(contract, name)
    error = kind()
    assert issubclass(kind, CommError)
    assert error.code == kind.default_code
    assert sum(getattr(contract, other).default_code == error.code for other in NAMES) == 1
    assert error.hint
    assert error.hint in str(error)
    assert isinstance(error.retryable, bool)


@pytest.mark.parametrize("name", NAMES)
def test_errors_survive_pickling(name: str) -> None:
    error = getattr(contract, name)("Something happened.", retryable=True, hint="Do that.")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error) == "Something happened. Do that."
        assert vars(again) == vars(error)


class WithAnotherStart(CommError):
    """A plugin's own error with arguments of its own."""

    def __init__(self, amount: int) -> None:
        super().__init__(f"{amount} is too much.", hint="Take less.")
        self.amount = amount


def test_an_error_of_a_plugin_with_other_arguments_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(WithAnotherStart(5)))
    assert (again.amount, str(again)) == (5, "5 is too much. Take less.")


def test_a_bare_error_takes_its_code_first() -> None:
    error = CommError("quota_file_missing", True, "Make one.")
    assert (error.code, error.retryable, error.hint) == ("quota_file_missing", True, "Make one.")
    assert str(error) == "Quota file missing Make one."
    assert CommError("It broke.").code == "comm_error"
    assert UnknownAccount("abc").code == "unknown_account"


@pytest.mark.parametrize("reason", list(Reason))
def test_a_transport_error_without_words_is_told_in_ours(reason: Reason) -> None:
    """It stands in the outcome of each recipient."""
    words = TransportError(reason).message
    assert words.startswith("The ")
    assert words.endswith(".")
    assert "error" not in words


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TransportError(), Reason.UNREACHABLE),
        (TransportError(Reason.AUTH), Reason.AUTH),
        (TransportError("auth"), Reason.AUTH),
        (TransportError("Signing in failed.", reason="auth"), Reason.AUTH),
        (TransportError(reason=Reason.PROVIDER_LIMIT), Reason.PROVIDER_LIMIT),
    ],
)
def test_a_transport_error_says_why_however_it_is_given(error: TransportError, reason: Reason) -> None:
    assert error.reason is reason
    assert error.retryable


def test_a_transport_error_keeps_when_to_retry_through_pickling() -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    assert pickle.loads(pickle.dumps(TransportError(Reason.PROVIDER_LIMIT, at))).retry_at == at
