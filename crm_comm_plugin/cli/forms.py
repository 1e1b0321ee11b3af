"""An editor on a terminal: asked field by field, with the plugin's advice while somebody types, as in a browser."""

import getpass
import sys
from collections.abc import Iterable
from typing import Any

from crm_comm_hookspecs import Communication, Context, Editor, Field, Result
from crm_comm_hookspecs.conditions import holds
from crm_comm_plugin.cli.entering import option_of
from crm_comm_plugin.cli.output import note

MANY = 12
"""More options than this are not listed, but found by typing."""


def fill_in(comm: Communication, context: Context, editor: Editor) -> Result:
    """Ask until it can be saved; answers what `save` answered. Raises EOFError when nobody answers any more."""
    note(f"{editor.title}: Enter takes what stands in [brackets], Ctrl-C stops and stores nothing.")
    form = _Form(comm, context, editor)
    asked: Iterable[Field] = editor.fields
    while True:
        form.ask(asked)
        result = comm.save(context, editor.name, "", form.values, "")
        wrong = [field for field in editor.fields if field.name in result.errors]
        if result.ok or not wrong:
            return result
        for field in wrong:
            note(f"{field.label}: {' '.join(result.errors[field.name])}")
        asked = wrong


class _Form:
    def __init__(self, comm: Communication, context: Context, editor: Editor) -> None:
        self.comm, self.context, self.editor = comm, context, editor
        self.values: dict[str, Any] = {}
        self.suggested = {field.name: field.default for field in editor.fields}

    def ask(self, fields: Iterable[Field]) -> None:
        """Ask for those fields that are shown with what was answered so far."""
        for field in fields:
            if holds(field.when, {**self.suggested, **self.values}):
                self.values[field.name] = _answer(field, self.suggested.get(field.name))
                while field.live and not self._advised(field):
                    self.values[field.name] = _answer(field, self.suggested.get(field.name))

    def _advised(self, field: Field) -> bool:
        """Show what the plugin says of an answer, and take up what it suggests; False when it cannot stay so."""
        result = self.comm.check(self.context, self.editor.name, "", self.values, field.name)
        for text in (*result.errors.get(field.name, ()), *result.hints.get(field.name, ())):
            note(f"  {text}")
        self.suggested.update(result.values)
        return not result.errors.get(field.name)


def _answer(field: Field, suggested: Any) -> str:
    if field.secret:
        return getpass.getpass(f"{field.label} (not shown): ")
    offered = _typed(suggested)
    options = f" ({', '.join(o.value for o in field.options)})" if 0 < len(field.options) <= MANY else ""
    note(f"{field.label}{options}{f' [{offered}]' if offered else ''}:")
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    return option_of(field, answer.strip() or offered)


def _typed(value: Any) -> str:
    """A value as somebody would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
