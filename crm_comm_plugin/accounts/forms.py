"""Which form belongs to which editor, made from what is registered now."""

from collections.abc import Mapping
from typing import Any

from crm_comm_hookspecs import AccountType, Context, Editor, FormSchema, UnknownEditor
from crm_comm_hookspecs.conditions import as_text
from crm_comm_plugin.accounts.email_form import EmailForm
from crm_comm_plugin.accounts.email_schema import EmailSchema, email_schema
from crm_comm_plugin.accounts.form import Form
from crm_comm_plugin.accounts.sms_form import SmsForm
from crm_comm_plugin.accounts.sms_schema import SmsSchema, sms_schema
from crm_comm_plugin.domain.ports import Registry
from crm_comm_plugin.domain.ports.credits import CreditsDesk
from crm_comm_plugin.domain.ports.discovery import MailDiscovery
from crm_comm_plugin.domain.ports.oauth import OAuthDesk

_KEPT = 16


class Forms:
    """Makes forms. A schema class is made once for each set of servers or gateways, not for each request."""

    def __init__(
        self,
        registry: Registry,
        credits: CreditsDesk | None = None,
        oauth: OAuthDesk | None = None,
        discovery: MailDiscovery | None = None,
    ) -> None:
        self._registry, self._credits = registry, credits
        self._oauth, self._discovery = oauth, discovery
        self._schemas: dict[Any, type[FormSchema]] = {}

    def types(self) -> dict[str, AccountType]:
        """All account types, ours first."""
        return self._registry.types()

    def keys(self) -> tuple[str, ...]:
        """All editors that are served."""
        return tuple(self._registry.types())

    def all(self) -> tuple[Form, ...]:
        """All forms, ours first."""
        return tuple(self._made(kind, {}) for kind in self._registry.types().values())

    def form(self, key: str, values: Mapping[str, Any] | None = None) -> Form:
        """The form of one editor. values: as far as they are known, since a gateway brings fields of its own.

        Raises UnknownEditor when nobody registers it (any more).
        """
        kind = self._registry.types().get(key)
        if kind is None:
            raise UnknownEditor(f"Nothing answers for accounts of the kind {key!r}.", hint="Install its plugin again.")
        return self._made(kind, values if isinstance(values, Mapping) else {})

    def editors(self, context: Context) -> tuple[Editor, ...]:
        """All editors with their fields resolved."""
        return tuple(
            Editor(
                name=form.type.key,
                title=form.title,
                schema=form.schema,
                fields=form.fields(context),
                actions=form.actions(context),
            )
            for form in self.all()
        )

    def _made(self, kind: AccountType, values: Mapping[str, Any]) -> Form:
        if issubclass(kind.editor.schema, EmailSchema):
            servers = self._registry.servers()
            known = tuple(servers.values())
            schema = self._schema(("email", known), lambda: email_schema(known))
            return EmailForm(kind, schema, servers, self._oauth, self._discovery)
        if issubclass(kind.editor.schema, SmsSchema):
            gateways = self._registry.gateways()
            chosen = as_text(values.get("gateway"))
            which = (
                "sms",
                chosen if chosen in gateways else "",
                *((k, g.label, g.fields, "balance" in g.capabilities) for k, g in gateways.items()),
            )
            schema = self._schema(which, lambda: sms_schema(gateways, chosen))
            return SmsForm(kind, schema, gateways, self._credits)
        return Form(kind)

    def _schema(self, which: Any, make: Any) -> type[FormSchema]:
        found = self._schemas.get(which)
        if found is None:
            if len(self._schemas) >= _KEPT:
                self._schemas.clear()
            found = self._schemas[which] = make()
        return found
