"""Test Connection: on what is typed, with the stored secret where that still belongs; signs in and sends nothing."""

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from crm_comm_hookspecs import Account, CommError, Diagnosis, Result, Step, Transport, TransportError
from crm_comm_plugin.accounts.form import Errors, Form
from crm_comm_plugin.accounts.opening import LOST, broken, connected
from crm_comm_plugin.domain.accounts import Status

_SIGN_IN = frozenset({"user", "sign_in"})
_log = logging.getLogger(__name__)


def diagnosed(form: Form, account: Account, values: Mapping[str, Any], secrets: Mapping[str, str]) -> Diagnosis:
    """Connect, sign in, and say step by step how it went; never raises for a line or a plugin that fails."""
    try:
        transport = connected(form, account, form.for_transport(values), secrets)
        try:
            return _asked(form, transport)
        finally:
            close_quietly(transport)
    except CommError as error:
        step = Step(name="Connect", ok=False, detail=error.message, hint=error.hint)
        return Diagnosis(ok=False, steps=(step,))


def _asked(form: Form, transport: Transport) -> Diagnosis:
    try:
        answer: object = transport.diagnose()
    except CommError:
        raise
    except Exception as error:
        _log.error("diagnose of account type %r failed with %s.", form.type.key, type(error).__name__)
        raise broken(form) from error
    if not isinstance(answer, Diagnosis) or not _is_told(answer):
        _log.error("diagnose of account type %r answered no Diagnosis of steps in words.", form.type.key)
        raise broken(form)
    return answer


def _is_told(answer: Diagnosis) -> bool:
    """Its steps can be read, more than once."""
    steps: object = answer.steps
    return isinstance(steps, tuple | list) and all(
        isinstance(step, Step) and all(isinstance(t, str) for t in (step.name, step.detail, step.hint, step.field))
        for step in steps
    )


def close_quietly(transport: Transport) -> None:
    """Say goodbye, whatever comes of it."""
    with contextlib.suppress(Exception):  # the answer is there; a line that does not close well changes nothing
        transport.close()


def in_words(form: Form, diagnosis: Diagnosis) -> Result:
    """The steps with ticks; the failing one at its field, with the next thing to try."""
    lines = ["The connection works." if diagnosis.ok else "The connection does not work."]
    errors: Errors = {}
    for step in diagnosis.steps:
        name = step.name[:1].upper() + step.name[1:]
        lines.append(" ".join(filter(None, ["✓" if step.ok else "✗", name, f"– {step.detail}" * bool(step.detail)])))
        if not step.ok:
            lines += [f"  {step.hint}"] if step.hint else []
            field = step.field if step.field in form.names else ""
            text = " ".join(filter(None, [step.detail or f"{step.name} failed.", step.hint]))
            errors.setdefault(field, []).append(text)
    level = "ok" if diagnosis.ok else "bad"
    return Result(ok=diagnosis.ok, message="\n".join(lines), level=level, errors={} if diagnosis.ok else errors)


def status_after(form: Form, diagnosis: Diagnosis) -> tuple[str, str] | None:
    """(status, detail) that a test of a stored account shows; None when it says nothing about signing in."""
    if diagnosis.ok:
        return Status.CONNECTED, ""
    failed = next((step for step in diagnosis.steps if not step.ok), None)
    if failed is None or failed.field not in form.secrets | _SIGN_IN:
        return None
    return Status.AUTH_FAILED, " ".join(filter(None, [failed.detail, failed.hint]))


def lost_in_words(error: TransportError, form: Form) -> Result:
    """Why no line can even be tried; of a stored secret that cannot be used, at its field where there is only one."""
    text = f"{error.message} {error.hint}"
    field = next(iter(form.secrets)) if error.code == LOST and len(form.secrets) == 1 else ""
    return Result(ok=False, level="bad", message=text, errors={field: [text]})
