"""Usage by campaign and hour over a database: the UsageStore port."""

from datetime import datetime, timedelta

from sqlalchemy import select

from crm_comm_hookspecs import UsagePoint
from crm_comm_plugin.storage.database import Database
from crm_comm_plugin.storage.ledger_lines import writing
from crm_comm_plugin.storage.ledger_tables import usage
from crm_comm_plugin.storage.ledger_usage import HOUR, count_usage
from crm_comm_plugin.storage.schema import to_micros


class UsageRows:
    """The UsageStore port: at most 21 campaigns per account and hour, 400 days."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account_id: str, point: UsagePoint) -> None:
        """Add to the numbers of the hour that `point.at` is in."""
        counts = (point.sent, point.skipped, point.failed, point.unknown)
        if not any(counts):
            return
        with writing(self._database) as line:
            count_usage(line, account_id, to_micros(point.at), point.campaign, counts)

    def read(self, account_id: str, since: datetime, until: datetime) -> tuple[UsagePoint, ...]:
        """Points of all hours that overlap [since, until), in order of time, then campaign."""
        first = since - timedelta(microseconds=to_micros(since) % HOUR)
        query = (
            select(usage)
            .where(usage.c.account_id == account_id, usage.c.hour >= first, usage.c.hour < until)
            .order_by(usage.c.hour, usage.c.campaign)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            UsagePoint(
                at=row["hour"],
                campaign=row["campaign"],
                sent=row["sent"],
                skipped=row["skipped"],
                failed=row["failed"],
                unknown=row["unknown"],
            )
            for row in rows
        )
