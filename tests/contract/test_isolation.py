"""One broken plugin never takes the others down, and its failure names where it comes from (rule 10)."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pluggy
import pytest

from crm_comm_hookspecs import (
    AccountSchema,
    AccountType,
    CommError,
    Communication,
    Editor,
    InvalidInput,
    MailServer,
    Recipient,
    Result,
    TextMessage,
    hookimpl,
)
from crm_comm_hookspecs.adoption import HOOKS
from crm_comm_hookspecs.testing import FakeGateway, RecordingPlugin, start

from .plugins import ALICE, FaxPlugin, OwnPlugin, account_type, breaking, editor, server, viewer


def boom() -> Any:
    raise ValueError("S3CRET in its text")


def leave() -> Any:
    sys.exit("bye")


def midway() -> Any:
    yield viewer("first")
    raise KeyError("midway")


REGISTERING = {
    "crm_comm_viewers": lambda comm: [v.name for v in comm.viewers(ALICE)],
    "crm_comm_editors": lambda comm: [e.name for e in comm.editors(ALICE)],
    "crm_comm_account_types": lambda comm: [c.value.key for c in comm.contributions("crm_comm_account_types")],
    "crm_comm_mail_servers": lambda comm: [c.value.key for c in comm.contributions("crm_comm_mail_servers")],
    "crm_comm_sms_gateways": lambda comm: [c.value.key for c in comm.contributions("crm_comm_sms_gateways")],
    "crm_comm_account_usages": lambda comm: [
        c.value.text for c in comm.contributions("crm_comm_account_usages", account_id="1")
    ],
}
WRONG = [boom, leave, midway, lambda: 5, lambda: "text", lambda: [5, None], lambda: {"a": 1}, lambda: [object()]]


@pytest.mark.parametrize("hook", sorted(REGISTERING))
@pytest.mark.parametrize("answer", WRONG)
def test_what_a_broken_plugin_registers_stays_with_it(hook: str, answer: Callable[[], Any]) -> None:
    comm = start(OwnPlugin())
    good = REGISTERING[hook](comm)
    assert comm.register(breaking(hook, answer), "broken")
    comm.register(FaxPlugin())
    assert [key for key in REGISTERING[hook](comm) if key != "fax"] == good
    assert {f.plugin for f in comm.failures} == {"broken"}
    assert {f.where for f in comm.failures} == {hook}
    assert "S3CRET" not in repr(comm.failures)


def _services() -> dict[str, Callable[[Communication], Any]]:
    person, text = Recipient("a@x.example"), TextMessage("hi")
    return {
        "crm_comm_list_rows": lambda c: c.list_rows(ALICE, "accounts").total,
        "crm_comm_open_record": lambda c: c.open_record(ALICE, "email", "1").id,
        "crm_comm_save": lambda c: c.save(ALICE, "email", "", {}).id,
        "crm_comm_options": lambda c: len(c.options(ALICE, "countries")),
        "crm_comm_accounts": lambda c: len(c.accounts()),
        "crm_comm_allowance": lambda c: c.allowance("1").remaining,
        "crm_comm_check": lambda c: _error(lambda: c.check(ALICE, "x")),
        "crm_comm_run": lambda c: _error(lambda: c.run(ALICE, "x")),
        "crm_comm_confirm": lambda c: c.confirm(ALICE, "x"),
        "crm_comm_callback": lambda c: c.callback(ALICE, {}).ok,
        "crm_comm_prepare": lambda c: _error(lambda: c.prepare("1", [person])),
        "crm_comm_preview": lambda c: _error(lambda: c.preview("1", text, [person])),
        "crm_comm_reserve": lambda c: _error(lambda: c.reserve("1", 5, "k")),
        "crm_comm_settle": lambda c: _error(lambda: c.settle("1", 5)),
        "crm_comm_send": lambda c: _error(lambda: c.send("1", text, [person], "k")),
        "crm_comm_sends": lambda c: _error(c.sends),
        "crm_comm_cancel": lambda c: _error(lambda: c.cancel("1")),
        "crm_comm_outcomes": lambda c: _error(lambda: c.outcomes("1")),
        "crm_comm_usage": lambda c: _error(lambda: c.usage("1", None, None)),  # type: ignore[arg-type]
    }


def _error(call: Callable[[], Any]) -> str:
    try:
        return repr(call())
    except CommError as error:
        return error.code


ACTING = _services()


@pytest.mark.parametrize("hook", sorted(ACTING))
@pytest.mark.parametrize("answer", [boom, leave, lambda: 5, object, lambda: [object()]])
def test_an_acting_hook_goes_on_to_the_next_plugin(hook: str, answer: Callable[[], Any]) -> None:
    comm = start(OwnPlugin())
    good = ACTING[hook](comm)
    comm.register(breaking(hook, answer), "broken")
    assert ACTING[hook](comm) == good
    answered_by_ours = hook in {"crm_comm_list_rows", "crm_comm_open_record", "crm_comm_save", "crm_comm_options",
                                "crm_comm_accounts", "crm_comm_allowance"}  # fmt: skip
    assert {f.plugin for f in comm.failures} == (set() if answered_by_ours else {"broken"})


def test_every_hook_of_the_contract_is_among_these() -> None:
    events = {"crm_comm_startup", "crm_comm_shutdown", "crm_comm_account_changed", "crm_comm_limit_reached"}
    assert set(HOOKS) == {*REGISTERING, *ACTING, *events, "crm_comm_receive"}


@pytest.mark.parametrize("answer", [boom, leave])
@pytest.mark.parametrize("hook", ["crm_comm_account_changed", "crm_comm_limit_reached", "crm_comm_shutdown"])
def test_an_event_reaches_the_others(hook: str, answer: Callable[[], Any]) -> None:
    comm, good = start(OwnPlugin()), RecordingPlugin()
    comm.register(breaking(hook, answer), "broken")
    comm.register(good)
    if hook == "crm_comm_shutdown":
        comm.shutdown()
        assert good.told("shutdown") == [None]
    else:
        comm.notify(hook, **{"change" if "changed" in hook else "notice": "x"})
        assert good.told("changed") + good.told("limit") == ["x"]
    assert [f.where for f in comm.failures] == [hook]


@pytest.mark.parametrize("answer", [boom, leave])
@pytest.mark.parametrize("project", ["crm", "host"])
def test_a_plugin_whose_startup_fails_is_left_out(answer: Callable[[], Any], project: str) -> None:
    pm = pluggy.PluginManager(project)
    before = breaking("crm_comm_startup", answer)
    pm.register(before, "before")
    comm = start(OwnPlugin(), pm)
    assert not comm.register(breaking("crm_comm_startup", answer), "after")
    assert comm.register(FaxPlugin())
    assert pm.get_plugin("before") is before, "what the host registered stays the host's"
    assert pm.get_plugin("after") is None
    assert {f.where for f in comm.failures} == {"crm_comm_startup"}
    assert REGISTERING["crm_comm_account_types"](comm) == ["email", "fax"]


def test_of_a_plugin_that_was_there_nothing_is_called_after_its_startup_failed() -> None:
    class Half:
        @hookimpl
        def crm_comm_startup(self) -> None:
            raise ValueError

        @hookimpl
        def crm_comm_mail_servers(self) -> list[MailServer]:
            return [server("half")]

    for project in ("crm", "host"):
        pm = pluggy.PluginManager(project)
        pm.register(Half(), "half")
        comm = start(OwnPlugin(), pm)
        assert REGISTERING["crm_comm_mail_servers"](comm) == ["gmail"]
        assert len(comm.failures) == 1


def test_ours_is_not_isolated_and_typed_errors_of_others_are_the_callers() -> None:
    comm = start(OwnPlugin())
    with pytest.raises(CommError, match="It broke"):
        comm.save(ALICE, "email", "", {"account_name": "boom"})

    def refuse() -> Any:
        raise InvalidInput("Not like this.")

    comm.register(breaking("crm_comm_run", refuse))
    with pytest.raises(InvalidInput, match="Not like this"):
        comm.run(ALICE, "x")
    assert comm.failures == ()


def test_a_misspelt_hook_is_named_with_what_was_meant() -> None:
    comm = start(OwnPlugin())
    assert comm.register(breaking("crm_comm_veiwers", list), "typo")
    (failure,) = comm.failures
    assert (failure.plugin, failure.where) == ("typo", "crm_comm_veiwers")
    assert "crm_comm_viewers was meant" in failure.problem


@pytest.mark.parametrize("project", ["crm", "another"])
def test_a_misspelt_hook_does_not_fail_the_hosts_check_pending(project: str) -> None:
    pm = pluggy.PluginManager(project)
    pm.register(breaking("crm_comm_veiwers", list), "before")
    comm = start(OwnPlugin(), pm=pm)
    comm.register(breaking("crm_comm_editers", list), "after")
    pm.check_pending()
    assert [f.plugin for f in comm.failures] == ["before", "after"]
    comm.shutdown()
    assert [name for name, _ in pm.list_name_plugin()] == ["before"]


def test_a_misspelt_hook_registered_behind_our_back_is_found() -> None:
    comm = start(OwnPlugin())
    comm.pm.register(breaking("crm_comm_veiwers", list), "typo")
    assert [(f.plugin, f.where) for f in comm.failures] == [("typo", "crm_comm_veiwers")]


def test_an_optional_hook_of_another_version_is_no_failure() -> None:
    class Newer:
        @hookimpl(optionalhook=True)
        def crm_comm_of_tomorrow(self, what: str) -> None: ...

    comm = start(OwnPlugin())
    assert comm.register(Newer())
    assert comm.failures == ()


class WrongArguments:
    """A hook of ours with an argument it does not have, beside hooks that are right."""

    @hookimpl
    def crm_comm_save(self, contxt: object) -> Result:
        return Result()

    @hookimpl
    def crm_comm_mail_servers(self) -> list[MailServer]:
        return [server("right")]


class KeywordOnly:
    @hookimpl
    def crm_comm_run(self, *, action: str) -> Result:
        return Result()


class OldWrapper:
    @hookimpl(wrapper=True)
    def crm_comm_startup(self) -> Any:
        yield


@pytest.mark.parametrize(
    ("plugin", "hook", "words"),
    [
        (WrongArguments, "crm_comm_save", "no argument contxt"),
        (KeywordOnly, "crm_comm_run", "keyword-only"),
        (OldWrapper, "crm_comm_startup", "historic incompatible"),
    ],
)
def test_a_hook_that_cannot_be_called_is_named(plugin: type, hook: str, words: str) -> None:
    comm = start(OwnPlugin())
    assert not comm.register(plugin(), "odd")
    (failure,) = comm.failures
    assert (failure.plugin, failure.where) == ("odd", hook)
    assert words in failure.problem
    assert comm.pm.get_plugin("odd") is None


@pytest.mark.parametrize("project", ["crm", "host"])
def test_of_a_plugin_that_was_there_only_the_hook_that_cannot_be_called_is_left_out(project: str) -> None:
    pm, odd = pluggy.PluginManager(project), WrongArguments()
    pm.register(odd, "odd")
    comm = start(OwnPlugin(), pm)
    assert pm.get_plugin("odd") is odd
    assert REGISTERING["crm_comm_mail_servers"](comm) == ["gmail", "right"]
    assert [(f.plugin, f.where) for f in comm.failures] == [("odd", "crm_comm_save")]
    assert comm.save(ALICE, "email").id == "1"


def test_wrappers_are_not_called_and_that_is_said() -> None:
    class Wrapper:
        @hookimpl(wrapper=True)
        def crm_comm_save(self) -> Any:
            yield
            raise ValueError

        @hookimpl(specname="crm_comm_mail_servers")
        def servers(self) -> list[MailServer]:
            return [server("beside")]

        @hookimpl(wrapper=True)
        def crm_comm_mail_servers(self) -> Any:
            yield
            return [[server("forged")]]

    comm = start(OwnPlugin())
    assert comm.register(Wrapper(), "wrapper")
    assert comm.save(ALICE, "email").id == "1"
    assert REGISTERING["crm_comm_mail_servers"](comm) == ["gmail", "beside"]
    assert ["wrappers are not called" in f.problem for f in comm.failures] == [True, True]


@pytest.mark.filterwarnings("error")
def test_async_hooks_are_named_and_warn_nobody() -> None:
    class Async:
        @hookimpl
        async def crm_comm_viewers(self) -> list[Any]:
            return []

        @hookimpl
        async def crm_comm_run(self) -> Result:
            return Result()

        @hookimpl
        async def crm_comm_account_changed(self) -> None: ...

    comm = start(OwnPlugin())
    comm.register(Async(), "async")
    assert len(comm.viewers(ALICE)) == 1
    assert _error(lambda: comm.run(ALICE, "x")) == "unknown_action"
    comm.notify("crm_comm_account_changed", change=None)
    assert len(comm.failures) == 3
    assert all("await" in f.problem for f in comm.failures)


def test_what_is_claimed_twice_is_refused_for_the_second_naming_both() -> None:
    comm = start(OwnPlugin())
    for number in (1, 2):
        comm.register(breaking("crm_comm_mail_servers", lambda: [server("acme")]), f"plugin{number}")
        comm.register(breaking("crm_comm_viewers", lambda: [viewer("accounts")]), f"viewer{number}")
        comm.register(breaking("crm_comm_account_types", lambda: [account_type("email")]), f"type{number}")
    assert REGISTERING["crm_comm_viewers"](comm) == ["accounts"]
    assert REGISTERING["crm_comm_account_types"](comm) == ["email"]
    kept = [(c.plugin, c.value.key) for c in comm.contributions("crm_comm_mail_servers")]
    refused = next(f for f in comm.failures if f.where == "crm_comm_mail_servers")
    assert kept == [("crm_comm_plugin", "gmail"), ("plugin1", "acme")], "who came second takes nothing over"
    assert refused.plugin == "plugin2"
    assert "'acme' is claimed by plugin1 already; the one of plugin2 is left out" in refused.problem
    assert any("crm_comm_plugin (crm-comm-plugin)" in f.problem for f in comm.failures), "with its distribution"


def test_a_toolbar_action_is_claimed_once_and_ours_never() -> None:
    comm = start(OwnPlugin())
    comm.register(breaking("crm_comm_viewers", lambda: [viewer("calls", "delete", "undo", "dial")]), "calls")
    comm.register(breaking("crm_comm_viewers", lambda: [viewer("faxes", "dial", "file")]), "faxes")
    shown = {v.name: {a.name for a in v.actions} for v in comm.viewers(ALICE)}
    assert shown["accounts"] == {"new", "delete"}
    assert shown["calls"] == {"dial"}
    assert shown["faxes"] == {"file"}
    assert len(comm.failures) == 3


def _type(**changes: Any) -> AccountType:
    values = {"key": "fax", "label": "Fax", "icon": "", "channel": "fax", "editor": editor("fax"), "connect": len}
    return AccountType(**{**values, **changes})


def _server(**changes: Any) -> MailServer:
    return MailServer(**{"key": "a", "label": "A", "host": "h", "port": 25, "security": "none", **changes})


class Capable:
    key, label, fields = "g", "G", None
    capabilities = frozenset({"balance"})

    def open(self) -> None: ...


@pytest.mark.parametrize(
    ("hook", "value", "words"),
    [
        ("crm_comm_account_types", _type(key="telex"), "must be equal"),
        ("crm_comm_account_types", _type(connect=None), "must be a function"),
        ("crm_comm_account_types", _type(key="", editor=editor("")), "needs a name"),
        ("crm_comm_account_types", _type(editor=Editor(name="fax", title="", schema=dict)), "FormSchema"),
        ("crm_comm_editors", Editor(name="a b\n", title="", schema=AccountSchema), "needs a name"),
        ("crm_comm_mail_servers", _server(security="ssl"), "starttls, tls or none"),
        ("crm_comm_mail_servers", _server(port=0), "port"),
        ("crm_comm_mail_servers", _server(port="25"), "port"),
        ("crm_comm_mail_servers", _server(host=""), "host"),
        ("crm_comm_mail_servers", _server(domains=None), "domains"),
        ("crm_comm_mail_servers", _server(domains="acme.com"), "domains"),
        ("crm_comm_mail_servers", _server(sign_in="password"), "sign_in"),
        ("crm_comm_mail_servers", _server(sign_in=()), "sign_in"),
        ("crm_comm_mail_servers", _server(limit=500), "limit"),
        ("crm_comm_mail_servers", _server(pace="30/minute"), "pace"),
        ("crm_comm_mail_servers", _server(connections="3"), "connections"),
        ("crm_comm_mail_servers", _server(per_message=None), "per_message"),
        ("crm_comm_mail_servers", _server(label=None), "label"),
        ("crm_comm_sms_gateways", Capable(), "lacks the method balance"),
        ("crm_comm_sms_gateways", FakeGateway(capabilities=["fly"]), "capabilities"),
    ],
)
def test_values_that_cannot_work_are_refused_in_words(hook: str, value: object, words: str) -> None:
    comm = start(OwnPlugin())
    good = REGISTERING[hook](comm)
    comm.register(breaking(hook, lambda: [value]), "odd")
    assert REGISTERING[hook](comm) == good
    assert [words in f.problem for f in comm.failures] == [True]


def test_a_value_that_is_good_in_one_hook_is_not_taken_by_another() -> None:
    comm, value = start(OwnPlugin()), server("acme")
    comm.register(breaking("crm_comm_mail_servers", lambda: [value]))
    comm.register(breaking("crm_comm_account_types", lambda: [value]))
    assert REGISTERING["crm_comm_mail_servers"](comm) == ["gmail", "acme"]
    assert REGISTERING["crm_comm_account_types"](comm) == ["email"]


def test_a_gateway_may_leave_out_what_it_cannot_do() -> None:
    class Plain:
        key, label, fields = "plain", "Plain", None
        capabilities: frozenset[str] = frozenset()

        def open(self, account: Any, values: Any, secrets: Any) -> Any: ...

    comm = start(OwnPlugin())
    comm.register(breaking("crm_comm_sms_gateways", lambda: [Plain(), FakeGateway()]))
    assert REGISTERING["crm_comm_sms_gateways"](comm) == ["plain", "fake"]


def test_a_failure_is_logged_once_with_its_distribution(caplog: pytest.LogCaptureFixture) -> None:
    comm = start(OwnPlugin())
    plugin = breaking("crm_comm_viewers", boom)
    type(plugin).__module__ = "pytest"
    comm.register(plugin, "broken")
    for _ in range(5):
        comm.viewers(ALICE)
    errors = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert errors == [f"Plugin broken of distribution pytest failed in crm_comm_viewers: {comm.failures[0].problem}"]
    assert "ValueError at tests.contract.test_isolation:" in errors[0]


def test_failures_never_fill_the_memory() -> None:
    comm = start(OwnPlugin())
    numbers = iter(range(10_000))
    comm.register(breaking("crm_comm_mail_servers", lambda: [_server(port=0, key=f"k{next(numbers)}")]))
    for _ in range(1000):
        comm.contributions("crm_comm_mail_servers")
    assert len(comm.failures) <= 200


@pytest.fixture
def distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions with entry points of the group `crm`."""
    good = "from crm_comm_hookspecs import MailServer, hookimpl\n\n\n@hookimpl\ndef crm_comm_mail_servers():\n"
    good += "    return [MailServer(key={key!r}, label='X', host='h', port=25, security='none')]\n"
    modules = {
        "fine": ("fine-dist", "fine", good.format(key="shared")),
        "twin": ("twin-dist", "fine", good.format(key="shared")),
        "other": ("other-dist", "other", good.format(key="other")),
        "missing": ("missing-dist", "missing", "import a_module_that_is_not_there\n"),
        "syntax": ("syntax-dist", "syntax", "def broken(:\n"),
        "exiting": ("exiting-dist", "exiting", "raise SystemExit(3)\n"),
    }
    for module, (dist, entry, source) in modules.items():
        (tmp_path / f"zz_{module}.py").write_text(source)
        info = tmp_path / f"{dist.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[crm]\n{entry} = zz_{module}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield tmp_path
    for module in modules:
        sys.modules.pop(f"zz_{module}", None)


