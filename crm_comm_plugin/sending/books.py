"""The books of one run: outcomes gather here and are written together, each with the next hand-over or every second."""

from collections import Counter
from collections.abc import Iterable, Sequence

from crm_comm_hookspecs import Outcome, Rejected
from crm_comm_hookspecs.messages import Recipient
from crm_comm_plugin.domain.ports.sends import SendRow, Ticket, Written
from crm_comm_plugin.domain.sends import Entry
from crm_comm_plugin.sending.parts import SendParts

FLUSH_SECONDS = 1.0


class Books:
    """Writes of one run.

    written: the send after the last write. told: outcomes of this run by status, until somebody empties it. dealt: how
    many recipients of the list have been dealt with.
    """

    def __init__(self, parts: SendParts, row: SendRow) -> None:
        self.ticket = Ticket(row.id, row.run, row.owner)
        self.written = Written(row.counts, row.hold, row.charged)
        self.told: Counter[str] = Counter()
        self.dealt = 0
        self._parts = parts
        self._done: list[tuple[Entry, Outcome]] = []
        self._flushed = parts.clock.ticks()

    def counts(self) -> dict[str, int]:
        """The send's numbers, those not written yet included."""
        return dict(Counter(self.written.counts) + Counter(str(outcome.status) for _, outcome in self._done))

    def admit(self, chunk: Sequence[Recipient | Rejected]) -> Sequence[Entry]:
        """Write a chunk; answers who is to be tried now."""
        entries, written = self._parts.outcomes.admit(self.ticket, chunk, self._parts.clock.now())
        self._grew(written)
        self.dealt += len(chunk) - len(entries)
        return entries

    def note(self, entry: Entry, outcome: Outcome) -> None:
        """An outcome; written at the latest a second later when more come, else with the next write."""
        self._done.append((entry, outcome))
        self.told[str(outcome.status)] += 1
        self.dealt += 1
        if self._parts.clock.ticks() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def hand_over(self, batch: Sequence[Entry], hold: str) -> bool:
        """Mark a batch as handed over; False when the send was cancelled meanwhile."""
        self._flushed = self._parts.clock.ticks()
        now = self._parts.clock.now()
        self.written = self._parts.outcomes.hand_over(self.ticket, self._done, batch, hold, now)
        self._done.clear()
        return self.written.handed

    def release(self, batch: Sequence[Entry]) -> None:
        """These were not tried after all."""
        if batch:
            self.flush()
            self.written = self._parts.outcomes.release(self.ticket, batch)

    def skip(self, done: Iterable[tuple[Entry, Outcome]]) -> None:
        """Outcomes of recipients that were not handed over."""
        kept = list(done)
        self.flush()
        self.written = self._parts.outcomes.record(self.ticket, kept, self._parts.clock.now(), handed=False)
        self.told.update(str(outcome.status) for _, outcome in kept)
        self.dealt += len(kept)

    def flush(self) -> None:
        """Write what is not written yet."""
        self._flushed = self._parts.clock.ticks()
        if self._done:
            self.written = self._parts.outcomes.record(self.ticket, self._done, self._parts.clock.now())
            self._done.clear()

    def recover(self) -> None:
        """Whoever is still handed over or pending gets an outcome."""
        self._grew(self._parts.outcomes.recover(self.ticket, self._parts.clock.now()))

    def _grew(self, written: Written) -> None:
        before = self.written.counts
        self.told.update({s: n - before.get(s, 0) for s, n in written.counts.items() if n > before.get(s, 0)})
        self.written = written
