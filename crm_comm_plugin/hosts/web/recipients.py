"""Where a campaign's recipients come from: an uploaded file, which lies on the disk, or what was pasted."""

import io
from typing import IO

from starlette.datastructures import UploadFile

MAX_PASTE = 20 * 1024 * 1024
"""Bytes that can be pasted; a file may have any size."""


def source_of(upload: UploadFile | None, pasted: object) -> tuple[IO[bytes] | None, str]:
    """(bytes to read, name to show), or (None, "") when nothing was given."""
    if upload is not None and upload.filename:
        return upload.file, upload.filename[:100]
    if isinstance(pasted, str) and pasted.strip():
        return io.BytesIO(pasted.encode("utf-8", "replace")), "pasted"
    return None, ""
