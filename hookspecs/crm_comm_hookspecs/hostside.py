"""The facade's half for hosts: one typed method per hook of the contract's section 1."""

from collections.abc import Iterable, Mapping
from typing import Any

from .arguments import as_ids
from .asking import NO_VALUES, Asking, known
from .errors import UnknownAction, UnknownEditor
from .rendering import Confirm, Context, Editor, Option, Page, Query, Record, Reply, Request, Result, Viewer


class HostSide(Asking):
    """What a host calls."""

    def viewers(self, context: Context) -> tuple[Viewer, ...]:
        """The lists that can be shown to this person."""
        return tuple(c.value for c in self.contributions("crm_comm_viewers", context=context))

    def editors(self, context: Context) -> tuple[Editor, ...]:
        """The forms that can be shown to this person."""
        return tuple(c.value for c in self.contributions("crm_comm_editors", context=context))

    def list_rows(self, context: Context, viewer: str, query: Query | None = None) -> Page:
        """One page of a viewer's rows."""
        query = Query() if query is None else query
        answer: Page | None = self._first("crm_comm_list_rows", context=context, viewer=viewer, query=query)
        return known(answer, UnknownEditor(f"There is no viewer {viewer!r}."))

    def open_record(self, context: Context, editor: str, id: str = "") -> Record:
        """What an editor opens with; id "" is a new record."""
        answer: Record | None = self._first("crm_comm_open_record", context=context, editor=editor, id=id)
        return known(answer, UnknownEditor(f"There is no editor {editor!r}."))

    def check(
        self,
        context: Context,
        editor: str,
        id: str = "",
        values: Mapping[str, Any] = NO_VALUES,
        changed: str = "",
    ) -> Result:
        """Advice while somebody types; stores nothing."""
        answer: Result | None = self._first(
            "crm_comm_check", context=context, editor=editor, id=id, values=values, changed=changed
        )
        return known(answer, UnknownEditor(f"There is no editor {editor!r}."))

    def save(
        self,
        context: Context,
        editor: str,
        id: str = "",
        values: Mapping[str, Any] = NO_VALUES,
        version: str = "",
    ) -> Result:
        """Validate and store."""
        answer: Result | None = self._first(
            "crm_comm_save", context=context, editor=editor, id=id, values=values, version=version
        )
        return known(answer, UnknownEditor(f"There is no editor {editor!r}."))

    def confirm(
        self,
        context: Context,
        action: str,
        ids: Iterable[str] = (),
        editor: str = "",
        values: Mapping[str, Any] = NO_VALUES,
    ) -> Confirm | None:
        """The question to ask before an action, or None where nothing needs asking."""
        answer: Confirm | None = self._first(
            "crm_comm_confirm", context=context, action=action, ids=as_ids(ids), editor=editor, values=values
        )
        return answer

    def run(
        self,
        context: Context,
        action: str,
        ids: Iterable[str] = (),
        editor: str = "",
        values: Mapping[str, Any] = NO_VALUES,
        confirmed: str = "",
    ) -> Result:
        """Run an action; confirmed is the token of `confirm`'s answer."""
        answer: Result | None = self._first(
            "crm_comm_run",
            context=context,
            action=action,
            ids=as_ids(ids),
            editor=editor,
            values=values,
            confirmed=confirmed,
        )
        return known(answer, UnknownAction(f"There is no action {action!r}."))

    def options(self, context: Context, source: str, query: str = "", limit: int = 50) -> tuple[Option, ...]:
        """The options of a combobox that match."""
        answer: tuple[Option, ...] | None = self._first(
            "crm_comm_options", context=context, source=source, query=query, limit=limit
        )
        return answer or ()

    def callback(self, context: Context, params: Mapping[str, str]) -> Result:
        """A browser comes back from another site."""
        answer: Result | None = self._first("crm_comm_callback", context=context, params=params)
        return answer or Result(ok=False, level="bad", message="Nothing was waiting for this. Please start again.")

    def receive(self, request: Request) -> Reply:
        """A service calls."""
        answer: Reply | None = self._first("crm_comm_receive", request=request)
        return answer or Reply(404, b"not found")
