"""What plugins register: values that can be used, each key claimed once (contract, rule 10)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .answers import expect
from .calls import Contribution, HookCalls
from .extending import AccountType, MailServer
from .failures import Unfit
from .rendering import Action, Column, Editor, Field, Viewer
from .schema import AccountSchema, FormSchema
from .shapes import FIXED, actions, form, limits, several, texts, wholes
from .working import Usage

RESERVED_ACTIONS = frozenset({"new", "edit", "delete", "test", "refresh_credits", "reopen", "undo", "restore"})
"""The plugin's own toolbar actions. A toolbar action is run by its name alone, so nobody else may use these."""

_REMEMBERED = 500
_ABILITIES = {
    "purchase": ("purchase", "order"),
    "activate": ("activate",),
    "balance": ("balance",),
    "quote": ("quote",),
    "reports": ("report",),
}


def unique(calls: HookCalls, hook: str, key: str, arguments: Mapping[str, Any]) -> tuple[Contribution, ...]:
    """Contributions that can be used; of two with the same key the second is refused, naming both."""
    examine, own_key = _RULES.get(hook, (_anything, ""))
    key = key or own_key
    kept: list[Contribution] = []
    claimed: dict[str, Contribution] = {}
    for found in calls.gather(hook, arguments):
        if problem := _examined(calls, found.value, examine):
            calls.failed(found.plugin, hook, problem)
            continue
        name = getattr(found.value, key, None) if key else None
        if name is not None and (first := claimed.setdefault(str(name), found)) is not found:
            calls.failed(found.plugin, hook, _claimed(name, first, found))
            continue
        kept.append(found)
    return _with_own_actions(calls, kept) if hook == "crm_comm_viewers" else tuple(kept)


def _examined(calls: HookCalls, value: Any, examine: Callable[[Any], None]) -> str:
    """The problem of a value, "" for none. Most plugins give the same values every time: good ones are remembered."""
    seen = (examine.__name__, id(value))
    if calls.examined.get(seen, calls) is value:
        return ""
    if problem := _problem(value, examine):
        return problem
    if len(calls.examined) >= _REMEMBERED:
        calls.examined.clear()
    calls.examined[seen] = value
    return ""


def _problem(value: Any, examine: Callable[[Any], None]) -> str:
    try:
        examine(value)
    except Unfit as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a foreign value can break whoever looks at it
        return f"it cannot be read ({type(error).__name__})"
    return ""


def _claimed(name: object, first: Contribution, second: Contribution) -> str:
    return f"{name!r} is claimed by {_owner(first)} already; the one of {_owner(second)} is left out"


def _owner(found: Contribution) -> str:
    return f"{found.plugin} ({found.distribution})" if found.distribution else found.plugin


def _with_own_actions(calls: HookCalls, viewers: list[Contribution]) -> tuple[Contribution, ...]:
    claimed: dict[str, Contribution] = {}
    kept = []
    for found in viewers:
        actions: list[Action] = []
        for action in found.value.actions:
            first = claimed.setdefault(action.name, found)
            if found.plugin != calls.own and action.name in RESERVED_ACTIONS:
                calls.failed(found.plugin, "crm_comm_viewers", f"action {action.name!r} is the plugin's own")
            elif first is not found:
                calls.failed(found.plugin, "crm_comm_viewers", f"action {_claimed(action.name, first, found)}")
            else:
                actions.append(action)
        changed = len(actions) != len(found.value.actions)
        kept.append(replace(found, value=replace(found.value, actions=tuple(actions))) if changed else found)
    return tuple(kept)


def _anything(value: Any) -> None:
    """Hooks of later contracts: nothing is known about their values."""


def _viewer(value: Any) -> None:
    expect(value, Viewer)
    _named(value.name, "a viewer")
    what = f"viewer {value.name!r}"
    texts(value, what, "title", "empty")
    several(value, what, "columns", Column)
    actions(value, what)


