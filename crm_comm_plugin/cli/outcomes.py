"""`crm-comm outcomes`: the sends there were, and what became of each recipient; also as CSV."""

import csv
import re
from collections.abc import Iterator
from typing import Annotated, TextIO

import typer

from crm_comm_hookspecs import Communication, Outcome, RecipientStatus, SendReport, to_json
from crm_comm_plugin.cli.common import Choices, Json, add
from crm_comm_plugin.cli.endings import USAGE, CommandError
from crm_comm_plugin.cli.files import written
from crm_comm_plugin.cli.lookup import find_account
from crm_comm_plugin.cli.output import print_json, say, table

COLUMNS = ("address", "name", "status", "reason", "detail", "code", "at", "retry_at", "delivery")
PAGE = 1000
MOST = 500
"""Sends per page of the list."""
_NUMBER = re.compile(r"[+-]?[\d .,()/-]*\Z")


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    add(app, "outcomes", outcomes)


def outcomes(
    choices: Choices,
    send: Annotated[str, typer.Argument(metavar="[SEND]", help="Id of a send; without it, the sends.")] = "",
    account: Annotated[str, typer.Option(metavar="ACCOUNT", help="Only sends of this account.")] = "",
    campaign: Annotated[str, typer.Option(help="Only sends of this campaign.")] = "",
    status: Annotated[str, typer.Option(help="Only sent, skipped, failed or unknown recipients.")] = "",
    csv_file: Annotated[str, typer.Option("--csv", metavar="FILE", help="Write them as CSV; - is stdout.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    json: Json = False,
) -> None:
    """List the sends, or what became of each recipient of one."""
    if status and status not in list(RecipientStatus):
        raise CommandError(f"--status is one of {', '.join(RecipientStatus)}.", code=USAGE)
    with choices.communication() as comm:
        if not send:
            _list_sends(choices, comm, account, campaign, limit, json)
        elif csv_file:
            with written(csv_file) as file:
                write_csv(comm, send, file, status)
        else:
            _list_outcomes(choices, comm, send, status, limit, json)


def _list_sends(choices: Choices, comm: Communication, account: str, campaign: str, limit: int, json: bool) -> None:
    account_id = find_account(comm, account).id if account else ""
    found = comm.sends(account_id=account_id, campaign=campaign, limit=min(limit, MOST)).sends
    if json:
        print_json(found)
        return
    if not found:
        say("Nothing was sent yet.")
        return
    names = {one.id: one.name for one in comm.accounts(usable=False)}
    rows = [_send_row(report, names.get(report.account_id, report.account_id)) for report in found]
    head = ("Send", "Account", "Campaign", *(status.capitalize() for status in RecipientStatus), "State", "Again at")
    table(head, rows, choices.context, right=(3, 4, 5, 6))


def _send_row(report: SendReport, account: str) -> tuple[object, ...]:
    counts = [report.counts.get(status, 0) for status in RecipientStatus]
    state = "finished" if report.finished else "not finished"
    return (report.send_id, account, report.campaign, *counts, state, report.retry_at)


def _list_outcomes(choices: Choices, comm: Communication, send: str, status: str, limit: int, json: bool) -> None:
    page = comm.outcomes(send, status, limit=min(limit, PAGE))
    if json:
        print_json(page)
        return
    rows = [(o.recipient.address, o.status, o.reason, o.detail, o.retry_at) for o in page.outcomes]
    table(("Recipient", "Status", "Reason", "Detail", "Again at"), rows, choices.context)
    if page.next:
        say(f"There are more. All of them: crm-comm outcomes {send} --csv FILE")


def write_csv(comm: Communication, send: str, file: TextIO, status: str = "") -> None:
    """All outcomes of a send, in the order of its recipients; the file can be given to `send` again."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for outcome in _all_outcomes(comm, send, status):
        flat = {**to_json(outcome), **to_json(outcome.recipient)}
        writer.writerow(harmless(str(flat[name] or "")) for name in COLUMNS)


def _all_outcomes(comm: Communication, send: str, status: str) -> Iterator[Outcome]:
    after = ""
    while True:
        page = comm.outcomes(send, status, after, PAGE)
        yield from page.outcomes
        after = page.next
        if not after:
            return


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; phone numbers stay as they are."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.match(text) else text
