"""FormSchema: a marshmallow schema that also says how its form looks, and `fields_of`, which reads that."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validates_schema

from .enums import Window
from .fields import REQUIRED, Choice, Flag, Secret, Text, Whole, bounds
from .rendering import Context, Field

Conditions = Mapping[str, Iterable[Any]]
MAX_COUNT = 10_000_000


def as_text(value: Any) -> str:
    """A form value in the words that conditions are written in: true, false, "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def holds(conditions: Conditions, values: Mapping[str, Any]) -> bool:
    """True when every named field has one of its listed values; "*" stands for anything but empty."""
    return all(
        any(text == as_text(wanted) or (wanted == "*" and text) for wanted in listed)
        for name, listed in conditions.items()
        for text in [as_text(values.get(name))]
    )


class FormSchema(Schema):
    """Base of all editors' schemas.

    A field's `metadata` says how it is shown: label, widget, when, required_when, options, options_from, help,
    help_url, placeholder, autocomplete, live, width, pattern, place ("first" | "last"). Loading drops fields whose
    `when` does not hold and refuses unknown ones. kept: names of secrets that are stored and stay as they are.
    """

    class Meta:
        """Unknown fields are errors."""

        unknown = RAISE

    bound_fields: ClassVar[tuple[str, ...] | None] = None
    """The fields that say where a secret goes: when one changes, the secret is asked for again. None means all of
    the schema's own that are not secret, which is safe for whoever does not think of it."""

    error_messages: ClassVar[dict[str, str]] = {
        "unknown": "This field is not known here.",
        "type": "Please send the form's fields.",
    }

    def __init__(self, *, kept: Iterable[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.kept = frozenset(kept)
        for name, field in self.fields.items():
            field.error_messages = {
                **field.error_messages,
                "required": REQUIRED,
                "null": REQUIRED,
                "validator_failed": "Please check this value.",
            }
            if name in self.kept:
                field.required = False

    @pre_load
    def drop_hidden(self, data: Any, **_: Any) -> Any:
        """Leave out what the form does not show (rule 1)."""
        if not isinstance(data, Mapping):
            return data
        hidden = self.hidden(data)
        return {str(name): value for name, value in data.items() if name not in hidden}

    def hidden(self, values: Mapping[str, Any]) -> frozenset[str]:
        """The fields not shown with these values; a condition on a hidden field sees it empty."""
        full = {n: values.get(n, _default(f)) for n, f in self.fields.items()}
        hidden: set[str] = set()
        for _ in self.fields:
            seen = {n: v for n, v in full.items() if n not in hidden}
            now = {n for n, f in self.fields.items() if not holds(f.metadata.get("when", {}), seen)}
            if now == hidden:
                break
            hidden = now
        return frozenset(hidden)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_required(self, data: Any, original: Any, **_: Any) -> None:
        """`required_when`: an error at each shown field that is empty and must not be."""
        if not isinstance(original, Mapping):
            return
        values = {n: original.get(n, _default(f)) for n, f in self.fields.items()}
        hidden = self.hidden(values)
        values = {n: v for n, v in values.items() if n not in hidden}
        missing = {
            name: [REQUIRED]
            for name, field in self.fields.items()
            if name in values
            and (wanted := field.metadata.get("required_when"))
            and holds(wanted, values)
            and not as_text(data.get(name, values[name]) if isinstance(data, Mapping) else values[name])
            and not (name in self.kept and values[name] is not None)
        }
        if missing:
            raise ValidationError(missing)

    @classmethod
    def secret_fields(cls) -> tuple[str, ...]:
        """Names of the fields that are never given back."""
        return tuple(name for name, field in cls._declared_fields.items() if field.metadata.get("secret"))

    @classmethod
    def binding_fields(cls) -> tuple[str, ...]:
        """Names of the fields that a stored secret is bound to (rule 4)."""
        if cls.bound_fields is not None:
            return cls.bound_fields
        common = set(AccountSchema._declared_fields) | set(cls.secret_fields())
        return tuple(name for name in cls._declared_fields if name not in common)


class AccountSchema(FormSchema):
    """What every account type has: its name, whether it is used, and its limit."""

    account_name = Text(
        required=True,
        maxlength=100,
        plain=True,
        metadata={
            "label": "Account Name",
            "help": "How colleagues will recognise this account.",
            "autocomplete": "off",
            "live": True,
            "place": "first",
        },
    )
    limitation = Choice(
        [
            (Window.NONE, "No limit"),
            (Window.MINUTE, "Per minute"),
            (Window.HOUR, "Per hour"),
            (Window.DAY, "Per day (24 hours)"),
            (Window.MONTH, "Per month (31 days)"),
        ],
        load_default=Window.NONE.value,
        metadata={
            "label": "Server Limitation",
            "help": "Recipients over the limit are skipped.",
            "live": True,
            "width": "half",
            "place": "last",
        },
    )
    limitation_count = Whole(
        min=0,
        max=MAX_COUNT,
        metadata={
            "label": "Limitation Count",
            "help": "How many recipients may be sent to in that time, by all campaigns together. 0 blocks the account.",
            "when": {"limitation": ["minute", "hour", "day", "month"]},
            "required_when": {"limitation": ["minute", "hour", "day", "month"]},
            "width": "half",
            "place": "last",
        },
    )
    active = Flag(
        load_default=True,
        metadata={"label": "Active", "help": "Campaigns can use this account.", "place": "last"},
    )


def fields_of(schema: type[FormSchema], context: Context | None = None) -> tuple[Field, ...]:
    """The fields of a form in the order in which they are shown. context is for texts in the person's language."""
    order = {"first": 0, "": 1, "last": 2}
    shown = sorted(schema._declared_fields.items(), key=lambda item: order[item[1].metadata.get("place", "")])
    return tuple(_field(name, field) for name, field in shown)


def _default(field: "fields.Field[Any]") -> Any:
    default = field.load_default
    if callable(default):
        default = default()
    return default if isinstance(default, str | int | float | bool) else None


def _field(name: str, field: "fields.Field[Any]") -> Field:
    known: dict[str, Any] = bounds(field)
    meta = field.metadata
    for key in (
        "help",
        "help_url",
        "placeholder",
        "autocomplete",
        "width",
        "pattern",
        "options_from",
        "secret",
        "live",
    ):
        if key in meta:
            known[key] = meta[key]
    if "options" in meta:
        known["options"] = tuple(meta["options"])
    for key in ("when", "required_when"):
        known[key] = {f: tuple(as_text(v) for v in listed) for f, listed in meta.get(key, {}).items()}
    return Field(
        name=name,
        label=meta.get("label", name.replace("_", " ").capitalize()),
        widget=meta.get("widget", _widget(field, known)),
        required=field.required,
        default=None if meta.get("secret") else _default(field),
        **known,
    )


def _widget(field: "fields.Field[Any]", known: Mapping[str, Any]) -> str:
    if isinstance(field, Secret) or known.get("secret"):
        return "password"
    if known.get("options_from"):
        return "combobox"
    if known.get("options"):
        return "select"
    if isinstance(field, fields.Boolean):
        return "checkbox"
    if isinstance(field, fields.Number):
        return "number"
    return "email" if isinstance(field, fields.Email) else "text"
