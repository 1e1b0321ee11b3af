"""The campaign page, which plays "another plugin": choose, preview, send, see the result, send to the skipped."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crm_comm_hookspecs import Account, CommError, Context, SendReport, TextMessage, TextSize
from crm_comm_plugin.hosts.csv_recipients import read_recipients
from crm_comm_plugin.hosts.web.drafts import Draft
from crm_comm_plugin.hosts.web.pages import Web, render, web_of
from crm_comm_plugin.hosts.web.people import context_of
from crm_comm_plugin.hosts.web.recipients import MAX_PASTE, source_of

_HALF = re.compile("[\ud800-\udfff]")
_NO_LINE = frozenset({"Cc", "Zl", "Zp", "Cs"})
"""Controls, breaks and half characters. Joiners, marks and spaces of all languages are what people write."""
_MAX = {"campaign": 100, "subject": 250, "text": 50_000}


def show(request: Request) -> Response:
    """The form for a new campaign, and the sends so far."""
    return _form(request, {"account": request.query_params.get("account", "")}, {})


async def preview(request: Request) -> Response:
    """Take the form: keep it, and go to its preview; or show what is wrong at its field."""
    async with request.form(max_files=1, max_fields=20, max_part_size=MAX_PASTE) as form:
        return await run_in_threadpool(_taken, request, form)


def campaign(request: Request) -> Response:
    """A campaign: its preview, its progress, or its result."""
    web = web_of(request)
    draft = _draft(web, request)
    report = _report(web, draft)
    job = web.jobs.of(draft.key)
    began = job is not None or report is not None
    return render(request, "campaign.html" if began else "campaign_preview.html", draft=draft, **_state(web, draft))


def state(request: Request) -> Response:
    """What changes while it is sent."""
    web = web_of(request)
    draft = _draft(web, request)
    return render(request, "campaign_state.html", draft=draft, **_state(web, draft))


def forecast(request: Request) -> Response:
    """The dry run: how many go now, how many later, who cannot be reached."""
    web, context = web_of(request), context_of(request)
    draft = _draft(web, request)
    recipients = read_recipients(web.drafts.recipients(draft), draft.channel)
    try:
        found = web.comm.preview(draft.account_id, draft.message(), recipients, context=context)
    except CommError as error:
        return render(request, "campaign_forecast.html", draft=draft, preview=None, problem=str(error))
    return render(request, "campaign_forecast.html", draft=draft, preview=found, problem="")


def size(request: Request, given: Mapping[str, Any]) -> TextSize | None:
    """The size of a text that is being typed: a dry run for nobody, which asks no gateway."""
    account, text = given.get("account"), given.get("text")
    if not isinstance(account, str) or not isinstance(text, str) or len(text) > _MAX["text"]:
        return None
    if _HALF.search(text):
        return None  # half an emoji, which no browser's page lets through to a send
    return web_of(request).comm.preview(account, TextMessage(text), (), context=context_of(request)).text


def start(request: Request) -> Response:
    """Send, or go on with who was skipped: the same key either way."""
    web = web_of(request)
    draft = _draft(web, request)
    web.jobs.start(draft, context_of(request))
    return RedirectResponse(f"/campaigns/{draft.key}", 303)


def stop(request: Request) -> Response:
    """Stop after what is in flight, wherever it runs."""
    web = web_of(request)
    draft = _draft(web, request)
    report = _report(web, draft)
    if not web.jobs.stop(draft.key) and report is not None:
        web.comm.cancel(report.send_id, context=context_of(request))
    return RedirectResponse(f"/campaigns/{draft.key}", 303)


def discard(request: Request) -> Response:
    """Forget a campaign that was not sent."""
    web = web_of(request)
    draft = _draft(web, request)
    if _report(web, draft) is None and web.jobs.of(draft.key) is None:
        web.drafts.forget(draft.key)
    return RedirectResponse("/campaigns", 303)


def _draft(web: Web, request: Request) -> Draft:
    draft = web.drafts.find(request.path_params["key"])
    if draft is None:
        raise HTTPException(404)
    return draft


def _report(web: Web, draft: Draft) -> SendReport | None:
    found = web.comm.sends(account_id=draft.account_id, key=draft.key, limit=1).sends
    return found[0] if found else None


def _state(web: Web, draft: Draft) -> dict[str, Any]:
    job, report = web.jobs.of(draft.key), _report(web, draft)
    running = job is not None and not job.done.is_set()
    if report is not None:
        web.drafts.started(draft.key, report.send_id)
    counts = dict(job.progress.counts if running and job and job.progress else report.counts if report else {})
    done = job.progress.done if running and job and job.progress else sum(counts.values())
    stopping = running and job is not None and job.stopped.is_set()
    problem = job.problem if job is not None and not running else ""
    return {
        "report": report,
        "running": running,
        "stopping": stopping,
        "counts": counts,
        "done": done,
        "problem": problem,
    }


def _taken(request: Request, form: FormData) -> Response:
    web, context = web_of(request), context_of(request)
    typed = {name: str(form.get(name) or "").strip() for name in ("account", "campaign", "subject", "text", "draft")}
    account = next((a for a in _accounts(web, context) if a.id == typed["account"]), None)
    errors = _problems(typed, account)
    draft = web.drafts.find(typed["draft"])
    if account is not None:
        draft = _with_recipients(web, form, account, draft, errors)
    if errors or account is None or draft is None:
        pasted = form.get("recipients")
        return _form(request, {**typed, "recipients": pasted if isinstance(pasted, str) else ""}, errors, draft)
    draft = replace(
        draft,
        campaign=typed["campaign"] or typed["subject"] or typed["text"][:40],
        subject=typed["subject"],
        text=typed["text"],
    )
    web.drafts.save(draft)
    return RedirectResponse(f"/campaigns/{draft.key}", 303)


def _with_recipients(
    web: Web, form: FormData, account: Account, draft: Draft | None, errors: dict[str, str]
) -> Draft | None:
    """The campaign with the recipients that were uploaded or pasted now, else those it had."""
    upload = form.get("file")
    source, name = source_of(upload if isinstance(upload, UploadFile) else None, form.get("recipients"))
    if source is None:
        if draft is None or draft.channel != account.channel:
            errors["recipients"] = "Choose a CSV file, or paste the recipients."
            return None
        return replace(draft, account_id=account.id, account_name=account.name)
    key = web.drafts.new_key()
    try:
        total = web.drafts.keep_recipients(key, source, account.channel)
    except CommError as error:
        errors["recipients"] = str(error)
        return None
    known = {"account_id": account.id, "account_name": account.name, "channel": account.channel, "campaign": ""}
    made = Draft(key=key, file_name=name, total=total, **known)
    web.drafts.save(made)
    return made


def _problems(typed: dict[str, str], account: Account | None) -> dict[str, str]:
    errors: dict[str, str] = {}
    if account is None:
        errors["account"] = "Choose an account to send from."
    if not typed["text"]:
        errors["text"] = "Write the message."
    if account is not None and account.channel != "sms" and not typed["subject"]:
        errors["subject"] = "Write a subject."
    for name, most in _MAX.items():
        if len(typed[name]) > most:
            errors[name] = f"This is longer than {most} characters."
    for name in ("subject", "campaign"):
        if any(unicodedata.category(character) in _NO_LINE for character in typed[name]):
            errors[name] = "One line of text, please."
    return errors


def _accounts(web: Web, context: Context) -> tuple[Account, ...]:
    return tuple(a for a in web.comm.accounts(usable=False, context=context) if a.active)


def _form(request: Request, typed: dict[str, str], errors: dict[str, str], draft: Draft | None = None) -> Response:
    web, context = web_of(request), context_of(request)
    after = request.query_params.get("after", "")
    sends = web.comm.sends(after=after, limit=20, context=context)
    accounts = _accounts(web, context)
    values = {**dict.fromkeys(("account", "campaign", "subject", "text", "recipients", "draft"), ""), **typed}
    return render(
        request,
        "campaigns.html",
        422 if errors else 200,
        accounts=accounts,
        names={account.id: account.name for account in accounts},
        typed=values,
        errors=errors,
        draft=draft,
        sends=sends,
        after=after,
    )
