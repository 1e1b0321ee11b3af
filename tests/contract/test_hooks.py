"""Every hook is documented with its exact signature, has a test, and is given every argument by the facade."""

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_comm_hookspecs import (
    Account,
    Allowance,
    CommSpecs,
    Communication,
    Confirm,
    Context,
    Editor,
    Limit,
    Option,
    OutcomePage,
    Page,
    Prepared,
    Preview,
    Query,
    Recipient,
    Record,
    Reply,
    Request,
    Reservation,
    Result,
    SendPage,
    SendReport,
    Settings,
    TextMessage,
    UsagePoint,
    Viewer,
    Window,
    hookimpl,
)
from crm_comm_hookspecs.adoption import HOOKS
from crm_comm_hookspecs.testing import start

from .hook_page import EVENTS, PAGE, SECTIONS, hooks_of, page, signature
from .plugins import account_type, editor, server, viewer

WHO = Context(user="alice")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TEXT, PEOPLE, REQUEST = (
    TextMessage("hi"),
    [Recipient("a")],
    Request(source="s", token="t", method="POST", url="u", headers={}, body=b""),
)
ACCOUNT = Account(id="1", name="A", type="email", channel="email", active=True, sender="", status="connected")
ALLOWANCE = Allowance(account_id="1", limit=Limit(None, Window.NONE), used=0, held=0, remaining=None)
REPORT = SendReport(send_id="s", account_id="1", campaign="", counts={}, finished=True)
HOLD = Reservation(id="r", account_id="1", requested=5, granted=5, held_until=NOW)
POINT = UsagePoint(at=NOW, campaign="")

# hook: (the facade's shortest call, what the hook is then given, what it answers)
Case = tuple[Callable[[Communication], Any], dict[str, Any], Any]
CASES: dict[str, Case] = {
    "crm_comm_viewers": (lambda c: c.viewers(WHO), {"context": WHO}, (viewer(),)),
    "crm_comm_editors": (lambda c: c.editors(WHO), {"context": WHO}, (editor(),)),
    "crm_comm_list_rows": (
        lambda c: c.list_rows(WHO, "v"), {"context": WHO, "viewer": "v", "query": Query()}, Page(rows=(), total=0),
    ),
    "crm_comm_open_record": (
        lambda c: c.open_record(WHO, "e"), {"context": WHO, "editor": "e", "id": ""}, Record(values={}),
    ),
    "crm_comm_check": (
        lambda c: c.check(WHO, "e"), {"context": WHO, "editor": "e", "id": "", "values": {}, "changed": ""}, Result(),
    ),
    "crm_comm_save": (
        lambda c: c.save(WHO, "e"), {"context": WHO, "editor": "e", "id": "", "values": {}, "version": ""}, Result(),
    ),
    "crm_comm_confirm": (
        lambda c: c.confirm(WHO, "a"),
        {"context": WHO, "action": "a", "ids": (), "editor": "", "values": {}}, Confirm("Sure?", "Really?"),
    ),
    "crm_comm_run": (
        lambda c: c.run(WHO, "a", ["1"]),
        {"context": WHO, "action": "a", "ids": ("1",), "editor": "", "values": {}, "confirmed": ""}, Result(),
    ),
    "crm_comm_options": (
        lambda c: c.options(WHO, "s"), {"context": WHO, "source": "s", "query": "", "limit": 50}, (Option("a", "A"),),
    ),
    "crm_comm_callback": (lambda c: c.callback(WHO, {"a": "b"}), {"context": WHO, "params": {"a": "b"}}, Result()),
    "crm_comm_receive": (lambda c: c.receive(REQUEST), {"request": REQUEST}, Reply(204)),
    "crm_comm_accounts": (lambda c: c.accounts(), {"channel": "", "usable": True, "context": None}, (ACCOUNT,)),
    "crm_comm_allowance": (lambda c: c.allowance("1"), {"account_id": "1", "context": None}, ALLOWANCE),
    "crm_comm_prepare": (
        lambda c: c.prepare("1", PEOPLE), {"account_id": "1", "recipients": PEOPLE, "context": None},
        Prepared(ready=(), rejected=()),
    ),
    "crm_comm_preview": (
        lambda c: c.preview("1", TEXT, PEOPLE),
        {"account_id": "1", "message": TEXT, "recipients": PEOPLE, "context": None},
        Preview(total=0, rejected={}, now=0),
    ),
    "crm_comm_reserve": (
        lambda c: c.reserve("1", 5, "k"),
        {"account_id": "1", "units": 5, "key": "k", "campaign": "", "hold_seconds": 300, "context": None}, HOLD,
    ),
    "crm_comm_settle": (
        lambda c: c.settle("r", 3), {"reservation_id": "r", "used": 3, "context": None}, ALLOWANCE,
    ),
    "crm_comm_send": (
        lambda c: c.send("1", TEXT, PEOPLE, "k"),
        {"account_id": "1", "message": TEXT, "recipients": PEOPLE, "key": "k", "campaign": "", "on_progress": None,
         "context": None}, REPORT,
    ),
    "crm_comm_sends": (
        lambda c: c.sends(),
        {"account_id": "", "campaign": "", "key": "", "after": "", "limit": 50, "context": None}, SendPage(sends=()),
    ),
    "crm_comm_cancel": (lambda c: c.cancel("s"), {"send_id": "s", "context": None}, REPORT),
    "crm_comm_outcomes": (
        lambda c: c.outcomes("s"), {"send_id": "s", "status": "", "after": "", "limit": 1000, "context": None},
        OutcomePage(outcomes=()),
    ),
    "crm_comm_usage": (
        lambda c: c.usage("1", NOW, NOW), {"account_id": "1", "since": NOW, "until": NOW, "context": None}, (POINT,),
    ),
    "crm_comm_account_types": (
        lambda c: tuple(x.value for x in c.contributions("crm_comm_account_types")), {}, (account_type(),),
    ),
    "crm_comm_mail_servers": (
        lambda c: tuple(x.value for x in c.contributions("crm_comm_mail_servers")), {}, (server(),),
    ),
    "crm_comm_sms_gateways": (lambda c: c.contributions("crm_comm_sms_gateways"), {}, ()),
    "crm_comm_account_usages": (
        lambda c: c.contributions("crm_comm_account_usages", account_id="1"), {"account_id": "1"}, (),
    ),
    "crm_comm_account_changed": (lambda c: c.notify("crm_comm_account_changed", change=1), {"change": 1}, None),
    "crm_comm_limit_reached": (lambda c: c.notify("crm_comm_limit_reached", notice=1), {"notice": 1}, None),
    "crm_comm_shutdown": (lambda c: c.shutdown(), {}, None),
}  # fmt: skip


