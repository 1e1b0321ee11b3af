"""The sandbox's inbox: what arrived at its servers, and the switches that make them fail."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crm_comm_plugin.hosts.web.pages import is_fragment, render
from crm_comm_plugin.hosts.web.sandbox import Sandbox
from crm_comm_plugin.hosts.web.sandbox.state import SWITCHES


class Inbox:
    """The pages of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def show(self, request: Request) -> Response:
        """What arrived, newest first."""
        state = self._sandbox.state
        messages, arrived = state.messages()
        template = "inbox_list.html" if is_fragment(request) else "inbox.html"
        return render(
            request,
            template,
            messages=messages,
            arrived=arrived,
            switches=state.switches(),
            switch_texts=SWITCHES,
        )

    async def switch(self, request: Request) -> Response:
        """Set the switches as the form has them."""
        async with request.form(max_files=0, max_fields=20) as form:
            self._sandbox.state.switch({name: name in form for name in SWITCHES})
        return Response(status_code=204) if is_fragment(request) else RedirectResponse("/inbox", 303)

    def empty(self, request: Request) -> Response:
        """Forget what arrived."""
        self._sandbox.state.empty()
        return RedirectResponse("/inbox", 303)
