"""One run of one send: chunk by chunk through admission, hold, transport and books, safe to cut off anywhere."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from crm_comm_hookspecs import (
    Outcome,
    Reason,
    Recipient,
    RecipientStatus,
    Rejected,
    Reservation,
    Transport,
)
from crm_comm_hookspecs.messages import Message
from crm_comm_plugin.domain.ports.sends import SendRow
from crm_comm_plugin.domain.sends import FINISHED, INTERRUPTED, Entry
from crm_comm_plugin.sending.books import Books
from crm_comm_plugin.sending.composing import BATCH_BYTES, Composer, weight
from crm_comm_plugin.sending.dispatch import Failure, dispatch
from crm_comm_plugin.sending.line import Line
from crm_comm_plugin.sending.pace import BATCH_SECONDS, Pace
from crm_comm_plugin.sending.parts import SendParts
from crm_comm_plugin.sending.reading import Normaliser, chunks
from crm_comm_plugin.sending.recovery import settle, take_over
from crm_comm_plugin.sending.stops import Stop, Stops
from crm_comm_plugin.sending.telling import Teller


class Run:
    """A send from its taking over to its end. row: the send as `SendStore.begin` answered it."""

    def __init__(self, parts: SendParts, row: SendRow, stops: Stops, composer: Composer, teller: Teller) -> None:
        self._parts = parts
        self._row = row
        self._stops = stops
        self._composer = composer
        self._teller = teller
        self._books = Books(parts, row)
        self._pace = Pace()
        self._line = Line(parts, row.id, self._pace)
        self._hold = ""
        self._made: dict[int, Message] = {}  # of recipients whose hold ran out: a slow function is not asked twice
        self._over_limit = 0
        self._retry_at: datetime | None = None

    def go(self, recipients: Iterable[Recipient], normalise: Normaliser) -> None:
        """Send to everybody. Whatever is raised on the way, the send is left so that the same key goes on."""
        take_over(self._row, self._books, self._parts.limiter)  # while this fails, it is left to be taken over
        try:
            for chunk in chunks(recipients, normalise, lambda: self._pace.chunk, self._parts.clock.ticks):
                self._chunk(chunk)
            self._finish()
        except BaseException:
            self._abandon()
            raise
        finally:
            self._line.close()

    def _chunk(self, chunk: Sequence[Recipient | Rejected]) -> None:
        waiting: Sequence[Entry] = self._books.admit(chunk)
        if self._books.written.cancelled:
            self._stops.interrupt()
        if not waiting or self._stops.current() is not None:
            self._pace.idle()
        while waiting:
            stop = self._stops.look_again()
            if stop is not None:
                self._skip(waiting, stop)
                break
            waiting = self._under_hold(waiting)
        self._told()
        self._teller.usage(self._row.account_id, self._books.told)

    def _under_hold(self, waiting: Sequence[Entry]) -> Sequence[Entry]:
        """Send to as many as the limit grants; answers who is still waiting."""
        began = self._parts.clock.ticks()  # before the reserve: a hold never lasts longer than we think
        units = min(len(waiting), self._pace.hold)
        time = self._parts.hold
        hold = self._parts.limiter.reserve(self._stops.account, units, self._row.campaign, time.seconds)
        if hold.granted <= 0:
            self._stops.nothing_free(hold, time.seconds)
            return waiting
        self._hold = hold.id
        self._stops.new_hold()
        rest = self._use(hold, began + time.seconds - time.grace, waiting[: hold.granted])
        self._settle_own()
        return [*rest, *waiting[hold.granted :]]

    def _use(self, hold: Reservation, deadline: float, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Send until the hold's time is over or something stops it; answers who was not tried."""
        line = self._line.open(self._stops.account)
        if isinstance(line, Failure):
            self._stops.failed(line)
            return entries
        queue = deque(entries)

        def may_go() -> bool:
            return self._parts.clock.ticks() < deadline and self._stops.current() is None

        while queue and may_go():
            batch = self._next_batch(queue)
            if not batch:
                continue
            if not self._books.hand_over([entry for entry, _ in batch], hold.id):
                self._stops.interrupt()
                queue.extendleft(entry for entry, _ in reversed(batch))
                break
            queue.extendleft(reversed(self._deliver(line, batch, may_go)))
            self._told()
        self._books.flush()
        return list(queue)

    def _next_batch(self, queue: deque[Entry]) -> list[tuple[Entry, Message]]:
        """Recipients with their messages; those whose message cannot be made are done with."""
        batch: list[tuple[Entry, Message]] = []
        size, began = 0, self._parts.clock.ticks()
        while queue and len(batch) < self._pace.batch and size < BATCH_BYTES:
            if batch and self._parts.clock.ticks() - began > BATCH_SECONDS:
                break
            entry = queue.popleft()
            made = self._made.pop(entry.position, None) or self._composer.message_for(entry.recipient)
            if isinstance(made, Outcome):
                self._books.note(entry, made)
            else:
                batch.append((entry, made))
                size += 0 if made is self._composer.fixed else weight(made)
        return batch

    def _deliver(
        self, line: Transport, batch: Sequence[tuple[Entry, Message]], may_go: Callable[[], bool]
    ) -> Sequence[Entry]:
        """Put a batch that was handed over through the line; answers who was provably not tried."""
        began = self._parts.clock.ticks()
        left = dispatch(line, batch, may_go, self._heard)
        if left.failure is not None:
            self._stops.failed(left.failure)
        detail = left.failure.detail if left.failure is not None else ""
        for entry in left.unsaid:
            self._books.note(entry, Outcome(recipient=entry.recipient, status=RecipientStatus.UNKNOWN, detail=detail))
        self._books.release(left.untried)
        untried = {entry.position for entry in left.untried}
        self._made = {entry.position: message for entry, message in batch if entry.position in untried}
        self._pace.took(len(batch) - len(left.untried), self._parts.clock.ticks() - began)
        return left.untried

    def _heard(self, entry: Entry, outcome: Outcome) -> None:
        outcome = self._stops.heard(outcome)
        if outcome.status == RecipientStatus.SKIPPED:
            self._may_return(outcome.retry_at)
        self._books.note(entry, outcome)

    def _skip(self, entries: Sequence[Entry], stop: Stop) -> None:
        """Nobody of these is tried now."""
        skipped = RecipientStatus.SKIPPED
        reason, detail, retry_at = stop.reason, stop.detail, stop.retry_at
        self._books.skip(
            (e, Outcome(recipient=e.recipient, status=skipped, reason=reason, detail=detail, retry_at=retry_at))
            for e in entries
        )
        self._may_return(retry_at)
        if reason == Reason.LIMIT:
            self._over_limit += len(entries)

    def _may_return(self, at: datetime | None) -> None:
        """The report's retry_at is the earliest of all."""
        if at is not None and (self._retry_at is None or at < self._retry_at):
            self._retry_at = at

    def _told(self) -> None:
        if not self._teller.goes_on(self._books.counts, self._books.dealt):
            self._stops.interrupt()

    def _settle_own(self) -> None:
        """Give back what the hold in hand did not use; it stays in hand until that is done."""
        written = self._books.written
        settle(self._parts.limiter, self._hold, written.charged if written.hold == self._hold else 0)
        self._hold = ""

    def _finish(self) -> None:
        stop = self._stops.current()
        stopped = stop is not None and stop.reason == Reason.INTERRUPTED
        self._parts.sends.end(
            self._books.ticket, INTERRUPTED if stopped else FINISHED, self._parts.clock.now(), self._retry_at
        )
        if self._over_limit:
            self._parts.limiter.skipped(self._stops.account, self._row.campaign, self._over_limit, self._retry_at)

    def _abandon(self) -> None:
        """Leave the send so that everybody has an outcome; what cannot be done now is done by whoever takes over."""
        with suppress(Exception):
            self._books.flush()
        with suppress(Exception):
            self._books.recover()
            if self._hold:
                self._settle_own()
            self._teller.usage(self._row.account_id, self._books.told)
            self._parts.sends.end(self._books.ticket, INTERRUPTED, self._parts.clock.now(), self._retry_at)
