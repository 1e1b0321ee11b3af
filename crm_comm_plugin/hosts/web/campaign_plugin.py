"""What the campaign page is to the accounts: another plugin, which says what it uses an account for."""

from collections.abc import Iterable
from urllib.parse import quote

from crm_comm_hookspecs import Communication, RecipientStatus, Usage, hookimpl
from crm_comm_plugin.hosts.web.jobs import Jobs

NAME = "reference-host-campaigns"
_LOOKED_AT = 20


class CampaignPlugin:
    """Registered by the host with `comm.register`."""

    __name__ = NAME

    def __init__(self, comm: Communication, jobs: Jobs) -> None:
        self._comm, self._jobs = comm, jobs

    @hookimpl
    def crm_comm_account_usages(self, account_id: str) -> Iterable[Usage]:
        """Campaigns that are being sent stop a delete; those with people still waiting are named."""
        running = [job.draft for job in self._jobs.running(account_id)]
        for draft in running:
            yield Usage(f"The campaign “{draft.campaign}” is being sent.", f"/campaigns/{draft.key}")
        busy = {draft.campaign for draft in running}
        for send in self._comm.sends(account_id=account_id, limit=_LOOKED_AT).sends:
            waiting = send.counts.get(RecipientStatus.SKIPPED, 0)
            if waiting and send.campaign not in busy:
                text = f"The campaign “{send.campaign or 'without a name'}” has {waiting} skipped recipients waiting."
                yield Usage(text, f"/sends/{quote(send.send_id)}", blocking=False)
