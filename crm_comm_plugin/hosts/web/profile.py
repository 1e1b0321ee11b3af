"""The profile page: who this browser is to the plugin, what they may do, and how dates and numbers look."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from crm_comm_hookspecs import ALL_PERMISSIONS
from crm_comm_plugin.hosts.web.pages import render
from crm_comm_plugin.hosts.web.people import COOKIE, LOCALES, clean, context_of, packed

_ZONES = ("UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo")


def show(request: Request) -> Response:
    """The form."""
    context = context_of(request)
    locales = dict(LOCALES) if context.locale in LOCALES else {context.locale: context.locale, **LOCALES}
    zones = _ZONES if context.timezone in _ZONES else (context.timezone, *_ZONES)
    return render(request, "profile.html", locales=locales, zones=zones, all_permissions=sorted(ALL_PERMISSIONS))


async def save(request: Request) -> Response:
    """Keep it in a cookie: this host has no users of its own."""
    async with request.form(max_files=0, max_fields=30) as form:
        given = {name: str(form.get(name) or "") for name in ("user", "locale", "timezone")}
        profile = clean({**given, "permissions": [str(name) for name in form.getlist("permissions")]})
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, packed(profile), max_age=31_536_000, httponly=True, samesite="strict")
    return answer
