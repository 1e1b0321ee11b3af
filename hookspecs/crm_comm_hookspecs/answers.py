"""What an implementation may answer: values of the contract, checked before they reach anybody."""

import inspect
from collections.abc import Iterable
from typing import Any

from .failures import Unfit
from .messages import Prepared
from .rendering import Confirm, Option, Page, Record, Reply, Result
from .working import (
    Account,
    Allowance,
    OutcomePage,
    Preview,
    Reservation,
    SendPage,
    SendReport,
    UsagePoint,
)

_ONE: dict[str, type] = {
    "crm_comm_list_rows": Page,
    "crm_comm_open_record": Record,
    "crm_comm_check": Result,
    "crm_comm_save": Result,
    "crm_comm_confirm": Confirm,
    "crm_comm_run": Result,
    "crm_comm_callback": Result,
    "crm_comm_receive": Reply,
    "crm_comm_allowance": Allowance,
    "crm_comm_prepare": Prepared,
    "crm_comm_preview": Preview,
    "crm_comm_reserve": Reservation,
    "crm_comm_settle": Allowance,
    "crm_comm_send": SendReport,
    "crm_comm_sends": SendPage,
    "crm_comm_cancel": SendReport,
    "crm_comm_outcomes": OutcomePage,
}
_MANY: dict[str, type] = {
    "crm_comm_options": Option,
    "crm_comm_accounts": Account,
    "crm_comm_usage": UsagePoint,
}


def fitted(hook: str, answer: Any) -> Any:
    """An acting hook's answer as the facade gives it, None for none; raises Unfit when it is something else."""
    if answer is None:
        return None
    if expected := _MANY.get(hook):
        values = values_of(answer)
        for value in values:
            expect(value, expected)
        return values
    if expected := _ONE.get(hook):
        expect(answer, expected)
    return answer


def values_of(values: Any) -> tuple[Any, ...]:
    """The values an implementation gave, read to their end; raises Unfit when it is no iterable of values."""
    if values is None:
        return ()
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        refuse_coroutine(values)
        raise Unfit(f"an iterable of values was expected, not {type(values).__name__}")
    return tuple(values)


def expect(value: Any, kind: type) -> None:
    """Raise Unfit unless the value is of the kind."""
    refuse_coroutine(value)
    if not isinstance(value, kind):
        raise Unfit(f"{kind.__name__} was expected, not {type(value).__name__}")


def refuse_coroutine(value: Any) -> None:
    """Raise Unfit for what an `async def` answers, closed first so that it warns nobody."""
    if inspect.iscoroutine(value):
        value.close()
        raise Unfit("a hook is a plain function: it is called without await")
