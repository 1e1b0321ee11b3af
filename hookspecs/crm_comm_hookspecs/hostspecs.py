"""The hooks that the host calls and the plugin answers (section 1 of the contract)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .markers import hookspec
from .rendering import Confirm, Context, Editor, Option, Page, Query, Record, Reply, Request, Result, Viewer
from .settings import Settings

if TYPE_CHECKING:
    from .facade import Communication


class HostSpecs:
    """Section 1: the host calls, the plugin answers."""

    @hookspec(historic=True)
    def crm_comm_startup(self, settings: Settings, comm: "Communication") -> None:
        """Hands every plugin its Communication, also those registered later.

        Example: `@hookimpl def crm_comm_startup(self, comm): self.comm = comm`
        """

    @hookspec
    def crm_comm_shutdown(self) -> None:
        """The host stops: close what is open.

        Example: `@hookimpl def crm_comm_shutdown(self): self.pool.close()`
        """

    @hookspec
    def crm_comm_viewers(self, context: Context) -> Iterable[Viewer]:
        """The lists that the host can show to this person.

        Example: `for viewer in comm.viewers(context): menu.add(viewer.title, viewer.name)`
        """
        return ()

    @hookspec
    def crm_comm_editors(self, context: Context) -> Iterable[Editor]:
        """The forms that the host can show to this person, their fields resolved.

        Example: `editor = next(e for e in comm.editors(context) if e.name == "email")`
        """
        return ()

    @hookspec(firstresult=True)
    def crm_comm_list_rows(self, context: Context, viewer: str, query: Query) -> Page | None:
        """One page of a viewer's rows.

        Example: `page = comm.list_rows(context, "accounts", Query(search="sales"))`
        """

    @hookspec(firstresult=True)
    def crm_comm_open_record(self, context: Context, editor: str, id: str) -> Record | None:
        """What an editor opens with; id "" is a new record with its defaults.

        Example: `record = comm.open_record(context, "email", row.id)`
        """

    @hookspec(firstresult=True)
    def crm_comm_check(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], changed: str
    ) -> Result | None:
        """Advice while somebody types; stores nothing. changed: the field that changed last.

        Example: `hints = comm.check(context, "email", "", {"user": "a@gmail.com"}, "user").values`
        """

    @hookspec(firstresult=True)
    def crm_comm_save(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], version: str
    ) -> Result | None:
        """Validate and store; a stale version is a conflict, "*" overwrites on purpose.

        Example: `result = comm.save(context, "email", record.id, form, record.version)`
        """

    @hookspec(firstresult=True)
    def crm_comm_confirm(
        self, context: Context, action: str, ids: tuple[str, ...], editor: str, values: Mapping[str, Any]
    ) -> Confirm | None:
        """The question to ask before an action, with what is at stake now.

        Example: `question = comm.confirm(context, "delete", (row.id,), "", {})`
        """

    @hookspec(firstresult=True)
    def crm_comm_run(
        self,
        context: Context,
        action: str,
        ids: tuple[str, ...],
        editor: str,
        values: Mapping[str, Any],
        confirmed: str,
    ) -> Result | None:
        """Run a toolbar action on ids, or an editor's action on its unsaved values.

        Example: `result = comm.run(context, "test_connection", (record.id,), "email", form)`
        """

    @hookspec(firstresult=True)
    def crm_comm_options(self, context: Context, source: str, query: str, limit: int) -> Iterable[Option] | None:
        """The options of a combobox that match; query "=VALUE" gives the label of a stored value.

        Example: `comm.options(context, "countries", "+49", 10)`
        """

    @hookspec(firstresult=True)
    def crm_comm_callback(self, context: Context, params: Mapping[str, str]) -> Result | None:
        """A browser comes back from another site: a sign-in or a purchase.

        Example: `result = comm.callback(context, dict(request.query_params))`
        """

    @hookspec(firstresult=True)
    def crm_comm_receive(self, request: Request) -> Reply | None:
        """A service calls: a delivery report.

        Example: `reply = comm.receive(Request(source=s, token=t, method="POST", url=url, headers=headers, body=body))`
        """
