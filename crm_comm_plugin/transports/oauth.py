"""OAuth providers over HTTP: authorization code with PKCE, and refreshing (RFC 6749, RFC 7636), through Authlib.

Endpoints and scopes (read 2026-11): Google "Using OAuth 2.0 for web server applications" and "XOAUTH2 protocol";
Microsoft "Authenticate an IMAP, POP or SMTP connection using OAuth".
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm_comm_hookspecs import CommError, Reason, Settings, TransportError
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.oauth import GrantRefused, OAuthTokens

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

_log = logging.getLogger(__name__)
DEFAULT_LIFE = 3600.0
MOST_LIFE = 86_400.0
LONGEST = 40.0
"""Seconds for connecting, and for an answer: both together end before another worker may refresh as well."""
_OVER = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
"""Error codes after which only a person can help."""
_BUSY = frozenset({"temporarily_unavailable", "server_error", "slow_down", "rate_limit_exceeded"})
"""Error codes that blame nobody: the same request may work in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOAuthProvider:
    """One provider. hosts: the mail servers that its tokens may be sent to; extra: further authorize parameters."""

    key: str
    label: str
    hosts: frozenset[str]
    scopes: tuple[str, ...]
    authorize: str
    token: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    timeout: float = 30.0
    clock: Clock
    extra: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    ca_file: str = ""

    def authorize_url(self, *, state: str, verifier: str, redirect_uri: str, user: str) -> str:
        """The page to open in a browser."""
        session = self._session(redirect_uri)
        hint = {"login_hint": user} if "@" in user else {}
        url, _ = session.create_authorization_url(
            self.authorize, state=state, code_verifier=verifier, **{**self.extra, **hint}
        )
        return str(url)

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> OAuthTokens:
        """Tokens for a code."""
        session = self._session(redirect_uri)
        return self._asked(
            lambda: session.fetch_token(
                self.token, grant_type="authorization_code", code=code, code_verifier=verifier, allow_redirects=False
            )
        )

    def refresh(self, refresh_token: str) -> OAuthTokens:
        """New tokens."""
        session = self._session("")
        return self._asked(
            lambda: session.refresh_token(self.token, refresh_token=refresh_token, allow_redirects=False)
        )

    def _session(self, redirect_uri: str) -> "OAuth2Session":
        from authlib.integrations.requests_client import OAuth2Session

        session = OAuth2Session(
            self.client_id,
            self.client_secret or None,
            token_endpoint_auth_method="client_secret_post" if self.client_secret else "none",
            scope=" ".join((*self.scopes, *self.asked)),
            redirect_uri=redirect_uri or None,
            code_challenge_method="S256",
            default_timeout=self.timeout,
        )
        if self.ca_file:
            session.verify = self.ca_file
        return session

    def _asked(self, call: Callable[[], Mapping[str, Any]]) -> OAuthTokens:
        from authlib.common.errors import AuthlibBaseError

        code = ""
        try:
            return self._read(call())
        except CommError:
            raise
        except AuthlibBaseError as error:
            code = str(error.error or "")
        except Exception as error:  # noqa: BLE001 - connection, TLS, or an answer that is no JSON; its text may hold anything
            _log.warning("The token endpoint of %s failed: %s", self.label, type(error).__name__)
        if code in _OVER:
            raise GrantRefused(code)
        if code and code not in _BUSY:
            raise TransportError(
                f"{self.label} refuses this installation's OAuth client ({code[:60]!r}).",
                reason=Reason.AUTH,
                retryable=False,
                hint=f"Check client id, client secret and redirect address at {self.label} and in the settings.",
            )
        raise TransportError(
            f"{self.label}'s sign-in service does not answer.", reason=Reason.UNREACHABLE, hint="Try again in a moment."
        )

    def _read(self, answer: Mapping[str, Any]) -> OAuthTokens:
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not isinstance(access, str) or not access or not access.isascii() or not access.isprintable():
            raise TransportError(f"{self.label} answered without a token.", reason=Reason.UNREACHABLE)
        try:
            life = min(max(float(answer.get("expires_in", DEFAULT_LIFE)), 0.0), MOST_LIFE)
        except (TypeError, ValueError):
            life = DEFAULT_LIFE
        scope = answer.get("scope")
        return OAuthTokens(
            access=access,
            refresh=refresh if isinstance(refresh, str) else "",
            expires_at=self.clock.now() + timedelta(seconds=life),
            scopes=tuple(scope.split()) if isinstance(scope, str) else (),
        )


def providers(settings: Settings, clock: Clock) -> tuple[HttpOAuthProvider, ...]:
    """Those for which this installation has a client id, and the extra `oauth`. settings: resolved ones."""
    from importlib.util import find_spec

    if find_spec("authlib") is None:
        return ()
    found = []
    if settings.oauth_google_client_id:
        found.append(_google(settings, clock))
    if settings.oauth_microsoft_client_id:
        found.append(_microsoft(settings, clock))
    return tuple(found)


def _google(settings: Settings, clock: Clock) -> HttpOAuthProvider:
    return HttpOAuthProvider(
        key="google",
        label="Google",
        hosts=frozenset({"smtp.gmail.com", "smtp-relay.gmail.com"}),
        scopes=("https://mail.google.com/",),
        authorize="https://accounts.google.com/o/oauth2/v2/auth",
        token="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        client_id=settings.oauth_google_client_id,
        client_secret=settings.oauth_google_client_secret,
        timeout=min(settings.http_timeout, LONGEST),
        clock=clock,
        extra={"access_type": "offline", "prompt": "consent"},
    )


def _microsoft(settings: Settings, clock: Clock) -> HttpOAuthProvider:
    from urllib.parse import quote

    base = (
        f"https://login.microsoftonline.com/{quote(settings.oauth_microsoft_tenant or 'common', safe='')}/oauth2/v2.0"
    )
    return HttpOAuthProvider(
        key="microsoft",
        label="Microsoft",
        hosts=frozenset({"smtp.office365.com", "smtp-mail.outlook.com"}),
        scopes=("https://outlook.office.com/SMTP.Send",),
        asked=("offline_access",),
        authorize=f"{base}/authorize",
        token=f"{base}/token",
        client_id=settings.oauth_microsoft_client_id,
        client_secret=settings.oauth_microsoft_client_secret,
        timeout=min(settings.http_timeout, LONGEST),
        clock=clock,
    )
