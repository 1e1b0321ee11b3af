"""Communication: the typed facade over a plugin manager. It alone touches `pm.hook`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import pluggy

from .calls import Contribution, Failure
from .errors import InvalidInput, NotStarted, UnknownAction, UnknownEditor
from .lifecycle import Lifecycle
from .markers import PROJECT_NAME
from .registering import unique
from .rendering import Confirm, Context, Editor, Option, Page, Query, Record, Reply, Request, Result, Viewer
from .settings import Settings
from .specs import MessageSource, OnProgress
from .working import (
    Account,
    Allowance,
    OutcomePage,
    Prepared,
    Preview,
    Recipient,
    Reservation,
    SendPage,
    SendReport,
    UsagePoint,
)

T = TypeVar("T")
_NO_VALUES: Mapping[str, Any] = {}


class Communication:
    """One typed method per hook of the contract's sections 1 and 2, named without the prefix.

    `Communication.load(settings)` makes a manager named `crm`; `Communication(pm)` moves into a host's manager of any
    project name. The same manager always gives the same object. May be used from any thread and after fork.
    """

    _life: Lifecycle

    def __new__(cls, pm: pluggy.PluginManager, settings: Settings | None = None, entry_points: bool = True) -> Self:
        """The Communication of this manager: the one it has, or a new one, started."""
        return Lifecycle.enter(pm, cls, lambda: super(Communication, cls).__new__(cls), settings, entry_points)

    def __init__(self, pm: pluggy.PluginManager, settings: Settings | None = None, entry_points: bool = True) -> None:
        """entry_points: also load other plugins of the entry-point group `crm`."""

    @classmethod
    def load(cls, settings: Settings | None = None, entry_points: bool = True) -> Self:
        """Start in a manager of its own."""
        return cls(pluggy.PluginManager(PROJECT_NAME), settings, entry_points)

    @classmethod
    def of(cls, pm: pluggy.PluginManager) -> "Communication":
        """The Communication that was started in this manager; raises NotStarted."""
        found = Lifecycle.of(pm)
        if not isinstance(found, Communication):
            raise NotStarted("No Communication was started in this plugin manager.")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        return f"<Communication in {self.pm.project_name!r}>"

    @property
    def pm(self) -> pluggy.PluginManager:
        """The manager this lives in."""
        return self._life.pm

    @property
    def settings(self) -> Settings:
        """The settings it was started with, the environment filled in."""
        return self._life.settings

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Plugins that were isolated, and why."""
        return self._life.calls.failures

    def register(self, plugin: object, name: str | None = None) -> bool:
        """Register a further plugin, marked for this manager's name; False when it was broken and left out."""
        return self._life.register(plugin, name)

    def shutdown(self) -> None:
        """Stop: every plugin is told, then ours lets go of what it holds. Harmless when called twice."""
        self._life.leave()

    def contributions(self, hook: str, key: str = "", **arguments: Any) -> tuple[Contribution, ...]:
        """The values of a registering hook with who gave them; what is claimed twice (by `key`) is refused, reported."""
        return unique(self._life.started(), hook, key, arguments)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Tell every plugin of an event; a broken one is isolated."""
        self._life.started().notify(hook, arguments)

    # --- section 1: the host calls -------------------------------------------------------------------------
    def startup(self, settings: Settings | None = None) -> None:
        """Nothing to do: a Communication is started when it is made."""
        self._life.started()

    def viewers(self, context: Context) -> tuple[Viewer, ...]:
        """The lists that can be shown to this person."""
        return tuple(c.value for c in self.contributions("crm_comm_viewers", "name", context=context))

    def editors(self, context: Context) -> tuple[Editor, ...]:
        """The forms that can be shown to this person."""
        return tuple(c.value for c in self.contributions("crm_comm_editors", "name", context=context))

    def list_rows(self, context: Context, viewer: str, query: Query | None = None) -> Page:
        """One page of a viewer's rows."""
        answer = self._first("crm_comm_list_rows", context=context, viewer=viewer, query=query or Query())
        return _known(answer, UnknownEditor(f"There is no viewer {viewer!r}."))

    def open_record(self, context: Context, editor: str, id: str = "") -> Record:
        """What an editor opens with; id "" is a new record."""
        answer = self._first("crm_comm_open_record", context=context, editor=editor, id=id)
        return _known(answer, UnknownEditor(f"There is no editor {editor!r}."))

    def check(
        self,
        context: Context,
        editor: str,
        id: str = "",
        values: Mapping[str, Any] = _NO_VALUES,
        changed: str = "",
    ) -> Result:
        """Advice while somebody types; stores nothing."""
        answer = self._first("crm_comm_check", context=context, editor=editor, id=id, values=values, changed=changed)
        return _known(answer, UnknownEditor(f"There is no editor {editor!r}."))

    def save(
        self,
        context: Context,
        editor: str,
        id: str = "",
        values: Mapping[str, Any] = _NO_VALUES,
        version: str = "",
    ) -> Result:
        """Validate and store."""
        answer = self._first("crm_comm_save", context=context, editor=editor, id=id, values=values, version=version)
        return _known(answer, UnknownEditor(f"There is no editor {editor!r}."))

    def confirm(
        self,
        context: Context,
        action: str,
        ids: Iterable[str] = (),
        editor: str = "",
        values: Mapping[str, Any] = _NO_VALUES,
    ) -> Confirm | None:
        """The question to ask before an action, or None where nothing needs asking."""
        answer: Confirm | None = self._first(
            "crm_comm_confirm", context=context, action=action, ids=_ids(ids), editor=editor, values=values
        )
        return answer

    def run(
        self,
        context: Context,
        action: str,
        ids: Iterable[str] = (),
        editor: str = "",
        values: Mapping[str, Any] = _NO_VALUES,
        confirmed: str = "",
    ) -> Result:
        """Run an action; confirmed is the token of `confirm`'s answer."""
        answer = self._first(
            "crm_comm_run",
            context=context,
            action=action,
            ids=_ids(ids),
            editor=editor,
            values=values,
            confirmed=confirmed,
        )
        return _known(answer, UnknownAction(f"There is no action {action!r}."))

    def options(self, context: Context, source: str, query: str = "", limit: int = 50) -> tuple[Option, ...]:
        """The options of a combobox that match."""
        answer = self._first("crm_comm_options", context=context, source=source, query=query, limit=limit)
        return tuple(answer or ())

    def callback(self, context: Context, params: Mapping[str, str]) -> Result:
        """A browser comes back from another site."""
        answer = self._first("crm_comm_callback", context=context, params=params)
        return answer or Result(ok=False, level="bad", message="Nothing was waiting for this. Please start again.")

    def receive(self, request: Request) -> Reply:
        """A service calls."""
        answer = self._first("crm_comm_receive", request=request)
        return answer or Reply(404, b"not found")

    # --- section 2: other plugins call ---------------------------------------------------------------------
    def accounts(self, channel: str = "", usable: bool = True, context: Context | None = None) -> tuple[Account, ...]:
        """The accounts of a channel ("" = all); usable: only those that can send now."""
        return tuple(self._service("crm_comm_accounts", channel=channel, usable=usable, context=context))

    def allowance(self, account_id: str, context: Context | None = None) -> Allowance:
        """How much of an account's limits is left."""
        answer: Allowance = self._service("crm_comm_allowance", account_id=account_id, context=context)
        return answer

    def prepare(self, account_id: str, recipients: Iterable[Recipient], context: Context | None = None) -> Prepared:
        """Normalise, validate and drop duplicates; sends nothing."""
        answer: Prepared = self._service(
            "crm_comm_prepare", account_id=account_id, recipients=recipients, context=context
        )
        return answer

    def preview(
        self,
        account_id: str,
        message: MessageSource,
        recipients: Iterable[Recipient],
        context: Context | None = None,
    ) -> Preview:
        """A dry run; charges and stores nothing."""
        answer: Preview = self._service(
            "crm_comm_preview", account_id=account_id, message=message, recipients=recipients, context=context
        )
        return answer

    def reserve(
        self,
        account_id: str,
        units: int,
        key: str,
        campaign: str = "",
        hold_seconds: float = 300,
        context: Context | None = None,
    ) -> Reservation:
        """Set capacity aside; the same key returns the first answer."""
        answer: Reservation = self._service(
            "crm_comm_reserve",
            account_id=account_id,
            units=units,
            key=key,
            campaign=campaign,
            hold_seconds=hold_seconds,
            context=context,
        )
        return answer

    def settle(self, reservation_id: str, used: int, context: Context | None = None) -> Allowance:
        """Say how much was used; the rest is free again at once."""
        answer: Allowance = self._service("crm_comm_settle", reservation_id=reservation_id, used=used, context=context)
        return answer

    def send(
        self,
        account_id: str,
        message: MessageSource,
        recipients: Iterable[Recipient],
        key: str,
        campaign: str = "",
        on_progress: OnProgress | None = None,
        context: Context | None = None,
    ) -> SendReport:
        """Send to everybody under the limit; the same key continues that send."""
        answer: SendReport = self._service(
            "crm_comm_send",
            account_id=account_id,
            message=message,
            recipients=recipients,
            key=key,
            campaign=campaign,
            on_progress=on_progress,
            context=context,
        )
        return answer

    def sends(
        self,
        account_id: str = "",
        campaign: str = "",
        key: str = "",
        after: str = "",
        limit: int = 50,
        context: Context | None = None,
    ) -> SendPage:
        """The sends that match, newest first."""
        answer: SendPage = self._service(
            "crm_comm_sends",
            account_id=account_id,
            campaign=campaign,
            key=key,
            after=after,
            limit=limit,
            context=context,
        )
        return answer

    def cancel(self, send_id: str, context: Context | None = None) -> SendReport:
        """Stop a send after what is in flight, from any process."""
        answer: SendReport = self._service("crm_comm_cancel", send_id=send_id, context=context)
        return answer

    def outcomes(
        self,
        send_id: str,
        status: str = "",
        after: str = "",
        limit: int = 1000,
        context: Context | None = None,
    ) -> OutcomePage:
        """What became of each recipient, a page at a time."""
        answer: OutcomePage = self._service(
            "crm_comm_outcomes", send_id=send_id, status=status, after=after, limit=limit, context=context
        )
        return answer

    def usage(
        self, account_id: str, since: datetime, until: datetime, context: Context | None = None
    ) -> tuple[UsagePoint, ...]:
        """What each campaign did hour by hour."""
        return tuple(self._service("crm_comm_usage", account_id=account_id, since=since, until=until, context=context))

    def _first(self, hook: str, **arguments: Any) -> Any:
        return self._life.started().first(hook, arguments)

    def _service(self, hook: str, **arguments: Any) -> Any:
        return _known(self._first(hook, **arguments), NotStarted("The plugin does not answer."))


def _known(answer: T | None, otherwise: Exception) -> T:
    if answer is None:
        raise otherwise
    return answer


def _ids(ids: Iterable[str]) -> tuple[str, ...]:
    if isinstance(ids, str):
        raise InvalidInput("ids is a text.", hint="Pass a list of ids, also for one.")
    return tuple(ids)
