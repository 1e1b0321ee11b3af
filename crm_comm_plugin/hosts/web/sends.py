"""One send that anybody made: its numbers, its people page by page, and both as CSV."""

import csv
import io
from collections.abc import Iterator

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from crm_comm_hookspecs import Communication, Context, Outcome, RecipientStatus, SendReport
from crm_comm_plugin.hosts.web.pages import Web, render, utc, web_of
from crm_comm_plugin.hosts.web.people import context_of

PAGE = 25
_PAGES = 20
CSV = "text/csv; charset=utf-8"
_COLUMNS = ("address", "name", "status", "reason", "detail", "code", "at", "retry_at", "delivery")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show(request: Request) -> Response:
    """A send; one of our own campaigns has a page of its own."""
    web = web_of(request)
    send_id = request.path_params["send_id"]
    draft = web.drafts.of_send(send_id)
    if draft is not None:
        return RedirectResponse(f"/campaigns/{draft.key}", 303)
    report = find(web, send_id, request.query_params.get("account", ""))
    account = next((a for a in web.comm.accounts(usable=False) if a.id == report.account_id), None)
    return render(request, "send.html", report=report, counts=report.counts, account=account)


def people(request: Request) -> Response:
    """A page of a send's recipients and what became of each."""
    send_id, status = request.path_params["send_id"], _status(request)
    page = web_of(request).comm.outcomes(
        send_id, status, request.query_params.get("after", ""), PAGE, context=context_of(request)
    )
    return render(request, "outcomes.html", send_id=send_id, status=status, page=page)


def download(request: Request) -> Response:
    """The recipients of one status, or of all, as CSV that can be uploaded again."""
    comm, send_id, status = web_of(request).comm, request.path_params["send_id"], _status(request)
    context = context_of(request)
    first = comm.outcomes(send_id, status, "", 1, context=context)
    if not first.outcomes and status == "":
        raise HTTPException(404)
    name = f"{status or 'all'}-recipients.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_lines(comm, context, send_id, status), media_type=CSV, headers=headers)


def find(web: Web, send_id: str, account_id: str = "") -> SendReport:
    """A send by its id: the contract lists sends by account, campaign and key, so we look through the latest."""
    after = ""
    for _ in range(_PAGES):
        page = web.comm.sends(account_id=account_id, after=after, limit=100)
        for report in page.sends:
            if report.send_id == send_id:
                return report
        after = page.next
        if not after:
            break
    raise HTTPException(404)


def _status(request: Request) -> str:
    status = request.query_params.get("status", "")
    if status and status not in list(RecipientStatus):
        raise HTTPException(404)
    return status


def _lines(comm: Communication, context: Context, send_id: str, status: str) -> Iterator[str]:
    yield "\ufeff" + _line(_COLUMNS)  # the mark tells spreadsheets that this is UTF-8
    after = ""
    while True:
        page = comm.outcomes(send_id, status, after, 1000, context=context)
        yield "".join(_line(_cells(outcome)) for outcome in page.outcomes)
        after = page.next
        if not after:
            return


def _cells(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.recipient.address,
        _harmless(outcome.recipient.name),
        str(outcome.status),
        str(outcome.reason),
        _harmless(outcome.detail),
        outcome.code,
        utc(outcome.at) if outcome.at else "",
        utc(outcome.retry_at) if outcome.retry_at else "",
        outcome.delivery,
    )


def _harmless(text: str) -> str:
    """A spreadsheet would run a text that begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()
