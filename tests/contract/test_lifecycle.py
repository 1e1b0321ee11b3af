"""Starting, finding, stopping and starting again; threads, forks, and several lives in one process (rules 11, 12)."""

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pluggy
import pytest

from crm_comm_hookspecs import (
    Communication,
    InvalidInput,
    NotStarted,
    Query,
    Request,
    Settings,
    UnknownAction,
    UnknownEditor,
    hookimpl,
)
from crm_comm_hookspecs.testing import RecordingPlugin, start

from .plugins import ALICE, FaxPlugin, OwnPlugin


def test_a_manager_has_one_communication() -> None:
    pm = pluggy.PluginManager("crm")
    comm = start(OwnPlugin(), pm)
    assert start(OwnPlugin(), pm) is comm
    assert Communication(pm) is comm
    assert Communication.of(pm) is comm
    assert comm.pm is pm


def test_a_manager_without_one_says_so() -> None:
    with pytest.raises(NotStarted, match="Communication"):
        Communication.of(pluggy.PluginManager("crm"))


def test_settings_given_later_are_not_used_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    comm = start(OwnPlugin(), settings=Settings(base_url="https://a.example"))
    assert Communication(comm.pm, Settings(base_url="https://b.example")) is comm
    assert comm.settings.base_url == "https://a.example"
    assert "not used" in caplog.text


def test_another_kind_of_communication_is_not_started_beside_the_first() -> None:
    class Other(Communication):
        pass

    comm = start(OwnPlugin())
    with pytest.raises(InvalidInput, match="Communication was started"):
        Other(comm.pm)


def test_shutdown_tells_everybody_ours_last_and_only_once() -> None:
    order: list[str] = []
    own, other = OwnPlugin(), RecordingPlugin()
    comm = start(own)
    comm.register(other)
    own.calls = order
    other._tell = lambda name, value: order.append(f"other {name}")  # type: ignore[method-assign]
    comm.shutdown()
    comm.shutdown()
    assert order == ["other shutdown", "shutdown"]
    for call in (lambda: comm.viewers(ALICE), lambda: comm.register(FaxPlugin()), comm.startup):
        with pytest.raises(NotStarted):
            call()


def test_it_is_a_context_manager_that_stops_also_after_an_error() -> None:
    own = OwnPlugin()
    with pytest.raises(KeyError), start(own):
        raise KeyError
    assert own.calls == ["shutdown"]


def test_a_plugin_may_call_the_communication_while_it_stops_and_even_stop_it() -> None:
    class Last:
        seen: Any = None

        @hookimpl
        def crm_comm_startup(self, comm: Communication) -> None:
            self.comm = comm

        @hookimpl
        def crm_comm_shutdown(self) -> None:
            self.told = getattr(self, "told", 0) + 1
            self.seen = self.comm.viewers(ALICE)
            self.comm.shutdown()

    last, comm = Last(), start(OwnPlugin())
    comm.register(last)
    comm.shutdown()
    assert [v.name for v in last.seen] == ["accounts"]
    assert last.told == 1


def test_a_manager_can_be_started_again_and_again() -> None:
    pm = pluggy.PluginManager("crm")
    stayed = RecordingPlugin("stayed")
    pm.register(stayed)
    lives = []
    for _ in range(3):
        comm = start(OwnPlugin(), pm)
        lives.append(comm)
        assert stayed.comm is comm
        late = RecordingPlugin("late")
        pm.register(late)
        assert late.comm is comm, "pluggy's history tells of this life, not of an earlier one"
        pm.unregister(late)
        comm.shutdown()
    assert len(set(map(id, lives))) == 3
    assert len(stayed.told("startup")) == len(stayed.told("shutdown")) == 3
    assert pm.list_name_plugin() == [("stayed", stayed)]


def test_a_start_that_fails_is_heard_and_leaves_nothing_behind() -> None:
    pm = pluggy.PluginManager("crm")

    def broken(settings: Settings, comm: Communication) -> None:
        raise LookupError("the database is away")

    with pytest.raises(LookupError, match="away"):
        start(OwnPlugin(), pm, on_start=broken)
    assert pm.list_name_plugin() == []
    with pytest.raises(NotStarted):
        Communication.of(pm)
    assert start(OwnPlugin(), pm).viewers(ALICE)


