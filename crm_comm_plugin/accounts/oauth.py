"""Signing in with OAuth: the page that opens, and the browser that comes back with a code (RFC 6749, 7636, 9700)."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from crm_comm_hookspecs import Context, Result, TransportError, UnknownAccount
from crm_comm_hookspecs.conditions import as_text
from crm_comm_plugin.accounts.oauth_tokens import OAuthTokenStore, place_of
from crm_comm_plugin.domain.accounts import StoredAccount
from crm_comm_plugin.domain.pages import may_open
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.oauth import GrantRefused, OAuthFlow, OAuthGrant, OAuthProvider, OAuthStore
from crm_comm_plugin.domain.ports.secrets import SecretStore

PREFIX = "oauth."
"""Begins every state of ours, so that a purchase that comes back is told apart."""
LIFE = timedelta(minutes=10)
MOST = 4_096
_NOT_OURS = (
    "This sign-in was not started by you, was used already, or took longer than 10 minutes. "
    "Press the sign-in button in the account again."
)


class AccountOAuth:
    """The OAuthDesk port. base_url: where the host mounts `callback`; connected: called with the id of an account that
    has just signed in, and raises UnknownAccount when it is gone."""

    def __init__(
        self,
        *,
        store: OAuthStore,
        secret_store: SecretStore,
        providers: Sequence[OAuthProvider],
        clock: Clock,
        base_url: str,
        connected: Callable[[str], object],
    ) -> None:
        self._store = store
        self._secrets = secret_store
        self._providers = tuple(providers)
        self._clock = clock
        self._base_url = base_url.rstrip("/")
        self._connected = connected
        self._tokens = OAuthTokenStore(store=store, secret_store=secret_store, providers=providers, clock=clock)

    def offered(self) -> tuple[tuple[str, str], ...]:
        """(key, label) of all providers."""
        return tuple((provider.key, provider.label) for provider in self._providers)

    def provider_for(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """(key, label) of the provider whose tokens this server takes."""
        found = self._provider(values)
        return None if found is None else (found.key, found.label)

    def access_token(self, account_id: str, values: Mapping[str, Any], rejected: str = "") -> str:
        """A token that is good now."""
        return self._tokens.access_token(account_id, values, rejected)

    def signed_in(self, account_id: str, values: Mapping[str, Any]) -> bool:
        """True when this account, with these values, has a sign-in that stands."""
        return self._tokens.standing(account_id, values) is not None

    def refs(self) -> frozenset[str]:
        """Secret references in use, for the sweep."""
        return self._store.refs()

    def forget(self, account_id: str) -> None:
        """An account is gone for good."""
        if ref := self._store.drop(account_id):
            self._secrets.remove(ref)

    def begin(self, context: Context, account: StoredAccount | None, values: Mapping[str, Any]) -> Result:
        """Start a sign-in: the answer's `open_url` is the provider's page."""
        provider = self._provider(values)
        if provider is None:
            return _bad("OAuth is not set up for this server. Ask your administrator for a client id.", "sign_in")
        if account is None:
            return _bad("Save the account first; then sign in.")
        if not as_text(values.get("user")):
            return _bad("Enter the user who signs in.", "user")
        if not self._may_return():
            return _bad("The CRM's public address is not set. Ask your administrator to set base_url (https).")
        state = PREFIX + secrets.token_urlsafe(32)
        verifier = secrets.token_urlsafe(48)
        now = self._clock.now()
        flow = OAuthFlow(
            state=_digest(state),
            account_id=account.id,
            user=context.user,
            provider=provider.key,
            place=place_of(values),
            verifier=self._secrets.write(account.id, "oauth_verifier", verifier),
            redirect_uri=f"{self._base_url}/callback",
            expires_at=now + LIFE,
        )
        for old in self._store.begin(flow, now):
            self._secrets.remove(old)
        url = provider.authorize_url(
            state=state, verifier=verifier, redirect_uri=flow.redirect_uri, user=as_text(values.get("user"))
        )
        return Result(message=f"Sign in with {provider.label} in the page that opens.", open_url=url)

    def came_back(self, context: Context, params: Mapping[str, str]) -> Result | None:
        """A browser comes back; None when it is not from a sign-in."""
        state = params.get("state")
        if not isinstance(state, str) or not state.startswith(PREFIX):
            return None
        flow = self._store.take(_digest(state), context.user, self._clock.now())
        if flow is None:
            return _bad(_NOT_OURS)
        verifier = self._secrets.read(flow.verifier)
        self._secrets.remove(flow.verifier)
        provider = next((p for p in self._providers if p.key == flow.provider), None)
        if verifier is None or provider is None:
            return _bad(_NOT_OURS)
        code = params.get("code")
        if params.get("error") or not isinstance(code, str) or not 0 < len(code) <= MOST:
            return _bad(f"{provider.label} did not sign you in. Try again, and allow what its page asks for.")
        try:
            return self._finish(flow, provider, code, verifier)
        except GrantRefused:
            return _bad(f"{provider.label} does not take this sign-in any more. Start it again.")
        except TransportError as error:
            return _bad(f"{error.message} {error.hint}".strip())
        except UnknownAccount:
            return _bad("The account was deleted meanwhile.")

    def _finish(self, flow: OAuthFlow, provider: OAuthProvider, code: str, verifier: str) -> Result:
        tokens = provider.exchange(code=code, verifier=verifier, redirect_uri=flow.redirect_uri)
        if tokens.scopes and not {s.lower() for s in provider.scopes} <= {s.lower() for s in tokens.scopes}:
            return _bad(f"{provider.label} did not allow sending e-mail. Sign in again and allow it.")
        if not tokens.refresh:
            return _bad(f"{provider.label} allowed it for one hour only. Sign in again and allow lasting access.")
        grant = OAuthGrant(
            account_id=flow.account_id,
            provider=flow.provider,
            place=flow.place,
            ref="",
            user=flow.user,
            at=self._clock.now(),
        )
        self._connected(flow.account_id)
        self._tokens.keep(grant, tokens)
        message = f"Signed in with {provider.label}. You can close this page and test the connection."
        return Result(message=message, level="ok", refresh=True, id=flow.account_id)

    def _provider(self, values: Mapping[str, Any]) -> OAuthProvider | None:
        host = as_text(values.get("host")).lower()
        return next((provider for provider in self._providers if host in provider.hosts), None)

    def _may_return(self) -> bool:
        """Providers take plain http for this machine alone (RFC 8252), as the sandbox does."""
        return may_open(self._base_url, sandbox=True)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()


def _bad(text: str, field: str = "") -> Result:
    return Result(ok=False, level="bad", message=text, errors={field: [text]})
