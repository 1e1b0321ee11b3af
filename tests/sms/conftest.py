"""Parts of the SMS tests: a clock, the tools of gateways, a reseller that holds everything against its document."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from crm_comm_hookspecs import Account
from crm_comm_plugin.domain.clock import InjectedClock
from crm_comm_plugin.transports.sms.gateway import GatewayTools
from tests.sms.credits_world import CreditsWorld, protocol

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ACCOUNT = Account(
    id="acc1", name="Texts", type="sms", channel="sms", active=True, sender="+447700900000", status="connected"
)


class Refs:
    """The TextRefs port in memory."""

    def __init__(self):
        self.texts = []

    def remember(self, texts):
        self.texts.extend(texts)

    def find(self, account_id, refs):
        return {t.ref: t for t in self.texts if t.account_id == account_id and t.ref in refs}

    def of(self, account_id, recipients):
        wanted = set(recipients)
        return tuple(t for t in self.texts if t.account_id == account_id and (t.send_id, t.address) in wanted)


@pytest.fixture
def refs() -> Refs:
    return Refs()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def tools(refs, waited) -> GatewayTools:
    return GatewayTools(
        clock=InjectedClock(lambda: NOW),
        timeout=10.0,  # nobody waits so long where there is an answer, however busy the machine is
        refs=refs,
        report_url=lambda gateway, account: f"https://crm.example/receive/{gateway}/tok{account}",
        return_url=lambda key: f"https://crm.example/callback?purchase={key}",
        wait=waited.append,
    )


@pytest.fixture(scope="session")
def document():
    return protocol()


@pytest.fixture
def world(document) -> Iterator[CreditsWorld]:
    world = CreditsWorld(document)
    yield world
    world.server.close()