def test_a_host_that_blocks_the_plugin_hears_why_nothing_starts() -> None:
    pm = pluggy.PluginManager("crm")
    pm.set_blocked("communication")
    with pytest.raises(NotStarted, match="Unblock 'communication'"):
        start(OwnPlugin(), pm)


def test_only_the_contract_installed_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from crm_comm_hookspecs import entrypoints

    monkeypatch.setattr(entrypoints, "OWN_MODULE", "crm_comm_plugin_that_is_not_there.plugin")
    with pytest.raises(NotStarted, match="pip install crm-comm-plugin"):
        Communication.load()


def test_several_live_in_one_process_and_share_nothing() -> None:
    one, two = start(OwnPlugin(), settings=Settings(base_url="https://1.example")), start(OwnPlugin())
    fax = FaxPlugin()
    one.register(fax)
    one.register(object())
    assert [c.value.key for c in one.contributions("crm_comm_account_types")] == ["email", "fax"]
    assert [c.value.key for c in two.contributions("crm_comm_account_types")] == ["email"]
    assert two.settings.base_url == ""
    two.shutdown()
    assert one.viewers(ALICE)
    assert fax.heard == ["startup"]


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads take turns after every few instructions, so that what can go wrong does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_threads")
def test_threads_that_enter_at_once_get_the_same_one() -> None:
    for _ in range(20):
        pm, barrier, starts = pluggy.PluginManager("crm"), threading.Barrier(8), []

        def enter(pm: Any = pm, barrier: Any = barrier, starts: Any = starts) -> Communication:
            barrier.wait()
            return start(OwnPlugin(), pm, on_start=lambda settings, comm: starts.append(1))

        with ThreadPoolExecutor(8) as pool:
            found = [job.result() for job in [pool.submit(enter) for _ in range(8)]]
        assert len(set(map(id, found))) == 1
        assert starts == [1]


def test_threads_register_call_and_fail_at_once() -> None:
    comm = start(OwnPlugin())

    def work(number: int) -> int:
        comm.register(RecordingPlugin(f"r{number}"))
        comm.register(FaxPlugin())
        comm.notify("crm_comm_account_changed", change=None)
        return len(comm.viewers(ALICE)) + len(comm.failures) * 0

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(60))) == {1}
    assert len([n for n, _ in comm.pm.list_name_plugin() if n.startswith("r")]) == 60


def test_a_child_process_goes_on_with_it() -> None:
    comm = start(OwnPlugin())
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - the child's coverage is not collected
        try:
            same = Communication(comm.pm) is comm
            os.write(write, b"ok" if same and comm.viewers(ALICE) else b"no")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 2) == b"ok"


def test_what_nobody_answers_for_is_named() -> None:
    comm = start(OwnPlugin())
    with pytest.raises(UnknownEditor, match="'nothing'"):
        comm.list_rows(ALICE, "nothing")
    with pytest.raises(UnknownEditor, match="'nothing'"):
        comm.open_record(ALICE, "nothing")
    with pytest.raises(UnknownAction, match="'nothing'"):
        comm.run(ALICE, "nothing", ("1",))
    with pytest.raises(InvalidInput, match="ids"):
        comm.run(ALICE, "delete", "1")
    assert comm.options(ALICE, "nothing") == ()
    assert comm.confirm(ALICE, "nothing") is None
    assert not comm.callback(ALICE, {"state": "x"}).ok
    request = Request(source="x", token="t", method="POST", url="https://h/x", headers={}, body=b"")
    assert comm.receive(request).status == 404


def test_the_facade_answers_as_the_hooks_do() -> None:
    comm = start(OwnPlugin())
    assert comm.list_rows(ALICE, "accounts", Query()).total == 1
    assert comm.open_record(ALICE, "email", "7").id == "7"
    assert [option.value for option in comm.options(ALICE, "countries")] == ["0", "1", "2"]
    assert [account.id for account in comm.accounts("email")] == ["1"]
    assert comm.allowance("1").remaining == 5
    assert "crm" in repr(comm)