def _editor(value: Any) -> None:
    expect(value, Editor)
    _named(value.name, "an editor")
    if not (isinstance(value.schema, type) and issubclass(value.schema, FormSchema)):
        raise Unfit(f"the schema of editor {value.name!r} must be a class derived from FormSchema")
    what = f"editor {value.name!r}"
    texts(value, what, "title")
    several(value, what, "fields", Field)
    actions(value, what)
    form(value.schema, what)


def _account_type(value: Any) -> None:
    expect(value, AccountType)
    _named(value.key, "an account type")
    _editor(value.editor)
    if value.key != value.editor.name:
        raise Unfit(f"account type {value.key!r} has an editor named {value.editor.name!r}; they must be equal")
    if not issubclass(value.editor.schema, AccountSchema):
        raise Unfit(f"the schema of account type {value.key!r} must be derived from AccountSchema")
    texts(value, f"account type {value.key!r}", "label", "icon", "channel")
    if not callable(value.connect):
        raise Unfit(f"connect of account type {value.key!r} must be a function")
    if not all(own is None or callable(own) for own in (value.normalise, value.run)):
        raise Unfit(f"normalise and run of account type {value.key!r} must be functions, or None")


def _mail_server(value: Any) -> None:
    expect(value, MailServer)
    _named(value.key, "a mail server")
    if value.security not in {"starttls", "tls", "none"}:
        raise Unfit(f"security of mail server {value.key!r} must be starttls, tls or none")
    if isinstance(value.port, bool) or not (isinstance(value.port, int) and 0 < value.port < 65536):
        raise Unfit(f"port of mail server {value.key!r} must be from 1 to 65535")
    if not value.host or not isinstance(value.host, str):
        raise Unfit(f"mail server {value.key!r} needs a host")
    what = f"mail server {value.key!r}"
    texts(value, what, "label", "help_url", "help", "source", "as_of")
    several(value, what, "domains", str, FIXED)
    several(value, what, "sign_in", str, FIXED)
    if not value.sign_in:
        raise Unfit(f"sign_in of {what} must name a way to sign in, such as password")
    limits(value, what, "limit", "pace")
    wholes(value, what, "per_message", "per_connection", "connections")


def _sms_gateway(value: Any) -> None:
    _named(getattr(value, "key", None), "an SMS gateway")
    if not isinstance(getattr(value, "label", None), str):
        raise Unfit(f"SMS gateway {value.key!r} needs a label")
    capabilities = getattr(value, "capabilities", None)
    if not isinstance(capabilities, frozenset | set) or not capabilities <= set(_ABILITIES):
        raise Unfit(f"capabilities of SMS gateway {value.key!r} must be a frozenset of: {', '.join(_ABILITIES)}")
    needed = ["open", *(method for ability in sorted(capabilities) for method in _ABILITIES[ability])]
    missing = [method for method in needed if not callable(getattr(value, method, None))]
    if missing:
        raise Unfit(f"SMS gateway {value.key!r} lacks the method {', '.join(missing)}")
    fields = getattr(value, "fields", None)
    if fields is not None and not (isinstance(fields, type) and issubclass(fields, FormSchema)):
        raise Unfit(f"fields of SMS gateway {value.key!r} must be a class derived from FormSchema, or None")
    if fields is not None:
        form(fields, f"SMS gateway {value.key!r}")


def _usage(value: Any) -> None:
    expect(value, Usage)
    texts(value, "a usage", "text", "url")


def _named(name: Any, what: str) -> None:
    if not isinstance(name, str) or not name or name != name.strip() or not name.isprintable():
        raise Unfit(f"{what} needs a name that is a plain text")


_RULES: dict[str, tuple[Callable[[Any], None], str]] = {
    "crm_comm_viewers": (_viewer, "name"),
    "crm_comm_editors": (_editor, "name"),
    "crm_comm_account_types": (_account_type, "key"),
    "crm_comm_mail_servers": (_mail_server, "key"),
    "crm_comm_sms_gateways": (_sms_gateway, "key"),
    "crm_comm_account_usages": (_usage, ""),
}
