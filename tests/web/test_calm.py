"""Requests that end early: whoever leaves, and a host that stops, are nobody's mistake."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import ClientDisconnect

from crm_comm_plugin.hosts.web.calm import Calm

SCOPE = {"type": "http", "method": "POST", "path": "/campaigns"}


def run(coroutine):
    """In a thread of its own: a browser of another test keeps this one's loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result(timeout=20)


async def nothing(*_given):
    return {"type": "http.disconnect"}


async def stopped(app, send):
    """A request that is under way when the server stops."""
    task = asyncio.ensure_future(Calm(app)(SCOPE, nothing, send))
    await asyncio.sleep(0)
    task.cancel()
    await task


def test_whoever_leaves_in_the_middle_is_no_mistake(caplog):
    async def app(scope, receive, send):
        raise ClientDisconnect

    with caplog.at_level(logging.INFO):
        run(Calm(app)(SCOPE, nothing, nothing))
    assert caplog.records == []


def test_a_host_that_stops_tells_who_waited_and_raises_nothing():
    """The server would print what is raised, with a traceback."""
    said = []

    async def app(scope, receive, send):
        await asyncio.sleep(60)

    async def send(message):
        said.append(message)

    run(stopped(app, send))
    assert said[0]["status"] == 503
    assert b"stops" in said[1]["body"]


def test_a_page_that_has_begun_just_ends_when_the_host_stops():
    said = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    async def send(message):
        said.append(message["type"])

    run(stopped(app, send))
    assert said == ["http.response.start"]
