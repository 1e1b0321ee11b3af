"""What authors of plugins and hosts test with: fakes, and suites to derive a test class from."""

from .fakes import FakeClock, FakeGateway, FakeTransport, NullTransport, RecordingPlugin, start

__all__ = ["FakeClock", "FakeGateway", "FakeTransport", "NullTransport", "RecordingPlugin", "start"]
