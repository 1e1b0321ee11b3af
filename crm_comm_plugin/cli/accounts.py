"""`crm-comm accounts list|show|add|edit|delete|restore|test|reopen`; what is long has a file of its own."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from crm_comm_hookspecs import Account, Communication, Context, Query, Result, Row
from crm_comm_hookspecs.conditions import holds
from crm_comm_plugin.cli import signing_in, transfer
from crm_comm_plugin.cli.common import Choices, Json, Yes, add, add_group
from crm_comm_plugin.cli.endings import FAILED, USAGE, CommandError, as_lines, refused
from crm_comm_plugin.cli.entering import interactive, pairs, save, secrets_from
from crm_comm_plugin.cli.forms import fill_in
from crm_comm_plugin.cli.lookup import all_rows, find_account, find_deleted, find_editor
from crm_comm_plugin.cli.output import NONE_YET, cell, print_json, say, table

SEND_TEST = "send_test"
COLUMNS = ("name", "type", "status", "usage", "last_used")

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name or id of the account.")]
Names = Annotated[list[str], typer.Argument(metavar="ACCOUNT...", help="Names or ids of accounts.")]
Pairs = Annotated[list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="What to fill in.")]
SecretFiles = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="FIELD=FILE", help="Read a secret from a file, or from stdin with FIELD=-."),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = add_group(
        app, "accounts", "The accounts: list, show, add, edit, delete, restore, test, reopen, sign in, export, import."
    )
    for name, function in (
        ("list", list_accounts),
        ("show", show),
        ("add", add_account),
        ("edit", edit),
        ("delete", delete),
        ("restore", restore),
        ("test", diagnose),
        ("reopen", reopen),
        ("sign-in", signing_in.sign_in),
        ("export", transfer.export),
        ("import", transfer.import_accounts),
    ):
        add(group, name, function)


def list_accounts(
    choices: Choices,
    search: Annotated[str, typer.Argument(help="Only names that match.")] = "",
    sort: Annotated[str, typer.Option(help="name, type or last_used")] = "",
    descending: Annotated[bool, typer.Option("--descending", help="The other way round.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 0,
    deleted: Annotated[bool, typer.Option("--deleted", help="What was deleted in the last 30 days.")] = False,
    json: Json = False,
) -> None:
    """List the accounts with their state and usage."""
    query = Query(search=search, sort=sort, descending=descending, deleted=deleted)
    context = choices.context
    with choices.communication() as comm:
        rows = list(all_rows(comm, context, query, limit))
        if json:
            print_json(_for_programs(comm, rows))
            return
        viewer = next(v for v in comm.viewers(context) if v.name == "accounts")
        if not rows:
            say("Nothing was found." if search or deleted else NONE_YET)
            return
        labels = {column.name: column.label for column in viewer.columns}
        names = [name for name in COLUMNS if name in labels]
        table([*(labels[n] for n in names), "Id"], ([*(r.cells.get(n) for n in names), r.id] for r in rows), context)


def _for_programs(comm: Communication, rows: Sequence[Row]) -> list[Any]:
    known = {account.id: account for account in comm.accounts(usable=False)}
    return [
        known.get(r.id) or {"id": r.id, "name": r.cells["name"], "type": r.editor, "status": "deleted"} for r in rows
    ]


def show(choices: Choices, account: Name, json: Json = False) -> None:
    """Show an account as it is stored: all fields, and of secrets only when they were set."""
    context = choices.context
    with choices.communication() as comm:
        found = find_account(comm, account)
        record = comm.open_record(context, found.type, found.id)
        allowance = comm.allowance(found.id)
        if json:
            print_json({"account": found, "values": record.values, "secrets": record.secrets, "allowance": allowance})
            return
        editor = find_editor(comm, context, found.type)
        rows = [("Id", found.id), ("Kind", found.type), ("Status", found.status)]
        for field in editor.fields:
            if field.name in record.secrets:
                rows.append((field.label, record.secrets[field.name]))
            elif record.values.get(field.name) not in (None, "") and holds(field.when, record.values):
                value = record.values[field.name]
                rows.append((field.label, cell(value, context) if isinstance(value, bool) else str(value)))
        if allowance.remaining is not None:
            rows.append(("Free now", cell(allowance.remaining, context)))
        table(("", ""), rows, context)


def add_account(
    choices: Choices,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="email, sms, or a kind that a plugin adds.")],
    fields: Pairs = None,
    secret: SecretFiles = None,
    json: Json = False,
) -> None:
    """Add an account. Without FIELD=VALUE it asks field by field; secrets are never arguments.

    crm-comm accounts add email account_name=News server=gmail user=news@gmail.com --secret password=FILE
    """
    context = choices.context
    with choices.communication() as comm:
        editor = find_editor(comm, context, kind)
        if fields or secret:
            result = save(comm, context, editor, "", pairs(fields or (), editor.fields) | secrets_from(secret or ()))
        elif interactive():
            result = fill_in(comm, context, editor)
        else:
            names = ", ".join(f.name for f in editor.fields if not f.secret)
            raise CommandError(f"Say what to fill in, as FIELD=VALUE. The fields are: {names}.", code=USAGE)
        if not result.ok:
            raise refused(result, "Nothing was stored.")
        _told(comm, result.id, "Added", json)


def edit(
    choices: Choices,
    account: Name,
    fields: Pairs = None,
    secret: SecretFiles = None,
    clear: Annotated[list[str] | None, typer.Option("--clear", metavar="FIELD", help="Forget this secret.")] = None,
    json: Json = False,
) -> None:
    """Change fields of an account; what is not named stays as it is."""
    context = choices.context
    if not (fields or secret or clear):
        raise CommandError("Say what to change, as FIELD=VALUE.", code=USAGE)
    with choices.communication() as comm:
        found = find_account(comm, account)
        editor = find_editor(comm, context, found.type)
        record = comm.open_record(context, found.type, found.id)
        values: dict[str, Any] = {**pairs(fields or (), editor.fields), **secrets_from(secret or ())}
        values.update(dict.fromkeys(clear or ()))
        result = save(comm, context, editor, found.id, values, record.version)
        if not result.ok:
            raise refused(result, "Nothing was stored.")
        _told(comm, found.id, "Changed", json)


def delete(choices: Choices, accounts: Names, yes: Yes = False, json: Json = False) -> None:
    """Delete accounts; they can be restored for 30 days."""
    context = choices.context
    with choices.communication() as comm:
        found = [find_account(comm, name) for name in accounts]
        ids = tuple(account.id for account in found)
        result = _confirmed(comm, context, "delete", ids, yes)
        if not result.ok:
            raise refused(result, "Nothing was deleted.")
        if json:
            print_json({"deleted": ids})
            return
        say(result.message or "Deleted.")
        say(f"To take it back within 30 days: crm-comm accounts restore {' '.join(ids)}")


def restore(choices: Choices, accounts: Names, json: Json = False) -> None:
    """Bring deleted accounts back."""
    context = choices.context
    with choices.communication() as comm:
        ids = tuple(find_deleted(comm, context, name).id for name in accounts)
        result = comm.run(context, "restore", ids)
        if not result.ok:
            raise refused(result, "Nothing was restored.")
        if json:
            print_json({"restored": ids})
        else:
            say(result.message or "Restored.")


def reopen(choices: Choices, accounts: Names, yes: Yes = False, json: Json = False) -> None:
    """Let accounts send again that their provider stopped."""
    context = choices.context
    with choices.communication() as comm:
        ids = tuple(find_account(comm, name).id for name in accounts)
        result = _confirmed(comm, context, "reopen", ids, yes)
    if not result.ok:
        raise refused(result, "Nothing was reopened.")
    if json:
        print_json(result)
    else:
        say(result.message)


def diagnose(
    choices: Choices,
    account: Name,
    send: Annotated[bool, typer.Option("--send", help="Then send a test message to the account's sender.")] = False,
    json: Json = False,
) -> None:
    """Sign in to the account's server or gateway, step by step; without --send nothing is sent."""
    context = choices.context
    with choices.communication() as comm:
        found = find_account(comm, account)
        if send and SEND_TEST not in (action.name for action in find_editor(comm, context, found.type).actions):
            raise CommandError(f"A {found.type} account sends no test message.", code=USAGE)
        if send:
            result = comm.run(context, SEND_TEST, (found.id,), found.type, {})
        else:
            result = comm.run(context, "test", (found.id,))
    if json:
        print_json(result)
    else:
        words = " ".join(result.message.split())
        errors = {name: [text for text in found if text not in words] for name, found in result.errors.items()}
        for line in [result.message, *as_lines(result.hints), *as_lines(errors)]:
            if line:
                say(line)
    if not result.ok:
        raise typer.Exit(FAILED)


def _confirmed(comm: Communication, context: Context, action: str, ids: tuple[str, ...], yes: bool) -> Result:
    """Run an action after its question, if it has one; yes: it was answered on the command line."""
    question = comm.confirm(context, action, ids)
    if question is not None and not yes:
        if not interactive():
            raise CommandError(f"This asks first. Add --yes to {action} without being asked.", code=USAGE)
        typer.confirm(f"{question.title}\n{question.text}", abort=True, err=True)
    return comm.run(context, action, ids, confirmed=question.token if question else "")


def _told(comm: Communication, id: str, what: str, json: bool) -> None:
    stored: Account = next(a for a in comm.accounts(usable=False) if a.id == id)
    if json:
        print_json(stored)
    else:
        say(f"{what}: {stored.name} ({stored.id})")
