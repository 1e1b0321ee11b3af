"""What is given for an account on the command line: FIELD=VALUE pairs, and secrets from a prompt, a file or stdin."""

import getpass
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crm_comm_hookspecs import Communication, Context, Editor, Field, Result
from crm_comm_plugin.cli.endings import USAGE, CommandError
from crm_comm_plugin.cli.output import note

MOST = 65_536
"""Longest secret file in bytes; the longest secret is far shorter."""


def interactive() -> bool:
    """True when somebody sits there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def pairs(given: Iterable[str], fields: Sequence[Field]) -> dict[str, str]:
    """FIELD=VALUE as values; a secret among them is refused, because arguments are seen by every user of a machine."""
    known = {field.name: field for field in fields}
    values: dict[str, str] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign:
            raise CommandError(f"{pair!r} is not FIELD=VALUE.", code=USAGE)
        field = known.get(name)
        if field is not None and field.secret:
            raise CommandError(
                f"{name} is a secret: it must not be an argument. Use --secret {name}=FILE, or - for stdin.", code=USAGE
            )
        values[name] = value if field is None else option_of(field, value)
    return values


def option_of(field: Field, typed: str) -> str:
    """The value of an option, which people may also name by its label."""
    if typed in (option.value for option in field.options):
        return typed
    named = [option.value for option in field.options if option.label.casefold() == typed.casefold()]
    return named[0] if named else typed


def secrets_from(given: Iterable[str]) -> dict[str, str]:
    """FIELD=FILE as values read from these files; - is stdin. One line break at the end does not count."""
    values: dict[str, str] = {}
    for pair in given:
        name, sign, source = pair.partition("=")
        if not sign or not source:
            raise CommandError(f"--secret wants FIELD=FILE, or FIELD=- for stdin, not {pair!r}.", code=USAGE)
        values[name] = _secret_in(source)
    return values


def _secret_in(source: str) -> str:
    raw = sys.stdin.buffer.read(MOST + 1) if source == "-" else _start_of(Path(source))
    if len(raw) > MOST:
        raise CommandError(f"{source} is too long for a secret.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{source} is not text in UTF-8.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST + 1)


def save(
    comm: Communication, context: Context, editor: Editor, id: str, values: Mapping[str, Any], version: str = ""
) -> Result:
    """Save, and ask for the secrets that turn out to be needed where somebody can be asked."""
    values = dict(values)
    while True:
        result = comm.save(context, editor.name, id, values, version)
        asked = [f for f in editor.fields if f.secret and f.name in result.errors and not values.get(f.name)]
        if result.ok or not asked or not interactive():
            return result
        for field in asked:
            note(" ".join(result.errors[field.name]))
            values[field.name] = getpass.getpass(f"{field.label}: ")
