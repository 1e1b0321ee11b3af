"""Values that a host renders: viewers, editors, rows, records and results. None of them assumes HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .schema import FormSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who asks, what they may do, and how texts, dates and numbers are shown to them.

    permissions: of `ALL_PERMISSIONS`; nothing is allowed unless given. locale: BCP 47 or POSIX ("de", "pt_BR").
    timezone: IANA name. region: ISO 3166 code of where the person is, if known.
    """

    user: str
    permissions: frozenset[str] = frozenset()
    locale: str = "en"
    timezone: str = "UTC"
    region: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select. icon is symbolic ("flag:DE", "mail")."""

    value: str
    label: str
    icon: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Confirm:
    """A question before an action. token: proves that it was asked, where the action spends money."""

    title: str
    text: str
    yes: str = "Yes"
    no: str = "No"
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button. kind: create | edit | delete | run; needs: none | one | many; style: "" | primary | danger.

    when: of an editor's action, {field: [values]} as `Field.when`: with other values it can do nothing and is hidden.
    """

    name: str
    label: str
    kind: str = "run"
    editors: tuple[str, ...] = ()
    needs: str = "none"
    confirm: Confirm | None = None
    style: str = ""
    icon: str = ""
    help: str = ""
    shortcut: str = ""
    when: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A viewer's column. format: text | badge | meter | number | datetime."""

    name: str
    label: str
    format: str = "text"
    sortable: bool = False
    secondary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A list with a toolbar. empty: the text to show when there are no rows."""

    name: str
    title: str
    columns: tuple[Column, ...]
    actions: tuple[Action, ...]
    empty: str = ""
    searchable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What part of a list is wanted. after: the opaque `Page.next` of the page before; limit: 1..500 rows."""

    search: str = ""
    sort: str = ""
    descending: bool = False
    after: str = ""
    limit: int = 50
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A short state. level: "" | ok | info | warn | bad."""

    text: str
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A bar from 0 to max with its words. level as in `Badge`."""

    value: float
    max: float
    text: str
    hint: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a list. editor: which editor opens it; cells: column name -> text, number, Badge, Meter or time."""

    id: str
    editor: str
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows and how many there are in all: exact up to 1 000, above that it may be None."""

    rows: tuple[Row, ...]
    total: int | None
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input of an editor, derived from its schema by `fields_of`.

    widget: text | password | email | number | select | segmented | checkbox | combobox | textarea | hidden (unknown
    ones are shown as text). when / required_when: {field: [values]}, AND over fields, OR in the list; "*" means not
    empty. options_from: the source for the options hook. width: full | half | third. live: ask `check` after a change.
    """

    name: str
    label: str
    widget: str = "text"
    required: bool = False
    required_when: Mapping[str, Sequence[str]] = field(default_factory=dict)
    secret: bool = False
    when: Mapping[str, Sequence[str]] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    options_from: str = ""
    default: Any = None
    min: int | None = None
    max: int | None = None
    minlength: int | None = None
    maxlength: int | None = None
    pattern: str = ""
    help: str = ""
    help_url: str = ""
    placeholder: str = ""
    autocomplete: str = ""
    live: bool = False
    width: str = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """A form. schema: the FormSchema class; fields: resolved for the context."""

    name: str
    title: str
    schema: "type[FormSchema]"
    fields: tuple[Field, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What an editor opens with. secrets: field -> when it was set, in words, only for those that are set."""

    values: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to check, save and run.

    errors / hints: field -> [text], "" = the whole form. values: what the plugin suggests to put into the form.
    open_url: a page to open (https). conflict: somebody else saved in between. undo: token for `run(..., "undo")`.
    level: info | ok | warn | bad.
    """

    ok: bool = True
    message: str = ""
    level: str = "info"
    errors: Mapping[str, list[str]] = field(default_factory=dict)
    hints: Mapping[str, list[str]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    open_url: str = ""
    refresh: bool = False
    close: bool = False
    conflict: bool = False
    id: str = ""
    undo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A service's call, as the host received it. url: the full external one; header names in lower case.

    The token is secret and is part of the url, so both, headers and body stay out of `repr`.
    """

    source: str
    token: str = field(repr=False)
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the host answers the service."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
