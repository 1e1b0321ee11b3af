"""What commands print: tables for people, JSON for programs, and no control characters from elsewhere."""

import io
import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from crm_comm_hookspecs import Badge, Context, Meter, to_json

LEVELS = {"ok": "green", "info": "cyan", "warn": "yellow", "bad": "red"}
NONE_YET = "There are no accounts yet. Add one: crm-comm accounts add email"
WIDE = 4000
"""Columns of a table that goes into a pipe or a file: nothing is cut off there."""


def plain(text: str) -> str:
    """The text without control characters, which could command a terminal; line breaks stay."""
    return "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else "\ufffd" for c in text)


def say(text: str = "") -> None:
    """One line for people, on stdout."""
    sys.stdout.write(plain(text) + "\n")


def note(text: str) -> None:
    """One line beside the output, on stderr."""
    sys.stderr.write(plain(text) + "\n")


def print_json(value: Any) -> None:
    """A contract value, or a mapping or list of such."""
    sys.stdout.write(json.dumps(to_json(value), ensure_ascii=False, indent=2) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], context: Context, right: Sequence[int] = ()) -> None:
    """A table of contract values. right: which columns are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(columns))
    for place, name in enumerate(columns):
        shown.add_column(name, justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell(value, context), style=level_of(value)) for value in row))
    if sys.stdout.isatty():
        Console(highlight=False).print(shown)
        return
    written = io.StringIO()
    Console(width=WIDE, highlight=False, file=written).print(shown)
    for line in written.getvalue().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def cell(value: Any, context: Context) -> str:
    """One value in words."""
    if value is None:
        return ""
    if isinstance(value, Badge):
        return plain(value.text)
    if isinstance(value, Meter):
        return plain(f"{value.text} ({value.hint})" if value.hint else value.text)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value, context)
    if isinstance(value, int | float | Decimal):
        return number(value, context)
    return plain(str(value))


def level_of(value: Any) -> str:
    """The colour of a value that has a level, as a Rich style."""
    return LEVELS.get(value.level, "") if isinstance(value, Badge | Meter) else ""


def moment(at: datetime, context: Context) -> str:
    """A time as the person writes it, in their time zone."""
    from zoneinfo import ZoneInfo

    from babel.dates import format_date, format_time

    there, locale = at.astimezone(ZoneInfo(context.timezone)), _locale(context)
    return f"{format_date(there, 'medium', locale)} {format_time(there, 'short', locale=locale)}"


def number(value: float | Decimal, context: Context) -> str:
    """A number as the person writes it."""
    from babel.numbers import format_decimal

    return format_decimal(value, locale=_locale(context))


def _locale(context: Context) -> str:
    from babel import Locale, UnknownLocaleError

    name = context.locale.replace("-", "_")
    try:
        return str(Locale.parse(name))
    except (ValueError, UnknownLocaleError):
        return "en"
