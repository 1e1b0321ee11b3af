"""The reference host as an ASGI app: every page, and what stands around them."""

from collections.abc import Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from crm_comm_hookspecs import CommError, Communication
from crm_comm_plugin.hosts.web import accounts, campaigns, forms, profile, receiving, sends, viewers
from crm_comm_plugin.hosts.web.calm import Calm
from crm_comm_plugin.hosts.web.campaign_plugin import CampaignPlugin
from crm_comm_plugin.hosts.web.drafts import Drafts
from crm_comm_plugin.hosts.web.guard import Guard
from crm_comm_plugin.hosts.web.inbox import Inbox
from crm_comm_plugin.hosts.web.jobs import Jobs
from crm_comm_plugin.hosts.web.pages import Web, comm_error, environment, http_error, json_route
from crm_comm_plugin.hosts.web.sandbox import Sandbox

STATIC = Path(__file__).parent / "static"


def create_app(
    comm: Communication,
    *,
    token: str,
    hosts: Iterable[str],
    folder: Path | None = None,
    sandbox: Sandbox | None = None,
) -> Starlette:
    """The app over a running Communication, with its campaign page registered as another plugin.

    token: the access link's secret. hosts: what the Host header may say, "127.0.0.1:8100". folder: keeps campaigns
    over a restart; without one they live as long as the app. sandbox: running servers, shown in the inbox.
    """
    drafts = Drafts(folder)
    jobs = Jobs(comm, drafts)
    hosts = frozenset(hosts)
    port = next(iter(sorted(hosts)), "").rpartition(":")[2]
    comm.register(CampaignPlugin(comm, jobs))
    if sandbox is not None:
        comm.register(sandbox.plugin)
    app = Starlette(
        routes=_routes(sandbox),
        middleware=[Middleware(Guard, token=token, hosts=hosts, cookie=f"crm_comm_{port}"), Middleware(Calm)],
        exception_handlers={CommError: comm_error, HTTPException: http_error},
    )
    app.state.web = Web(comm=comm, drafts=drafts, jobs=jobs, templates=environment(), sandbox=sandbox)
    drafts.prune()
    return app


def close_app(app: Starlette) -> None:
    """Stop what runs in the background; sends go on with the same key after a restart."""
    web: Web = app.state.web
    web.jobs.close()
    web.drafts.close()


def _routes(sandbox: Sandbox | None) -> list[BaseRoute]:
    return [
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/", viewers.home),
        Route("/list/{viewer}", viewers.show_list),
        Route("/new/{editor}", viewers.show_editor),
        Route("/edit/{editor}/{id}", viewers.show_editor),
        Route("/account/{id}", accounts.show),
        Route("/api/check", json_route(forms.check), methods=["POST"]),
        Route("/api/save", json_route(forms.save), methods=["POST"]),
        Route("/api/run", json_route(forms.run), methods=["POST"]),
        Route("/api/record", json_route(forms.record), methods=["POST"]),
        Route("/api/options", forms.options),
        Route("/profile", profile.show),
        Route("/profile", profile.save, methods=["POST"]),
        Route("/callback", accounts.callback),
        Route("/receive/{source}/{token}", receiving.receive, methods=["GET", "POST"]),
        *_campaign_routes(),
        *(_inbox_routes(Inbox(sandbox)) if sandbox is not None else ()),
    ]


def _campaign_routes() -> list[BaseRoute]:
    return [
        Route("/campaigns", campaigns.show),
        Route("/campaigns", campaigns.preview, methods=["POST"]),
        Route("/api/size", json_route(campaigns.size), methods=["POST"]),
        Route("/campaigns/{key}", campaigns.campaign),
        Route("/campaigns/{key}/state", campaigns.state),
        Route("/campaigns/{key}/forecast", campaigns.forecast),
        Route("/campaigns/{key}/send", campaigns.start, methods=["POST"]),
        Route("/campaigns/{key}/stop", campaigns.stop, methods=["POST"]),
        Route("/campaigns/{key}/discard", campaigns.discard, methods=["POST"]),
        Route("/sends/{send_id}", sends.show),
        Route("/sends/{send_id}/people", sends.people),
        Route("/sends/{send_id}/outcomes.csv", sends.download),
    ]


def _inbox_routes(inbox: Inbox) -> list[BaseRoute]:
    return [
        Route("/inbox", inbox.show),
        Route("/inbox/switches", inbox.switch, methods=["POST"]),
        Route("/inbox/empty", inbox.empty, methods=["POST"]),
    ]
