"""`crm-comm accounts export|import`: accounts as JSON without their secrets, to copy, review or keep."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from crm_comm_hookspecs import Communication, Context, Query, to_json
from crm_comm_plugin.cli.common import Choices
from crm_comm_plugin.cli.endings import CommandError, refused
from crm_comm_plugin.cli.entering import save
from crm_comm_plugin.cli.files import written
from crm_comm_plugin.cli.lookup import all_rows, find_editor
from crm_comm_plugin.cli.output import note, say
from crm_comm_plugin.domain.accounts import name_key

FORMAT = "crm-comm accounts"
VERSION = 1


def export(
    choices: Choices, target: Annotated[str, typer.Argument(metavar="[FILE]", help="Where to; - is stdout.")] = "-"
) -> None:
    """Write all accounts as JSON. Secrets are never in it, only the names of those that are set."""
    context = choices.context
    entries = []
    with choices.communication() as comm:
        for row in all_rows(comm, context, Query()):
            record = comm.open_record(context, row.editor, row.id)
            values = {name: value for name, value in record.values.items() if value is not None}
            entries.append({"kind": row.editor, "values": values, "secrets": sorted(record.secrets)})
    with written(target) as file:
        file.write(json.dumps(to_json(_sheet(entries)), ensure_ascii=False, indent=2) + "\n")
    if target != "-":
        note(f"{len(entries)} accounts are in {target}, without their secrets.")


def _sheet(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "accounts": entries}


@dataclass(slots=True)
class _Tally:
    added: int = 0
    changed: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)


def import_accounts(
    choices: Choices,
    source: Annotated[str, typer.Argument(metavar="FILE", help="What export wrote; - is stdin.")],
    update: Annotated[
        bool, typer.Option("--update", help="Change accounts of the same name; else leave them.")
    ] = False,
    secrets: Annotated[
        str, typer.Option("--secrets", metavar="FILE", help='JSON: {"Account name": {"password": "..."}}.')
    ] = "",
) -> None:
    """Add the accounts of a file that export wrote. Their secrets are asked for, or read with --secrets."""
    entries = _entries(_read_json(source))
    known = _secrets(secrets)
    context = choices.context
    tally = _Tally()
    with choices.communication() as comm:
        taken = {name_key(account.name): account.id for account in comm.accounts(usable=False)}
        for entry in entries:
            _bring_in(comm, context, entry, known, taken, update, tally)
    say(f"Added {tally.added}, changed {tally.changed}, left {tally.left} as they are.")
    if tally.problems:
        raise CommandError(f"{len(tally.problems)} could not be stored.", tally.problems)


def _bring_in(
    comm: Communication,
    context: Context,
    entry: Mapping[str, Any],
    secrets: Mapping[str, Mapping[str, str]],
    taken: Mapping[str, str],
    update: bool,
    tally: _Tally,
) -> None:
    name = str(entry["values"].get("account_name", ""))
    there = taken.get(name_key(name), "")
    if there and not update:
        tally.left += 1
        return
    try:
        editor = find_editor(comm, context, entry["kind"])
        values = {**entry["values"], **secrets.get(name_key(name), {})}
        result = save(comm, context, editor, there, values, "*" if there else "")
        if not result.ok:
            raise refused(result, "")
    except CommandError as error:
        tally.problems.append(f"{name!r}: {' '.join([str(error), *error.lines]).strip()}")
        return
    tally.changed += bool(there)
    tally.added += not there


def _entries(sheet: Any) -> list[Mapping[str, Any]]:
    if not isinstance(sheet, dict) or sheet.get("format") != FORMAT:
        raise CommandError("This is not a file of accounts. Make one with: crm-comm accounts export FILE")
    if sheet.get("version") != VERSION:
        raise CommandError(f"The file is of version {sheet.get('version')!r}; this program reads version {VERSION}.")
    accounts = sheet.get("accounts")
    if not isinstance(accounts, list) or not all(_is_entry(entry) for entry in accounts):
        raise CommandError("The file is damaged: an account in it has no kind or no values.")
    return accounts


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("kind"), str) and isinstance(entry.get("values"), dict)


def _secrets(source: str) -> dict[str, dict[str, str]]:
    if not source:
        return {}
    read = _read_json(source)
    if not isinstance(read, dict) or not all(_is_texts(value) for value in read.values()):
        raise CommandError(f'{source} must be JSON such as {{"Account name": {{"password": "..."}}}}.')
    return {name_key(name): values for name, values in read.items()}


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _read_json(source: str) -> Any:
    raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CommandError(f"{source} is not JSON.") from None
