"""Fax accounts for crm-comm-plugin: the hooks. One object for each Communication, so that they share nothing."""

from collections.abc import Iterable

from crm_comm_hookspecs import AccountType, Change, Communication, Notice, Settings, Usage, hookimpl

from .account import fax_type
from .campaigns import Campaigns


class FaxPlugin:
    """Registers the fax account type, and says which accounts its campaigns use."""

    __name__ = "crm_fax"

    def __init__(self, comm: Communication) -> None:
        self.campaigns = Campaigns(comm)

    @hookimpl
    def crm_comm_account_types(self) -> Iterable[AccountType]:
        return [fax_type()]

    @hookimpl
    def crm_comm_account_usages(self, account_id: str) -> Iterable[Usage]:
        return [Usage(f"Fax campaign “{name}”") for name in self.campaigns.planned(account_id)]

    @hookimpl
    def crm_comm_account_changed(self, change: Change) -> None:
        if change.kind == "deleted":
            self.campaigns.forget(change.account_id)

    @hookimpl
    def crm_comm_limit_reached(self, notice: Notice) -> None:
        self.campaigns.later(notice)


@hookimpl
def crm_comm_startup(settings: Settings, comm: Communication) -> None:
    """Called once for each Communication, also when this was installed after it was started."""
    comm.register(FaxPlugin(comm), "crm_fax.plugin")
