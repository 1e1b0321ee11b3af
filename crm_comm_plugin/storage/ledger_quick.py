"""The quick lane on PostgreSQL: reserve and settle in one statement and one round trip, as long as plain sums decide.

The clock is read before the row's lock may be had. That is safe here: the time used is never before the row's latest,
and a moment too old only makes a hold end, and an entry be dated, no earlier than the caller's own call.
"""

from collections.abc import Callable, Sequence
from typing import Any

from crm_comm_hookspecs import Reservation
from crm_comm_plugin.domain.ledger_codec import HOLD_SIZE, HOLDS_AT, HOLDS_COUNT_AT, mask
from crm_comm_plugin.domain.ledger_ids import Ref
from crm_comm_plugin.domain.ledger_log import SECOND
from crm_comm_plugin.domain.ledger_moves import Wish, limits_in_force
from crm_comm_plugin.domain.ledger_quick import MOST_BYTES, NOTE, RESERVED, SETTLED, bounds
from crm_comm_plugin.domain.ledger_time import Reading, from_micros
from crm_comm_plugin.storage.database import Database

SERVER_CLOCK = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t)"
CALLERS_CLOCK = "(SELECT %(now)s::bigint AS t)"
_NOW = "GREATEST(c.t, l.latest)"
_CALM = f"l.account_id = %(account)s AND {_NOW} < l.calm_until AND octet_length(l.journal) < {MOST_BYTES}"
_TAKEN = "(l.used_{window} + l.held + %(units)s::bigint) * 10 < %({window})s::bigint"
_FREE = " AND ".join(_TAKEN.format(window=window) for window in ("minute", "hour", "day", "month"))
RESERVE = (
    f"UPDATE crm_comm_ledger AS l SET latest = {_NOW}, held = l.held + %(units)s::bigint,"  # noqa: S608 - our own words
    f" calm_until = LEAST(l.calm_until, {_NOW} + %(hold)s::bigint),"
    f" journal = l.journal || %(note)s || int8send({_NOW} + %(hold)s::bigint)"
    " FROM {clock} AS c"
    f" WHERE {_CALM} AND (%(mask)s::int & ~l.windows) = 0 AND {_FREE} RETURNING l.latest"
)
_COUNT = f"(get_byte(l.state, {HOLDS_COUNT_AT}) + 256 * get_byte(l.state, {HOLDS_COUNT_AT + 1}))"
_HOLDS = f"substring(l.state FROM {HOLDS_AT + 1} FOR {HOLD_SIZE} * {_COUNT})"
_SUMS = ", ".join(
    f"used_{window} = l.used_{window} + %(used)s::bigint" for window in ("minute", "hour", "day", "month")
)
SETTLE = (
    f"UPDATE crm_comm_ledger AS l SET latest = {_NOW}, held = l.held - %(granted)s::bigint, {_SUMS},"  # noqa: S608
    f" calm_until = LEAST(l.calm_until, {_NOW} + l.shortest),"
    f" journal = l.journal || %(note)s || int8send({_NOW})"
    " FROM {clock} AS c"
    f" WHERE {_CALM} AND position(%(settled)s IN l.journal) = 0"
    f" AND (position(%(reserved)s IN l.journal) > 0 OR position(%(reserved)s IN {_HOLDS}) > 0) RETURNING l.latest"
)


class QuickLane:
    """Answers None or False when plain sums do not decide: then the long way is gone. read: as in SqlLedger."""

    def __init__(self, database: Database, read: Callable[[], Reading] | None) -> None:
        self._database = database
        self._read = read
        clock = SERVER_CLOCK if read is None else CALLERS_CLOCK
        self._reserve, self._settle = RESERVE.format(clock=clock), SETTLE.format(clock=clock)

    def reserve(self, wish: Wish, token: bytes) -> Reservation | None:
        """All that is wished for, when it leaves every limit under 80 %."""
        limits = limits_in_force(wish.limits)
        hold = round(wish.hold_seconds * SECOND)
        minute, hour, day, month = bounds(limits)
        values = {
            "account": wish.account_id,
            "units": wish.units,
            "hold": hold,
            "note": _note(RESERVED, token, wish.units),
            "mask": mask(limit.window for limit in limits),
            "minute": minute,
            "hour": hour,
            "day": day,
            "month": month,
        }
        found = self._done(self._reserve, values)
        if not found:
            return None
        return Reservation(
            id=str(Ref(wish.account_id, token, wish.units)),
            account_id=wish.account_id,
            requested=wish.units,
            granted=wish.units,
            held_until=from_micros(found[0][0] + hold),
        )

    def settle(self, ref: Ref, used: int) -> bool:
        """Settle a live hold that was made without a key."""
        if ref.nonce == 0 or used > ref.nonce:
            return False
        values = {
            "account": ref.account_id,
            "granted": ref.nonce,
            "used": used,
            "note": _note(SETTLED, ref.token, used),
            "settled": SETTLED + ref.token,
            "reserved": _note(RESERVED, ref.token, ref.nonce)[1:],  # as it is in both journal and state
        }
        return bool(self._done(self._settle, values))

    def _done(self, sql: str, values: dict[str, Any]) -> Sequence[tuple[int]]:
        if self._read is not None:
            reading = self._read()
            if reading.boot:
                return ()
            values["now"] = reading.wall
        with self._database.one_statement() as raw:
            rows: Sequence[tuple[int]] = raw.execute(sql, values).fetchall()
        return rows


def _note(done: bytes, token: bytes, units: int) -> bytes:
    """All but the time, which the server adds."""
    return NOTE.pack(done, token, units, 0)[:-8]
