"""Ports: what the use-cases need from the outside world, as Protocols. `wiring.py` plugs the real parts in."""

from .accounts import AccountPage, AccountQuery, AccountStore, AuditEntry, NameTaken, StaleVersion
from .clock import Clock
from .events import Events, Registry
from .limits import Closure, Ledger, Limiter
from .opening import AccountOpener
from .secrets import SecretsState, SecretStore
from .sends import OutcomeStore, SendLocks, SendRow, SendStore, UsageStore

__all__ = [
    "AccountOpener",
    "AccountPage",
    "AccountQuery",
    "AccountStore",
    "AuditEntry",
    "Clock",
    "Closure",
    "Events",
    "Ledger",
    "Limiter",
    "NameTaken",
    "OutcomeStore",
    "Registry",
    "SecretStore",
    "SecretsState",
    "SendLocks",
    "SendRow",
    "SendStore",
    "StaleVersion",
    "UsageStore",
]
