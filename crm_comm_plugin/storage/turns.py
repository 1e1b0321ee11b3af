"""Whose turn it is to write to a SQLite file: a lock beside it, as SQLite's own waiting starves some for seconds."""

import errno
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crm_comm_hookspecs import Busy

try:
    import fcntl
except ImportError:  # Windows has no flock: there SQLite's own waiting has to do
    fcntl = None  # type: ignore[assignment]

SHORTEST, LONGEST = 0.0002, 0.001
"""Seconds between two looks at the lock."""
HINT = "Somebody else is writing for long; try again in a moment, or raise the setting busy_timeout."


class Turns:
    """Turns of threads and processes at one file. A turn ends with its process, however that ends."""

    def __init__(self, path: str) -> None:
        self._path = f"{Path(path).resolve()}.lock"
        self._mutex = threading.Lock()
        self._fd = -1
        self._pid = os.getpid()

    @classmethod
    def beside(cls, file: str) -> "Turns | None":
        """Turns beside a database file, which is made, as is its folder, readable by its owner alone; None without."""
        if file.startswith("file:"):  # a URI, whose folder is not ours to make
            return None
        path = Path(file)
        with suppress(OSError):  # SQLite says it better
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)
        return cls(file)

    @contextmanager
    def turn(self, seconds: float) -> Iterator[float]:
        """Wait for a turn, at most so long, then raise Busy; answers the seconds that are left of them."""
        deadline = time.monotonic() + seconds
        if self._pid != os.getpid():
            self._after_fork()
        mutex = self._mutex
        if not mutex.acquire(timeout=seconds):
            raise _busy(seconds)
        try:
            locked = self._wait(deadline, seconds)
            try:
                yield max(0.0, deadline - time.monotonic())
            finally:
                if locked:
                    fcntl.flock(self._fd, fcntl.LOCK_UN)
        finally:
            mutex.release()

    def _after_fork(self) -> None:
        """A lock is shared with whoever was forked from us, so each process opens the file by itself."""
        self._mutex, self._fd, self._pid = threading.Lock(), -1, os.getpid()

    def _wait(self, deadline: float, seconds: float) -> bool:
        if fcntl is None or not self._opened():
            return False
        pause = SHORTEST
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                    return False  # a file system without locks
            else:
                return True
            if time.monotonic() >= deadline:
                raise _busy(seconds)
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(pause * 2, LONGEST)

    def _opened(self) -> bool:
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            except OSError:
                return False  # a folder we may not write to: SQLite will say so
        return True


def _busy(seconds: float) -> Busy:
    return Busy(f"The database stayed busy for {seconds:g} seconds.", hint=HINT)
