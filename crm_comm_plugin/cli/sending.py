"""`crm-comm send`: a CSV of recipients goes out through an account, under its limit."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from crm_comm_hookspecs import Account, Communication, Context, Message, Preview, RecipientStatus, SendReport
from crm_comm_plugin.cli.accounts import Name
from crm_comm_plugin.cli.common import Choices, Json, add
from crm_comm_plugin.cli.endings import NOT_ALL_SENT, STOPPED
from crm_comm_plugin.cli.files import written
from crm_comm_plugin.cli.letters import Letter, default_key
from crm_comm_plugin.cli.lookup import find_account
from crm_comm_plugin.cli.outcomes import write_csv
from crm_comm_plugin.cli.output import cell, note, print_json, say
from crm_comm_plugin.cli.progress import watched
from crm_comm_plugin.cli.recipients import Recipients, recipients_in

Csv = Annotated[
    str, typer.Argument(metavar="CSV", help="Recipients, with a column email, phone or address; - is stdin.")
]


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "send", send, epilog="Exit code 0 when everybody was sent to, 3 when not.")


def send(
    choices: Choices,
    account: Name,
    recipients: Csv,
    subject: Annotated[str, typer.Option(help="Of an e-mail.")] = "",
    text: Annotated[str, typer.Option(help="The message itself.")] = "",
    text_file: Annotated[str, typer.Option(metavar="FILE", help="The message, in UTF-8.")] = "",
    html_file: Annotated[str, typer.Option(metavar="FILE", help="The message as HTML, in UTF-8.")] = "",
    reply_to: Annotated[str, typer.Option(metavar="ADDRESS", help="Where answers go.")] = "",
    attach: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Attach it; may be repeated.")] = None,
    campaign: Annotated[str, typer.Option(help="What usage is counted under.")] = "",
    key: Annotated[str, typer.Option(help="Same key, same send: it goes on. Default: made of the message.")] = "",
    outcomes: Annotated[str, typer.Option(metavar="FILE", help="Write what became of each as CSV.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Say what would happen; send nothing.")] = False,
    json: Json = False,
) -> None:
    """Send to everybody in a CSV under the account's limit. The same command again goes on with who was skipped."""
    letter = Letter(
        subject=subject, text=text, text_file=text_file, html_file=html_file, reply_to=reply_to, attach=attach or ()
    )
    with ExitStack() as open_files, choices.communication() as comm:
        found = find_account(comm, account)
        message = letter.message(found)
        readers = open_files.enter_context(recipients_in(recipients, found.channel))
        if preview:
            _print_preview(choices.context, comm.preview(found.id, message, readers.read()), json)
            return
        target = open_files.enter_context(written(outcomes)) if outcomes else None
        report, stopped = _send(comm, found, message, readers, key, campaign, json)
        if target is not None:
            write_csv(comm, report.send_id, target)
    _print_report(choices.context, report, outcomes, json)
    raise typer.Exit(STOPPED if stopped else 0 if _everybody(report) else NOT_ALL_SENT)


def _send(
    comm: Communication,
    account: Account,
    message: Message,
    readers: Recipients,
    key: str,
    campaign: str,
    json: bool,
) -> tuple[SendReport, bool]:
    key = key or default_key(account, campaign, message)
    before = comm.sends(account_id=account.id, key=key, limit=1).sends
    if before and not json:
        sent = before[0].counts.get(RecipientStatus.SENT, 0)
        note(f"This goes on with the send {before[0].send_id}: {sent} were sent to before.")
    with watched(readers.total, quiet=json) as watch:
        report = comm.send(account.id, message, readers.read(), key, campaign, watch)
    return report, watch.stopped


def _everybody(report: SendReport) -> bool:
    return all(not number for status, number in report.counts.items() if status != RecipientStatus.SENT)


def _print_report(context: Context, report: SendReport, outcomes: str, json: bool) -> None:
    if json:
        print_json(report)
        return
    say(", ".join(f"{status} {cell(report.counts.get(status, 0), context)}" for status in RecipientStatus))
    if report.counts.get(RecipientStatus.SKIPPED) and report.retry_at:
        say(f"The skipped can be sent to from {cell(report.retry_at, context)}: run the same command again then.")
    if not outcomes:
        say(f"Each recipient: crm-comm outcomes {report.send_id}")


def _print_preview(context: Context, preview: Preview, json: bool) -> None:
    if json:
        print_json(preview)
        return
    for line in _preview_lines(context, preview):
        say(line)


def _preview_lines(context: Context, preview: Preview) -> Iterator[str]:
    def shown(value: Any) -> str:
        return cell(value, context)

    yield f"{shown(preview.total)} recipients, {shown(preview.now)} would be sent to now."
    for at, units in preview.later:
        yield f"{shown(units)} more from {shown(at)}."
    for reason, number in preview.rejected.items():
        yield f"{shown(number)} cannot be sent to: {reason}."
    if preview.text is not None:
        yield f"One text has {preview.text.segments} parts ({preview.text.encoding}, {preview.text.length} long)."
    if preview.credits is not None:
        yield f"It would cost {shown(preview.credits)} credits."
