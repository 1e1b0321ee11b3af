"""TransportSuite: derive a test class from it, and it shows that a transport keeps the contract."""

from collections import Counter
from collections.abc import Sequence

from ..enums import RecipientStatus
from ..errors import TransportError
from ..extending import Transport
from ..messages import EmailMessage, Message, Recipient
from ..working import Diagnosis, Outcome
from .answering import asked, examine, expected, line, several, unseen


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
        with line("transport()", self.transport()) as transport:
            batch = transport.batch
            assert isinstance(batch, int), f"batch is a number of recipients, not {type(batch).__name__}"
            assert batch >= 1, "batch is at least 1"

    def test_everybody_handed_over_has_one_outcome(self) -> None:
        batch = self._batch()
        with line("transport()", self.transport()) as transport:
            outcomes = self._delivered(transport, batch)
        told, wanted = Counter(o.recipient.address for o in outcomes), Counter(r.address for r, _ in batch)
        assert told == wanted, f"deliver told of {dict(told)}; each of {list(wanted)} has exactly one Outcome"
        for outcome in outcomes:
            examine(outcome)

    def test_nobody_handed_over_is_nothing_done(self) -> None:
        with line("transport()", self.transport()) as transport:
            assert self._delivered(transport, []) == [], "an empty batch has no outcomes"

    def test_it_delivers_again_on_the_same_line(self) -> None:
        with line("transport()", self.transport()) as transport:
            for turn in (1, 2, 3):
                told = len(self._delivered(transport, self._batch()))
                wanted = len(self.addresses())
                assert told == wanted, f"batch {turn} on one line had {told} outcomes for {wanted} recipients"

    def test_diagnose_says_step_by_step_that_it_works_and_sends_nothing(self) -> None:
        before = self.arrived()
        with line("transport()", self.transport()) as transport:
            diagnosis = asked("diagnose", transport.diagnose)
        expected("diagnose", diagnosis, Diagnosis)
        assert diagnosis.ok, f"the working transport says: {diagnosis}"
        assert diagnosis.steps, "name at least one step"
        assert all(step.ok for step in diagnosis.steps), "a diagnosis that is ok has no step that failed"
        assert self.arrived() == before, "diagnose must send nothing"

    def test_closing_twice_is_harmless(self) -> None:
        with line("transport()", self.transport()) as transport:
            asked("close", transport.close)

    def test_no_secret_is_in_its_repr(self) -> None:
        with line("transport()", self.transport()) as transport:
            unseen("the transport's repr", transport)

    def test_a_broken_line_is_told_by_diagnose_with_the_next_step(self) -> None:
        broken = self.broken()
        if broken is None:
            return
        with line("broken()", broken):
            try:
                diagnosis = asked("diagnose of a broken line", broken.diagnose)
            except TransportError as error:
                assert error.hint, "say what to try next: the TransportError has no hint"
                unseen("the TransportError", error)
                return
        expected("diagnose", diagnosis, Diagnosis)
        failed = [step for step in diagnosis.steps if not step.ok]
        assert not diagnosis.ok, "diagnose says ok of the broken line"
        assert failed, "name the step that fails"
        assert failed[0].hint, "say what to try next"
        unseen("the Diagnosis", diagnosis)

    def test_a_broken_line_never_claims_to_have_sent(self) -> None:
        broken = self.broken()
        if broken is None:
            return
        outcomes: list[Outcome] = []
        with line("broken()", broken):
            try:
                asked("deliver of a broken line", lambda: outcomes.extend(broken.deliver(self._batch())))
            except TransportError as error:
                unseen("the TransportError", error)
        assert not [o for o in outcomes if o.status is RecipientStatus.SENT], "the broken line says that it sent"
        unseen("an Outcome", outcomes)

    def _delivered(self, transport: Transport, batch: Sequence[tuple[Recipient, Message]]) -> list[Outcome]:
        return several("deliver", asked("deliver", transport.deliver, batch), Outcome)

    def _batch(self) -> list[tuple[Recipient, Message]]:
        return [(Recipient(address), self.message()) for address in self.addresses()]
