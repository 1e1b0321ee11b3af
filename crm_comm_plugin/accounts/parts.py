"""The ports that accounts stand on, in one place."""

from dataclasses import dataclass

from crm_comm_plugin.accounts.forms import Forms
from crm_comm_plugin.domain.ports import AccountStore, Clock, Events, Limiter, SecretStore
from crm_comm_plugin.domain.ports.credits import CreditsDesk
from crm_comm_plugin.domain.ports.oauth import OAuthDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountParts:
    """What the use-cases talk to. credits: None where nothing sells any; sandbox: links to loopback are fine."""

    store: AccountStore
    secrets: SecretStore
    forms: Forms
    events: Events
    clock: Clock
    limiter: Limiter
    credits: CreditsDesk | None = None
    sandbox: bool = False
    oauth: OAuthDesk | None = None
