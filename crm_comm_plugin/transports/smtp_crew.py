"""The jobs of one batch over one line or several: each takes its next when it has room; all is told in one thread."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from itertools import chain
from queue import SimpleQueue

from crm_comm_hookspecs import Outcome, Reason
from crm_comm_plugin.transports.smtp_lane import Lane
from crm_comm_plugin.transports.smtp_verdicts import Job, Outcomes, refusal

LOST = 3
"""So many messages in a row with which the line broke: it is not the recipients' fault."""
_WHOLE_ACCOUNT = frozenset({Reason.AUTH, Reason.PROVIDER_LIMIT})
Told = SimpleQueue[Outcomes | None]


class Crew:
    """Lines that work off one batch. items: its jobs, and outcomes for whom none is made; any line may read them.

    Once there is no hope for anybody, no line is given more. let_go: lines that could not be opened while others could.
    """

    def __init__(self, lanes: Sequence[Lane], items: Iterator[Job | Outcome]) -> None:
        self._lanes = list(lanes)
        self._items = items
        self._lock = threading.Lock()
        self._again: deque[Job] = deque()
        self._aside: deque[Outcome] = deque()
        self._unopened: list[tuple[Lane, Job, Outcomes]] = []
        self._hopeless: Outcome | None = None
        self._stopped = False
        self._lost = 0
        self.let_go: list[Lane] = []

    def alone(self) -> Iterator[Outcome]:
        """Over the first line, in the caller's thread."""
        lane = self._lanes[0]
        for _, outcomes in lane.run(self._take):
            self._note(lane, outcomes)
            yield from self._before()
            yield from outcomes
        yield from self._rest()

    def together(self, pool: Executor) -> Iterator[Outcome]:
        """Over all of them at once. A line that cannot be opened while others can is let go: on with fewer."""
        while True:
            yield from self._round(pool)
            left, self._unopened = self._unopened, []
            usable = [lane for lane in self._lanes if lane.is_open]
            if not left or not usable:
                break
            self._lanes = usable
            self.let_go += [lane for lane, _, _ in left]
            self._again.extend(job for _, job, _ in left)
        for lane, _, outcomes in left:
            self._note(lane, outcomes)
            yield from outcomes
        yield from self._rest()

    def _round(self, pool: Executor) -> Iterator[Outcome]:
        told: Told = SimpleQueue()
        working = [pool.submit(self._work, lane, told) for lane in self._lanes]
        try:
            yield from self._heard(told, working)
        finally:
            self._stopped = True
            wait(working)  # what is on its way is not left to itself
        self._stopped = False

    def _heard(self, told: Told, working: "Sequence[Future[None]]") -> Iterator[Outcome]:
        ended = 0
        while ended < len(working):
            outcomes = told.get()
            ended += outcomes is None
            yield from self._before()
            yield from outcomes or ()
        for done in working:
            done.result()

    def _work(self, lane: Lane, told: Told) -> None:
        """What one line does, in a thread of its own; None says that it is through."""
        try:
            for job, outcomes in lane.run(self._take):
                if lane.closed and lane.untried:
                    self._unopened.append((lane, job, outcomes))
                    return
                self._note(lane, outcomes)
                told.put(outcomes)
        finally:
            told.put(None)

    def _take(self) -> Job | None:
        """The next job, as long as there is hope."""
        with self._lock:
            while self._hopeless is None and not self._stopped:
                item = self._again.popleft() if self._again else next(self._items, None)
                if not isinstance(item, Outcome):
                    return item
                self._aside.append(item)
        return None

    def _note(self, lane: Lane, outcomes: Outcomes) -> None:
        """When something concerns the whole account, or the line is gone for good, nobody else is tried."""
        unreachable = all(outcome.reason == Reason.UNREACHABLE for outcome in outcomes)
        worst = next((outcome for outcome in outcomes if outcome.reason in _WHOLE_ACCOUNT), outcomes[-1])
        with self._lock:
            self._lost = self._lost + 1 if unreachable else 0
            if worst.reason in _WHOLE_ACCOUNT or lane.closed or self._lost >= LOST:
                self._hopeless = worst

    def _before(self) -> Iterator[Outcome]:
        """Outcomes of those for whom no job was made."""
        while self._aside:
            yield self._aside.popleft()

    def _rest(self) -> Iterator[Outcome]:
        """Whoever is left when the lines are through; nobody is, unless there was no hope."""
        yield from self._before()
        if self._hopeless is None:
            return
        for item in chain(self._again, self._items):
            if isinstance(item, Outcome):
                yield item
            else:
                yield from (refusal(recipient, self._hopeless) for recipient in item.recipients)
