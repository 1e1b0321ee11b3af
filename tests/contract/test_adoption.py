"""Moving into a host's manager of any name, with hooks and plugins of its own that go on working (rule 11)."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pluggy
import pytest

from crm_comm_hookspecs import CommSpecs, Communication, Usage, hookimpl
from crm_comm_hookspecs.adoption import HOOKS
from crm_comm_hookspecs.testing import RecordingPlugin, start

from .plugins import ALICE, FaxPlugin, OwnPlugin, account_type, server

NAMES = ["crm", "datasette", "llm", "my-crm", "Кrm"]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pm(name: str) -> Iterator[pluggy.PluginManager]:
    """A host's manager with a hook and a plugin of its own, and one of a third party."""
    spec, impl = pluggy.HookspecMarker(name), pluggy.HookimplMarker(name)

    class HostSpecs:
        @spec
        def menu(self, user: str) -> list[str]:
            return []

    looked: list[int] = []

    class HostPlugin:
        @impl
        def menu(self, user: str) -> str:
            return f"{user}: home"

        @property
        def expensive(self) -> None:
            looked.append(1)

    manager = pluggy.PluginManager(name)
    manager.add_hookspecs(HostSpecs)
    manager.register(HostPlugin(), "host")
    by_pluggy = len(looked)  # older builds look at every attribute when a plugin is registered
    yield manager
    assert len(looked) == by_pluggy, "adoption runs no property of a plugin"
    assert manager.hook.menu(user="bob") == ["bob: home"], "the host's own hooks go on working"
    manager.check_pending()


def keys(comm: Communication, hook: str = "crm_comm_account_types") -> list[str]:
    return [c.value.key for c in comm.contributions(hook)]


def test_the_host_keeps_its_hooks_and_gets_ours(pm: pluggy.PluginManager) -> None:
    comm = start(OwnPlugin(), pm)
    assert [v.name for v in comm.viewers(ALICE)] == ["accounts"]
    assert [v.name for (v,) in pm.hook.crm_comm_viewers(context=ALICE)] == ["accounts"]
    assert comm.failures == ()


def test_a_plugin_registered_later_is_marked_for_the_managers_name(pm: pluggy.PluginManager) -> None:
    comm, fax = start(OwnPlugin(), pm), FaxPlugin()
    assert comm.register(fax, "fax")
    assert keys(comm) == ["email", "fax"]
    assert fax.comm is comm
    assert pm.get_plugin("fax") is fax


def test_a_plugin_registered_before_with_marks_the_manager_could_not_read(pm: pluggy.PluginManager) -> None:
    fax = FaxPlugin()
    pm.register(fax, "fax")
    for _ in range(2):
        comm = start(OwnPlugin(), pm)
        assert keys(comm) == ["email", "fax"]
        assert fax.comm is comm
        assert fax.heard == ["startup"]
        comm.shutdown()
        assert fax.heard == ["startup", "shutdown"]
        fax.heard.clear()
    assert [n for n, _ in pm.list_name_plugin()] == ["host", "fax"]


def test_a_plugin_the_host_registers_behind_our_back_is_taken_when_named(pm: pluggy.PluginManager) -> None:
    comm, fax = start(OwnPlugin(), pm), FaxPlugin()
    pm.register(fax, "fax")
    assert comm.register(fax)
    assert comm.register(fax), "again is harmless"
    assert keys(comm) == ["email", "fax"]
    assert fax.heard == ["startup"]


def test_a_plugin_with_marks_of_both_names_is_called_once(pm: pluggy.PluginManager, name: str) -> None:
    class Both:
        @pluggy.HookimplMarker(name)
        @hookimpl
        def crm_comm_account_types(self) -> list[Any]:
            return [account_type("both")]

        @pluggy.HookimplMarker(name)
        def menu(self) -> None:
            return None

    pm.register(Both())
    assert keys(start(OwnPlugin(), pm)) == ["email", "both"]


def test_a_plugin_marked_only_with_the_hosts_own_marker(pm: pluggy.PluginManager, name: str) -> None:
    class Native:
        @pluggy.HookimplMarker(name)
        def crm_comm_mail_servers(self) -> list[Any]:
            return [server("native")]

    pm.register(Native())
    assert keys(start(OwnPlugin(), pm), "crm_comm_mail_servers") == ["gmail", "native"]


def test_modules_classes_and_static_methods_are_plugins_too(pm: pluggy.PluginManager) -> None:
    module = ModuleType("module_plugin")

    @hookimpl
    def crm_comm_mail_servers() -> list[Any]:
        return [server("module")]

    vars(module)["crm_comm_mail_servers"] = crm_comm_mail_servers

    class Static:
        @staticmethod
        @hookimpl
        def crm_comm_mail_servers() -> list[Any]:
            return [server("static")]

    class Above:
        @hookimpl
        @staticmethod
        def crm_comm_mail_servers() -> list[Any]:
            return [server("above")]

    class Class:
        @classmethod
        @hookimpl
        def named(cls) -> list[Any]:
            return [server("class")]

        named.__func__.crm_impl["specname"] = "crm_comm_mail_servers"  # type: ignore[attr-defined]

    pm.register(module)
    pm.register(Class)
    comm = start(OwnPlugin(), pm)
    comm.register(Static())
    comm.register(Above())
    assert set(keys(comm, "crm_comm_mail_servers")) == {"gmail", "module", "static", "above", "class"}
    assert comm.failures == ()


