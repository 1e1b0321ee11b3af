"""What uses fax accounts: campaigns that are planned, previewed, and sent under the limit."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from crm_comm_hookspecs import Communication, MessageSource, Notice, Preview, Recipient, SendReport, TextMessage


@dataclass(frozen=True)
class Campaign:
    """A text for many; {name} in it is the recipient's."""

    name: str
    account_id: str
    text: str
    recipients: tuple[Recipient, ...]


@dataclass
class Campaigns:
    """The campaigns of one Communication."""

    comm: Communication
    by_name: dict[str, Campaign] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def plan(self, name: str, account_id: str, text: str, recipients: Iterable[Recipient]) -> Preview:
        """Keep it, and say who will be reached now and when the rest will."""
        campaign = Campaign(name, account_id, text, tuple(recipients))
        self.by_name[name] = campaign
        return self.comm.preview(account_id, self._message(campaign), campaign.recipients)

    def send(self, name: str) -> SendReport:
        """Send it. The key makes it safe to call again: later for those who were skipped, or after a crash."""
        campaign = self.by_name[name]
        return self.comm.send(
            campaign.account_id, self._message(campaign), campaign.recipients, key=f"fax-{name}", campaign=name
        )

    def planned(self, account_id: str) -> list[str]:
        """The campaigns that need an account."""
        return [campaign.name for campaign in self.by_name.values() if campaign.account_id == account_id]

    def cancel(self, name: str) -> None:
        """Plan it no longer."""
        del self.by_name[name]

    def forget(self, account_id: str) -> None:
        """The account is gone."""
        for name in self.planned(account_id):
            self.cancel(name)

    def later(self, notice: Notice) -> None:
        """Somebody was skipped by the limit; notice.retry_at says when to send again."""
        self.notices.append(notice)

    @staticmethod
    def _message(campaign: Campaign) -> MessageSource:
        def personal(recipient: Recipient) -> TextMessage:
            return TextMessage(campaign.text.replace("{name}", recipient.name or "Sir or Madam"))

        return personal
