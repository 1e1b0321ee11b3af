"""What the plugin knows of one kind of account: its schema, where its secrets go, what it looks like to others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_comm_hookspecs import (
    PERMISSION_EDIT,
    AccountType,
    Action,
    Context,
    Field,
    FormSchema,
    MailServer,
    SmsGateway,
    fields_of,
)
from crm_comm_hookspecs.conditions import as_text
from crm_comm_hookspecs.schema import default_of

Errors = dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to say while somebody types. values: what to suggest for other fields."""

    hints: Errors = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A form while it is filled in. values: as typed over what is stored; before: what is stored; changed: the field
    that changed last; typed: names that the host sent."""

    context: Context
    values: Mapping[str, Any]
    before: Mapping[str, Any]
    changed: str
    typed: frozenset[str]

    def text(self, name: str) -> str:
        """A field as text."""
        return as_text(self.values.get(name))

    def is_empty(self, name: str) -> bool:
        """True when nothing stands in a field."""
        return not self.text(name)


class Form:
    """An account type of any plugin; e-mail and SMS know more of theirs.

    foreign: its words are another plugin's, and may quote the account's secrets.
    """

    foreign = True

    def __init__(self, type: AccountType, schema: type[FormSchema] | None = None) -> None:
        self.type = type
        self.schema = schema or type.editor.schema
        self.title = type.editor.title
        self.secrets = frozenset(self.schema.secret_fields())
        self.names = frozenset(self.schema._declared_fields)

    def fields(self, context: Context) -> tuple[Field, ...]:
        """The inputs, resolved for somebody."""
        return self.type.editor.fields or fields_of(self.schema, context)

    def actions(self, context: Context) -> tuple[Action, ...]:
        """The buttons that somebody may press."""
        return self.type.editor.actions if PERMISSION_EDIT in context.permissions else ()

    def every_action(self) -> tuple[Action, ...]:
        """All that `run` may be asked for, whoever asks and whatever can be done now."""
        return self.type.editor.actions

    def labels(self) -> dict[str, str]:
        """What each field is called."""
        return {f.name: f.label for f in fields_of(self.schema)}

    def defaults(self, context: Context) -> dict[str, Any]:
        """What a new record opens with, without secrets."""
        declared = self.schema._declared_fields
        return {name: default_of(declared[name]) for name in declared if name not in self.secrets}

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Stored values with the defaults of fields that the form had not got yet when they were stored."""
        later = {n: v for n, v in self.defaults(Context(user="")).items() if v is not None and n not in values}
        hidden = self.schema().hidden({**later, **values}) if later else frozenset()
        return {**{n: v for n, v in later.items() if n not in hidden}, **values}

    def place(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Where the secrets of an account with these values go (rule 4)."""
        return {name: as_text(values.get(name)) for name in self.schema.binding_fields()}

    def same_place(self, then: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        """True when secrets that were set for `then` still go there. What the form did not have then must be unset."""
        now = self.place(values)
        declared = self.schema._declared_fields
        unset = {n: as_text(default_of(declared[n])) if n in declared else "" for n in now}
        same = (text == then[n] if n in then else text in ("", unset[n]) for n, text in now.items())
        return all(same) and set(then) <= set(now)

    def place_in_words(self, then: Mapping[str, str]) -> str:
        """Where a secret was set for, as people know it."""
        return "another place"

    def missing(self, values: Mapping[str, Any]) -> str:
        """What an account with these values needs and no plugin brings any more, in words; "" when all is there."""
        return ""

    def complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """Loaded values with what follows from them."""
        return values

    def problems(self, values: Mapping[str, Any], typed: frozenset[str]) -> Errors:
        """What is wrong across fields. typed: the secrets that were typed."""
        return {}

    def needs(self, secret: str, values: Mapping[str, Any]) -> bool:
        """False when an account with these values has no use for a secret that its form shows."""
        return True

    def sender(self, values: Mapping[str, Any]) -> str:
        """What recipients see."""
        return as_text(values.get("sender"))

    def status(self, values: Mapping[str, Any], has_secrets: bool) -> str:
        """The status of an account that was just changed."""
        return "untested"

    def for_transport(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as `connect` gets them."""
        return dict(values)

    def advise(self, typed: Typed) -> Advice:
        """Advice while somebody types."""
        return Advice()

    def warnings(self, values: Mapping[str, Any]) -> Errors:
        """What to say about an account that can be stored, yet will not work like this."""
        return {}


Servers = Mapping[str, MailServer]
Gateways = Mapping[str, SmsGateway]
