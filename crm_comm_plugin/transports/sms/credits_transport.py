"""Sending by the credits protocol: many texts in one call, each with its id, so that a repeat does no harm."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from crm_comm_hookspecs import CommError, Outcome, Reason, TransportError
from crm_comm_plugin.transports.sms.credits_codes import REASONS, RETRIES, problem_of
from crm_comm_plugin.transports.sms.http import Answer, AnswerLost
from crm_comm_plugin.transports.sms.outcomes import (
    SENDER_REFUSED,
    STOPPING,
    Text,
    as_text,
    balance_of,
    give_up,
    reason_of_status,
    refused,
    results_by,
    sent,
    trouble,
    unknown,
)
from crm_comm_plugin.transports.sms.plumbing import SHORT_PAUSE, Together


class CreditsTransport(Together):
    """One access code's line. After a lost answer the same ids are sent again: the gateway sends no text twice."""

    batch = 500

    def _greet(self) -> str:
        answer = self.line.get("/balance")
        data = answer.object()
        if answer.status != 200:
            raise problem_of(answer)
        left = balance_of(data.get("balance"), data.get("unit"), self.tools.clock.now())
        return f"{left.balance:f} {left.unit} left"

    def _send(self, texts: Sequence[Text]) -> Iterator[Outcome]:
        trouble_now, lost = trouble(Reason.UNREACHABLE, detail="The gateway does not answer."), False
        for attempt in range(RETRIES):
            self.tools.wait(attempt)
            try:
                answer = self._post(texts)
            except AnswerLost:
                lost = True
                continue
            except TransportError as error:
                trouble_now = error
                break
            if answer.status == 200:
                yield from self._results(texts, answer)
                return
            if reason_of_status(answer) is None:  # a proxy's 502 says nothing about what the gateway did
                lost = True
                continue
            trouble_now = problem_of(answer)
            trouble_now.retry_at = self.later(answer.retry_after())
            if (
                trouble_now.reason is not Reason.PROVIDER_LIMIT
                or (answer.retry_after() or SHORT_PAUSE + 1) > SHORT_PAUSE
            ):
                break
            self.tools.wait(answer.retry_after() or 0)
        yield from self._never(texts, trouble_now, lost)

    def _post(self, texts: Sequence[Text]) -> Answer:
        sender = {"sender": self.sender} if self.sender else {}
        messages = [{"id": t.ref, "to": t.recipient.address, "text": t.text, **sender} for t in texts]
        report = {"report_url": self.report_url} if self.report_url else {}
        return self.line.call("POST", "/messages", data={"messages": messages, **report})

    def _never(self, texts: Sequence[Text], error: TransportError, lost: bool) -> Iterator[Outcome]:
        """Nothing was sent; or, when an earlier answer was lost, nobody knows."""
        if not lost:
            yield from give_up(texts, error)
        for text in texts:
            yield unknown(text)
        raise error

    def _results(self, texts: Sequence[Text], answer: Answer) -> Iterator[Outcome]:
        data = answer.object()
        results = results_by("id", data.get("results"))
        if "balance" in data and self.account.id:
            self._tell_balance(data)
        outcome = None
        for text in texts:
            outcome = self._outcome(text, results.get(text.ref, {}))
            yield outcome
        if outcome is not None and outcome.reason == Reason.CREDITS:
            raise trouble(Reason.CREDITS)  # the last one could not be paid: nobody after it can

    def _outcome(self, text: Text, result: Mapping[str, Any]) -> Outcome:
        status, code = result.get("status"), as_text(result.get("code"))
        if status == "accepted":
            return sent(text, result.get("gateway_id"), result.get("segments"), result.get("credits"))
        if status != "rejected":
            return unknown(text)
        if code == "sender":
            return refused(text, Reason.REFUSED, code, later=True, detail=SENDER_REFUSED)
        reason = REASONS.get(code, Reason.REFUSED)
        return refused(text, reason, code, self.later(60) if reason in STOPPING - {Reason.CREDITS} else None)

    def _tell_balance(self, data: Mapping[str, Any]) -> None:
        """Keep what is left; the outcomes stand, whatever becomes of that."""
        with suppress(CommError):
            left = balance_of(data.get("balance"), data.get("unit"), self.tools.clock.now())
            self.tools.balance_seen(self.account.id, left)
