"""What `crm-comm doctor` looks at in the machine's clock: is it kept right, and does the database agree with it."""

import ctypes
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from crm_comm_plugin.cli.checks import BAD, OK, WARN, Finding

TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
TIMEX_BYTES = 256
"""More than `struct timex` has on any platform."""
FAR_APART = timedelta(seconds=5)
HINT = "Let a time service keep it, such as systemd-timesyncd or chrony: limits are kept in the clock's time."


def check_clock() -> Iterator[Finding]:
    """Whether the clock is synchronised."""
    state = synchronised()
    if state is None:
        yield Finding(level=WARN, what="Clock", text="Whether the clock is synchronised cannot be told", hint=HINT)
    elif state:
        yield Finding(level=OK, what="Clock", text="The clock is synchronised")
    else:
        yield Finding(level=WARN, what="Clock", text="The clock is not synchronised", hint=HINT)


def synchronised() -> bool | None:
    """What the kernel says of its clock; None where it cannot be asked."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        ask = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    answer = ask(ctypes.create_string_buffer(TIMEX_BYTES))  # all zero: asks, changes nothing
    return None if answer < 0 else answer != TIME_ERROR


def check_database_clock(url: str) -> Iterator[Finding]:
    """With PostgreSQL, how far the server's clock is from this machine's."""
    from crm_comm_plugin.storage.database import Database

    database = Database(url)
    if database.is_sqlite:
        return
    try:
        with database.read() as connection:
            server = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    finally:
        database.close()
    apart = abs(server - datetime.now(UTC))
    if apart > FAR_APART:
        text = f"The database server's clock and this machine's differ by {apart.total_seconds():.0f} s"
        yield Finding(level=BAD, what="Clock", text=text, hint=HINT)
