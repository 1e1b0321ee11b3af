"""The progress bar of `crm-comm send`, and Ctrl-C that stops a send gently: what is in flight still arrives."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from crm_comm_hookspecs import Progress, RecipientStatus

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Watch:
    """What the send asks after each batch. stopped: somebody pressed Ctrl-C."""

    def __init__(self, bar: "Bar | None" = None, task: "TaskID | None" = None) -> None:
        self.stopped = False
        self._bar, self._task = bar, task

    def __call__(self, progress: Progress) -> bool:
        """Show how far it is; False asks the send to stop."""
        if self._bar is not None and self._task is not None:
            skipped = progress.counts.get(RecipientStatus.SKIPPED, 0)
            words = f"sent {progress.counts.get(RecipientStatus.SENT, 0)}, skipped {skipped}"
            self._bar.update(self._task, completed=progress.done, total=progress.total, description=words)
        return not self.stopped

    def stop(self, number: int, frame: FrameType | None) -> None:
        """The first Ctrl-C; the second one ends the command at once."""
        self.stopped = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stderr.write("\nStopping after what is in flight. Press Ctrl-C again to stop at once.\n")


@contextmanager
def watched(total: int, quiet: bool) -> Iterator[Watch]:
    """A Watch for one send of so many recipients; the bar is shown on a terminal only."""
    if quiet or not sys.stderr.isatty():
        with _gentle(Watch()) as watch:
            yield watch
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with (
        Bar(*columns, console=Console(stderr=True)) as bar,
        _gentle(Watch(bar, bar.add_task("", total=total))) as watch,
    ):
        yield watch


@contextmanager
def _gentle(watch: Watch) -> Iterator[Watch]:
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    before = signal.signal(signal.SIGINT, watch.stop)
    try:
        yield watch
    finally:
        signal.signal(signal.SIGINT, before)
