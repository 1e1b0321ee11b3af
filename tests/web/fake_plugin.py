"""A plugin of a test: a viewer and an editor with everything a host may not know, kept in memory."""

from collections.abc import Iterable, Mapping
from typing import Any

from crm_comm_hookspecs import (
    Action,
    Badge,
    Column,
    Confirm,
    Context,
    Editor,
    Field,
    FormSchema,
    Meter,
    Option,
    Page,
    Query,
    Record,
    Result,
    Row,
    SendPage,
    Text,
    Viewer,
    hookimpl,
)

HTML = "<img src=x onerror=alert(1)>\"'&"


class ThingSchema(FormSchema):
    """One field; the editor shows more."""

    title = Text()


def fields() -> tuple[Field, ...]:
    """One of each widget, and two that nobody has heard of."""
    options = (Option("a", f"First {HTML}"), Option("b", "Second", "no-such-icon", "A hint"))
    return (
        Field(name="title", label=f"Title {HTML}", required=True, help=HTML, placeholder=HTML),
        Field(name="colour", label="Colour", widget="colour-wheel", default="blue"),
        Field(name="kind", label="Kind", widget="segmented", options=options, default="a"),
        Field(name="pick", label="Pick", widget="select", options=options, default="gone"),
        Field(name="notes", label="Notes", widget="textarea", when={"kind": ["b"]}, default=HTML),
        Field(name="key", label="Key", widget="password", secret=True, help_url="javascript:alert(1)"),
        Field(name="place", label="Place", widget="combobox", options_from="places"),
        Field(name="on", label="On", widget="checkbox", default=True),
        Field(name="trace", label="Trace", widget="hidden", default=HTML),
    )


class FakePlugin:
    """Answers what a host asks; remembers what it was told."""

    __name__ = "fake"

    def __init__(self) -> None:
        self.saved: list[Mapping[str, Any]] = []
        self.asked: list[Any] = []
        self.fail: Exception | None = None

    @hookimpl
    def crm_comm_viewers(self, context: Context) -> Iterable[Viewer]:
        """A list with formats and kinds of the future."""
        columns = (
            Column(name="name", label=f"Name {HTML}", sortable=True),
            Column(name="state", label="State", format="badge"),
            Column(name="use", label="Use", format="meter"),
            Column(name="odd", label="Odd", format="hologram"),
            Column(name="many", label="Many", format="number"),
            Column(name="missing", label="Missing"),
        )
        actions = (
            Action(name="new", label="New", kind="create", editors=("thing", "unknown-editor")),
            Action(name="edit", label="Edit", kind="edit", needs="one"),
            Action(name="future", label="Levitate", kind="levitate", needs="one", icon="ufo", style="sparkling"),
            Action(name="ask", label="Ask", needs="many", confirm=Confirm("Sure?", HTML, token="t1")),
        )
        return [Viewer(name="things", title=f"Things {HTML}", columns=columns, actions=actions)]

    @hookimpl
    def crm_comm_editors(self, context: Context) -> Iterable[Editor]:
        """One form."""
        return [Editor(name="thing", title="Thing", schema=ThingSchema, fields=fields())]

    @hookimpl
    def crm_comm_list_rows(self, context: Context, viewer: str, query: Query) -> Page | None:
        """One hostile row."""
        self.asked.append(query)
        if self.fail:
            raise self.fail
        cells = {
            "name": HTML,
            "state": Badge(text=HTML, level="purple"),
            "use": Meter(value=7, max=5, text=HTML, level="warn"),
            "odd": {"deep": [HTML]},
            "many": 12345,
            "surplus": "unseen",
        }
        return Page(rows=(Row(id='x"><b>', editor="thing", cells=cells),), total=None, next="n&x=1")

    @hookimpl
    def crm_comm_open_record(self, context: Context, editor: str, id: str) -> Record | None:
        """What is stored."""
        values = {"title": HTML} if id else {}
        return Record(values=values, secrets={"key": "set yesterday"} if id else {}, id=id, version="7")

    @hookimpl
    def crm_comm_check(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], changed: str
    ) -> Result | None:
        """No advice."""
        return Result()

    @hookimpl
    def crm_comm_save(
        self, context: Context, editor: str, id: str, values: Mapping[str, Any], version: str
    ) -> Result | None:
        """Keep it."""
        self.saved.append({**values, "version": version})
        return Result(message=HTML, id=id or "new")

    @hookimpl
    def crm_comm_run(
        self, context: Context, action: str, ids: Iterable[str], editor: str, values: Mapping[str, Any], confirmed: str
    ) -> Result | None:
        """Remember it."""
        self.asked.append((action, tuple(ids), confirmed))
        return Result(message="done")

    @hookimpl
    def crm_comm_options(self, context: Context, source: str, query: str, limit: int) -> Iterable[Option] | None:
        """One place."""
        return [Option("p", HTML)]

    @hookimpl
    def crm_comm_accounts(self, channel: str, usable: bool, context: Context | None) -> Iterable[Any]:
        """None."""
        return []

    @hookimpl
    def crm_comm_sends(
        self, account_id: str, campaign: str, key: str, after: str, limit: int, context: Context | None
    ) -> SendPage:
        """None."""
        return SendPage(sends=())
