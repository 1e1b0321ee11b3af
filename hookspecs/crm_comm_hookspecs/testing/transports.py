"""TransportSuite: derive a test class from it, and it shows that a transport keeps the contract."""

from collections.abc import Sequence
from typing import Any

from ..enums import RecipientStatus
from ..errors import TransportError
from ..extending import Transport
from ..messages import EmailMessage, Message, Recipient
from ..working import Diagnosis, Outcome
from .hostile import SECRET


class TransportSuite:
    """Override `transport`, and what differs; run with pytest as `class TestFax(TransportSuite)`.

    The transport should lead to a service of the test, never to a real one. Use `hostile.SECRET` as its secret.
    """

    def transport(self) -> Transport:
        """A new transport that works."""
        raise NotImplementedError

    def broken(self) -> Transport | None:
        """One that cannot connect or sign in, or None where that cannot be had."""
        return None

    def message(self) -> Message:
        """Something it can deliver."""
        return EmailMessage(subject="Hello", text="Hello")

    def addresses(self) -> Sequence[str]:
        """Addresses the service takes."""
        return ["ann@example.org", "bob@example.org", "eve@example.org"]

    def arrived(self) -> int | None:
        """How many messages the service has got, or None where it cannot tell."""
        return None

    def test_it_is_a_transport(self) -> None:
        transport = self.transport()
        try:
            assert isinstance(transport, Transport), "it lacks batch, deliver, diagnose or close"
            assert isinstance(transport.batch, int), "batch is a number of recipients"
            assert transport.batch >= 1, "batch is at least 1"
        finally:
            transport.close()

    def test_everybody_handed_over_has_one_outcome(self) -> None:
        transport = self.transport()
        batch = self._batch()
        try:
            outcomes = list(transport.deliver(batch))
        finally:
            transport.close()
        assert sorted(o.recipient.address for o in outcomes) == sorted(r.address for r, _ in batch)
        for outcome in outcomes:
            _examine(outcome)

    def test_nobody_handed_over_is_nothing_done(self) -> None:
        transport = self.transport()
        try:
            assert list(transport.deliver([])) == []
        finally:
            transport.close()

    def test_it_delivers_again_on_the_same_line(self) -> None:
        transport = self.transport()
        try:
            for _ in range(3):
                assert len(list(transport.deliver(self._batch()))) == len(self.addresses())
        finally:
            transport.close()

    def test_diagnose_says_step_by_step_that_it_works_and_sends_nothing(self) -> None:
        before = self.arrived()
        transport = self.transport()
        try:
            diagnosis = transport.diagnose()
        finally:
            transport.close()
        assert isinstance(diagnosis, Diagnosis)
        assert diagnosis.ok, f"the working transport says: {diagnosis}"
        assert diagnosis.steps, "name at least one step"
        assert all(step.ok for step in diagnosis.steps)
        assert self.arrived() == before, "diagnose must send nothing"

    def test_closing_twice_is_harmless(self) -> None:
        transport = self.transport()
        transport.close()
        transport.close()

    def test_no_secret_is_in_its_repr(self) -> None:
        transport = self.transport()
        try:
            assert SECRET not in repr(transport)
        finally:
            transport.close()

    def test_a_broken_line_is_told_by_diagnose_with_the_next_step(self) -> None:
        broken = self.broken()
        if broken is None:
            return
        try:
            diagnosis = broken.diagnose()
        except TransportError as error:
            assert error.hint
            assert SECRET not in str(error)
            return
        finally:
            broken.close()
        failed = [step for step in diagnosis.steps if not step.ok]
        assert not diagnosis.ok
        assert failed, "name the step that fails"
        assert failed[0].hint, "say what to try next"
        assert SECRET not in repr(diagnosis)

    def test_a_broken_line_never_claims_to_have_sent(self) -> None:
        broken = self.broken()
        if broken is None:
            return
        outcomes: list[Outcome] = []
        try:
            outcomes.extend(broken.deliver(self._batch()))
        except TransportError as error:
            assert SECRET not in str(error)
        finally:
            broken.close()
        assert not [o for o in outcomes if o.status is RecipientStatus.SENT]
        assert SECRET not in repr(outcomes)

    def _batch(self) -> list[tuple[Recipient, Message]]:
        return [(Recipient(address), self.message()) for address in self.addresses()]


def _examine(outcome: Any) -> None:
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.status, RecipientStatus), "status is a RecipientStatus"
    if outcome.status is not RecipientStatus.SENT:
        assert outcome.reason, "say why somebody was not reached"
    assert SECRET not in repr(outcome)
