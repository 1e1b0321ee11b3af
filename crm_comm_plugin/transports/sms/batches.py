"""Sending many texts in one request to a service without ids of ours: split where one bad text spoils the rest."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from crm_comm_hookspecs import Outcome, Reason, RecipientStatus, TransportError
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost
from crm_comm_plugin.transports.sms.outcomes import STOPPING, Text, give_up, refused, trouble, unknown
from crm_comm_plugin.transports.sms.plumbing import PATIENCE, SHORT_PAUSE, Together

Results = Mapping[str, Outcome]


class Refusal(Exception):
    """The whole request was refused, and surely nothing of it carried out."""

    def __init__(self, reason: Reason, code: str = "", pause: int | None = None) -> None:
        super().__init__(code)
        self.reason, self.code, self.pause = reason, code, pause


_SPLIT = frozenset({Reason.MESSAGE, Reason.INVALID_NUMBER, Reason.CREDITS})
"""What may be the fault of one text, or too much only for all together."""


class BatchTransport(Together):
    """Base of gateways that take many texts at once: each adds `_submit` and `_read`."""

    batch = 500
    repeatable = False
    """Whether the service keeps a request with the same number from being carried out twice."""

    def _send(self, texts: Sequence[Text]) -> Iterator[Outcome]:
        waiting, pauses = [list(texts)], PATIENCE
        while waiting:
            group = waiting.pop(0)
            try:
                results = self._once(group)
            except AnswerLost:
                yield from (unknown(text) for text in group)
                yield from give_up(_all(waiting), trouble(Reason.UNREACHABLE, detail="The gateway does not answer."))
            except TransportError as error:
                yield from give_up(_all([group, *waiting]), error)
            except Refusal as refusal:
                if pauses and refusal.pause is not None and refusal.pause <= SHORT_PAUSE:
                    self.tools.wait(refusal.pause)
                    pauses -= 1
                    waiting.insert(0, group)
                else:
                    yield from self._refused(refusal, group, waiting)
            else:
                outcomes = [results.get(text.ref) or unknown(text) for text in group]
                yield from outcomes
                last = outcomes[-1]
                if last.status is RecipientStatus.SKIPPED and last.reason in STOPPING:
                    yield from give_up(_all(waiting), trouble(Reason(last.reason), last.code, last.detail))

    def _refused(self, refusal: Refusal, group: list[Text], waiting: list[list[Text]]) -> Iterator[Outcome]:
        """Of a refused group each half is tried; of a refused text the reason is told."""
        if len(group) > 1 and refusal.reason in _SPLIT:
            waiting[:0] = [group[: len(group) // 2], group[len(group) // 2 :]]
        elif refusal.reason in STOPPING:
            error = trouble(refusal.reason, refusal.code, retry_at=self.later(refusal.pause))
            yield from give_up(_all([group, *waiting]), error)
        else:
            yield from (refused(text, refusal.reason, refusal.code) for text in group)

    def _once(self, texts: Sequence[Text]) -> Results:
        """One request; where the service allows it, a lost answer is asked for once more under the same number."""
        number = _number(texts)
        try:
            return self._read(texts, self._submit(texts, number))
        except AnswerLost:
            if not self.repeatable:
                raise
        try:
            return self._read(texts, self._submit(texts, number))
        except (Refusal, TransportError):
            pass  # which of the two requests this is about cannot be told
        raise AnswerLost

    def _submit(self, texts: Sequence[Text], number: int) -> Answer:
        """Make the request."""
        raise NotImplementedError

    def _read(self, texts: Sequence[Text], answer: Answer) -> Results:
        """Reference -> outcome. Raises Refusal, or AnswerLost when the answer does not tell."""
        raise NotImplementedError


def _number(texts: Sequence[Text]) -> int:
    """A number of 32 bits for exactly these texts: a half of a refused group is no repeat of it."""
    told = " ".join(text.ref for text in texts).encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:4], signed=True)


def _all(groups: Sequence[Sequence[Text]]) -> list[Text]:
    return [text for group in groups for text in group]
