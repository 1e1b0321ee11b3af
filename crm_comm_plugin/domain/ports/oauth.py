"""The ports of OAuth: the provider's endpoints, what is kept of sign-ins, and tokens for transports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from crm_comm_hookspecs import Context, Result
from crm_comm_plugin.domain.accounts import StoredAccount


class GrantRefused(Exception):
    """The provider says that this sign-in is over (revoked, expired, or used twice). A person must sign in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokens:
    """What a token endpoint answered. refresh "" = keep the one there is; scopes: granted ones, () = as asked."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: datetime
    scopes: tuple[str, ...] = ()


class OAuthProvider(Protocol):
    """One identity provider. Calls raise GrantRefused, or TransportError when it cannot be reached.

    hosts: the mail servers, and nobody else, that its tokens are sent to; scopes: what must be granted.
    """

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def hosts(self) -> frozenset[str]: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...

    def authorize_url(self, *, state: str, verifier: str, redirect_uri: str, user: str) -> str:
        """The page to open in a browser (authorization code, PKCE S256)."""
        ...

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> OAuthTokens:
        """Tokens for a code."""
        ...

    def refresh(self, refresh_token: str) -> OAuthTokens:
        """New tokens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthFlow:
    """A sign-in under way. state: digest of the state parameter; place: what the tokens will be bound to; verifier:
    reference of the PKCE verifier in the secret store."""

    state: str
    account_id: str
    user: str
    provider: str
    place: Mapping[str, str]
    verifier: str
    redirect_uri: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthGrant:
    """A sign-in of an account. ref: its tokens in the secret store; number grows with every change; refused: the
    provider has ended it."""

    account_id: str
    provider: str
    place: Mapping[str, str]
    ref: str
    user: str
    at: datetime
    number: int = 1
    refused: bool = False


class OAuthStore(Protocol):
    """Sign-ins under way, and those that stand. Each call is one transaction."""

    def begin(self, flow: OAuthFlow, now: datetime) -> tuple[str, ...]:
        """Keep a flow; forgets those that are too old, and answers the references of their verifiers."""
        ...

    def take(self, state: str, user: str, now: datetime) -> OAuthFlow | None:
        """A flow of this user that is not too old, once only."""
        ...

    def find(self, account_id: str) -> OAuthGrant | None:
        """The sign-in of an account."""
        ...

    def put(self, grant: OAuthGrant) -> str:
        """A new sign-in in the place of an older one, whose reference is answered, "" without one."""
        ...

    def swap(self, grant: OAuthGrant, expected: int) -> bool:
        """Replace ref and refused where the number is still the expected one; it grows by one."""
        ...

    def drop(self, account_id: str) -> str:
        """Forget an account's sign-in; answers its reference, "" without one."""
        ...

    def lease(self, account_id: str, owner: str, until: datetime, now: datetime) -> bool:
        """Take the right to refresh; False while somebody else has it. It ends by itself."""
        ...

    def release(self, account_id: str, owner: str) -> None:
        """Give it back."""
        ...

    def refs(self) -> frozenset[str]:
        """All secret references that are in use, so that the sweep leaves them."""
        ...


class OAuthDesk(Protocol):
    """OAuth as accounts and transports see it. values: an account's values with host, port, security and user."""

    def offered(self) -> tuple[tuple[str, str], ...]:
        """(key, label) of all providers that this installation has a client id of."""
        ...

    def provider_for(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """(key, label) of the provider whose tokens this server takes, if this installation has its client id."""
        ...

    def begin(self, context: Context, account: StoredAccount | None, values: Mapping[str, Any]) -> Result:
        """Start a sign-in: the answer's `open_url` is the provider's page."""
        ...

    def came_back(self, context: Context, params: Mapping[str, str]) -> Result | None:
        """`crm_comm_callback` after a sign-in; None when these params are not of one."""
        ...

    def access_token(self, account_id: str, values: Mapping[str, Any], rejected: str = "") -> str:
        """A token that is good now, refreshed when it is not, or when it is the `rejected` one.

        Raises TransportError (reason auth: a person must sign in again), SecretsUnavailable.
        """
        ...

    def signed_in(self, account_id: str, values: Mapping[str, Any]) -> bool:
        """True when this account, with these values, has a sign-in that stands."""
        ...

    def refs(self) -> frozenset[str]:
        """Secret references in use, so that the sweep leaves them."""
        ...

    def forget(self, account_id: str) -> None:
        """An account is gone for good."""
        ...
