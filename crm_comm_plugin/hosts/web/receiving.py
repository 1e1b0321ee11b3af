"""Where services call: delivery reports. No cookie, since a machine calls; its token is in the path (rule 14)."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from crm_comm_hookspecs import Request
from crm_comm_plugin.hosts.web.pages import web_of

MAX_BODY = 1_000_000


async def receive(request: HttpRequest) -> Response:
    """Hand a service's call over and give its answer back."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return Response("too large", 413)
    call = Request(
        source=request.path_params["source"],
        token=request.path_params["token"],
        method=request.method,
        url=str(request.url),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )
    reply = await run_in_threadpool(web_of(request).comm.receive, call)
    return Response(reply.body, reply.status, media_type=reply.content_type)
