"""What `crm-comm doctor` looks at in clocks: is this machine's kept right, do the database and the limits agree."""

import ctypes
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from crm_comm_plugin.cli.checks import BAD, OK, WARN, Finding

if TYPE_CHECKING:
    from crm_comm_plugin.storage.database import Database

TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
TIMEX_BYTES = 256
"""More than `struct timex` has on any platform."""
FAR_APART = timedelta(seconds=5)
AHEAD = timedelta(minutes=1)
"""A limit's time may be a little ahead: it went on while the clock was set back."""
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


def check_limits_clock(database: "Database") -> Iterator[Finding]:
    """With PostgreSQL, how far the server's clock is from this machine's; and limits that live in the future."""
    now = datetime.now(UTC)
    with database.read() as connection:
        if not database.is_sqlite:
            server = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            if abs(server - now) > FAR_APART:
                text = f"The database server's clock and this machine's differ by {_seconds(server - now)}"
                yield Finding(level=BAD, what="Clock", text=text, hint=HINT)
            now = server
        latest = list(_latest(connection.exec_driver_sql("SELECT account_id, state, past FROM crm_comm_ledger")))
    ahead = [at - now for at in latest if at - now > AHEAD]
    if ahead:
        text = f"The limits of {len(ahead)} accounts are ahead of the clock, by up to {_seconds(max(ahead))}"
        hint = "The clock was wrong once. When it is right now, run `crm-comm clock reset`."
        yield Finding(level=BAD, what="Clock", text=text, hint=hint)


def _latest(rows: "Iterable[Any]") -> Iterator[datetime]:
    from crm_comm_plugin.domain.ledger import ANCHORS
    from crm_comm_plugin.domain.ledger_codec import decode
    from crm_comm_plugin.domain.ledger_time import from_micros

    for account_id, state, past in rows:
        if account_id != ANCHORS:
            yield from_micros(decode(account_id, bytes(state), bytes(past)).latest)


def _seconds(apart: timedelta) -> str:
    return f"{abs(apart).total_seconds():.0f} s"
