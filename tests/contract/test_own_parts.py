"""What the plugin itself registers passes the suites that its contract ships for others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from crm_comm_hookspecs import AccountType, CommError, Communication, MailServer, Settings
from crm_comm_hookspecs.testing import SECRET, AccountTypeSuite, MailServerSuite


@pytest.fixture
def comm(tmp_path: Path) -> Iterator[Communication]:
    with Communication.load(Settings(data_dir=str(tmp_path), secret_backend="database"), entry_points=False) as comm:
        yield comm


class Registered:
    """Takes what is registered under a key."""

    key = ""

    @pytest.fixture(autouse=True)
    def _registered(self, comm: Communication) -> None:
        self.types = {c.value.key: c.value for c in comm.contributions("crm_comm_account_types")}
        self.presets = [c.value for c in comm.contributions("crm_comm_mail_servers")]

    def account_type(self) -> AccountType:
        return self.types[self.key]


class TestEmail(Registered, AccountTypeSuite):
    key = "email"

    def values(self) -> Mapping[str, Any]:
        return {
            "account_name": "Sales", "server": "smtp", "host": "mail.example.org", "port": 587, "security": "starttls",
            "user": "sales@example.org",
        }  # fmt: skip

    def secrets(self) -> Mapping[str, str]:
        return {"password": SECRET}

    def good_addresses(self) -> Sequence[str]:
        return ["ann@example.org", "ann@EXAMPLE.org", "ann+tag@bücher.example"]

    def bad_addresses(self) -> Sequence[str]:
        return ["ann", "ann@", "@example.org", "ann@exa mple.org", "a\r\nb@example.org"]


class TestSms(Registered, AccountTypeSuite):
    key = "sms"

    def values(self) -> Mapping[str, Any]:
        return {"account_name": "Texts", "country_code": "GB"}

    def test_it_connects_without_sending(self) -> None:
        """Its gateways bring fields and checks of their own, so without an access code there is a clear error."""
        with pytest.raises(CommError, match="access code"):
            self.account_type().connect(self.account(), self.values(), {})

    def good_addresses(self) -> Sequence[str]:
        return ["+49 1512 3456789", "07400 123456", "0044 7400 123456"]

    def bad_addresses(self) -> Sequence[str]:
        return ["123", "number", "+1 555 000 0000 0000"]


class TestPresets(Registered, MailServerSuite):
    def servers(self) -> Iterable[MailServer]:
        return self.presets
