"""`crm-comm accounts sign-in`: OAuth from a shell; the browser comes back to this machine."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from crm_comm_hookspecs import Account, Communication, Context, Result
from crm_comm_plugin.cli.common import Choices, Json
from crm_comm_plugin.cli.endings import FAILED, CommandError, refused
from crm_comm_plugin.cli.lookup import find_account, find_editor
from crm_comm_plugin.cli.output import note, print_json, say

ACTION = "sign_in_"
"""Begins the names of the editor's actions that sign in."""
WAIT = 600.0
"""So long a sign-in stays open."""
Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name or id of the account.")]


def sign_in(
    choices: Choices,
    account: Name,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the browser comes back; 0 takes a free one.")] = 0,
    localhost: Annotated[
        bool, typer.Option("--localhost", help="Come back to localhost, as Microsoft wants it, not to 127.0.0.1.")
    ] = False,
    json: Json = False,
) -> None:
    """Sign an e-mail account in with OAuth. Prints a link to open in a browser on this machine, and waits.

    The address that the browser comes back to, http://127.0.0.1/callback, must be allowed at the provider.
    """
    from crm_comm_plugin.cli.returning import Returning

    context = choices.context
    with Returning(port) as back:
        host = "localhost" if localhost else "127.0.0.1"
        settings = replace(choices.settings.resolved(), base_url=f"http://{host}:{back.port}")
        with Communication.load(settings) as comm:
            found = find_account(comm, account)
            link = _link(comm, context, found)
            note(f"Open this link in a browser on this machine, and allow sending. Ctrl-C stops.\n\n  {link}\n")
            sys.stderr.flush()
            state = parse_qs(urlsplit(link).query).get("state", [""])[0]
            result = back.wait(state, lambda params: _finished(comm, context, found, params), WAIT)
    if result is None:
        raise CommandError("Nobody came back from the sign-in page within ten minutes. Start it again.", code=FAILED)
    if not result.ok:
        raise refused(result, "Nobody was signed in.")
    if json:
        print_json(result)
    else:
        say(f"{found.name}: {result.message}")


def _link(comm: Communication, context: Context, account: Account) -> str:
    """The provider's page; the plugin knows which of its providers the account's server belongs to."""
    editor = find_editor(comm, context, account.type)
    actions = [action.name for action in editor.actions if action.name.startswith(ACTION)]
    if not actions:
        text = "Signing in with OAuth is not set up here. Set oauth_google_client_id or oauth_microsoft_client_id."
        raise CommandError(text)
    result = Result(ok=False)
    for action in actions:
        result = comm.run(context, action, (account.id,), editor.name, {})
        if result.open_url:
            return result.open_url
    raise refused(result, "The sign-in cannot begin.")


def _finished(comm: Communication, context: Context, account: Account, params: Mapping[str, str]) -> Result:
    """Take the browser's answer; an account that used a password until now uses the sign-in from now on."""
    result = comm.callback(context, params)
    record = comm.open_record(context, account.type, account.id) if result.ok else None
    if record is None or record.values.get("sign_in") == "oauth":
        return result
    saved = comm.save(context, account.type, account.id, {"sign_in": "oauth"}, record.version)
    return result if saved.ok else saved
