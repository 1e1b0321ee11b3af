"""Counting usage by the hour inside any transaction, in bounded space: one statement."""

from collections.abc import Sequence

from crm_comm_plugin.storage.ledger_lines import Line

HOUR = 3_600_000_000
KEPT = 400 * 24 * HOUR
MOST_CAMPAIGNS = 20
"""So many campaigns of one account are told apart in one hour; the others are counted together."""
OTHERS = "(others)"
LONGEST_NAME = 100

_SAME = "FROM crm_comm_usage WHERE account_id = ? AND hour = ?"
_ADD = (
    "INSERT INTO crm_comm_usage (account_id, hour, campaign, sent, skipped, failed, unknown)"
    f" SELECT ?, CAST(? AS BIGINT), CASE WHEN EXISTS (SELECT 1 {_SAME} AND campaign = ?)"
    f" OR (SELECT count(*) {_SAME}) < {MOST_CAMPAIGNS} THEN ? ELSE '{OTHERS}' END,"
    " CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT)"
    " WHERE true ON CONFLICT (account_id, hour, campaign) DO UPDATE SET"
    " sent = crm_comm_usage.sent + excluded.sent, skipped = crm_comm_usage.skipped + excluded.skipped,"
    " failed = crm_comm_usage.failed + excluded.failed, unknown = crm_comm_usage.unknown + excluded.unknown"
)


def count_usage(line: Line, account_id: str, at: int, campaign: str, counts: Sequence[int]) -> None:
    """Add (sent, skipped, failed, unknown) to the hour that this wall time (microseconds) is in."""
    hour, name = at // HOUR * HOUR, campaign[:LONGEST_NAME]
    line.tell(_ADD, (account_id, hour, account_id, hour, name, account_id, hour, name, *counts))


def prune_usage(line: Line, account_id: str, now: int) -> None:
    """Forget what is too old."""
    line.tell("DELETE FROM crm_comm_usage WHERE account_id = ? AND hour < ?", (account_id, now - KEPT))
