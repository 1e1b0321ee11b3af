"""What happens when a page fails by our own mistake: one clear line for the person, and nothing quoted in any log."""

import asyncio
import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_comm_hookspecs.failures import described
from crm_comm_plugin.hosts.web.pages import failed_page

log = logging.getLogger(__name__)


def _section(scope: Scope) -> str:
    """The first part of the path: the rest may be a service's secret token."""
    return "/" + str(scope.get("path", "")).lstrip("/").partition("/")[0]


class Calm:
    """ASGI middleware around the pages. Starlette's own would raise the error again, and the server would print it:
    its text may quote what somebody typed, so only its kind and its place are logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 500 for whatever was not foreseen; a page that has begun just ends."""
        began = False

        async def noticed(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except ClientDisconnect:
            return  # whoever asked has gone: nobody's mistake
        except asyncio.CancelledError:
            # Only a server that stops does this, and it would print a traceback for everybody who still waits.
            if scope["type"] == "http" and not began:
                await PlainTextResponse("The server stops. Try again when it runs.", 503)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            log.error("%s %s failed: %s", scope.get("method", ""), _section(scope), described(error))
            if scope["type"] != "http" or began:
                return
            answer = await run_in_threadpool(failed_page, Request(scope))
            await answer(scope, receive, send)
