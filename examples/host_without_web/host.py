"""A host without a web framework. Try: host.py viewer, save email, editor email ID, save email ID, run delete ID."""

import sys
from collections.abc import Callable
from getpass import getpass
from typing import Any

from crm_comm_hookspecs import ALL_PERMISSIONS, CommError, Communication, Context, Query, holds

ME = Context(user="me", permissions=ALL_PERMISSIONS)


class Host:
    def __init__(self, comm: Communication, ask: Callable[[str, str], str]) -> None:
        self.comm, self.ask = comm, ask

    def viewer(self, name: str = "accounts", search: str = "") -> str:
        page = self.comm.list_rows(ME, name, Query(search=search))
        viewer = next(viewer for viewer in self.comm.viewers(ME) if viewer.name == name)
        columns = {column.name: column.label for column in viewer.columns}
        rows = [text(*map(row.cells.get, columns), row.editor, row.id, by=" | ") for row in page.rows]
        head = [viewer.title, text(*columns.values(), by=" | ")]
        return text(*head, *(rows or [viewer.empty]), *(f"[{a.label}: {a.name}]" for a in viewer.actions))

    def editor(self, name: str = "email", id: str = "", typing: bool = False) -> str:
        record = self.comm.open_record(ME, name, id)
        form = next(editor for editor in self.comm.editors(ME) if editor.name == name)
        values, said = dict(record.values), [form.title]
        for field in form.fields if typing else ():
            if holds(field.when, values) and (answer := self.ask(f"{field.label}: ", field.widget)):
                values[field.name] = answer
        if typing:
            result = self.comm.save(ME, name, id, values, record.version)
            said = [result.message, *(f"{of}: {error}" for of, errors in result.errors.items() for error in errors)]
        shown = [(f, record.secrets if f.secret else values) for f in form.fields if holds(f.when, values)]
        lines = [text(field.label, known.get(field.name), by=": ") for field, known in shown]
        return text(*said, *lines, *(f"[{action.label}]" for action in form.actions))

    def save(self, name: str = "email", id: str = "") -> str:
        return self.editor(name, id, typing=True)

    def run(self, action: str, *ids: str) -> str:
        offered = [(viewer, a) for viewer in self.comm.viewers(ME) for a in viewer.actions if a.name == action]
        for viewer, button in offered:
            if button.kind in {"create", "edit"}:  # these open a form and are never run
                rows = {row.id: row.editor for row in self.comm.list_rows(ME, viewer.name).rows}
                return self.editor(rows.get(ids[0], "") if ids else button.editors[0], *ids)
        asked = self.comm.confirm(ME, action, ids)
        if asked and self.ask(text(asked.title, asked.text, f"{asked.yes}? "), "question") not in {"y", asked.yes}:
            return asked.no
        return self.comm.run(ME, action, ids, confirmed=asked.token if asked else "").message


def text(*parts: Any, by: str = "\n") -> str:
    return by.join("" if part is None else str(getattr(part, "text", part)) for part in parts)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:] or ["viewer"]
    try:
        with Communication.load() as comm:
            host = Host(comm, lambda question, kind: (getpass if kind == "password" else input)(question))
            print(getattr(host, command)(*arguments))
    except CommError as error:
        sys.exit(str(error))
