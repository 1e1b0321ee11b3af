"""What forms are sent by people who paste, scripts that guess and whoever means harm."""

from typing import Any

HOSTILE: tuple[Any, ...] = (
    "a\x00b",
    "a\r\nBcc: victim@example.org",
    "\ud800",
    "\u202egnp.exe",
    "x" * 100_000,
    "1_000",
    "9" * 400,
    2.7,
    float("nan"),
    10**40,
    [],
    {},
    ["a"],
    {"a": 1},
    b"\xff",
    object(),
)

SECRET = "S3CRET-that-must-not-be-seen"  # noqa: S105 - the marker that tests look for
