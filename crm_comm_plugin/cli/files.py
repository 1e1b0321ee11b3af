"""Files that commands write: whole or not at all, readable by their owner only, tried before the work begins."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def written(target: str) -> Iterator[TextIO]:
    """A text file that takes its name when all is written; - is stdout. Raises OSError at once where it cannot be."""
    if target == "-":
        yield sys.stdout
        return
    path = Path(target).resolve()  # a link stays one
    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced; a folder refuses
        with open(path, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600: it names people
    except OSError as error:
        raise OSError(error.errno, error.strerror, target) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
