"""Words of other plugins without the account's secrets (rule 3): a line that quotes them never reaches anybody."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from crm_comm_hookspecs import CommError, Diagnosis, Outcome, Recipient, Result, Step, Transport
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.domain.scrub import Scrubber

SHORTEST = 4
"""Shorter secrets are part of too many words to be told from them."""
E = TypeVar("E", bound=CommError)


class Hush:
    """Takes these secrets out of what a plugin says."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._scrubber = Scrubber("", [secret for secret in secrets.values() if len(secret) >= SHORTEST])

    def words(self, text: Any) -> Any:
        """A text without them; anything else as it is, for others to judge."""
        return self._scrubber.words(text) if isinstance(text, str) else text

    def error(self, error: E) -> E:
        """The same error, in other words."""
        error.message, error.hint = self.words(error.message), self.words(error.hint)
        error.args = tuple(map(self.words, error.args))
        error.__cause__ = error.__context__ = None  # theirs may quote them as well
        return error

    def outcome(self, outcome: Any) -> Any:
        """An outcome."""
        if not isinstance(outcome, Outcome) or outcome.detail == outcome.code == "":
            return outcome
        return replace(outcome, detail=self.words(outcome.detail), code=self.words(outcome.code))

    def diagnosis(self, answer: Any) -> Any:
        """What a test of the connection showed; anything else as it is."""
        steps = answer.steps if isinstance(answer, Diagnosis) else None
        if not isinstance(steps, tuple | list) or not all(isinstance(step, Step) for step in steps):
            return answer
        hushed = (
            replace(s, name=self.words(s.name), detail=self.words(s.detail), hint=self.words(s.hint)) for s in steps
        )
        return replace(answer, steps=tuple(hushed))

    def result(self, result: Any) -> Any:
        """An action's answer; anything else as it is. Raises what reading it does: its parts may be of any kind."""
        if not isinstance(result, Result):
            return result
        return replace(
            result,
            message=self.words(result.message),
            errors={field: [*map(self.words, texts)] for field, texts in result.errors.items()},
            hints={field: [*map(self.words, texts)] for field, texts in result.hints.items()},
            values={name: self.words(value) for name, value in result.values.items()},
            open_url=self.words(result.open_url),
        )


class HushedTransport:
    """Another plugin's line, whose words are looked through on their way."""

    def __init__(self, line: Transport, secrets: Mapping[str, str]) -> None:
        self._line, self._hush = line, Hush(secrets)
        self.batch = getattr(line, "batch", 1)

    def deliver(self, batch: Sequence[tuple[Recipient, Message]]) -> Iterator[Outcome]:
        """The line's outcomes, one by one."""
        said: Iterable[Outcome] = ()
        try:
            said = self._line.deliver(batch) or ()
            for outcome in said:
                yield self._hush.outcome(outcome)
        except CommError as error:
            raise self._hush.error(error) from None
        finally:
            if callable(stop := getattr(said, "close", None)):
                stop()

    def diagnose(self) -> Diagnosis:
        """What the line says of itself."""
        try:
            answer: Diagnosis = self._hush.diagnosis(self._line.diagnose())
        except CommError as error:
            raise self._hush.error(error) from None
        return answer

    def close(self) -> None:
        """Say goodbye."""
        self._line.close()
