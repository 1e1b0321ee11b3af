"""A host without a web framework. Try: python host.py viewer accounts, editor email, save email, run delete ID."""

import sys
from collections.abc import Callable, Iterable, Mapping
from getpass import getpass
from typing import Any

from crm_comm_hookspecs import ALL_PERMISSIONS, CommError, Communication, Context, Editor, Query, Record, Result, holds


class Host:
    """All that a host has to do, in lines of text."""

    def __init__(self, comm: Communication, ask: Callable[[str], bool]) -> None:
        self.comm, self.ask, self.who = comm, ask, Context(user="me", permissions=ALL_PERMISSIONS)

    def viewer(self, name: str, search: str = "") -> str:
        page = self.comm.list_rows(self.who, name, Query(search=search))
        viewer = next(v for v in self.comm.viewers(self.who) if v.name == name)
        lines = [" | ".join(words(row.cells.get(column.name)) for column in viewer.columns) for row in page.rows]
        head = " | ".join(column.label for column in viewer.columns)
        return "\n".join([viewer.title, head, *(lines or [viewer.empty]), *(f"[{a.label}]" for a in viewer.actions)])

    def editor(self, name: str, id: str = "") -> str:
        form, record = self.open(name, id)
        shown = [field for field in form.fields if holds(field.when, record.values)]
        known = {**record.values, **record.secrets}
        lines = [f"{field.label}: {words(known.get(field.name))}  ({field.help})" for field in shown]
        return "\n".join([form.title, *lines, *(f"[{action.label}]" for action in form.actions)])

    def save(self, editor: str, id: str, values: Mapping[str, Any]) -> str:
        form, record = self.open(editor, id)
        typed = {**record.values, **values}
        result = self.comm.save(self.who, editor, id, typed, record.version)
        again = [] if result.ok else [f"{f.label}: {words(typed.get(f.name))}" for f in form.fields if not f.secret]
        return "\n".join([told(result), *again])

    def run(self, action: str, *ids: str, viewer: str = "accounts") -> str:
        actions = [a for v in self.comm.viewers(self.who) if v.name == viewer for a in v.actions if a.name == action]
        if actions and actions[0].kind in {"create", "edit"}:
            rows = [row for row in self.comm.list_rows(self.who, viewer).rows if row.id in ids]
            return self.editor(rows[0].editor, rows[0].id) if rows else self.editor(actions[0].editors[0])
        question = self.comm.confirm(self.who, action, ids)
        if question and not self.ask(f"{question.title} {question.text} {question.yes}/{question.no}? "):
            return f"{question.text} {question.no}."
        return told(self.comm.run(self.who, action, ids, confirmed=question.token if question else ""))

    def open(self, name: str, id: str) -> tuple[Editor, Record]:
        record = self.comm.open_record(self.who, name, id)
        return next(editor for editor in self.comm.editors(self.who) if editor.name == name), record


def words(cell: Any) -> str:
    return "" if cell is None else str(getattr(cell, "text", cell))


def told(result: Result) -> str:
    places: Iterable[Mapping[str, list[str]]] = (result.errors, result.hints)
    return "\n".join(
        [result.message, *(f"{name} {text}" for place in places for name in place for text in place[name])]
    )


def main(command: str = "viewer", name: str = "accounts", *ids: str) -> None:
    with Communication.load() as comm:
        host = Host(comm, lambda question: input(question).lower().startswith("y"))
        if command == "save":
            form, record = host.open(name, "".join(ids))
            shown = [field for field in form.fields if holds(field.when, record.values)]
            typed = {f.name: (getpass if f.secret else input)(f"{f.label}: ") for f in shown}
            print(host.save(name, "".join(ids), {name: text for name, text in typed.items() if text}))
        else:
            print(getattr(host, command)(name, *ids))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CommError as error:
        sys.exit(str(error))
