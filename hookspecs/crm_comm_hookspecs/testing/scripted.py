"""ScriptedPlugin: answers like the real plugin, with every format, widget and answer that a host can meet."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ..calls import OWN_NAME
from ..errors import StorageUnavailable
from ..fields import Choice, Flag, Secret, Text, Whole
from ..formfields import fields_of
from ..markers import hookimpl
from ..rendering import (
    Action,
    Badge,
    Column,
    Confirm,
    Context,
    Editor,
    Meter,
    Option,
    Page,
    Query,
    Record,
    Result,
    Row,
    Viewer,
)
from ..schema import AccountSchema

MARKUP = "Ann <b>& Co</b>"
TOKEN = "asked-and-answered"  # noqa: S105 - proves that the question was put, no secret


class ScriptedSchema(AccountSchema):
    """A field of every widget, one of them unknown to every host."""

    server = Choice([("gmail", "Gmail"), ("smtp", "Custom SMTP")], load_default="gmail", metadata={"live": True})
    host = Text(metadata={"label": "Server Host", "when": {"server": ["smtp"]}})
    port = Whole(min=1, max=65535, metadata={"when": {"server": ["smtp"]}})
    security = Text(metadata={"widget": "segmented", "options": [Option("tls", "TLS"), Option("none", "No TLS")]})
    country = Text(metadata={"options_from": "countries", "label": "Country Phone Code"})
    password = Secret(metadata={"label": "Password", "help": "An app password is wanted."})
    notes = Text(lines=True, metadata={"label": "Private Notes"})
    aura = Text(metadata={"widget": "hologram", "label": "Aura of Tomorrow"})
    trusted = Flag(load_default=True, metadata={"label": "Trusted Relay"})


class ScriptedPlugin:
    """Registered by `start(ScriptedPlugin())`. `calls` holds (hook, arguments) as they came in."""

    __name__ = OWN_NAME

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.broken = False
        self.answer = Result(ok=True, message="Saved as it should be.", level="ok", id="1")

    def of(self, hook: str) -> list[dict[str, Any]]:
        """The arguments of every call of one hook."""
        return [arguments for name, arguments in self.calls if name == hook]

    @hookimpl
    def crm_comm_viewers(self, context: Context) -> Iterable[Viewer]:
        """One list with every format."""
        columns = [("name", "Account", "text"), ("status", "State", "badge"), ("usage", "Used", "meter")]
        columns += [("count", "Sent", "number"), ("last_used", "Last Used", "datetime"), ("odd", "Oddity", "sparkline")]
        actions = (
            Action(name="new", label="New Account", kind="create", editors=("email",)),
            Action(name="edit", label="Edit It", kind="edit", needs="one"),
            Action(
                name="delete", label="Delete Them", kind="delete", needs="many", confirm=Confirm("Delete?", "Sure?")
            ),
            Action(name="test", label="Test It", needs="one"),
            Action(name="levitate", label="Levitate", kind="levitation", needs="telepathy", style="gold"),
        )
        shown = tuple(Column(name=n, label=label, format=kind) for n, label, kind in columns)
        yield Viewer(name="accounts", title="Communication Accounts", columns=shown, actions=actions, empty="None yet.")

    @hookimpl
    def crm_comm_editors(self, context: Context) -> Iterable[Editor]:
        """One form with every widget."""
        actions = (Action(name="test_connection", label="Test Connection"),)
        fields = fields_of(ScriptedSchema, context)
        yield Editor(name="email", title="E-mail Account", schema=ScriptedSchema, fields=fields, actions=actions)

    @hookimpl
    def crm_comm_list_rows(self, context: Context, viewer: str, query: Query) -> Page | None:
        """One row with a cell of every kind, or nobody when something is searched for."""
        self.calls.append(("list_rows", {"viewer": viewer, "query": query}))
        if self.broken:
            raise StorageUnavailable("The database does not answer.", hint="Start the database.")
        if query.search:
            return Page(rows=(), total=0)
        cells = {
            "name": MARKUP,
            "status": Badge(text="Sign-in failed", level="bad"),
            "usage": Meter(value=132, max=500, text="132 of 500 today", hint="12 free again", level="ok"),
            "count": Decimal(132),
            "last_used": datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
            "odd": Badge(text="shown as text", level="purple"),
            "unknown_cell": "not asked for",
        }
        return Page(rows=(Row(id="1", editor="email", cells=cells),), total=1)

    @hookimpl
    def crm_comm_open_record(self, context: Context, editor: str, id: str) -> Record:
        """A stored account with a stored secret."""
        self.calls.append(("open_record", {"editor": editor, "id": id}))
        values = {"account_name": MARKUP, "server": "smtp", "host": "mail.example.org", "port": 587, "active": True}
        return Record(
            values={**values, "trusted": False}, secrets={"password": "set on 3 May"} if id else {}, version="v7", id=id
        )

    @hookimpl
    def crm_comm_check(self, editor: str, id: str, values: Mapping[str, Any], changed: str) -> Result:
        """A hint and an error of every place."""
        self.calls.append(("check", {"values": dict(values), "changed": changed}))
        return Result(
            hints={"host": [f"A guess for {changed}."]}, errors={"port": ["That port is odd."], "": ["Look again."]}
        )

    @hookimpl
    def crm_comm_save(self, context: Context, editor: str, id: str, values: Mapping[str, Any], version: str) -> Result:
        """The answer that the test has set."""
        self.calls.append(("save", {"id": id, "values": dict(values), "version": version}))
        return self.answer

    @hookimpl
    def crm_comm_confirm(self, action: str, ids: tuple[str, ...]) -> Confirm | None:
        """What is at stake now."""
        self.calls.append(("confirm", {"action": action, "ids": ids}))
        question = Confirm("Delete 1 account?", "The campaign Spring uses it.", "Do it", "Leave it", token=TOKEN)
        return question if action == "delete" else None

    @hookimpl
    def crm_comm_run(self, action: str, ids: tuple[str, ...], values: Mapping[str, Any], confirmed: str) -> Result:
        """Delete wants the token of the question."""
        self.calls.append(("run", {"action": action, "ids": ids, "values": dict(values), "confirmed": confirmed}))
        if action == "delete" and confirmed != TOKEN:
            return Result(ok=False, level="bad", message="Nobody was asked.")
        return Result(message=f"{action} is done.", level="ok", refresh=True)

    @hookimpl
    def crm_comm_options(self, source: str, query: str, limit: int) -> Iterable[Option]:
        """Two countries."""
        return [Option("DE", "Germany +49"), Option("GB", "United Kingdom +44")][:limit]
