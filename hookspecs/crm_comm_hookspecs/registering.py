"""What plugins register: values of the right type, each key claimed once (contract, rule 10)."""

from collections.abc import Mapping
from typing import Any

from .calls import Contribution, HookCalls
from .extending import AccountType, MailServer
from .rendering import Editor, Viewer
from .working import Usage

_EXPECTED: dict[str, type] = {
    "crm_comm_viewers": Viewer,
    "crm_comm_editors": Editor,
    "crm_comm_account_types": AccountType,
    "crm_comm_mail_servers": MailServer,
    "crm_comm_account_usages": Usage,
}


def unique(calls: HookCalls, hook: str, key: str, arguments: Mapping[str, Any]) -> tuple[Contribution, ...]:
    """Contributions of the right type; of two with the same `key` attribute the second is refused, naming both."""
    kept: list[Contribution] = []
    claimed: dict[str, Contribution] = {}
    for found in calls.gather(hook, arguments):
        expected = _EXPECTED.get(hook)
        if expected is not None and not isinstance(found.value, expected):
            _refuse(calls, found, hook, f"a {expected.__name__} was expected, not {type(found.value).__name__}")
            continue
        name = getattr(found.value, key, None) if key else None
        if name is not None and (first := claimed.setdefault(str(name), found)) is not found:
            problem = f"{name!r} is claimed by {_owner(first)} already; the one of {_owner(found)} is left out"
            _refuse(calls, found, hook, problem)
            continue
        kept.append(found)
    return tuple(kept)


def _refuse(calls: HookCalls, found: Contribution, hook: str, problem: str) -> None:
    calls.failed(found.plugin, calls.pm.get_plugin(found.plugin), hook, problem)


def _owner(found: Contribution) -> str:
    return f"{found.plugin} ({found.distribution})" if found.distribution else found.plugin
