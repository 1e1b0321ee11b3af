"""The ports that sending stands on, in one place."""

from dataclasses import dataclass

from crm_comm_plugin.domain.ports.clock import Clock
from crm_comm_plugin.domain.ports.limits import Limiter
from crm_comm_plugin.domain.ports.opening import AccountOpener
from crm_comm_plugin.domain.ports.sends import OutcomeStore, SendLocks, SendStore, UsageStore
from crm_comm_plugin.sending.pace import USUAL_HOLD, HoldTime


@dataclass(frozen=True, slots=True, kw_only=True)
class SendParts:
    """What a run talks to."""

    accounts: AccountOpener
    limiter: Limiter
    sends: SendStore
    outcomes: OutcomeStore
    locks: SendLocks
    usage: UsageStore
    clock: Clock
    hold: HoldTime = USUAL_HOLD
