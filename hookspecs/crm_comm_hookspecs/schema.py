"""FormSchema: a marshmallow schema that also says how its form looks; AccountSchema, what every account has."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, missing, pre_load, validates_schema

from .conditions import as_flag, as_text, holds
from .enums import Window
from .fields import REQUIRED, Choice, Flag, Text, Whole, slipped, strict
from .jsonable import to_json

__all__ = ["AccountSchema", "FormSchema", "as_text", "default_of", "holds"]

MAX_COUNT = 10_000_000
MAX_FIELDS = 500


class FormSchema(Schema):
    """Base of all editors' schemas.

    A field's `metadata` says how it is shown: label, widget, when, required_when, options, options_from, help,
    help_url, placeholder, autocomplete, live, width, pattern, place ("first" | "last"); each may be a function of the
    Context. Loading drops fields whose `when` does not hold and refuses unknown ones, whatever Meta a schema brings.
    kept: names of secrets that are stored and stay as they are.
    """

    class Meta:
        """Unknown fields are errors; classes made for one request do not stay in marshmallow's registry for ever."""

        unknown = RAISE
        register = False

    bound_fields: ClassVar[tuple[str, ...] | None] = None
    """The fields that say where a secret goes: when one changes, the secret is asked for again. None means all of
    the schema's own that are not secret, which is safe for whoever does not think of it."""

    def __init__(self, *, kept: Iterable[str] = (), **options: Any) -> None:
        super().__init__(**{"unknown": RAISE, **options})
        self.error_messages |= {"unknown": "This field is not known here.", "type": "Please send the form's fields."}
        self.kept = frozenset(kept)
        self._demanded = frozenset(name for name, field in self.fields.items() if field.required)
        for name, field in self.fields.items():
            field.error_messages = {
                **field.error_messages,
                "required": REQUIRED,
                "null": REQUIRED,
                "validator_failed": "Please check this value.",
            }
            if name in self.kept:
                field.required = False

    def on_bind_field(self, field_name: str, field_obj: "fields.Field[Any]") -> None:
        """A validator that answers False has found something wrong."""
        field_obj.validators = [strict(validator) for validator in field_obj.validators]

    @pre_load
    def drop_hidden(self, data: Any, **_: Any) -> Any:
        """Leave out what the form does not show (rule 1)."""
        if not isinstance(data, Mapping):
            return data
        if len(data) > MAX_FIELDS:
            raise ValidationError("There are too many fields. Please send the form's own.")
        hidden = self.hidden(data)
        return {_safe(name): value for name, value in data.items() if name not in hidden}

    def hidden(self, values: Mapping[str, Any]) -> frozenset[str]:
        """The fields not shown with these values; a condition on a hidden field sees it empty."""
        full = self._full(values)
        hidden: set[str] = set()
        for _ in self.fields:
            seen = {n: v for n, v in full.items() if n not in hidden}
            now = {n for n, f in self.fields.items() if not holds(_condition(f, "when"), seen)}
            if now == hidden:
                break
            hidden = now
        return frozenset(hidden)

    def _full(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All fields as typed, absent ones at their default, checkboxes as true or false however they were sent."""
        full = {n: values.get(n, default_of(f)) for n, f in self.fields.items()}
        for name, field in self.fields.items():
            if isinstance(field, fields.Boolean) and (flag := as_flag(full[name])) is not None:
                full[name] = flag
        return full

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_required(self, data: Any, original: Any, **_: Any) -> None:
        """`required_when`, and secrets that may not be cleared: an error at each shown field that must not be empty."""
        if not (isinstance(original, Mapping) and isinstance(data, Mapping)):
            return
        hidden = self.hidden(original)
        values = {n: v for n, v in self._full(original).items() if n not in hidden}
        missing = {
            name: [REQUIRED]
            for name in values
            if self._must(name, values)
            and not as_text(data.get(name, values[name]))
            and not (name in self.kept and original.get(name, "") is not None)
        }
        if missing:
            raise ValidationError(missing)

    def _must(self, name: str, values: Mapping[str, Any]) -> bool:
        wanted = _condition(self.fields[name], "required_when")
        return (bool(wanted) and holds(wanted, values)) or (name in self.kept and name in self._demanded)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_strictly(self, data: Any, original: Any, **_: Any) -> None:
        """What marshmallow's own fields would let through."""
        if not (isinstance(original, Mapping) and isinstance(data, Mapping)):
            return
        taken = {n: original[n] for n in self.fields if n in data and original.get(n) is not None}
        wrong = {n: [problem] for n, raw in taken.items() if (problem := slipped(self.fields[n], raw))}
        if wrong:
            raise ValidationError(wrong)

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


def default_of(field: "fields.Field[Any]") -> Any:
    """What a new record has in a field, as JSON types."""
    default = field.load_default
    if callable(default):
        default = default()
    if default is missing or default is None:
        return None
    if isinstance(default, str | int | float | bool) and not isinstance(field, fields.Enum):
        return default
    try:
        return to_json(field.serialize("default", {"default": default}))
    except Exception:  # noqa: BLE001 - a foreign field that cannot write its own default has none to show
        return None


def _condition(field: "fields.Field[Any]", name: str) -> Mapping[str, Any]:
    conditions: Mapping[str, Any] = field.metadata.get(name) or {}
    return conditions


def _safe(name: object) -> str:
    """A field name that can be shown beside its error, however hostile."""
    text = str(name)[:100]
    return text if text.isidentifier() else text.encode("unicode_escape").decode()
