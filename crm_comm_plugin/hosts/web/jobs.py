"""Sends in the background: one thread for each, its progress, and how to stop it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from crm_comm_hookspecs import CommError, Communication, Context, Progress, SendReport
from crm_comm_hookspecs.failures import described
from crm_comm_plugin.hosts.csv_recipients import read_recipients
from crm_comm_plugin.hosts.web.drafts import Draft, Drafts

log = logging.getLogger(__name__)
_LAST_WORDS = 10.0
"""Seconds that a stopping host waits for what is in flight."""


@dataclass(slots=True)
class Job:
    """One send of this process. problem: why it ended early, in words."""

    draft: Draft
    progress: Progress | None = None
    report: SendReport | None = None
    problem: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class Jobs:
    """The sends that this process started. What others run, and what became of all, is asked from the plugin."""

    def __init__(self, comm: Communication, drafts: Drafts) -> None:
        self._comm, self._drafts = comm, drafts
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, draft: Draft, context: Context) -> Job:
        """Send in the background; a campaign that is running already is not started twice."""
        with self._lock:
            known = self._jobs.get(draft.key)
            if known is not None and not known.done.is_set():
                return known
            job = self._jobs[draft.key] = Job(draft)
            job.thread = threading.Thread(target=self._run, args=(job, context), name=f"send-{draft.key}", daemon=True)
            job.thread.start()
            return job

    def of(self, key: str) -> Job | None:
        """This process's last run of a campaign."""
        return self._jobs.get(key)

    def running(self, account_id: str) -> list[Job]:
        """What is being sent through an account now."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [job for job in jobs if job.draft.account_id == account_id and not job.done.is_set()]

    def stop(self, key: str) -> bool:
        """Stop after what is in flight; False when it does not run here."""
        job = self.of(key)
        if job is None or job.done.is_set():
            return False
        job.stopped.set()
        return True

    def close(self) -> None:
        """Stop all and wait for a moment; what is left goes on with the same key after a restart."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stopped.set()
        for job in jobs:
            if job.thread is not None:
                job.thread.join(_LAST_WORDS)

    def _run(self, job: Job, context: Context) -> None:
        draft = job.draft
        try:
            job.report = self._comm.send(
                draft.account_id,
                draft.message(),
                read_recipients(self._drafts.recipients(draft), draft.channel),
                key=draft.key,
                campaign=draft.campaign,
                on_progress=_watch(job),
                context=context,
            )
        except CommError as error:
            job.problem = str(error)
        except Exception as error:  # noqa: BLE001 - its text may quote a message or a recipient, so it is not logged
            log.error("A send failed: %s", described(error))
            job.problem = "Something went wrong here. The log of crm-comm serve says more."
        finally:
            self._remember(draft)
            job.done.set()

    def _remember(self, draft: Draft) -> None:
        try:
            found = self._comm.sends(account_id=draft.account_id, key=draft.key, limit=1).sends
            if found:
                self._drafts.started(draft.key, found[0].send_id)
        except CommError as error:
            log.warning("A campaign could not be tied to its send: %s", error)


def _watch(job: Job) -> "Callable[[Progress], bool]":
    def on_progress(progress: Progress) -> bool:
        job.progress = progress
        return not job.stopped.is_set()

    return on_progress