def test_a_startup_of_another_name_is_called_once_and_isolated(pm: pluggy.PluginManager) -> None:
    class Renamed:
        started = 0

        @hookimpl(specname="crm_comm_startup")
        def begin(self) -> None:
            self.started += 1
            raise ValueError

    before, after = Renamed(), Renamed()
    pm.register(before, "before")
    comm = start(OwnPlugin(), pm)
    assert not comm.register(after, "after")
    assert (before.started, after.started) == (1, 1)
    assert len(comm.failures) == 2


def test_hosts_that_read_the_name_of_every_plugin_can(pm: pluggy.PluginManager) -> None:
    class Slotted:
        __slots__ = ("__name__",)

    comm = start(OwnPlugin(), pm)
    pm.register(RecordingPlugin("late"), "late")
    comm.register(FaxPlugin())
    comm.register(Slotted())
    names = [plugin.__name__ for plugin in pm.get_plugins() if plugin is not pm.get_plugin("host")]
    assert all(isinstance(n, str) and n for n in names)
    assert len(names) == len(pm.get_plugins()) - 1


def test_a_host_that_added_the_specs_and_loaded_entry_points_itself() -> None:
    pm = pluggy.PluginManager("crm")
    pm.add_hookspecs(CommSpecs)
    fax = FaxPlugin()
    pm.register(fax, "fax")
    comm = start(OwnPlugin(), pm)
    assert keys(comm) == ["email", "fax"]
    assert fax.heard == ["startup"]


def test_a_host_that_registered_our_module_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    import crm_comm_hookspecs.lifecycle as lifecycle

    module, started = ModuleType("own_module"), []

    @hookimpl
    def crm_comm_startup(settings: Any, comm: Communication) -> None:
        started.append(comm)
        comm.register(OwnPlugin(), "crm_comm_plugin")

    vars(module)["crm_comm_startup"] = crm_comm_startup
    monkeypatch.setattr(lifecycle, "load_own", lambda: module)
    for project in ("crm", "other"):
        pm = pluggy.PluginManager(project)
        pm.register(module, "communication")
        comm = Communication(pm, entry_points=False)
        assert comm.viewers(ALICE)
        assert started == [comm]
        comm.shutdown()
        assert pm.list_name_plugin() == [("communication", module)]
        started.clear()


def test_ours_comes_first_even_where_its_name_is_taken() -> None:
    pm = pluggy.PluginManager("crm")
    squatter = RecordingPlugin("squatter")
    pm.register(squatter, "crm_comm_plugin")
    pm.register(RecordingPlugin("x"), "communication")
    comm = start(OwnPlugin(), pm)
    comm.register(FaxPlugin())
    assert keys(comm) == ["email", "fax"]


def test_the_specs_of_another_name_do_not_touch_ours() -> None:
    start(OwnPlugin(), pluggy.PluginManager("datasette"))
    assert not any(hasattr(getattr(CommSpecs, hook), "datasette_spec") for hook in HOOKS)
    assert len(HOOKS) == 30


def test_monitoring_of_the_host_sees_every_call() -> None:
    pm = pluggy.PluginManager("crm")
    comm, seen = start(OwnPlugin(), pm), []
    undo = pm.add_hookcall_monitoring(lambda hook, impls, kwargs: seen.append((hook, len(impls))), lambda *_: None)
    comm.viewers(ALICE)
    undo()
    assert seen == [("crm_comm_viewers", 1)]


def test_a_plugin_that_cannot_be_hashed_works_like_others() -> None:
    @dataclass
    class Unhashable:
        key: str
        started: int = 0

        @hookimpl
        def crm_comm_startup(self) -> None:
            self.started += 1

        @hookimpl
        def crm_comm_mail_servers(self) -> list[Any]:
            return [server(self.key)]

    pm, before, after = pluggy.PluginManager("crm"), Unhashable("before"), Unhashable("after")
    pm.register(before, "odd")
    comm = start(OwnPlugin(), pm)
    comm.register(FaxPlugin())
    assert comm.register(after)
    assert set(keys(comm, "crm_comm_mail_servers")) == {"gmail", "before", "after"}
    assert keys(comm) == ["email", "fax"]
    assert (before.started, after.started) == (1, 1)
    comm.shutdown()
    assert pm.list_name_plugin() == [("odd", before)]


class Slotted:
    __slots__ = ()

    @hookimpl
    def crm_comm_account_usages(self, account_id: str) -> list[Usage]:
        return [Usage(type(self).__name__)]


@dataclass(frozen=True)
class Frozen:
    label: str = "Frozen"

    @hookimpl
    def crm_comm_account_usages(self, account_id: str) -> list[Usage]:
        return [Usage(self.label)]


@dataclass
class Unhashable:
    label: str = "Unhashable"

    @hookimpl
    def crm_comm_account_usages(self, account_id: str) -> list[Usage]:
        return [Usage(self.label)]


@pytest.mark.parametrize("plugin", [Slotted(), Frozen(), Unhashable()], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("project", ["crm", "another"])
def test_a_plugin_that_takes_no_name_is_registered_once_all_the_same(project: str, plugin: object) -> None:
    comm = start(OwnPlugin(), pm=pluggy.PluginManager(project))
    assert comm.register(plugin)
    assert comm.register(plugin)
    usages = comm.contributions("crm_comm_account_usages", account_id="1")
    assert [usage.value.text for usage in usages] == [getattr(plugin, "label", "Slotted")]
    assert all(hasattr(known, "__name__") for _, known in comm.pm.list_name_plugin())
    assert comm.failures == ()
