"""What authors of plugins and hosts test with: fakes, and suites to derive a test class from.

Nothing here needs pytest; any runner that calls the methods named `test_...` will do.
"""

from .account_types import AccountTypeSuite
from .fakes import START, FakeClock, FakeGateway, FakeTransport, NullTransport, RecordingPlugin, start
from .gateways import SmsGatewaySuite
from .hostile import HOSTILE, SECRET
from .hosts import ALICE, HostAdapter, HostSuite, LiveAdapter
from .scripted import ScriptedPlugin
from .servers import MailServerSuite
from .transports import TransportSuite

__all__ = [
    "ALICE",
    "HOSTILE",
    "SECRET",
    "START",
    "AccountTypeSuite",
    "FakeClock",
    "FakeGateway",
    "FakeTransport",
    "HostAdapter",
    "HostSuite",
    "LiveAdapter",
    "MailServerSuite",
    "NullTransport",
    "RecordingPlugin",
    "ScriptedPlugin",
    "SmsGatewaySuite",
    "TransportSuite",
    "start",
]
