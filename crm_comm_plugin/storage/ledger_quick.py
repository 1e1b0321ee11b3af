"""The quick lane on PostgreSQL: reserve and settle in one statement and one round trip, as long as plain sums decide.

The clock is read before the row's lock may be had. That is safe here: the time used is never before the row's latest,
and a moment too old only makes a hold end, and an entry be dated, no earlier than the caller's own call.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from crm_comm_hookspecs import CommError, Reservation
from crm_comm_plugin.domain.ledger_codec import HOLD_SIZE, HOLDS_AT, HOLDS_COUNT_AT, mask
from crm_comm_plugin.domain.ledger_ids import Ref
from crm_comm_plugin.domain.ledger_log import SECOND
from crm_comm_plugin.domain.ledger_moves import Wish, limits_in_force
from crm_comm_plugin.domain.ledger_quick import FULL_BYTES, MOST_BYTES, NOTE, RESERVED, SETTLED, bounds
from crm_comm_plugin.domain.ledger_time import Reading, from_micros
from crm_comm_plugin.storage.database import Database

BIGINT, BYTES, TEXT = 20, 17, 25
"""Types of values, as PostgreSQL numbers them."""
THERE_ALREADY, FORGOTTEN = "42P05", "26000"
"""Another ledger has prepared the same statement on the same connection; it is no longer prepared."""
_SERVER = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS t)"
_NOW = "GREATEST(c.t, l.latest)"
_CALM = f"l.account_id = $1 AND {_NOW} < l.calm_until AND octet_length(l.journal) < {MOST_BYTES}"
_WINDOWS = ("minute", "hour", "day", "month")
_FREE = " AND ".join(f"(l.used_{window} + l.held + $2) * 10 < ${n}" for n, window in enumerate(_WINDOWS, 6))
_SUMS = ", ".join(f"used_{window} = l.used_{window} + $3" for window in _WINDOWS)
_COUNT = f"(get_byte(l.state, {HOLDS_COUNT_AT}) + 256 * get_byte(l.state, {HOLDS_COUNT_AT + 1}))"
_HOLDS = f"substring(l.state FROM {HOLDS_AT + 1} FOR {HOLD_SIZE} * {_COUNT})"
_AT_START = "(position({} IN {}) - 1) % {} = 0"
"""Found where a hold begins: parts of two that lie side by side are no hold."""

RESERVE = (
    f"UPDATE crm_comm_ledger AS l SET latest = {_NOW}, held = l.held + $2,"  # noqa: S608 - our own words
    f" calm_until = LEAST(l.calm_until, {_NOW} + $3), journal = l.journal || $4 || int8send({_NOW} + $3)"
    f" FROM {{clock}} AS c WHERE {_CALM} AND ($5 & ~l.windows::bigint) = 0 AND {_FREE}"
    " RETURNING l.latest, octet_length(l.journal)"
)
RESERVE_TYPES = (TEXT, BIGINT, BIGINT, BYTES, BIGINT, BIGINT, BIGINT, BIGINT, BIGINT)
SETTLE = (
    f"UPDATE crm_comm_ledger AS l SET latest = {_NOW}, held = l.held - $2, {_SUMS},"  # noqa: S608 - our own words
    f" calm_until = LEAST(l.calm_until, {_NOW} + l.shortest), journal = l.journal || $4 || int8send({_NOW})"
    f" FROM {{clock}} AS c WHERE {_CALM} AND position($5 IN l.journal) = 0"
    f" AND ({_AT_START.format('$6', 'l.journal', NOTE.size)} OR {_AT_START.format('$7', _HOLDS, HOLD_SIZE)})"
    " RETURNING l.latest, octet_length(l.journal)"
)
SETTLE_TYPES = (TEXT, BIGINT, BIGINT, BYTES, BYTES, BYTES, BYTES)


class Prepared:
    """A statement that is prepared once per connection and then run by libpq alone: half of what a cursor costs.

    read: the caller's clock, as the last value; None = the server's.
    """

    def __init__(self, name: str, sql: str, types: Sequence[int], read: Callable[[], Reading] | None) -> None:
        clock = _SERVER if read is None else f"(SELECT ${len(types) + 1} AS t)"
        self._name = name.encode()
        self._sql = sql.format(clock=clock).encode()
        self._types = [*types] if read is None else [*types, BIGINT]
        self._formats = [int(kind == BYTES) for kind in self._types]
        self._known: WeakSet[Any] = WeakSet()

    def run(self, raw: Any, values: Sequence[object]) -> tuple[int, int] | None:
        """(the row's latest moment, bytes of its journal); None when it changed nothing."""
        given = [value if isinstance(value, bytes) else str(value).encode() for value in values]
        answer = self._once(raw, given)
        if answer is None:  # a rollback, or somebody between us and the server, forgot it
            self._known.discard(raw)
            answer = self._once(raw, given)
        if answer is None or not answer.ntuples:
            return None
        return int(answer.get_value(0, 0)), int(answer.get_value(0, 1))

    def _once(self, raw: Any, given: list[bytes]) -> Any:
        line = raw.pgconn
        if raw not in self._known:
            _checked(line.prepare(self._name, self._sql, self._types), unless=THERE_ALREADY)
            self._known.add(raw)
        return _checked(line.exec_prepared(self._name, given, self._formats, 0), unless=FORGOTTEN)


def _checked(answer: Any, unless: str) -> Any:
    """The answer; None for the one error that is no surprise."""
    from psycopg import errors

    if not answer.error_message:
        return answer
    error = errors.error_from_result(answer)
    if error.sqlstate != unless:
        raise error
    return None


class QuickLane:
    """Answers None or False when plain sums do not decide: then the long way is gone. read: as in SqlLedger.

    tidy: puts an account's journal into its book; called by the one whose call filled it.
    """

    def __init__(self, database: Database, read: Callable[[], Reading] | None, tidy: Callable[[str], object]) -> None:
        self._database = database
        self._read = read
        self._tidy = tidy
        name = "server" if read is None else "caller"
        self._reserve = Prepared(f"crm_comm_reserve_{name}", RESERVE, RESERVE_TYPES, read)
        self._settle = Prepared(f"crm_comm_settle_{name}", SETTLE, SETTLE_TYPES, read)

    def reserve(self, wish: Wish, token: bytes) -> Reservation | None:
        """All that is wished for, when it leaves every limit under 80 %."""
        limits = limits_in_force(wish.limits)
        hold = round(wish.hold_seconds * SECOND)
        chosen = mask(limit.window for limit in limits)
        note = _note(RESERVED, token, wish.units)
        latest = self._done(self._reserve, wish.account_id, wish.units, hold, note, chosen, *bounds(limits))
        if latest is None:
            return None
        return Reservation(
            id=str(Ref(wish.account_id, token, wish.units)),
            account_id=wish.account_id,
            requested=wish.units,
            granted=wish.units,
            held_until=from_micros(latest + hold),
        )

    def settle(self, ref: Ref, used: int) -> bool:
        """Settle a live hold that was made without a key."""
        if ref.nonce == 0 or used > ref.nonce:
            return False
        held = _note(RESERVED, ref.token, ref.nonce)  # as it stands in the journal; in the state without the letter
        note = _note(SETTLED, ref.token, used)
        latest = self._done(self._settle, ref.account_id, ref.nonce, used, note, SETTLED + ref.token, held, held[1:])
        return latest is not None

    def _done(self, statement: Prepared, account_id: str, *more: object) -> int | None:
        values = [account_id, *more]
        if self._read is not None:
            reading = self._read()
            if reading.boot:
                return None
            values.append(reading.wall)
        with self._database.one_statement() as raw:
            found = statement.run(raw, values)
        if found is None:
            return None
        if found[1] - NOTE.size < FULL_BYTES <= found[1]:
            with suppress(CommError):  # what was asked is done; the next who comes the long way tidies up too
                self._tidy(account_id)
        return found[0]


def _note(done: bytes, token: bytes, units: int) -> bytes:
    """All but the time, which the server adds."""
    return NOTE.pack(done, token, units, 0)[:-8]