def recording(hook: str, answer: Any, given: list[dict[str, Any]]) -> object:
    """A plugin whose one hook takes all arguments of the spec and remembers them."""
    names = [n for n in inspect.signature(getattr(CommSpecs, hook)).parameters if n != "self"]
    source = (
        f"def {hook}({', '.join(['self', *names])}):\n    given.append({{{', '.join(f'{n!r}: {n}' for n in names)}}})\n"
    )
    space: dict[str, Any] = {"given": given, "answer": answer}
    exec(source + "    return answer", space)
    return type("Recording", (), {"__name__": "recording", hook: hookimpl(space[hook])})()


@pytest.mark.parametrize("hook", sorted(CASES))
def test_the_facade_gives_a_hook_every_argument_and_back_what_it_answers(hook: str) -> None:
    call, expected, answer = CASES[hook]
    given: list[dict[str, Any]] = []
    comm = start(recording(hook, answer, given))
    assert call(comm) == answer
    assert given == [expected]


def test_startup_hands_over_settings_and_communication() -> None:
    given: list[dict[str, Any]] = []
    comm = start()
    comm.register(recording("crm_comm_startup", None, given))
    assert given == [{"settings": comm.settings, "comm": comm}]
    assert isinstance(comm.settings, Settings)


def test_every_hook_has_a_test() -> None:
    assert {*CASES, "crm_comm_startup"} == set(HOOKS)


def test_the_page_is_what_the_specs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.contract.hook_page"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_exact_signature_and_an_example(hook: str) -> None:
    spec = getattr(CommSpecs, hook)
    text = PAGE.read_text(encoding="utf-8").split(f"### {hook}\n")[1].split("\n### ")[0]
    assert signature(spec, hook) in text
    for name in inspect.signature(spec).parameters:
        assert name == "self" or f"{name}: " in signature(spec, hook)
    (example,) = re.findall(r"Example: `([^`]+)`", text)
    code = example.replace("@hookimpl def", "def")
    compile(f"def f():\n    {code}" if "return" in code else code, hook, "exec")


def test_no_spec_has_a_default_and_every_facade_method_is_typed() -> None:
    for hook in HOOKS:
        for parameter in inspect.signature(getattr(CommSpecs, hook)).parameters.values():
            assert parameter.default is parameter.empty, "builds of pluggy differ in what they do with defaults"
        method = getattr(Communication, hook.removeprefix("crm_comm_"), None)
        if hook in {name for specs in list(SECTIONS.values())[:2] for name in hooks_of(specs)}:
            assert method is not None, f"the facade lacks {hook}"
            assert inspect.signature(method).return_annotation is not inspect.Signature.empty


def test_the_facades_arguments_are_those_of_the_specs_in_their_order() -> None:
    for hook in [name for specs in list(SECTIONS.values())[:2] for name in hooks_of(specs)]:
        if hook in EVENTS:
            continue
        spec = list(inspect.signature(getattr(CommSpecs, hook)).parameters)
        method = list(inspect.signature(getattr(Communication, hook.removeprefix("crm_comm_"))).parameters)
        assert method == spec, hook


def test_the_specs_can_be_seen_as_one_class() -> None:
    assert all(callable(getattr(CommSpecs, hook)) for hook in HOOKS)
    assert isinstance(viewer(), Viewer)
    assert isinstance(editor(), Editor)
