"""Tokens of signed-in accounts: kept as one secret, refreshed by one worker at a time, for the bound server only."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from crm_comm_hookspecs import Reason, TransportError
from crm_comm_hookspecs.conditions import as_text
from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.oauth import GrantRefused, OAuthGrant, OAuthProvider, OAuthStore, OAuthTokens
from crm_comm_plugin.domain.ports.secrets import SecretStore

SECRET = "oauth"  # noqa: S105 - the name of a field
MARGIN = timedelta(seconds=60)
"""A token that ends sooner is not used any more: signing in takes time."""
LEASE = timedelta(seconds=90)
"""How long one worker may refresh. One that dies on the way holds the others up for so long."""
PATIENCE = 100.0
POLL = 0.05
BINDING = ("host", "port", "security", "user")


def place_of(values: Mapping[str, Any]) -> dict[str, str]:
    """What tokens are bound to."""
    return {name: as_text(values.get(name)) for name in BINDING}


class OAuthTokenStore:
    """Reads, refreshes and keeps tokens."""

    def __init__(
        self, *, store: OAuthStore, secret_store: SecretStore, providers: Sequence[OAuthProvider], clock: Clock
    ) -> None:
        self._store = store
        self._secrets = secret_store
        self._providers = {provider.key: provider for provider in providers}
        self._clock = clock

    def standing(self, account_id: str, values: Mapping[str, Any]) -> OAuthGrant | None:
        """The sign-in that may be used with these values."""
        grant = self._store.find(account_id) if account_id else None
        if grant is None or grant.refused or dict(grant.place) != place_of(values):
            return None
        provider = self._providers.get(grant.provider)
        return grant if provider is not None and as_text(values.get("host")).lower() in provider.hosts else None

    def access_token(self, account_id: str, values: Mapping[str, Any], rejected: str = "") -> str:
        """A token that is good now. Raises TransportError, SecretsUnavailable."""
        deadline = time.monotonic() + PATIENCE
        owner = secrets.token_hex(16)
        while True:
            tokens = self._current(account_id, values)[1]
            if self._good(tokens, rejected):
                return tokens.access
            if self._store.lease(account_id, owner, self._clock.now() + LEASE, self._clock.now()):
                try:
                    return self._refreshed(account_id, values, rejected)
                finally:
                    self._store.release(account_id, owner)
            if time.monotonic() > deadline:
                raise TransportError("Another worker is signing in for too long.", reason=Reason.UNREACHABLE)
            time.sleep(POLL)

    def keep(self, grant: OAuthGrant, tokens: OAuthTokens) -> None:
        """A new sign-in; the tokens of an older one go."""
        ref = self._secrets.write(grant.account_id, SECRET, _packed(tokens))
        if old := self._store.put(replace(grant, ref=ref)):
            self._secrets.remove(old)

    def _refreshed(self, account_id: str, values: Mapping[str, Any], rejected: str) -> str:
        """Under the lease: look again first, since whoever had it before has left new tokens."""
        grant, tokens = self._current(account_id, values)
        if self._good(tokens, rejected):
            return tokens.access
        try:
            new = self._providers[grant.provider].refresh(tokens.refresh)
        except GrantRefused:
            self._store.swap(replace(grant, refused=True), grant.number)
            raise sign_in_again() from None
        new = replace(new, refresh=new.refresh or tokens.refresh)
        ref = self._secrets.write(account_id, SECRET, _packed(new))
        kept = self._store.swap(replace(grant, ref=ref), grant.number)
        self._secrets.remove(grant.ref if kept else ref)  # not kept: somebody signed in anew meanwhile
        return new.access if kept else self._current(account_id, values)[1].access

    def _current(self, account_id: str, values: Mapping[str, Any]) -> tuple[OAuthGrant, OAuthTokens]:
        while True:
            grant = self.standing(account_id, values)
            if grant is None:
                raise sign_in_again()
            text = self._secrets.read(grant.ref)
            if text is not None:
                return grant, _unpacked(text)
            again = self._store.find(account_id)
            if again is None or again.number == grant.number:
                raise sign_in_again()

    def _good(self, tokens: OAuthTokens, rejected: str) -> bool:
        return tokens.access != rejected and tokens.expires_at - MARGIN > self._clock.now()


def sign_in_again() -> TransportError:
    """Only a person can help."""
    return TransportError(
        "This account is not signed in at its provider, or the sign-in has ended.",
        reason=Reason.AUTH,
        retryable=False,
        hint="Open the account and sign in again.",
    )


def _packed(tokens: OAuthTokens) -> str:
    return json.dumps([tokens.refresh, tokens.access, tokens.expires_at.isoformat()])


def _unpacked(text: str) -> OAuthTokens:
    refresh, access, expires_at = json.loads(text)
    return OAuthTokens(access=access, refresh=refresh, expires_at=datetime.fromisoformat(expires_at))