@pytest.mark.parametrize("project", ["crm", "host"])
def test_entry_points_that_cannot_be_imported_are_named_and_the_others_loaded(
    distributions: Path, project: str
) -> None:
    comm = start(OwnPlugin(), pluggy.PluginManager(project), entry_points=True)
    assert REGISTERING["crm_comm_mail_servers"](comm)[0] == "gmail"
    assert set(REGISTERING["crm_comm_mail_servers"](comm)) == {"gmail", "shared", "other"}
    imports = {f.plugin: f for f in comm.failures if f.where == "import"}
    assert {(n, f.distribution) for n, f in imports.items()} == {
        ("missing", "missing-dist"), ("syntax", "syntax-dist"), ("exiting", "exiting-dist"),
    }  # fmt: skip
    assert "a_module_that_is_not_there" in imports["missing"].problem
    assert "zz_syntax.py:1" in imports["syntax"].problem
    (twice,) = [f for f in comm.failures if f.where == "crm_comm_mail_servers"]
    assert "fine-dist" in twice.problem
    assert "twin-dist" in twice.problem, "two that claim one key are both named"


def test_entry_points_are_left_alone_when_the_host_says_so(distributions: Path) -> None:
    comm = start(OwnPlugin(), entry_points=False)
    assert REGISTERING["crm_comm_mail_servers"](comm) == ["gmail"]
    assert comm.failures == ()


def test_an_entry_point_that_the_host_blocks_stays_out(distributions: Path) -> None:
    pm = pluggy.PluginManager("crm")
    pm.set_blocked("other")
    comm = start(OwnPlugin(), pm, entry_points=True)
    assert "other" not in REGISTERING["crm_comm_mail_servers"](comm)
    assert not any(f.plugin == "other" for f in comm.failures)
