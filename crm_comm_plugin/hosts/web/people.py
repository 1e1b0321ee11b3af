"""Who is asking: this host has no users of its own, so a profile page and the browser say who it shall be."""

import base64
import binascii
import json
import re
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

from crm_comm_hookspecs import ALL_PERMISSIONS, Context

COOKIE = "crm_comm_profile"
ZONE_COOKIE = "crm_comm_zone"
DEFAULT_USER = "admin"
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
LOCALES = {"en": "English", "en-GB": "English (UK)", "de": "Deutsch", "fr": "Français", "pt-BR": "Português (BR)"}


def context_of(request: Request) -> Context:
    """The contract's Context for a request."""
    profile = profile_of(request)
    accepted = _accepted(request.headers.get("accept-language", ""))
    locale = profile.get("locale") or accepted or "en"
    return Context(
        user=profile.get("user") or DEFAULT_USER,
        permissions=frozenset(profile.get("permissions", ALL_PERMISSIONS)) & ALL_PERMISSIONS,
        locale=locale,
        timezone=profile.get("timezone") or zone(unquote(request.cookies.get(ZONE_COOKIE, ""))) or "UTC",
        region=_region(locale) or _region(accepted),
    )


def profile_of(request: Request) -> dict[str, Any]:
    """What the profile page has set; anything odd in the cookie is left out."""
    try:
        known = json.loads(base64.urlsafe_b64decode(request.cookies.get(COOKIE, "").encode()))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return clean(known) if isinstance(known, dict) else {}


def packed(profile: dict[str, Any]) -> str:
    """A profile as a cookie's value."""
    return base64.urlsafe_b64encode(json.dumps(profile).encode()).decode()


def clean(given: dict[str, Any]) -> dict[str, Any]:
    """A profile with what is possible only."""
    user, locale = str(given.get("user", "")).strip()[:60], str(given.get("locale", ""))
    found: dict[str, Any] = {
        "user": user if user.isprintable() else "",
        "locale": locale if _LOCALE.fullmatch(locale) else "",
        "timezone": zone(str(given.get("timezone", ""))),
    }
    if isinstance(given.get("permissions"), list):
        found["permissions"] = sorted({str(name) for name in given["permissions"]} & ALL_PERMISSIONS)
    return found


def zone(name: str) -> str:
    """The name if it is an IANA zone, else ""."""
    try:
        return ZoneInfo(name).key if name else ""
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""


def _accepted(header: str) -> str:
    first = header.split(",", maxsplit=1)[0].split(";", maxsplit=1)[0].strip()
    return first if _LOCALE.fullmatch(first) and len(first) <= 20 else ""


def _region(locale: str) -> str:
    parts = re.split("[-_]", locale)[1:]
    return next((part.upper() for part in parts if len(part) == 2 and part.isalpha()), "")
