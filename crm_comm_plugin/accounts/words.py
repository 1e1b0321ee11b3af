"""Numbers, times and names as one person reads them."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from crm_comm_hookspecs import Context

if TYPE_CHECKING:
    from babel import Locale

_WEEK = timedelta(days=6)
UNGROUPED = 1_000
"""Below this a number is written with its digits alone, everywhere."""


def locale_of(name: str) -> "Locale":
    """The locale of a BCP 47 or POSIX name; its language where the region is unknown, else English."""
    from babel import Locale, UnknownLocaleError

    for candidate in (name, *(part for part in (str(name).replace("-", "_").split("_")[0],) if part)):
        try:
            return Locale.parse(str(candidate).split(".")[0].replace("-", "_"))
        except (ValueError, UnknownLocaleError, TypeError):
            continue
    return Locale.parse("en")


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name, else UTC."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError, TypeError):
        return ZoneInfo("UTC")


class Words:
    """How one person reads things now."""

    def __init__(self, context: Context, now: datetime) -> None:
        self._locale = locale_of(context.locale)
        self._zone = zone_of(context.timezone)
        self._now = now.astimezone(self._zone)
        self._times: dict[datetime, str] = {}

    def number(self, number: int) -> str:
        """1,840 or 1.840."""
        if -UNGROUPED < number < UNGROUPED:
            return str(number)
        from babel.numbers import format_decimal

        return format_decimal(number, locale=self._locale)

    def decimal(self, number: Decimal) -> str:
        """1,840.5 or 1.840,5."""
        from babel.numbers import format_decimal

        return format_decimal(number, locale=self._locale)

    def day(self, at: datetime) -> str:
        """24 Nov 2026."""
        from babel.dates import format_date

        return format_date(at.astimezone(self._zone), "medium", locale=self._locale)

    def moment(self, at: datetime) -> str:
        """14:05 today, Tue 14:05 this week, else the day."""
        minute = at.replace(second=0, microsecond=0)
        if minute not in self._times:
            self._times[minute] = self._moment(minute.astimezone(self._zone))
        return self._times[minute]

    def _moment(self, at: datetime) -> str:
        from babel.dates import format_date, get_time_format

        if abs(at - self._now) > _WEEK:
            return self.day(at)
        time = get_time_format("short", locale=self._locale).apply(at, self._locale)
        if at.date() == self._now.date():
            return time
        return f"{format_date(at, 'EEE', locale=self._locale)} {time}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """“News”, “Sales” and 3 more."""
    quoted = [f"“{name}”" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(quoted)} and {len(names) - most} more"
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
